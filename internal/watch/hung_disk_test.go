package watch_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestADiskThatDoesNotAnswerHoldsUpNoAlert(t *testing.T) {
	bubble(t, 2, func(l *life) {
		l.start()
		l.pass(20 * time.Minute)
		l.disk.set(func(m *memory) { m.slow = 10 * time.Hour })
		l.enabled(0, false)
		l.pass(20 * time.Minute)
		l.enabled(1, false)
		l.pass(20 * time.Minute)
		l.want("firing ssl_disabled cache-0", "firing ssl_disabled cache-1")
		s, err := l.watch.Snapshot(l.t.Context())
		if err != nil || !strings.Contains(s.Unwritten, "does not answer") {
			t.Errorf("the snapshot says %q, %v", s.Unwritten, err)
		}
		l.disk.set(func(m *memory) { m.slow = 0 })
		l.pass(11 * time.Hour)
		if s, _ := l.watch.Snapshot(l.t.Context()); s.Unwritten != "" {
			t.Errorf("not healed: %q", s.Unwritten)
		}
		if n := len(l.disk.load(t).Ledgers["oncall"]); n != 2 {
			t.Errorf("%d lines on disk", n)
		}
		l.want("firing ssl_disabled cache-0", "firing ssl_disabled cache-1")
	})
}

func TestADiskThatDoesNotAnswerHoldsUpNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		l.start()
		l.pass(20 * time.Minute)
		l.disk.set(func(m *memory) { m.slow = 10 * time.Hour })
		l.enabled(0, false)
		l.pass(20 * time.Minute)
		before := time.Now()
		if err := l.stop(); err == nil || time.Since(before) > 5*time.Second {
			t.Errorf("stopped after %v: %v", time.Since(before), err)
		}
		time.Sleep(10 * time.Hour) // fake time, for the write to end
	})
}
