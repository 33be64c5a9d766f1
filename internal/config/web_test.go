package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func webConfig(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// yaml quotes values in its errors, on several lines.
func TestAWebConfigsProblemsAreALineEachAndShowNoPassword(t *testing.T) {
	const notHashed = "a password in basic_auth_users is not hashed with bcrypt: htpasswd -nB NAME makes what belongs there"
	for text, want := range map[string]string{
		"":                                        "",
		"basic_auth_users:\n  admin: hunter2":     notHashed,
		"basic_auth_users: hunter2":               "line 1: the value has the wrong type",
		"basic_auth_users: !hunter2 x":            "line 1: the value has the wrong type",
		"basic_auth_users:\n  admin: *hunter2":    "yaml: unknown anchor … referenced",
		"tls_server_config:\n  cert_fil: x\nb: y": "line 2: unknown key \"cert_fil\"\nline 3: unknown key \"b\"",
		"\"\\e[31m\": x":                          `line 1: unknown key "\x1b[31m"`,
		"basic_auth_users: {a: [\"x\\ny\"]}\nc:":  "line 1: the value has the wrong type\nline 2: unknown key \"c\"",
	} {
		if got := strings.Join(examineWebConfig(webConfig(t, text)), "\n"); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

// Whatever stands in a web config, what is said of it is fit to be shown.
func FuzzWebConfig(f *testing.F) {
	f.Add("basic_auth_users:\n  admin: hunter2\n", "", "")
	f.Add("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: c\n", "$2y$10$", "{[")
	f.Add("http_server_config:\n  http2: x\n  headers: {X-Frame-Options: y}\nrate_limit: {interval: 1s, burst: -1}\n", "*", "}")
	f.Add("a: &a [*a, *a]\n<<: *a\n? [x]\n: y\n", "!", "`'")
	f.Fuzz(func(t *testing.T, text, before, after string) {
		for _, what := range examineWebConfig(webConfig(t, text)) {
			if what == "" || strings.ContainsFunc(what, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q", what)
			}
		}
		if strings.ContainsAny(before+after, "\n\r\u0085\u2028\u2029") || strings.Contains(before, "#") {
			return
		}
		for _, what := range examineWebConfig(webConfig(t, "basic_auth_users:\n  admin: "+before+"HUNTER2"+after+"\n")) {
			if strings.Contains(what, "HUNTER2") {
				t.Errorf("a password shows: %s", what)
			}
		}
	})
}
