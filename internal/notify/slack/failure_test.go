package slack_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

type verdict struct {
	fault   simslack.Fault
	refused bool
	wait    time.Duration
	says    string
	taken   bool // Slack took the message, and we can't know
	unknown bool // it may have
}

func TestWhatABotMakesOfEachFailure(t *testing.T) {
	bad := simslack.Error.With
	for _, tt := range []verdict{
		{fault: bad("invalid_auth"), refused: true, says: "bot token (xoxb-…)"},
		{fault: bad("not_authed"), refused: true, says: "bot token"},
		{fault: bad("token_revoked"), refused: true, says: "was revoked: install"},
		{fault: bad("token_expired"), refused: true, says: "without token rotation"},
		{fault: bad("account_inactive"), refused: true, says: "install the app"},
		{fault: bad("not_allowed_token_type"), refused: true, says: "not an app-level (xapp-)"},
		{fault: bad("no_permission"), refused: true, says: "/invite"},
		{fault: bad("team_access_not_granted"), refused: true, says: "organisation"},
		{fault: bad("accesslimited"), refused: true, says: "this machine's address"},
		{fault: bad("missing_scope"), refused: true, says: "missing_scope, and needs the scope chat:write"},
		{fault: bad("channel_not_found"), refused: true, says: "/invite"},
		{fault: bad("not_in_channel"), refused: true, says: "/invite"},
		{fault: bad("is_archived"), refused: true, says: "archived"},
		{fault: bad("restricted_action"), refused: true, says: "may not post"},
		{fault: bad("access_denied"), refused: true, says: "administrator"},
		{fault: bad("unknown_method"), refused: true, says: "check api_url"},
		{fault: bad("invalid_blocks"), refused: true, says: "told to fail [json-pointer:/blocks/0]): this is a fault of sslwatch, please report"},
		{fault: bad("msg_too_long"), refused: true, says: "report"},
		{fault: bad("msg_blocks_too_long"), refused: true, says: "report"},
		{fault: bad("ratelimited"), wait: time.Second, says: "fewer messages"},
		{fault: bad("fatal_error"), unknown: true, says: "fatal_error"},
		{fault: bad("internal_error"), unknown: true, says: "internal_error"},
		{fault: bad("service_unavailable"), says: "service_unavailable"},
		{fault: bad("an_error_of_tomorrow"), says: "an_error_of_tomorrow"},
		{fault: bad("a\x1b[31m\r\nbad " + token + " name"), says: "a [31m bad [redacted] name"},
		{fault: bad(strings.Repeat("long ", 10_000)), says: "…"},
		{fault: simslack.Empty, unknown: true, says: "does not say whether the message was taken"},
		{fault: simslack.NotOK, says: "did not take the message"},
		{fault: simslack.HTML, says: "web page"},
		{fault: simslack.Redirect, says: "HTTP 302"},
		{fault: simslack.Throttled.With("17"), wait: 17 * time.Second, says: "fewer messages"},
		{fault: simslack.Throttled, wait: 30 * time.Second},
		{fault: simslack.Throttled.With("soon"), wait: 30 * time.Second},
		{fault: simslack.Throttled.With("-5"), wait: 30 * time.Second},
		{fault: simslack.Throttled.With("99999999999"), wait: time.Hour},
		{fault: simslack.Throttled.With(time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat)), wait: time.Hour},
		{fault: simslack.ServerError, unknown: true, says: "HTTP 500"},
		{fault: simslack.ServerError.With("503"), says: "HTTP 503"},
		{fault: simslack.Reset, unknown: true, says: "cut the connection"},
		{fault: simslack.TakenReset, says: "cut the connection", taken: true},
		{fault: simslack.TakenError, says: "HTTP 500", taken: true},
	} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		must(t, s.Fail("chat.postMessage", tt.fault))
		tt.check(t, s, b, 1)
	}
}

func TestWhatAWebhookMakesOfEachFailure(t *testing.T) {
	bad := simslack.Error.With
	for _, tt := range []verdict{
		{fault: bad("no_service"), refused: true, says: "webhook_url"},
		{fault: bad("no_active_hooks"), refused: true, says: "webhook_url"},
		{fault: bad("invalid_token"), refused: true, says: "webhook_url"},
		{fault: bad("channel_is_archived"), refused: true, says: "archived"},
		{fault: bad("channel_not_found"), refused: true, says: "channel"},
		{fault: bad("action_prohibited"), refused: true, says: "may not post"},
		{fault: bad("posting_to_general_channel_denied"), refused: true, says: "may not post"},
		{fault: bad("invalid_payload"), refused: true, says: "report"},
		{fault: bad("an_error_of_tomorrow"), says: "an_error_of_tomorrow"},
		{fault: bad("internal_error"), unknown: true, says: "HTTP 500"},
		{fault: bad("rollup_error"), unknown: true, says: "HTTP 500"},
		{fault: bad("parameter_validation_failed"), refused: true, says: "starts a workflow"},
		{fault: bad("ratelimited"), wait: time.Second, says: "fewer messages"},
		{fault: simslack.NotOK, says: "did not take the message"},
		{fault: simslack.HTML, says: "web page"},
		{fault: simslack.Redirect, says: "HTTP 302"},
		{fault: simslack.Throttled.With("17"), wait: 17 * time.Second},
		{fault: simslack.Throttled, wait: 30 * time.Second},
		{fault: simslack.ServerError.With("502"), unknown: true, says: "HTTP 502"},
		{fault: simslack.Reset, unknown: true, says: "cut the connection"},
		{fault: simslack.TakenReset, says: "cut the connection", taken: true},
		{fault: simslack.TakenError, says: "HTTP 500", taken: true},
		{fault: simslack.TakenCut, says: "cut the connection", taken: true},
	} {
		s := newSim(t)
		w := newWebhook(t, s.URL())
		must(t, s.Fail("webhook", tt.fault))
		tt.check(t, s, w, 1)
	}
}

func (v verdict) check(t *testing.T, s *simslack.Server, r notify.Sender, messages int) {
	t.Helper()
	receipt, err := r.Deliver(t.Context(), notifytest.Firing())
	if !v.taken {
		messages--
	}
	if n := len(s.Messages("")); receipt != nil || err == nil || n != messages {
		t.Fatalf("%.40s: receipt %s, error %v, %d messages", v.fault, receipt, err, n)
	}
	f := failure(t, err)
	if f.Refused != v.refused || f.Unknown != (v.unknown || v.taken) || f.RetryAfter != v.wait || !strings.Contains(f.Reason, v.says) {
		t.Errorf("%.40s: refused %t, unknown %t, after %s, %q", v.fault, f.Refused, f.Unknown, f.RetryAfter, f.Reason)
	}
	// It heals.
	s.Heal()
	if _, err := r.Deliver(t.Context(), notifytest.Firing()); err != nil {
		t.Errorf("%.40s, healed: %v", v.fault, err)
	}
}

func TestAnEndedContextEndsTheDelivery(t *testing.T) {
	for _, fault := range []simslack.Fault{simslack.Hang, simslack.TakenHang} {
		s := newSim(t)
		must(t, s.Fail("", fault))
		for _, r := range []notify.Sender{newBot(t, s.APIURL()), newWebhook(t, s.URL())} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := r.Deliver(ctx, notifytest.Firing())
			f := failure(t, err)
			if !errors.Is(err, context.DeadlineExceeded) || f.Refused || !strings.Contains(f.Reason, "in time") {
				t.Errorf("%s: %+v", fault, f)
			}
			_, err = r.Deliver(ended(), notifytest.Firing())
			if f := failure(t, err); !errors.Is(err, context.Canceled) || f.Refused {
				t.Errorf("%s, cancelled: %+v", fault, f)
			}
		}
	}
}

func TestNobodyThere(t *testing.T) {
	s := newSim(t)
	bot, webhook := newBot(t, s.APIURL()), newWebhook(t, s.URL())
	must(t, s.Close())
	for _, r := range []notify.Sender{bot, webhook} {
		_, err := r.Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); f.Refused || !strings.Contains(f.Reason, "refused the connection") {
			t.Errorf("%+v", f)
		}
	}
}
