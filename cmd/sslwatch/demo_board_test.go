package main

import (
	"io"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

func TestTheBoardReadsLinesAndLists(t *testing.T) {
	b := newBoard(io.Discard, time.Now(), false)
	b.receive(sim.Event{Slack: &simslack.Message{Text: `CRITICAL prod/a: SSL is off, and 4 more (4 critical, 1 resolved)
FIRING critical certificate_expiring a: the certificate expires 2026-11-28 02:07:13 UTC, in 5 days (threshold 7d) (project prod)
FIRING critical ssl_disabled, project prod: 2
b 553a2516-b865-4159-b774-204dc0a36e37
c 553a2516-b865-4159-b774-204dc0a36e38
RESOLVED critical ssl_disabled, SSL is on again, project prod: 1
d 553a2516-b865-4159-b774-204dc0a36e39
sslwatch v1 on mon-1
e 553a2516-b865-4159-b774-204dc0a36e40`}})
	want := []told{
		{"FIRING", "certificate_expiring", "a", "7d"}, {"FIRING", "ssl_disabled", "b", ""}, {"FIRING", "ssl_disabled", "c", ""},
		{"RESOLVED", "ssl_disabled", "d", ""},
	}
	for _, w := range want {
		if b.got["slack"][w] != 1 {
			t.Errorf("%s is not read", w)
		}
	}
	if len(b.got["slack"]) != len(want) {
		t.Errorf("read %v", b.got["slack"])
	}
}
