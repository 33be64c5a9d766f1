package watch_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// setClock sets the clock while the daemon runs, and the dates of the cloud
// with it: they are as far away as before by no clock but the new one.
func (l *life) setClock(by time.Duration) {
	l.t.Helper()
	l.clock.Store(int64(by))
	l.pass(time.Minute + 3)
	if l.clock.Load() != 0 {
		l.t.Fatal("the clock could not be set")
	}
}

// startWithClock is start with a clock that can be set.
func (l *life) startWithClock() {
	l.clock, l.hang = new(atomic.Int64), new(atomic.Int64)
	l.turn = func() {
		time.Sleep(time.Duration(l.hang.Swap(0))) // fake time, in which the loop hangs
		by := time.Duration(l.clock.Load())
		if by == 0 || !l.watch.SetClock(by) {
			return
		}
		l.cloud.move(by)
		l.clock.Store(0)
	}
	l.start()
}

func TestAClockSetWhileItRunsTellsNothingTwiceAndHidesNothing(t *testing.T) {
	for _, by := range []time.Duration{-1000 * time.Hour, -24*time.Hour - 7, -3 * time.Second, 3 * time.Second, 10*time.Hour + 7} {
		bubble(t, 2, func(l *life) {
			l.expires(0, time.Now().Add(13*check.Day+123456789))
			l.startWithClock()
			l.pass(time.Hour)
			l.want("firing certificate_expiring cache-0 14d")
			l.setClock(by)
			l.pass(3 * time.Hour)
			l.want("firing certificate_expiring cache-0 14d")
			l.enabled(1, false)
			l.pass(time.Hour)
			l.want("firing certificate_expiring cache-0 14d", "firing ssl_disabled cache-1")
		})
	}
}

// What the daemon counts from lay in the future then.
func TestAClockSetBackHidesNoOverdueCheck(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.startWithClock()
		l.pass(time.Minute)
		l.setClock(-24 * time.Hour)
		l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Throttled, Status: 429, RetryAfter: 12 * time.Hour} })
		l.pass(3 * time.Hour)
		l.want("firing check_failing project prod")
	})
}

func TestAClockSetBackStopsNoSignOfLife(t *testing.T) {
	bubble(t, 3, func(l *life) {
		var clean atomic.Int32
		l.opt.Beat = func(sign watch.Beat, _ string) {
			if sign == watch.BeatSuccess {
				clean.Add(1)
			}
		}
		l.startWithClock()
		l.pass(time.Hour)
		before := clean.Load()
		l.setClock(-24 * time.Hour)
		l.pass(time.Hour)
		if n := clean.Load() - before; n < 3 {
			t.Errorf("%d clean passes in the hour after", n)
		}
	})
}
