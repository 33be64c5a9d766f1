package watch_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
)

// cutOff is a receiver that takes what it gets, and whose answer is lost.
func cutOff(p *pager) {
	p.took, p.err = true, &notify.Failure{Unknown: true, Reason: "the answer was cut off"}
}

func (p *pager) messages() []notify.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func TestWhatMayHaveArrivedIsRepeatedAtAGrowingPaceUnderTheSameIDAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 2)
		l.pager.set(cutOff)
		l.expires(0, time.Now().Add(5*check.Day))
		l.start()
		l.pass(time.Hour)
		got := l.pager.messages()
		if len(got) < 4 || len(got) > 7 {
			t.Fatalf("%d copies in the first hour, want some, and ever fewer", len(got))
		}
		for i, m := range got {
			if says := strings.Contains(m.Note, "may be a repeat"); says != (i > 0) || m.ID != got[0].ID {
				t.Errorf("copy %d: ID %s after %s, note %q", i, m.ID, got[0].ID, m.Note)
			}
		}
		for i := 2; i < len(got); i++ {
			if before, after := got[i-1].Time.Sub(got[i-2].Time), got[i].Time.Sub(got[i-1].Time); after <= before {
				t.Errorf("copy %d came %s after the one before, which had come after %s", i, after, before)
			}
		}

		// A restart does not make it a first message again, nor does it
		// repeat it any sooner.
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.start()
		l.pass(time.Minute)
		if n := len(l.pager.messages()) - len(got); n != 0 {
			t.Errorf("%d copies because of the restart", n)
		}
		l.pass(2 * time.Hour)
		after := l.pager.messages()
		if m := after[len(after)-1]; len(after) == len(got) || m.ID != got[0].ID || m.Note == "" {
			t.Errorf("after a restart: ID %s, note %q, %d messages", m.ID, m.Note, len(after))
		}

		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(6 * time.Hour)
		n := len(l.pager.messages())
		l.pass(12 * time.Hour)
		if again := len(l.pager.messages()); again != n {
			t.Errorf("%d copies more once it was known to have arrived", again-n)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNewsDoesNotWaitForWhatMayHaveArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 2)
		l.pager.set(cutOff)
		l.expires(0, time.Now().Add(5*check.Day))
		l.start()
		l.pass(45 * time.Minute)
		l.expires(1, time.Now().Add(5*check.Day))
		l.pager.set(func(p *pager) { p.err = nil })
		before := len(l.pager.messages())
		l.pass(16 * time.Minute) // the next check, and group_wait
		got := l.pager.messages()[before:]
		if len(got) != 2 {
			t.Fatalf("%d messages", len(got))
		}
		news, repeat := got[0], got[1]
		if news.Groups[0].Items[0].Notice.Instance != "cache-1" || news.Note != "" {
			t.Errorf("first came %q, note %q", news.Title, news.Note)
		}
		// What takes one message is likely to say what became of another.
		if repeat.Groups[0].Items[0].Notice.Instance != "cache-0" || repeat.Note == "" || repeat.Time.Sub(news.Time) > 5*time.Second {
			t.Errorf("then came %q after %s, note %q", repeat.Title, repeat.Time.Sub(news.Time), repeat.Note)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// What changed meanwhile was never sent, and is not held up.
func TestWhatIsNoLongerSoIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		l.pager.set(cutOff)
		l.expires(0, time.Now().Add(5*check.Day))
		l.start()
		l.pass(50 * time.Minute)
		before := len(l.pager.messages())
		l.expires(0, time.Now().Add(300*check.Day))
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(16 * time.Minute)
		got := l.pager.messages()[before:]
		if len(got) != 1 || got[0].Firing || got[0].Note != "" {
			t.Errorf("told %+v", got)
		}
		l.pass(5 * time.Hour)
		if n := len(l.pager.messages()) - before; n != 1 {
			t.Errorf("%d messages after the end", n)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
