package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// busy is an API and a receiver that synchronise with nothing, so that the
// race detector sees what the loop itself forgot to hand over.
type busy struct{ until time.Time }

func (b busy) SSL(context.Context, string) (dcs.SSL, error) {
	runtime.Gosched()
	return dcs.SSL{Enabled: true, Validated: true, ExpiresAt: b.until}, nil
}

func (b busy) Limits() notify.Limits { return notify.Limits{Items: 2, Bytes: 1 << 20} }

func (b busy) Deliver(context.Context, notify.Message) (json.RawMessage, error) {
	for range 100 {
		runtime.Gosched()
	}
	return nil, nil
}

// Under the race detector: a delivery read its receiver while the reload
// wrote to it. Everything that a reload can change changes here, while
// requests, deliveries, writes and snapshots are under way. It is not in a
// bubble: waiting there synchronises, and hides the race.
func TestAReloadUnderLoadRacesWithNothing(t *testing.T) {
	l := newLife(t, 30)
	b := busy{time.Now().Add(10 * check.Day)}
	all := l.opt.Watched
	configure := func(n int) {
		l.opt.GroupWait, l.opt.Interval = 0, time.Millisecond
		l.opt.Watched = all[n%7:]
		l.opt.Concurrency = 1 + n%9
		l.opt.Projects = []watch.Project{{ID: projectID, API: b, Rate: float64(1000 + n%50), Credential: fmt.Sprint("ak", n/5%2)}}
		l.opt.Receivers = nil
		for i := range 3 + n%3 {
			id := fmt.Sprintf("r%d", i)
			if i > 2 {
				id = fmt.Sprintf("r%d of %d", i, n) // is new, and owed everything
			}
			l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: id, Name: id, Fallback: "r0", FallbackAfter: time.Minute, Audience: ledger.Audience{MinSeverity: []check.Severity{"", check.Critical}[n/3%2]}}, Sender: busy{b.until}})
		}
	}
	configure(0)
	l.start()
	for n := range 60 {
		configure(n)
		if err := l.watch.Reload(t.Context(), l.opt); err != nil {
			t.Fatal(err)
		}
		if _, err := l.watch.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
}
