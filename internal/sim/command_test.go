package sim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

// A person plays; after each line the API is asked what it now says about two
// of the three instances.
func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simserver.NewNet()
		w, err := sim.New(sim.Options{Listen: n.Listen})
		simtest.Must(t, err)
		defer w.Close()
		s := w.Settings()
		http := simtest.Client(n.DialContext)
		http.Timeout = time.Second
		all := w.DCS.Instances()
		ask := func(i simcloud.Instance) string {
			who := simtest.Caller{Access: s.AccessKey, Secret: s.SecretKey}
			resp, body, err := simtest.Do(http, who.Request(t, s.Endpoint+"/v2/"+s.ProjectID+"/instances/"+i.ID+"/ssl"))
			if err != nil {
				return "no answer"
			}
			return resp.Status + " " + body + " retry " + resp.Header.Get("Retry-After")
		}
		ends := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("2006-01-02T15:04:05") }
		const day = 24 * time.Hour
		// The bubble's clock stands still until "slow", so the second is exact.

		for _, tt := range []struct{ line, reply, orders, sessions string }{
			{"", "", `"enabled":true`, `"enabled":true`},
			{"off orders-cache", "orders-cache: SSL is off", `200 OK {}`, `"enabled":true`},
			{"on " + all[0].ID, "orders-cache: SSL is on", `"enabled":true`, `"enabled":true`},
			{"INVALID sessions", "sessions: the certificate is invalid", `"ssl_validated":true`, `"ssl_validated":false`},
			{"valid", "carts: the certificate is valid", `"ssl_validated":true`, `"ssl_validated":true`},
			{"expire orders-cache in 6d", "(in 6 days)", ends(6 * day), `"enabled":true`},
			{"expire orders-cache 1w1d12h", "(in 8 days 12 h)", ends(8*day + 12*time.Hour), `"enabled":true`},
			{"expire orders-cache", "(now)", ends(0), `"enabled":true`},
			{"renew orders-cache", "(in 365 days)", ends(365 * day), `"enabled":true`},
			{"renew for 90m", "(in 90 minutes)", ends(90 * time.Minute), ends(90 * time.Minute)},
			{"unsupported sessions", "sessions: does not support SSL", `"enabled":true`, "DCS.4201"},
			{"on sessions", "SSL is on", `"enabled":true`, `"enabled":true`},
			{"missing sessions", "sessions: the API does not know it", `"enabled":true`, "DCS.3022"},
			{"down sessions", "sessions: answers 500", `"enabled":true`, "DCS.5010"},
			{"up sessions", "sessions: answers with the truth", `"enabled":true`, `"enabled":true`},
			{"throttle sessions 90", "sessions: answers 429", `"enabled":true`, "retry 90"},
			{"throttle", "the API: answers 429", "429", "429"},
			{"deny", "the API: answers 403", "403", "403"},
			{"slow", "the API: does not answer", "no answer", "no answer"},
			{"up", "the API: answers with the truth", `"enabled":true`, `"enabled":true`},
			{"down", "the API: unreachable", "no answer", "no answer"},
			{"up", "the API: answers with the truth", `"enabled":true`, `"enabled":true`},
		} {
			reply, err := w.Command(tt.line)
			if err != nil || !strings.Contains(reply, tt.reply) {
				t.Errorf("%s: %q, %v, want %q", tt.line, reply, err, tt.reply)
			}
			for i, want := range map[int]string{0: tt.orders, 1: tt.sessions} {
				if got := ask(all[i]); !strings.Contains(got, want) {
					t.Errorf("%s: %s is %s, want %s", tt.line, all[i].Name, got, want)
				}
			}
		}
	})
}

func TestCommandsForPeople(t *testing.T) {
	w, err := sim.New(sim.Options{})
	simtest.Must(t, err)
	defer w.Close()
	s := w.Settings()
	c := slack.New(s.SlackToken, slack.OptionAPIURL(s.SlackAPIURL), slack.OptionHTTPClient(simtest.Client(nil)))

	for line, slackIsWell := range map[string]bool{"slack-down": false, "slack-fail auth.test error:invalid_auth": false, "slack-fail chat.update hang": true, "slack-throttle": false, "slack-throttle 5": false} {
		_, err := w.Command(line)
		simtest.Must(t, err)
		if _, err := c.AuthTestContext(t.Context()); (err == nil) != slackIsWell {
			t.Errorf("%s: %v", line, err)
		}
		_, err = w.Command("slack-up")
		simtest.Must(t, err)
		if _, err := c.AuthTestContext(t.Context()); err != nil {
			t.Errorf("slack-up after %s: %v", line, err)
		}
	}
	_, err = w.Command("mail-down")
	simtest.Must(t, err)
	if !w.Mail.IsDown() {
		t.Error("mail is not down")
	}
	for _, line := range []string{"off sessions", "invalid carts", "throttle carts 9", "expire orders-cache in 3d", "deny"} {
		_, err := w.Command(line)
		simtest.Must(t, err)
	}
	list, err := w.Command("list")
	simtest.Must(t, err)
	for _, want := range []string{"orders-cache", "(in 3 days)", "off", "invalid", "throttled:9", "API forbidden", "Mail down"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	_, err = w.Command("mail-up")
	simtest.Must(t, err)
	for at, want := range map[string]simcloud.Instance{
		"127.0.0.1:6380":      {IP: "127.0.0.1", Port: "6380"},
		"[::1]:6381":          {IPv6: "::1", Port: "6381"},
		"redis.example.com:1": {Domain: "redis.example.com:1", Port: "1"},
	} {
		_, err := w.Command("endpoint carts " + at)
		simtest.Must(t, err)
		i, err := w.DCS.Instance("carts")
		simtest.Must(t, err)
		if i.IP != want.IP || i.IPv6 != want.IPv6 || i.Domain != want.Domain || i.Port != want.Port {
			t.Errorf("endpoint carts %s: %+v", at, i)
		}
	}

	help, err := w.Command("help")
	simtest.Must(t, err)
	for _, want := range []string{
		"list", "off", "on", "invalid", "valid", "expire [INSTANCE] [in DURATION]", "renew [INSTANCE] [for DURATION]",
		"unsupported", "endpoint INSTANCE HOST:PORT", "missing", "down", "up", "throttle", "hang", "deny",
		"slack-down", "slack-up", "slack-throttle", "slack-fail", "mail-down", "mail-up", "help",
	} {
		if !strings.Contains(help, "\n"+want) && !strings.HasPrefix(help, want) {
			t.Errorf("no %q in\n%s", want, help)
		}
	}

	for line, want := range map[string]string{
		"dance":                     "try help",
		"expired":                   "did you mean expire?",
		"off nobody":                "orders-cache, sessions, carts",
		"endpoint carts":            "which instance, and where?",
		"endpoint carts 6380":       `"6380" is not HOST:PORT`,
		"endpoint nobody a:1":       "orders-cache, sessions, carts",
		"off orders-cache sessions": "one instance, or none for all",
		"expire carts in time":      `"time" is not a duration such as`,
		"expire carts in -1h":       `"-1h" is not a duration such as`,
		"renew carts for d":         "is not a duration",
		"slack-throttle soon":       "is not a number of seconds",
		"list nobody":               "orders-cache, sessions, carts",
		"slack-fail chat.update":    "takes a method and a fault",
		"slack-fail chat.delete x":  "has no",
		"slack-down carts":          "takes no",
		"help me":                   "takes no",
	} {
		if reply, err := w.Command(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v, want %q", line, reply, err, want)
		}
	}
}
