package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// service is a configuration that refers to everything that can be elsewhere.
const service = `[project.prod]
region     = "eu-west-101"
project_id = "0123456789abcdef0123456789abcdef"
access_key = "env:TEST_ABSENT_AK"
secret_key = "credential:sk"
probe      = true
ca_file    = "/nonexistent/ca.crt"

[project.prod.instance.orders]
id = "553a2516-b865-4159-b774-204dc0a36e37"

[slack.oncall]
webhook_url = "file:/nonexistent/hook"

[email.ops]
host     = "smtp.example.com"
ca_file  = "/nonexistent/ca.pem"
username = "u"
password = "file:/nonexistent/password"
from     = "sslwatch@example.com"
to       = ["ops@example.com"]

[http]
web_config_file = "/nonexistent/web.yml"

[heartbeat]
url = "file:/nonexistent/heartbeat"
`

func TestOnlyWhatIsNeededIsLookedAt(t *testing.T) {
	path := write(t, service)
	for need, want := range map[Need][]string{
		Nothing:    nil,
		Projects:   {"access_key", "secret_key", "ca_file"},
		Receivers:  {"webhook_url", "ca_file", "password"},
		Service:    {"web_config_file", "url"},
		Everything: {"access_key", "secret_key", "ca_file", "webhook_url", "ca_file", "password", "web_config_file", "url"},
	} {
		_, err := Load(t.Context(), path, lookup, need)
		var got []string
		if bad, ok := errors.AsType[*Error](err); ok {
			for _, p := range bad.Problems {
				got = append(got, p.Key[strings.LastIndexByte(p.Key, '.')+1:])
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("needing %b: problems with %q, want %q: %v", need, got, want, err)
		}
	}
	// How a secret is named is looked at in any case.
	for _, wrong := range []string{`access_key = ""`, `access_key = 5`} {
		text := strings.Replace(service, `access_key = "env:TEST_ABSENT_AK"`, wrong, 1)
		if _, err := Load(t.Context(), write(t, text), lookup, Nothing); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}

func TestOnlyWhatIsInOtherFilesMayPassByItself(t *testing.T) {
	dir := t.TempDir()
	at := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	huge := at("huge", "")
	if err := os.Truncate(huge, 300<<20); err != nil {
		t.Fatal(err)
	}
	tlsOf := func(cert string) string {
		return at("tls-"+filepath.Base(cert)+".yml", "tls_server_config: {cert_file: "+cert+", key_file: "+cert+"}\n")
	}
	for name, tc := range map[string]struct {
		old, new string
		passing  bool
		says     string
	}{
		"secret's file missing":          {`env:TEST_SK`, `file:/nonexistent/sk`, true, "no such file"},
		"secret's file empty":            {`env:TEST_SK`, `file:` + at("empty", "\n"), true, "empty"},
		"secret's file of two lines":     {`env:TEST_SK`, `file:` + at("two", "a\nb\n"), true, "line break"},
		"secret's file a pipe":           {`env:TEST_SK`, `file:` + filepath.Join(dir, "fifo"), true, "a pipe"},
		"secret's file a directory":      {`env:TEST_SK`, `file:` + dir, true, "a directory"},
		"secret's file huge":             {`env:TEST_SK`, `file:` + huge, true, "too large"},
		"variable missing":               {`env:TEST_SK`, `env:TEST_ABSENT`, false, "not set"},
		"systemd missing":                {`env:TEST_SK`, `credential:sk`, false, "CREDENTIALS_DIRECTORY"},
		"mistyped key":                   {`secret_key`, `secret_kee`, false, "secret_key"},
		"ca_file missing":                {`host = `, `ca_file = "/nonexistent/ca"` + "\nhost = ", true, "no such file"},
		"ca_file a pipe":                 {`host = `, `ca_file = "` + filepath.Join(dir, "fifo") + "\"\nhost = ", true, "a pipe"},
		"ca_file huge":                   {`host = `, `ca_file = "` + huge + "\"\nhost = ", true, "too large"},
		"ca_file empty":                  {`host = `, `ca_file = "` + at("ca", "") + "\"\nhost = ", true, "no certificate"},
		"web_config_file missing":        {"", "[http]\nweb_config_file = \"/nonexistent/web\"\n", true, "no such file"},
		"web_config_file a pipe":         {"", "[http]\nweb_config_file = \"" + filepath.Join(dir, "fifo") + "\"\n", true, "a pipe"},
		"web_config_file huge":           {"", "[http]\nweb_config_file = \"" + huge + "\"\n", true, "too large"},
		"web_config_file wrong":          {"", "[http]\nweb_config_file = \"" + at("web", "x: 1\n") + "\"\n", false, "unknown key"},
		"web_config_file's key missing":  {"", "[http]\nweb_config_file = \"" + tlsOf("/nonexistent/key") + "\"\n", true, "key_file: no such file"},
		"web_config_file's key a pipe":   {"", "[http]\nweb_config_file = \"" + tlsOf("fifo") + "\"\n", true, "cert_file: it is a pipe"},
		"web_config_file's key is huge":  {"", "[http]\nweb_config_file = \"" + tlsOf("huge") + "\"\n", true, "too large"},
		"one that passes, one that does": {`env:TEST_SK"`, `file:/nonexistent/sk"` + "\nregoin = \"x\"", false, "regoin"},
	} {
		text := edit(t, tc.old, tc.new)
		if tc.old == "" {
			text = base + tc.new
		}
		_, err := Load(t.Context(), write(t, text), lookup, Everything)
		bad, ok := errors.AsType[*Error](err)
		if !ok || bad.Passing() != tc.passing || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: passing %v, want %v and %q: %v", name, ok && bad.Passing(), tc.passing, tc.says, err)
		}
	}
}

func TestAConfigurationThatIsNoPlainFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	fifo, huge := filepath.Join(dir, "fifo"), filepath.Join(dir, "huge")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 300<<20); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{fifo: "a pipe", huge: "too large", dir: "a directory", "/dev/zero": "a device", "/nonexistent": "no such file"} {
		_, err := Load(t.Context(), path, lookup, Everything)
		if bad, ok := errors.AsType[*Error](err); !ok || bad.Passing() || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWhatEverybodyCanChangeIsWarnedOf(t *testing.T) {
	sk := filepath.Join(t.TempDir(), "sk")
	if err := os.WriteFile(sk, []byte(strings.Repeat("S1k9", 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	path := write(t, edit(t, `env:TEST_SK`, `file:`+sk))
	for _, mode := range []os.FileMode{0o600, 0o660, 0o602, 0o666} {
		for _, f := range []string{path, sk} {
			if err := os.Chmod(f, mode); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Load(t.Context(), path, lookup, Everything)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if mode&0o002 != 0 {
			want = 2
		}
		if len(c.Warnings) != want {
			t.Errorf("mode %v: %v", mode, c.Warnings)
		}
	}
}
