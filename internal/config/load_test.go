package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// base is the smallest configuration that is good.
const base = `[check]
interval = "15m"

[alerts]
critical = "7d"

[project.prod]
region = "eu-west-101"
project_id = "0123456789abcdef0123456789abcdef"
access_key = "env:TEST_AK"
secret_key = "env:TEST_SK"

[project.prod.instance.orders]
id = "553a2516-b865-4159-b774-204dc0a36e37"

[slack.oncall]
token = "env:TEST_TOKEN"
channel = "#redis"

[email.ops]
host = "smtp.example.com"
from = "sslwatch <sslwatch@example.com>"
to = ["ops@example.com"]
`

// values are what the environment holds in the tests. All of them are
// secrets: none may ever be seen in a problem or a warning.
var values = map[string]string{
	"TEST_AK": "AKXXSECRETXXXXSECRET", "TEST_SK": "SKXXSECRETXXSKXXSECRETXXSKXXSECRETXX1234", "TEST_TOKEN": "xoxb-XXSECRETXX\n", "TEST_PASSWORD": "PWXXSECRETXX",
	"TEST_BOM": "\ufeffxoxb-XXSECRETXX", "TEST_QUOTES": `"xoxb-XXSECRETXX"`, "TEST_EQUALS": "SLACK_TOKEN=xoxb-XXSECRETXX", "TEST_SPACE": " xoxb-XXSECRETXX",
	"TEST_XOXP": "xoxp-XXSECRETXX", "TEST_XOXE": "xoxe.xoxb-XXSECRETXX", "TEST_XAPP": "xapp-XXSECRETXX", "TEST_ODD_TOKEN": "XXSECRETXX",
	"TEST_WORKFLOW": "https://hooks.slack.com/workflows/T0/XXSECRETXX", "TEST_TRIGGER": "https://hooks.slack.com/triggers/T0/XXSECRETXX",
	"TEST_HOOK": "https://hooks.example.com/XXSECRETXX", "TEST_EMPTY": "", "TEST_LINES": "XXSECRETXX\nXXSECRETXX",
	"TEST_PLAIN_HOOK": "http://hooks.example.com/XXSECRETXX", "TEST_NO_HOOK": "XXSECRETXX",
}

func lookup(name string) (string, bool) {
	v, ok := values[name]
	return v, ok
}

// write puts a configuration into a file that only its owner can read, beside
// certificates to trust.
func write(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	for _, name := range []string{"ca.crt", "broken.crt"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads a text, and names the file config.toml in what it returns.
func load(t testing.TB, text string) (*Config, []string, []string) {
	t.Helper()
	path := write(t, text)
	c, err := Load(t.Context(), path, lookup, Everything)
	short := func(problems []Problem) []string {
		var out []string
		for _, p := range problems {
			p.File = "config.toml"
			out = append(out, strings.ReplaceAll(p.String(), filepath.Dir(path), "DIR"))
		}
		return out
	}
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok || len(e.Problems) == 0 || c != nil {
			t.Fatalf("%#v with %v", err, c)
		}
		return nil, short(e.Problems), nil
	}
	return c, nil, short(c.Warnings)
}

func TestDefaults(t *testing.T) {
	c, problems, warnings := load(t, base)
	if len(problems)+len(warnings) > 0 {
		t.Fatal(problems, warnings)
	}
	mail := email.Settings{
		Host: "smtp.example.com", Port: 587, Security: email.STARTTLS,
		From: "sslwatch <sslwatch@example.com>", To: "ops@example.com",
	}
	audience := ledger.Audience{MinSeverity: check.Warning, Match: map[string]string{}}
	want := &Config{
		Policy: check.Policy{Confirm: 2, FailingAfter: time.Hour},
		Terms: ledger.Terms{
			GroupWait: 10 * time.Second,
			Repeat:    map[check.Severity]time.Duration{check.Critical: check.Day, check.Warning: check.Week},
		},
		Loop: Loop{
			Interval: 15 * time.Minute, Timeout: 15 * time.Second, Concurrency: 8, Rate: 5,
			Backoff: poll.Backoff{Initial: 10 * time.Second, Max: 15 * time.Minute, Multiplier: 2, Jitter: 0.2},
		},
		HTTP:  HTTP{Listen: "127.0.0.1:9943"},
		State: "/var/lib/sslwatch/state.json",
		Projects: []Project{{
			Name: "prod", Region: "eu-west-101", ID: "0123456789abcdef0123456789abcdef",
			Endpoint:    "https://dcs.eu-west-101.myhuaweicloud.eu",
			Credentials: Credentials{Kind: Keys, AccessKey: secret.New(values["TEST_AK"]), SecretKey: secret.New(values["TEST_SK"])},
		}},
		Watched: []check.Watched{{
			Subject: check.Subject{
				ProjectID: "0123456789abcdef0123456789abcdef", InstanceID: "553a2516-b865-4159-b774-204dc0a36e37",
				Project: "prod", Region: "eu-west-101", Instance: "orders", Labels: map[string]string{},
				Console: "https://console.eu.huaweicloud.com/dcs/?region=eu-west-101",
			},
			Terms: check.Terms{Expiry: days(60, 30, 14, 7, 3, 1), Critical: days(7)[0], RequireSSL: true},
		}},
		Receivers: []Receiver{
			{Receiver: ledger.Receiver{Name: "oncall", ID: "oncall", Audience: audience, FallbackAfter: 5 * time.Minute},
				Slack: &slack.Settings{Token: secret.New("xoxb-XXSECRETXX"), Channel: "#redis"}},
			{Receiver: ledger.Receiver{Name: "ops", ID: "ops/ops@example.com", Audience: audience, FallbackAfter: 5 * time.Minute}, Email: &mail},
		},
		Secrets: []secret.Text{secret.New(values["TEST_AK"]), secret.New(values["TEST_SK"]), secret.New("xoxb-XXSECRETXX")},
	}
	if diff := cmp.Diff(want, c, cmpopts.EquateComparable(secret.Text{}), cmpopts.IgnoreFields(Config{}, "Files")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// edit is base with one text in it replaced, or with a text after it.
func edit(t testing.TB, old, new string) string {
	t.Helper()
	if old == "" {
		return base + new
	}
	if strings.Count(base, old) != 1 {
		t.Fatalf("%q is in the base %d times", old, strings.Count(base, old))
	}
	return strings.Replace(base, old, new, 1)
}

// Each way to get it wrong, and what is said about it, which is to be read
// in testdata/problems.golden.
func TestEachWayToGetItWrong(t *testing.T) {
	findAll(t, "problems.golden", wrong, func(text string) []string {
		c, problems, _ := load(t, text)
		if c != nil {
			return []string{"GOOD"}
		}
		return problems
	})
}

// What is odd, and what is said about it: testdata/warnings.golden.
func TestEachOddity(t *testing.T) {
	findAll(t, "warnings.golden", odd, func(text string) []string {
		c, problems, warnings := load(t, text)
		if c == nil {
			return append([]string{"BAD"}, problems...)
		}
		return warnings
	})
}

// findAll compares what is found in each case with a golden file.
func findAll(t *testing.T, name string, cases []fixture, findings func(text string) []string) {
	var b strings.Builder
	for _, f := range cases {
		fmt.Fprintf(&b, "# %s\n", f.name)
		for _, line := range findings(edit(t, f.old, f.new)) {
			fmt.Fprintln(&b, line)
			if strings.Contains(line, "SECRET") || strings.Contains(line, "hunter") {
				t.Errorf("%s: a secret shows: %s", f.name, line)
			}
		}
		fmt.Fprintln(&b)
	}
	golden.Assert(t, b.String(), name)
}

func TestEightMistakesAreEightLines(t *testing.T) {
	_, got, _ := load(t, `[check]
interval = "soon"
timeout = 15
confrim = 3

[project.prod]
region = "eu-west-101"
access_key = "env:TEST_AK"
secret_key = "env:TEST_MISSING"

[project.prod.instance.orders]
id = ""
expiry = ["30d",
  "7",
  "1d"]

[slack.oncall]
webhook_url = "env:TEST_HOOK"
fallback = "ops"
`)
	want := []string{
		`config.toml:2: check.interval: "soon" is not a duration: write a number and a unit, such as "30d", "2w", "12h", "90s"`,
		`config.toml:3: check.timeout: 15 has no unit: write it in double quotes with one, such as "15s", "15m" or "15d"`,
		`config.toml:4: check.confrim: is not a key that sslwatch knows: did you mean confirm?`,
		`config.toml:6: project.prod.project_id: is missing: write project_id = "0123456789abcdef0123456789abcdef", as the console shows it under My Credentials`,
		`config.toml:9: project.prod.secret_key: the environment variable TEST_MISSING is not set: set it for the process that runs sslwatch`,
		`config.toml:12: project.prod.instance.orders.id: is empty: write id = "553a2516-b865-4159-b774-204dc0a36e37", as the console shows it`,
		`config.toml:13: project.prod.instance.orders.expiry: "7" is not a duration: write a number and a unit, such as "30d", "2w", "12h", "90s"`,
		`config.toml:19: slack.oncall.fallback: there is no receiver "ops"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A key that differs in case only is another key. (The library's own
// decoding takes it for the same, and a random one of several.)
func TestKeysAreCaseSensitive(t *testing.T) {
	for range 50 {
		_, got, _ := load(t, edit(t, `interval = "15m"`, "interval = \"15m\"\nInterval = \"1m\"\nINTERVAL = \"2m\""))
		if len(got) != 2 {
			t.Fatal(got)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	_, err := Load(t.Context(), path, lookup, Everything)
	if e, ok := errors.AsType[*Error](err); !ok || len(e.Problems) != 1 || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%#v", err)
	}
	want := path + ": can't be read: no such file or directory: name another file with --config, or let the user that sslwatch runs as read it"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestSecretsFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"sk": values["TEST_SK"] + "\r\n", "cred": "from-credential\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := edit(t, `secret_key = "env:TEST_SK"`, `secret_key = "file:`+filepath.Join(dir, "sk")+`"`+"\nsecurity_token = \"credential:cred\"")
	text = strings.Replace(text, `"env:TEST_AK"`, `"LITERAL0WITH0NUMBERS"`, 1)
	c, err := Load(t.Context(), write(t, text), func(name string) (string, bool) {
		if name == "CREDENTIALS_DIRECTORY" {
			return dir, true
		}
		return lookup(name)
	}, Everything)
	if err != nil {
		t.Fatal(err)
	}
	want := Credentials{Kind: Keys, AccessKey: secret.New("LITERAL0WITH0NUMBERS"), SecretKey: secret.New(values["TEST_SK"]), SecurityToken: secret.New("from-credential")}
	if got := c.Projects[0].Credentials; got != want {
		t.Errorf("%q %q %q", got.AccessKey.Reveal(), got.SecretKey.Reveal(), got.SecurityToken.Reveal())
	}
	if len(c.Warnings) > 0 {
		t.Error(c.Warnings)
	}
}

func TestLiteralSecretThatOthersCanRead(t *testing.T) {
	text := edit(t, `"env:TEST_SK"`, `"hunter2hunter2hunter2hunter2hunter2hunte"`)
	for mode, want := range map[fs.FileMode]int{0o600: 0, 0o640: 1, 0o604: 1, 0o644: 1} {
		path := write(t, text)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		c, err := Load(t.Context(), path, lookup, Everything)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != want || want > 0 && c.Warnings[0].Line != 11 || strings.Contains(fmt.Sprint(c.Warnings), "hunter") {
			t.Errorf("mode %v: %v", mode, c.Warnings)
		}
	}
}

func TestOverridesAndLabels(t *testing.T) {
	text := edit(t, "", `
[check.backoff]
initial = "100ms"
[project.prod.labels]
team = "payments"
tier = "1"
[project.prod.instance.cart]
id = "a"
expiry = ["1d", "2w", "14d", "1h"]
critical = "0"
require_ssl = false
labels = { tier = "", rack = "r 1" }
[project.prod.instance.old]
id = "b"
ignore = true
[project.edge]
region = "cn-north-4"
project_id = "p2"
endpoint = "http://127.0.0.1:9000/dcs/"
auth = "ecs-agency"
instance.one.id = "553a2516-b865-4159-b774-204dc0a36e37"
[alerts.repeat_interval]
critical = "0"
[state]
file = "state/here.json"
`)
	c, problems, _ := load(t, text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var names []string
	for _, w := range c.Watched {
		names = append(names, w.Project+"/"+w.Instance)
	}
	if diff := cmp.Diff([]string{"edge/one", "prod/cart", "prod/orders"}, names); diff != "" {
		t.Fatal(diff)
	}
	cart := c.Watched[1]
	day := check.Duration(check.Day)
	if diff := cmp.Diff(check.Terms{Expiry: []check.Duration{14 * day, day, check.Duration(time.Hour)}}, cart.Terms); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "payments", "rack": "r 1"}, cart.Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "payments", "tier": "1"}, c.Watched[2].Labels); diff != "" {
		t.Error(diff)
	}
	if got := c.Projects[0]; got.Endpoint != "http://127.0.0.1:9000/dcs" || got.Credentials != (Credentials{Kind: ECSAgency}) {
		t.Errorf("%+v", got)
	}
	if c.Watched[0].Console != "" {
		t.Errorf("an unknown cloud has the console %q", c.Watched[0].Console)
	}
	if c.Terms.Repeat[check.Critical] != 0 || c.Terms.Repeat[check.Warning] != check.Week {
		t.Error(c.Terms.Repeat)
	}
	if !filepath.IsAbs(c.State) || !strings.HasSuffix(c.State, "/state/here.json") {
		t.Error(c.State)
	}
}

func TestRecipients(t *testing.T) {
	c, problems, _ := load(t, edit(t, `to = ["ops@example.com"]`, `to = ["Ops <Ops@Example.com>", "boss@example.com"]
tls = "implicit"
fallback = "oncall"
fallback_after = "1h"
min_severity = "critical"
match = { project = "prod" }`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, r := range c.Receivers {
		if r.Email != nil {
			got = append(got, fmt.Sprint(r.ID, " ", r.Email.To, " ", r.Email.Port, " ", r.Fallback, " ", r.FallbackAfter, " ", r.Audience.MinSeverity, " ", r.Audience.Match))
		}
	}
	want := []string{
		"ops/boss@example.com boss@example.com 465 oncall 1h0m0s critical map[project:prod]",
		"ops/ops@example.com Ops <Ops@Example.com> 465 oncall 1h0m0s critical map[project:prod]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDirectoryOfTheState(t *testing.T) {
	for dirs, want := range map[string]string{"/run/a:/run/b": "/run/a/state.json", "": "/var/lib/sslwatch/state.json"} {
		c, err := Load(t.Context(), write(t, base), func(name string) (string, bool) {
			if name == "STATE_DIRECTORY" {
				return dirs, true
			}
			return lookup(name)
		}, Everything)
		if err != nil || c.State != want {
			t.Errorf("%q: %q, %v", dirs, c.State, err)
		}
	}
}

// A large fleet with an oddity at each instance is read in reasonable time:
// where a key is costs a walk through the file.
func BenchmarkLargeFleet(b *testing.B) {
	var text strings.Builder
	text.WriteString(base)
	for i := range 2000 {
		fmt.Fprintf(&text, "[project.prod.instance.i%d]\nid = \"i%d\"\n", i, i)
	}
	path := write(b, text.String())
	for b.Loop() {
		c, err := Load(b.Context(), path, lookup, Everything)
		if err != nil || len(c.Warnings) != 2000 {
			b.Fatal(len(c.Warnings), err)
		}
	}
}

func TestAFingerprintTellsOneCredentialFromAnother(t *testing.T) {
	a := Credentials{Kind: Keys, AccessKey: secret.New("a"), SecretKey: secret.New("1")}
	rotated, other, moved := a, a, a
	rotated.SecretKey = secret.New("2")
	other.AccessKey = secret.New("b")
	moved.SecretKey, moved.SecurityToken = secret.Text{}, secret.New("1")
	seen := map[string]bool{}
	for _, c := range []Credentials{a, rotated, other, moved, {Kind: ECSAgency}, {Kind: PodIdentity}} {
		seen[c.Fingerprint()] = true
	}
	if same := a; len(seen) != 6 || same.Fingerprint() != a.Fingerprint() {
		t.Errorf("%d fingerprints of 6 credentials: %v", len(seen), seen)
	}
}

func TestProblemsAreSorted(t *testing.T) {
	_, problems, _ := load(t, "[check]\nx = 1\ninterval = 1\n[alerts]\nexpiry = []\ny = 2\n")
	var lines []string
	for _, p := range problems {
		lines = append(lines, strings.SplitN(p, ": ", 2)[0])
	}
	if len(lines) < 4 || !slices.IsSorted(lines) {
		t.Error(problems)
	}
}

// Whatever the file says, loading it ends with a configuration or with
// problems, and what the environment holds is in none of them.
func FuzzLoad(f *testing.F) {
	f.Add(base)
	for _, cases := range [][]fixture{wrong, odd} {
		for _, c := range cases {
			f.Add(edit(f, c.old, c.new))
		}
	}
	if data, err := os.ReadFile(example); err == nil {
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := newDocument("/nonexistent/config.toml", lookup, Everything)
		d.File = "config.toml"
		c, err := d.load(text)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v and %v", c, err)
		}
		said := fmt.Sprint(c, err)
		if strings.Contains(said, "SECRET") && !strings.Contains(text, "SECRET") {
			t.Fatalf("a secret shows: %s", said)
		}
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || len(e.Problems) == 0 || !slices.IsSortedFunc(e.Problems, func(a, b Problem) int { return a.Line - b.Line }) {
				t.Fatalf("%#v", err)
			}
			return
		}
		if len(c.Projects) == 0 || len(c.Watched) == 0 || len(c.Receivers) == 0 || c.State == "" || c.Loop.Interval <= 0 || c.Loop.Rate <= 0 {
			t.Fatalf("%+v", c)
		}
		for _, w := range c.Watched {
			if w.InstanceID == "" || w.Instance == "" || len(w.Terms.Expiry) == 0 || strings.Count(w.Key().String(), "/") != 1 {
				t.Fatalf("%+v", w)
			}
		}
		ids := map[string]bool{}
		for _, r := range c.Receivers {
			if ids[r.ID] || (r.Slack == nil) == (r.Email == nil) && r.Webhook == nil && r.Alertmanager == nil {
				t.Fatalf("%+v", r)
			}
			ids[r.ID] = true
		}
	})
}
