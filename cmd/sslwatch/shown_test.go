package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
)

// acting is what a name or an answer may hold that a terminal would act on,
// or that would not be seen.
const acting = "a\x1b[2J\u009b31m\u202egnp.exe\u2066\u200b\x7f"

// acts reports whether a text does more on a terminal than to be seen.
func acts(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

func TestTheLogWritesDurationsForPeopleAndNothingThatActs(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		a := &app{system: system{Stderr: &out, Getenv: func(string) (string, bool) { return "", false }}, logLevel: "info", logFormat: format}
		a.openLog().With("in", 90*time.Second).WithGroup(acting).Warn("m "+acting, "again_in", 36*time.Hour+123456789*time.Nanosecond, "name", acting,
			slog.Group("g", "d", 250*time.Millisecond), "err", fmt.Errorf("of %s", acting))
		a.log.Close(time.Minute)
		line := out.String()
		if acts(line) {
			t.Errorf("%s: the log acts: %q", format, line)
		}
		for _, want := range []string{"1m30s", "1d12h123ms", "250ms"} {
			if !strings.Contains(line, want) {
				t.Errorf("%s: no %s in %s", format, want, line)
			}
		}
		if format == "json" {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil || m["msg"] != "m "+acting {
				t.Errorf("the log is %q: %v", line, err)
			}
		}
	}
}

func TestNothingInAStateOrAConfigurationActsOnTheTerminal(t *testing.T) {
	p := newPlace(t, quick, well("a", 200*days))
	name, err := json.Marshal(acting)
	if err != nil {
		t.Fatal(err)
	}
	seen := time.Now().UTC().Format(time.RFC3339)
	state := fmt.Sprintf(`{"version":1,"written":%q,"records":{"p/i":{"project_id":"p","instance_id":"i","project":%s,"instance":%s,"region":%s,
		"terms":{"expiry":["7d"],"critical":"0","require_ssl":true},"verified":%q,"checked":%q,
		"failing":{"since":%q,"last":%q,"count":3,"cause":"missing","reason":%s},"missing":{"set":true}}},"ledgers":{}}`,
		seen, name, name, name, seen, seen, seen, seen, name)
	if err := os.WriteFile(p.state(), []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"status"}, {"status", "--json"}} {
		stdout, stderr, _ := p.run(args...)
		if !strings.Contains(stdout, "gnp.exe") {
			t.Errorf("%q shows %s%s", args, stdout, stderr)
		}
		if acts(stdout) || acts(stderr) {
			t.Errorf("%q acts: %q", args, stdout+stderr)
		}
	}
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.write(string(good) + "\n[http." + `"\u001b[2J\u202e"` + "]\nx = 1\n[project." + `"\u009bq"` + "]\n")
	for _, args := range [][]string{{"validate"}, {"check"}, {"check", acting}, {acting}, {"test-notify", acting}} {
		stdout, stderr, _ := p.run(args...)
		if acts(stdout) || acts(stderr) {
			t.Errorf("%q acts: %q", args, stdout+stderr)
		}
	}
}
