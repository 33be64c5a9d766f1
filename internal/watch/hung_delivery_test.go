package watch_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// deaf is a receiver whose deliveries do not notice that their time is over,
// until it is woken.
type deaf struct {
	*pager
	asleep chan struct{}
}

func (d deaf) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	<-d.asleep
	return d.pager.Deliver(ctx, m)
}

func TestADeliveryThatDoesNotEndIsAFailedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		d := deaf{newPager(), make(chan struct{})}
		l.opt.Receivers = []watch.Receiver{
			{Receiver: ledger.Receiver{ID: "deaf", Name: "deaf", Fallback: "oncall", FallbackAfter: 10 * time.Minute}, Sender: d},
			{Receiver: ledger.Receiver{ID: "oncall", Name: "oncall"}, Sender: l.pager},
		}
		l.opt.Receivers[1].Audience.Match = map[string]string{"team": "nobody"} // it hears as the fallback
		l.start()
		l.pass(time.Minute)
		l.enabled(0, false)
		l.pass(40 * time.Minute)
		l.want("firing ssl_disabled cache-0")
		s, err := l.watch.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Receivers {
			if r.ID == "deaf" && !strings.Contains(r.Failure, "did not end") {
				t.Errorf("the deaf receiver passes for healthy: %q", r.Failure)
			}
		}
		l.reload()
		before := time.Now()
		if err := l.stop(); err != nil || time.Since(before) > 5*time.Second {
			t.Errorf("stopped after %v: %v", time.Since(before), err)
		}
		close(d.asleep)
	})
}
