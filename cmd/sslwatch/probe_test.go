package main

import (
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProbeSaysWhatAClientWouldObjectTo(t *testing.T) {
	p := newPlace(t, quick)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "https://")
	ca := filepath.Join(p.dir, "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(p.dir, "empty.crt")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for rule, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"well":                     {[]string{address, "--ca-file", ca}, 0, "OK: " + address + " serves a certificate that clients can verify"},
		"of another authority":     {[]string{address}, 2, "CRITICAL: " + address + ": the certificate is of an authority that this machine does not know"},
		"for another name":         {[]string{address, "--ca-file", ca, "--server-name", "redis.internal"}, 2, "and not for redis.internal"},
		"a file without authority": {[]string{address, "--ca-file", empty}, 2, "holds no certificate"},
		"no such file":             {[]string{address, "--ca-file", empty + "x"}, 2, "can't be read"},
		"nothing to ask":           {nil, 1, "takes one HOST:PORT"},
		"no port":                  {[]string{"redis.example.com"}, 1, "is not a valid HOST:PORT"},
		"an odd port":              {[]string{"redis.example.com:redis"}, 1, "is not a valid HOST:PORT"},
		"two":                      {[]string{address, address}, 1, "takes one HOST:PORT"},
	} {
		t.Run(rule, func(t *testing.T) {
			stdout, stderr, code := p.run(append([]string{"probe"}, tt.args...)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
	stdout, _, _ := p.run("probe", address, "--json")
	var results []struct {
		Address  string
		Findings []struct {
			Breaks bool
			Code   string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &results); err != nil || len(results) != 1 || results[0].Address != address || results[0].Findings[0].Code != "probe_untrusted" {
		t.Errorf("%v: %s", err, stdout)
	}
}
