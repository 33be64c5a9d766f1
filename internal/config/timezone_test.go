package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAReceiverHasItsOwnTimeZoneOrThatOfAll(t *testing.T) {
	const receivers = `
[webhook.pager]
url = "env:TEST_HOOK"
timezone = "Asia/Kolkata"
[slack.quiet]
webhook_url = "env:TEST_HOOK"
timezone = ""
[slack.utc]
webhook_url = "env:TEST_HOOK"
timezone = "Etc/UTC"
`
	text := edit(t, `["ops@example.com"]`, `["a@example.com", "b@example.com"]`) + receivers
	for global, want := range map[string]map[string]string{
		``:                           {"oncall": "", "ops/a@example.com": "", "ops/b@example.com": "", "pager": "Asia/Kolkata", "quiet": "", "utc": ""},
		`timezone = "Europe/Berlin"`: {"oncall": "Europe/Berlin", "ops/a@example.com": "Europe/Berlin", "ops/b@example.com": "Europe/Berlin", "pager": "Asia/Kolkata", "quiet": "", "utc": ""},
	} {
		c, problems, _ := load(t, strings.Replace(text, `critical = "7d"`, global, 1))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		got := map[string]string{}
		for _, r := range c.Receivers {
			got[r.ID] = zoneName(r)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", global, diff)
		}
	}
}
