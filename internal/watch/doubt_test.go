package watch_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// ids returns the messages that were told, and how many of them say that they
// may be a repeat.
func (p *pager) ids() (ids []string, notes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got {
		ids = append(ids, m.ID)
		if m.Note != "" {
			notes++
		}
	}
	return ids, notes
}

func (l *life) healthy() bool {
	l.t.Helper()
	s, err := l.watch.Snapshot(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return s.Receivers[0].Healthy()
}

// Such is a server whose content filter takes longer than anybody waits.
func TestAMessageThatMayHaveArrivedIsRepeatedEverLater(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.pager.set(cutOff)
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		l.pass(30 * time.Second)
		if ids, notes := l.pager.ids(); len(ids) != 1 || notes != 0 || !l.healthy() {
			t.Errorf("after one lost answer: %v, %d say that they may be repeats, healthy %t", ids, notes, l.healthy())
		}
		l.pass(23 * time.Hour)
		ids, notes := l.pager.ids()
		// After 1, 4, 13, 40, 121 and 364 minutes, then each 6 hours.
		if len(ids) != 9 || len(slices.Compact(slices.Clone(ids))) != 1 || notes != 8 {
			t.Errorf("in 23 hours: %v, of which %d say that they may be repeats", ids, notes)
		}
		if l.healthy() {
			t.Error("healthy, although no answer ever came")
		}
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(6 * time.Hour)
		if after, _ := l.pager.ids(); len(after) != 10 || after[9] != ids[0] || !l.healthy() {
			t.Errorf("once there was an answer: %v, healthy %t", after[9:], l.healthy())
		}
	})
}

// A daemon that is started again and again does not send a copy each time.
func TestTheDoubtOutlivesARestartAndAReload(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.pager.set(cutOff)
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		l.pass(2 * time.Hour)
		before, _ := l.pager.ids() // the next one is due in minutes
		for range 20 {
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.start()
			l.pass(10 * time.Second)
			l.reload()
			l.pass(10 * time.Second)
		}
		after, _ := l.pager.ids()
		if len(after) > len(before)+1 || after[len(after)-1] != before[0] {
			t.Errorf("%d messages before, %d after 20 restarts and reloads", len(before), len(after))
		}
	})
}

// A stop cuts off a delivery whose answer is awaited.
func TestAStopThatCutsOffAnAnswerLeavesADoubt(t *testing.T) {
	bubble(t, 1, func(l *life) {
		carrier := &unanswered{newPager()}
		l.opt.Receivers[0].Sender = carrier
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		l.pass(time.Minute)
		stopped := time.Now()
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(stopped); took > 5*time.Second {
			t.Errorf("the stop took %s", took)
		}
		l.opt.Receivers[0].Sender = l.pager
		l.start()
		l.pass(20 * time.Second)
		if n := len(l.pager.lines()); n != 0 {
			t.Errorf("%d messages at once", n)
		}
		l.pass(2 * time.Minute)
		if ids, notes := l.pager.ids(); len(ids) != 1 || notes != 1 {
			t.Errorf("%v, of which %d say that they may be repeats", ids, notes)
		}
	})
}

func TestADeliveryMayTakeAsLongAsItsReceiverSays(t *testing.T) {
	bubble(t, 1, func(l *life) {
		other := newPager()
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail/ops", Name: "mail"}, Sender: other})
		l.pager.limits.Timeout = time.Hour
		l.pager.slow = 6 * time.Minute
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		for range 20 {
			l.pass(30 * time.Second)
			if !l.healthy() {
				t.Fatalf("not healthy at %s", time.Now())
			}
		}
		l.want("firing certificate_expiring cache-0 7d")
		if l.pager.tried() != 1 || len(other.lines()) != 1 {
			t.Errorf("tried %d times; the other was told %v", l.pager.tried(), other.lines())
		}
	})
}

func TestAReceiverThatDoesNotAnswerForLongIsNotHealthy(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.pager.limits.Timeout = 10 * time.Hour
		l.pager.slow = time.Hour
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		l.pass(12 * time.Minute)
		if l.healthy() {
			t.Error("healthy after 12 minutes without an answer")
		}
		l.pass(time.Hour)
		if !l.healthy() {
			t.Error("not healthy after the answer")
		}
		l.want("firing certificate_expiring cache-0 7d")
	})
}

func TestAReloadEndsADeliveryByAnotherCarrierOnly(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.pager.limits.Timeout = 10 * time.Hour
		l.pager.slow = time.Hour
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		l.pass(time.Minute)
		l.reload()
		l.pass(time.Minute)
		if l.pager.tried() != 1 {
			t.Errorf("tried %d times after a reload that changed nothing", l.pager.tried())
		}
		mended := newPager()
		l.opt.Receivers[0].Sender = mended
		l.reload()
		l.pass(time.Second)
		if len(mended.lines()) != 1 {
			t.Errorf("the mended one was told %v", mended.lines())
		}
		l.pass(2 * time.Hour)
		if len(l.pager.lines()) != 0 || len(mended.lines()) != 1 {
			t.Errorf("told %v and %v", l.pager.lines(), mended.lines())
		}
	})
}

// unanswered is a receiver that has sent all, and waits for the yes.
type unanswered struct{ *pager }

func (u *unanswered) Deliver(ctx context.Context, _ notify.Message) (json.RawMessage, error) {
	<-ctx.Done()
	return nil, &notify.Failure{Unknown: true, Reason: "no answer", Err: ctx.Err()}
}
