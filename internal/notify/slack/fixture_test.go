package slack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

const (
	token       = "xoxb-1111-2222-tokensecret"
	webhookPath = "/services/T0TEAM/B0HOOK/webhooksecret"
	channel     = "#redis-oncall"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSim(t *testing.T) *simslack.Server {
	t.Helper()
	s, err := simslack.New(simslack.Options{Token: token, WebhookPath: webhookPath, Channels: []string{channel, "#moved-here"}})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	must(t, s.Listen(""))
	return s
}

func newBot(t *testing.T, apiURL string, mention ...string) notify.Editor {
	t.Helper()
	r, err := slack.New(slack.Settings{Token: secret.New(token), Channel: channel, APIURL: apiURL, Mention: mention})
	must(t, err)
	return r.(notify.Editor)
}

func newWebhook(t *testing.T, base string) notify.Sender {
	t.Helper()
	r, err := slack.New(slack.Settings{WebhookURL: secret.New(base + webhookPath)})
	must(t, err)
	return r
}

// failure is the error of a delivery that must have failed, in words that
// may be shown.
func failure(t *testing.T, err error) *notify.Failure {
	t.Helper()
	var f *notify.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v is no *notify.Failure", err)
	}
	for _, s := range []string{token, "tokensecret", "webhooksecret", webhookPath} {
		if strings.Contains(f.Error(), s) || strings.Contains(fmt.Sprintf("%+v %#v", *f, f.Reason), s) {
			t.Errorf("the failure shows a secret: %s", f.Reason)
		}
	}
	if strings.ContainsAny(f.Reason, "\n\r\x00\x1b") || len(f.Reason) > 1000 {
		t.Errorf("the reason is not one short line: %q", f.Reason)
	}
	return f
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
