package watch_test

import (
	"context"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/state"
)

// cluster adds an observer with two addresses to a life.
func cluster(l *life, audience ledger.Audience) {
	for _, id := range []string{"cluster/am-0", "cluster/am-1"} {
		l.opt.Observers = append(l.opt.Observers, ledger.Receiver{
			ID: id, Name: "cluster", Audience: audience, Fallback: "oncall", FallbackAfter: 5 * time.Minute,
		})
	}
	l.opt.Receivers[0].Audience.Match = map[string]string{"team": "nobody"}
}

func observed(l *life, failure string, ids ...string) {
	for _, id := range ids {
		l.watch.Observed(l.t.Context(), id, failure)
	}
}

// health returns how the receivers do, by their IDs.
func health(l *life) map[string]state.ReceiverState {
	l.t.Helper()
	s, err := l.watch.Snapshot(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	out := map[string]state.ReceiverState{}
	for _, r := range s.Receivers {
		out[r.ID] = r
	}
	return out
}

func TestWhatAnObserverCanNotBeShownIsToldToItsFallback(t *testing.T) {
	bubble(t, 3, func(l *life) {
		cluster(l, ledger.Audience{MinSeverity: check.Critical})
		l.opt.Interval, l.opt.Repeat = 24*time.Hour, nil // so that it is no answer that has something told
		l.enabled(0, false)
		l.expires(1, time.Now().Add(20*check.Day)) // a warning, which the observer does not hear of
		l.start()
		l.pass(time.Hour)
		observed(l, "", "cluster/am-0", "cluster/am-1")
		l.pass(time.Hour)
		observed(l, "connection refused", "cluster/am-0")
		l.pass(time.Hour)
		l.want() // the other has what stands
		observed(l, "timeout", "cluster/am-1")
		l.pass(4 * time.Minute)
		l.want()
		l.pass(2 * time.Minute)
		l.want("firing ssl_disabled cache-0")
		observed(l, "", "cluster/am-0")
		l.enabled(0, true)
		l.enabled(2, false)
		l.pass(25 * time.Hour)
		l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0")
	})
}

func TestAReloadChangesWhoHearsWhatAnObserverCanNotBeShown(t *testing.T) {
	bubble(t, 1, func(l *life) {
		cluster(l, ledger.Audience{})
		l.opt.Observers[0].Fallback, l.opt.Observers[1].Fallback = "", ""
		l.enabled(0, false)
		l.start()
		l.pass(time.Hour)
		observed(l, "connection refused", "cluster/am-0", "cluster/am-1")
		l.pass(time.Hour)
		l.want()
		l.opt.Observers[0].Fallback, l.opt.Observers[1].Fallback = "oncall", "oncall"
		l.reload()
		l.pass(time.Minute)
		l.want("firing ssl_disabled cache-0")
	})
}

func TestHowAnObserverDoesIsKnownAndOutlivesARestart(t *testing.T) {
	bubble(t, 1, func(l *life) {
		cluster(l, ledger.Audience{})
		l.start()
		l.pass(time.Minute)
		observed(l, "", "cluster/am-0")
		l.pass(time.Minute)
		observed(l, "connection refused", "cluster/am-0")
		failing := time.Now()
		l.pass(time.Minute)
		observed(l, "timeout", "cluster/am-0")
		observed(l, "timeout", "another")
		for range 2 {
			all := health(l)
			got := all["cluster/am-0"]
			if got.Failure != "timeout" || !got.FailingSince.Equal(failing) || !got.Succeeded.Equal(failing.Add(-time.Minute)) || len(all) != 3 || !all["cluster/am-1"].Healthy() {
				t.Errorf("%+v", all)
			}
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.start()
			l.pass(time.Second)
		}
		l.opt.Observers = l.opt.Observers[:1]
		l.reload()
		if all := health(l); len(all) != 2 {
			t.Errorf("%+v", all)
		}
	})
}

// The downtime of sslwatch is none of the observer.
func TestAnObserverThatFailedBeforeARestartHasAMinute(t *testing.T) {
	bubble(t, 1, func(l *life) {
		cluster(l, ledger.Audience{})
		l.enabled(0, false)
		l.start()
		l.pass(time.Hour)
		observed(l, "", "cluster/am-1")
		observed(l, "connection refused", "cluster/am-0", "cluster/am-1")
		l.pass(time.Second)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		l.start()
		l.pass(50 * time.Second)
		observed(l, "", "cluster/am-0")
		l.pass(time.Hour)
		l.want()
		observed(l, "connection refused", "cluster/am-0")
		l.pass(time.Second)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.start()
		l.pass(50 * time.Second)
		l.want()
		l.pass(6 * time.Minute)
		l.want("firing ssl_disabled cache-0")
	})
}

func TestWhatIsHandedToAnObserverIsInTheSnapshot(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.opt.Receivers[0].Fallback, l.opt.Receivers[0].FallbackAfter = "cluster", 5*time.Minute
		l.opt.Observers = []ledger.Receiver{{ID: "cluster/am-0", Name: "cluster", Audience: ledger.Audience{MinSeverity: check.Critical}}}
		l.pager.err = &notify.Failure{Reason: "HTTP 503"}
		l.expires(0, time.Now().Add(20*check.Day))
		handed := func() int {
			s, err := l.watch.Snapshot(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return len(s.Handed["cluster"])
		}
		l.start()
		l.pass(4 * time.Minute)
		if n := handed(); n != 0 {
			t.Errorf("%d are handed too early", n)
		}
		l.pass(10 * time.Minute)
		if n := handed(); n != 1 {
			t.Errorf("%d are handed", n)
		}
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(10 * time.Minute)
		if n := handed(); n != 0 {
			t.Errorf("%d are handed after the receiver was told", n)
		}
	})
}
