package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/alertmanager"
	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/state"
)

func TestStatusSaysHowEachReceiverDoes(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)
	c := &config.Config{Receivers: receiversOf("oncall", "ops-mail/ops@example.com", "new", "cluster/alertmanager-0:9093")}
	c.Receivers[3].Alertmanager = &alertmanager.Settings{}
	s := state.State{Receivers: map[string]state.ReceiverState{
		"oncall": {
			Owed: 2, OwedSince: now.Add(-26 * time.Hour), FailingSince: now.Add(-25 * time.Hour), Succeeded: now.Add(-72 * time.Hour),
			Failure: "Slack (#redis-oncall) answered token_revoked: the token was revoked: install the app to the workspace again,\x1b[31m put its bot token (xoxb-…) into token, and reload",
		},
		"ops-mail/ops@example.com":    {Succeeded: now.Add(-time.Minute)},
		"cluster/alertmanager-0:9093": {Succeeded: now.Add(-time.Minute)},
		"gone":                        {Failure: "of another configuration"},
	}}
	rows := receiverRows(c, s)
	var out bytes.Buffer
	printReceivers(&out, rows, now, 80)
	want := `
RECEIVERS
FAILING   oncall
          2 notices are owed to it, since 2026-11-22 00:07:13 UTC (1 day 2 hours
          ago); failing since 2026-11-22 01:07:13 UTC (1 day 1 hour ago); last
          message taken 2026-11-20 02:07:13 UTC (3 days ago); Slack
          (#redis-oncall) answered token_revoked: the token was revoked: install
          the app to the workspace again, [31m put its bot token (xoxb-…) into
          token, and reload
ok        ops-mail (ops@example.com)
          nothing is owed to it; last message taken 2026-11-23 02:06:13 UTC (1
          minute ago)
ok        new
          nothing is owed to it; no message was taken yet
ok        cluster (alertmanager-0:9093)
          it is shown what stands, every minute; last message taken 2026-11-23
          02:06:13 UTC (1 minute ago)
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if got := failing(rows); got != "1 receiver fails" {
		t.Errorf("%q", got)
	}
	out.Reset()
	if err := printJSON(&out, nil, rows); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"status": "warning",`, `"receiver": "oncall"`, `"healthy": false`, `"owed": 2`, `"owed_since": "2026-11-22T00:07:13.123456789Z"`,
		`answered token_revoked`, `"recipient": "ops@example.com"`, `"last_success": null`,
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("lacks %s: %s", part, out.String())
		}
	}
}

// Whatever else is well: who is to be told is not.
func TestAReceiverThatFailsIsAWarning(t *testing.T) {
	for _, tt := range []struct {
		row  check.Verdict
		want check.Verdict
		says string
	}{
		{check.VerdictOK, check.VerdictWarning, "WARNING: 1 ok, 1 receiver fails\n"},
		{check.VerdictCritical, check.VerdictCritical, "CRITICAL: 1 critical, 1 receiver fails\n"},
	} {
		var out bytes.Buffer
		to := &stdout{to: &out}
		a := &app{system: system{Stdout: to, Stderr: &out, Getenv: func(string) (string, bool) { return "", false }}, out: to}
		rows := []row{{Verdict: tt.row, Project: "prod", Instance: "orders-cache"}}
		got, err := a.report(rows, []receiverRow{{Verdict: check.VerdictWarning, Receiver: "oncall"}}, nil, time.Now(), false, "")
		if err != nil || got != tt.want || !strings.HasPrefix(out.String(), tt.says) {
			t.Errorf("%s, %v: %s", got, err, out.String())
		}
	}
}

func receiversOf(ids ...string) []config.Receiver {
	var receivers []config.Receiver
	for _, id := range ids {
		receivers = append(receivers, config.Receiver{Receiver: ledger.Receiver{ID: id}})
	}
	return receivers
}
