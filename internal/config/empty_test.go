package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/sslwatch/sslwatch/internal/check"
)

// oidc is a configuration with an identity provider in which %s stands for one
// of the lines.
func oidc(line string) string {
	lines := strings.Replace("auth = \"oidc\"\nidp_id = \"cce-prod\"\nid_token_file = \"/run/oidc\"\n# another\n", line, "%s", 1)
	return edited("access_key = \"env:TEST_AK\"\nsecret_key = \"env:TEST_SK\"", lines)
}

// settings is every setting of the example whose value is text or a
// duration, in whole configurations where %s is the line of the setting. want
// are the values that come out when the line is absent and when it is empty,
// or else a part of the problem.
var settings = []struct {
	key                  string
	text                 string
	value                func(*Config) any
	absent, empty, given string // given is "VALUE -> what comes out"
}{
	{"check.interval", edited(`interval = "15m"`, `%s`), func(c *Config) any { return c.Loop.Interval }, "15m0s", "not a duration", "2h -> 2h0m0s"},
	{"check.timeout", edited(`interval = "15m"`, `%s`), func(c *Config) any { return c.Loop.Timeout }, "15s", "not a duration", "3s -> 3s"},
	{"check.backoff.initial", edited("", "[check.backoff]\n%s\n"), func(c *Config) any { return c.Loop.Backoff.Initial }, "10s", "not a duration", "1s -> 1s"},
	{"check.backoff.max", edited("", "[check.backoff]\n%s\n"), func(c *Config) any { return c.Loop.Backoff.Max }, "15m0s", "not a duration", "1h -> 1h0m0s"},
	{"alerts.critical", edited(`critical = "7d"`, `%s`), func(c *Config) any { return c.Watched[0].Terms.Critical }, "7d", "not a duration", "0 -> 0"},
	{"alerts.failing_after", edited(`critical = "7d"`, `%s`), func(c *Config) any { return c.Policy.FailingAfter }, "1h0m0s", "not a duration", "5m -> 5m0s"},
	{"alerts.group_wait", edited(`critical = "7d"`, `%s`), func(c *Config) any { return c.Terms.GroupWait }, "10s", "not a duration", "0 -> 0s"},
	{"alerts.repeat_interval.critical", edited("", "[alerts.repeat_interval]\n%s\n"), func(c *Config) any { return c.Terms.Repeat[check.Critical] }, "24h0m0s", "not a duration", "0 -> 0s"},
	{"alerts.repeat_interval.warning", edited("", "[alerts.repeat_interval]\n%s\n"), func(c *Config) any { return c.Terms.Repeat[check.Warning] }, "168h0m0s", "not a duration", "0 -> 0s"},
	{"alerts.timezone", edited(`critical = "7d"`, `%s`), zoneOfFirst, "", "", "Europe/Berlin -> Europe/Berlin"},
	{"state.file", edited("", "[state]\n%s\n"), func(c *Config) any { return c.State }, "/var/lib/sslwatch/state.json", "is empty", "/a/s -> /a/s"},
	{"http.listen", edited("", "[http]\n%s\n"), func(c *Config) any { return c.HTTP.Listen }, "127.0.0.1:9943", "", "127.0.0.1:1 -> 127.0.0.1:1"},
	{"http.web_config_file", edited("", "[http]\n%s\n"), func(c *Config) any { return c.HTTP.WebConfigFile }, "", "", ""},
	{"project.*.region", edited(`region = "eu-west-101"`, `%s`), func(c *Config) any { return c.Projects[0].Region }, "is missing", "is empty", "cn-north-4 -> cn-north-4"},
	{"project.*.project_id", edited(`project_id = "0123456789abcdef0123456789abcdef"`, `%s`), func(c *Config) any { return c.Projects[0].ID }, "is missing", "is empty", "0123456789abcdef0123456789abcde0 -> 0123456789abcdef0123456789abcde0"},
	{"project.*.endpoint", edited(`region = "eu-west-101"`, "region = \"eu-west-101\"\n%s"), func(c *Config) any { return c.Projects[0].Endpoint }, "https://dcs.eu-west-101.myhuaweicloud.eu", "https://dcs.eu-west-101.myhuaweicloud.eu", "https://x.example -> https://x.example"},
	{"project.*.auth", edited(`region = "eu-west-101"`, "region = \"eu-west-101\"\n%s"), func(c *Config) any { return c.Projects[0].Credentials.Kind }, "keys", "is empty", "keys -> keys"},
	{"project.*.access_key", edited(`access_key = "env:TEST_AK"`, `%s`), func(c *Config) any { return c.Projects[0].Credentials.AccessKey.Reveal() }, "is missing", "is empty", "env:TEST_AK -> AKXXSECRETXXXXSECRET"},
	{"project.*.secret_key", edited(`secret_key = "env:TEST_SK"`, `%s`), func(c *Config) any { return c.Projects[0].Credentials.SecretKey.Reveal() }, "is missing", "is empty", "env:TEST_SK -> SKXXSECRETXXSKXXSECRETXXSKXXSECRETXX1234"},
	{"project.*.security_token", edited(`access_key = "env:TEST_AK"`, "access_key = \"env:TEST_AK\"\n%s"), func(c *Config) any { return c.Projects[0].Credentials.SecurityToken.Reveal() }, "", "", "env:TEST_PASSWORD -> PWXXSECRETXX"},
	{"project.*.auth_token", edited("access_key = \"env:TEST_AK\"\nsecret_key = \"env:TEST_SK\"", `%s`), func(c *Config) any { return c.Projects[0].Credentials.AuthToken.Reveal() }, "there is no credential", "there is no credential", "env:TEST_PASSWORD -> PWXXSECRETXX"},
	{"project.*.idp_id", oidc(`idp_id = "cce-prod"`), func(c *Config) any { return c.Projects[0].Credentials.IdpID }, "is missing", "is empty", "cce -> cce"},
	{"project.*.id_token_file", oidc(`id_token_file = "/run/oidc"`), func(c *Config) any { return c.Projects[0].Credentials.IDTokenFile }, "is missing", "is empty", "/run/token -> /run/token"},
	{"project.*.iam_endpoint", oidc("# another"), func(c *Config) any { return c.Projects[0].Credentials.IAMEndpoint }, "https://iam.eu-west-101.myhuaweicloud.eu", "https://iam.eu-west-101.myhuaweicloud.eu", "https://iam.example.com/ -> https://iam.example.com"},
	{"project.*.discover_interval", edited(`region = "eu-west-101"`, "region = \"eu-west-101\"\ndiscover = true\n%s"), func(c *Config) any { return c.Discoveries[0].Interval }, "1h0m0s", "not a duration", "2h -> 2h0m0s"},
	{"project.*.instance.*.id", edited(`id = "553a2516-b865-4159-b774-204dc0a36e37"`, `%s`), func(c *Config) any { return c.Watched[0].InstanceID }, "is missing", "is empty", "a -> a"},
	{"project.*.instance.*.critical", edited("\n[slack.oncall]", "%s\n[slack.oncall]"), func(c *Config) any { return c.Watched[0].Terms.Critical }, "7d", "not a duration", "0 -> 0"},
	{"slack.*.token", edited(`token = "env:TEST_TOKEN"`, `%s`), func(c *Config) any { return c.Receivers[0].Slack.Token.Reveal() }, "is missing", "is missing", "env:TEST_TOKEN -> xoxb-XXSECRETXX"},
	{"slack.*.channel", edited(`channel = "#redis"`, `%s`), func(c *Config) any { return c.Receivers[0].Slack.Channel }, "is missing", "is empty", "C012345678 -> C012345678"},
	{"slack.*.webhook_url", edited(`token = "env:TEST_TOKEN"`+"\n"+`channel = "#redis"`, `%s`), func(c *Config) any { return c.Receivers[0].Slack.WebhookURL.Reveal() }, "is missing", "is missing", "env:TEST_HOOK -> https://hooks.example.com/XXSECRETXX"},
	{"slack.*.api_url", edited(`channel = "#redis"`, "channel = \"#redis\"\n%s"), func(c *Config) any { return c.Receivers[0].Slack.APIURL }, "", "", "https://x.example -> https://x.example"},
	{"slack.*.min_severity", edited(`channel = "#redis"`, "channel = \"#redis\"\n%s"), func(c *Config) any { return c.Receivers[0].Audience.MinSeverity }, "warning", `"" is not one of`, "critical -> critical"},
	{"slack.*.fallback", edited(`channel = "#redis"`, "channel = \"#redis\"\n%s"), func(c *Config) any { return c.Receivers[0].Fallback }, "", "", "ops -> ops"},
	{"slack.*.fallback_after", edited(`channel = "#redis"`, "channel = \"#redis\"\n%s"), func(c *Config) any { return c.Receivers[0].FallbackAfter }, "5m0s", "not a duration", "0 -> 0s"},
	{"slack.*.timezone", edited(`channel = "#redis"`, "channel = \"#redis\"\n%s"), zoneOfFirst, "", "", "Asia/Kolkata -> Asia/Kolkata"},
	{"email.*.host", edited(`host = "smtp.example.com"`, `%s`), func(c *Config) any { return c.Receivers[1].Email.Host }, "is missing", "is empty", "h -> h"},
	{"email.*.tls", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Email.Security }, "starttls", `"" is not one of`, "implicit -> implicit"},
	{"project.*.ca_file", edited(`region = "eu-west-101"`, "region = \"eu-west-101\"\nprobe = true\n%s"), func(c *Config) any { return trusted(c, c.Watched[0].Key().OfProject()) }, "the machine's", "the machine's", "ca.crt -> CN=Redis CA"},
	{"project.*.instance.*.ca_file", edited("\n[slack.oncall]", "probe = true\n%s\n[slack.oncall]"), func(c *Config) any { return trusted(c, c.Watched[0].Key()) }, "the project's", "the machine's", "ca.crt -> CN=Redis CA"},
	{"email.*.ca_file", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Email.CAFile }, "", "", ""},
	{"email.*.helo", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Email.HELO }, "", "", "ops1.example.com -> ops1.example.com"},
	{"email.*.username", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Email.Username }, "", "", ""},
	{"email.*.password", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Email.Password.Reveal() }, "", "", ""},
	{"email.*.from", edited(`from = "sslwatch <sslwatch@example.com>"`, `%s`), func(c *Config) any { return c.Receivers[1].Email.From }, "is missing", "is empty", "a@b.example -> a@b.example"},
	{"email.*.min_severity", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Audience.MinSeverity }, "warning", `"" is not one of`, "critical -> critical"},
	{"email.*.fallback", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].Fallback }, "", "", "oncall -> oncall"},
	{"email.*.fallback_after", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return c.Receivers[1].FallbackAfter }, "5m0s", "not a duration", "0 -> 0s"},
	{"email.*.timezone", edited(`host = "smtp.example.com"`, "host = \"smtp.example.com\"\n%s"), func(c *Config) any { return zoneName(c.Receivers[1]) }, "", "", "Asia/Kolkata -> Asia/Kolkata"},
	{"alertmanager.*.username", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\npassword = \"env:TEST_PASSWORD\"\n%s\n"), func(c *Config) any { return c.Receivers[0].Alertmanager.Username }, "is missing", "is empty", "u -> u"},
	{"alertmanager.*.password", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\nusername = \"u\"\n%s\n"), func(c *Config) any { return c.Receivers[0].Alertmanager.Password.Reveal() }, "is missing", "is empty", "env:TEST_PASSWORD -> PWXXSECRETXX"},
	{"alertmanager.*.bearer_token", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return c.Receivers[0].Alertmanager.Token.Reveal() }, "", "", "env:TEST_PASSWORD -> PWXXSECRETXX"},
	{"alertmanager.*.ca_file", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return c.Receivers[0].Alertmanager.Roots }, "", "", ""},
	{"alertmanager.*.peer_timeout", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return c.Receivers[0].Alertmanager.PeerTimeout }, "15s", "not a duration", "0 -> 0s"},
	{"alertmanager.*.min_severity", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return c.Receivers[0].Audience.MinSeverity }, "warning", `"" is not one of`, "critical -> critical"},
	{"alertmanager.*.fallback", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return c.Receivers[0].Fallback }, "", "", "ops -> ops"},
	{"alertmanager.*.timezone", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return zoneName(c.Receivers[0]) }, "", "", "Asia/Kolkata -> Asia/Kolkata"},
	{"alertmanager.*.fallback_after", edited("", "[alertmanager.cluster]\nurls = [\"https://127.0.0.1:9093\"]\n%s\n"), func(c *Config) any { return c.Receivers[0].FallbackAfter }, "5m0s", "not a duration", "0 -> 0s"},
	{"webhook.*.url", edited("", "[webhook.pager]\n%s\n"), func(c *Config) any { return c.Receivers[2].Webhook.URL.Reveal() }, "is missing", "is empty", "env:TEST_HOOK -> https://hooks.example.com/XXSECRETXX"},
	{"webhook.*.authorization", edited("", "[webhook.pager]\nurl = \"env:TEST_HOOK\"\n%s\n"), func(c *Config) any { return c.Receivers[2].Webhook.Authorization.Reveal() }, "", "", "env:TEST_PASSWORD -> PWXXSECRETXX"},
	{"webhook.*.signing_key", edited("", "[webhook.pager]\nurl = \"env:TEST_HOOK\"\n%s\n"), func(c *Config) any { return c.Receivers[2].Webhook.SigningKey.Reveal() }, "", "", "env:TEST_PASSWORD -> PWXXSECRETXX"},
	{"webhook.*.min_severity", edited("", "[webhook.pager]\nurl = \"env:TEST_HOOK\"\n%s\n"), func(c *Config) any { return c.Receivers[2].Audience.MinSeverity }, "warning", `"" is not one of`, "critical -> critical"},
	{"webhook.*.fallback", edited("", "[webhook.pager]\nurl = \"env:TEST_HOOK\"\n%s\n"), func(c *Config) any { return c.Receivers[2].Fallback }, "", "", "ops -> ops"},
	{"webhook.*.fallback_after", edited("", "[webhook.pager]\nurl = \"env:TEST_HOOK\"\n%s\n"), func(c *Config) any { return c.Receivers[2].FallbackAfter }, "5m0s", "not a duration", "0 -> 0s"},
	{"webhook.*.timezone", edited("", "[webhook.pager]\nurl = \"env:TEST_HOOK\"\n%s\n"), func(c *Config) any { return zoneName(c.Receivers[2]) }, "", "", "Asia/Kolkata -> Asia/Kolkata"},
	{"heartbeat.url", edited("", "[heartbeat]\n%s\n"), func(c *Config) any { return c.Heartbeat.Reveal() }, "", "", "https://x.example/a -> https://x.example/a"},
}

func zoneOfFirst(c *Config) any { return zoneName(c.Receivers[0]) }

// zoneName names the time zone of a receiver, "" for UTC alone.
func zoneName(r Receiver) string {
	if r.Wording.Zone == nil {
		return ""
	}
	return r.Wording.Zone.String()
}

// trusted says whom a configuration trusts of a subject.
func trusted(c *Config, key check.Key) string {
	cas, own := c.Trust[key]
	switch {
	case !own && !key.IsProject():
		return "the project's"
	case len(cas) == 0:
		return "the machine's"
	}
	return cas[0].Subject.String()
}

func edited(old, new string) string {
	if old == "" {
		return base + new
	}
	return strings.Replace(base, old, new, 1)
}

// Absent is the default. Empty is off where off is possible and a problem
// where it is not, and never silently the default.
func TestAbsentEmptyAndGivenAreThreeThings(t *testing.T) {
	for _, s := range settings {
		name := s.key[strings.LastIndexByte(s.key, '.')+1:]
		value, out, hasGiven := strings.Cut(s.given, " -> ")
		for line, want := range map[string]string{
			"": s.absent, name + ` = ""`: s.empty, fmt.Sprintf("%s = %q", name, value): out,
		} {
			if line != "" && !strings.Contains(line, `""`) && !hasGiven {
				continue
			}
			c, problems, _ := load(t, fmt.Sprintf(s.text, line))
			got := strings.Join(problems, "\n")
			if c != nil {
				got = fmt.Sprint(s.value(c))
			}
			if c != nil && got != want || c == nil && (want == "" || !strings.Contains(got, want)) {
				t.Errorf("%s, %q: got %q, want %q", s.key, line, got, want)
			}
		}
	}
}

// A setting that is not in the table above could be forgotten.
func TestEveryTextOfTheExampleIsSaidAbsentEmptyAndGiven(t *testing.T) {
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, s := range settings {
		said[s.key] = true
	}
	root := map[string]any{}
	if _, err := toml.Decode(string(data), &root); err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`^(project|slack|email|webhook|alertmanager)\.[^.]+`)
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				visit(strings.TrimPrefix(path+"."+name, "."), inner)
			}
		case string:
			key := names.ReplaceAllString(path, "$1.*")
			key = strings.Replace(key, "instance.orders-cache", "instance.*", 1)
			if !said[key] && !strings.Contains(key, "labels.") && !strings.Contains(key, "match.") && !strings.Contains(key, "discover_tags.") {
				t.Errorf("%s is not in the table of settings", key)
			}
		}
	}
	visit("", root)
}

// What "" and "0" are among numbers and lists.
func TestNothingAmongNumbersAndLists(t *testing.T) {
	for _, tc := range []struct {
		old, new string
		value    func(*Config) any
		want     string
	}{
		{`interval = "15m"`, `backoff = { jitter = 0 }`, func(c *Config) any { return c.Loop.Backoff.Jitter }, "0"},
		{`interval = "15m"`, `backoff = {}`, func(c *Config) any { return c.Loop.Backoff }, "{10s 15m0s 2 0.2}"},
		{`interval = "15m"`, `rate = 100000`, func(c *Config) any { return c.Loop.Rate }, "100000"},
		{`interval = "15m"`, `rate = 100001`, nil, "out of bounds"},
		{`interval = "15m"`, `rate = 0`, nil, "out of bounds"},
		{`interval = "15m"`, `rate = ""`, nil, "must be a number"},
		{`interval = "15m"`, `concurrency = ""`, nil, "must be a whole number"},
		{`critical = "7d"`, ``, func(c *Config) any { return c.Watched[0].Terms.Expiry }, "[60d 30d 14d 7d 3d 1d]"},
		{`critical = "7d"`, `expiry = []`, nil, "at least one"},
		{`critical = "7d"`, `expiry = ""`, nil, "must be a list"},
		{`critical = "7d"`, `expiry = ["30d", ""]`, nil, "not a duration"},
		{`critical = "7d"`, `expiry = ["30d", "0"]`, nil, "too short"},
		{`["ops@example.com"]`, `[]`, nil, "is missing"},
		{`["ops@example.com"]`, `[""]`, nil, "is not a valid e-mail address"},
		{`["ops@example.com"]`, `""`, nil, "must be a list"},
		{`channel = "#redis"`, "channel = \"#redis\"\nmatch = {}", func(c *Config) any { return len(c.Receivers[0].Audience.Match) }, "0"},
		{`channel = "#redis"`, "channel = \"#redis\"\nmatch = { team = \"\" }", func(c *Config) any { return c.Receivers[0].Audience.Match }, "map[team:]"},
		{"\n[slack.oncall]", "labels = { team = \"\" }\n[slack.oncall]", func(c *Config) any { return c.Watched[0].Labels }, "map[]"},
		{"\n[slack.oncall]", "ignore = \"\"\n[slack.oncall]", nil, "must be true or false"},
	} {
		c, problems, _ := load(t, edit(t, tc.old, tc.new))
		got := strings.Join(problems, "\n")
		if c != nil && tc.value != nil {
			got = fmt.Sprint(tc.value(c))
		}
		if (tc.value != nil) != (c != nil) || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.new, got, tc.want)
		}
	}
}

// A duration of nothing is one: it is not replaced by the default further on.
func TestZeroIsKept(t *testing.T) {
	c, problems, _ := load(t, edit(t, `critical = "7d"`, "critical = \"0\"\ngroup_wait = \"0\"\nrepeat_interval = { critical = \"0\", warning = \"0\" }"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c.Terms.GroupWait != 0 || c.Terms.Repeat[check.Critical] != 0 || c.Terms.Repeat[check.Warning] != 0 || time.Duration(c.Watched[0].Terms.Critical) != 0 {
		t.Errorf("%+v %+v %+v", c.Loop, c.Policy, c.Watched[0].Terms)
	}
}

// What is empty and what is not there must not be mixed up by where a file is
// either.
func TestAnEmptyStateFileIsNotTheDefaultOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, []byte(base+"[state]\nfile = \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), path, lookup, Everything); err == nil || !strings.Contains(err.Error(), "state.file") {
		t.Errorf("got %v", err)
	}
}
