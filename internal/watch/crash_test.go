package watch_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// day is a day with every condition in it: what happens, and when.
var day = []struct {
	at   time.Duration
	what func(*life)
}{
	{40 * time.Minute, func(l *life) { l.enabled(1, false) }},
	{2*time.Hour + 20*time.Minute, func(l *life) { l.enabled(1, true); l.valid(2, false) }},
	{4*time.Hour + 10*time.Minute, func(l *life) { l.valid(2, true); l.fails(3, failed) }},
	{7 * time.Hour, func(l *life) { l.fails(3, nil); l.fails(4, unsupported); l.fails(5, missing) }},
	{8*time.Hour + 40*time.Minute, func(l *life) { l.fails(4, nil); l.fails(5, nil) }},
	{9*time.Hour + 30*time.Minute, func(l *life) { l.refuse(true) }},
	{11*time.Hour + 40*time.Minute, func(l *life) { l.refuse(false); l.enabled(6, false) }},
	{13*time.Hour + 30*time.Minute, func(l *life) { l.expires(0, time.Now().Add(400*check.Day)) }},
	{14 * time.Hour, func(l *life) { l.opt.Watched = l.opt.Watched[:6] }}, // and a reload
	{15 * time.Hour, func(*life) {}},
}

// dayTold is what each receiver is told of it, in the order of the alphabet.
var dayTold = []string{
	"firing certificate_expired cache-0",
	"firing certificate_expiring cache-0 6h",
	"firing check_failing cache-3",
	"firing check_failing cache-4",
	"firing check_failing cache-5",
	"firing check_failing project prod",
	"firing ssl_disabled cache-1",
	"firing ssl_disabled cache-6",
	"firing ssl_invalid cache-2",
	"resolved certificate_expired cache-0",
	"resolved check_failing cache-3",
	"resolved check_failing cache-4",
	"resolved check_failing cache-5",
	"resolved check_failing project prod",
	"resolved ssl_disabled cache-1",
	"resolved ssl_disabled cache-6",
	"resolved ssl_invalid cache-2",
	"tighter certificate_expiring cache-0 2h",
	"tighter certificate_expiring cache-0 4h",
}

// death is how a daemon dies, and for how long it is away.
type death struct {
	killAt int  // the operation that does not take effect any more; 0 for none
	cut    bool // the power goes, and with it what was not synced
	away   time.Duration
}

// crash is a death with what it left.
type crash struct {
	taken []int       // by receiver, how many messages it had
	left  state.State // on disk
}

// liveOnFile plays the day with the state in a file, and returns how many
// operations there were.
func liveOnFile(t *testing.T, d death) (operations int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 7)
		l.opt.Interval, l.opt.Repeat = 30*time.Minute, map[check.Severity]time.Duration{check.Critical: 130 * time.Minute}
		ladder := []check.Duration{check.Duration(6 * time.Hour), check.Duration(4 * time.Hour), check.Duration(2 * time.Hour)}
		for i := range l.opt.Watched {
			l.opt.Watched[i].Terms.Expiry, l.opt.Watched[i].Terms.Critical = ladder, ladder[2]
		}
		l.expires(0, time.Now().Add(8*time.Hour+123456789))
		mail, disk, f := newPager(), newRAM(), &fate{killAt: d.killAt, died: make(chan struct{})}
		mail.slow = 300 * time.Millisecond
		pagers := []*pager{l.pager, mail}
		l.opt.Receivers = nil
		for i, p := range pagers {
			id := []string{"oncall", "mail"}[i]
			l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: id, Name: id}, Sender: mortalPager{p, f}})
		}
		file := mount{disk, func(string) error {
			if f.step() {
				return errKilled
			}
			return nil
		}}
		var c *crash
		begin := time.Now()
		alive := false
		start := func() {
			err := l.startOnFile(file, slog.New(slog.DiscardHandler))
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			alive = err == nil
		}
		start()
		died := f.died
		// pass lets time pass until then, with a death and another start in
		// it if need be.
		pass := func(until time.Time) {
			select {
			case <-time.After(time.Until(until)):
				return
			case <-died:
			}
			died = nil
			if alive {
				_ = l.stop() // what it does now has no effect
			}
			if d.cut {
				disk.cut()
			}
			c = &crash{left: readable(t, disk.files())}
			for _, p := range pagers {
				c.taken = append(c.taken, len(p.got))
			}
			time.Sleep(d.away)
			f.rebirth()
			start()
			time.Sleep(time.Until(until))
		}
		for _, event := range day {
			pass(begin.Add(event.at))
			synctest.Wait()
			watched := len(l.opt.Watched)
			event.what(l)
			if len(l.opt.Watched) != watched {
				l.reload()
			}
		}
		f.rebirth() // the stop is not counted
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		operations = f.n
		for i, p := range pagers {
			for _, wrong := range judge(l.opt.Receivers[i].ID, i, p, c) {
				t.Errorf("%+v: %s", d, wrong)
			}
		}
		if s := readable(t, disk.files()); len(s.Records) != 6 || len(s.Ledgers["oncall"])+len(s.Ledgers["mail"])+len(s.Messages) > 0 {
			t.Errorf("%+v: left are %d records and the ledgers %v", d, len(s.Records), s.Ledgers)
		}
	})
	return operations
}

// judge tells what is wrong with what a receiver was told of the day.
func judge(receiver string, i int, p *pager, c *crash) (wrong []string) {
	// An alert may be told once more if it was in the last message before
	// the death, and what it did to the ledger was not on disk. Then it is
	// the same news, under the same ID.
	again := map[string]bool{}
	if c != nil && c.taken[i] > 0 {
		m := p.got[c.taken[i]-1]
		for _, n := range noticesOf(m) {
			if !written(c.left, receiver, n, m.Time) {
				again[n.ID()] = true
			}
		}
	}
	told, open := map[string]bool{}, map[string]bool{}
	var lines []string
	for _, m := range p.got {
		for _, n := range noticesOf(m) {
			alert := n.Key().String() + " " + string(n.Condition)
			if told[n.ID()] && again[n.ID()] {
				delete(again, n.ID()) // no third time
				continue
			}
			if told[n.ID()] {
				wrong = append(wrong, fmt.Sprintf("%s was told twice: %s %s, %s", receiver, n.Kind, n.Condition, n.Instance))
			}
			if n.Kind != ledger.Firing && !open[alert] {
				wrong = append(wrong, fmt.Sprintf("%s was told before its beginning: %s %s, %s", receiver, n.Kind, n.Condition, n.Instance))
			}
			told[n.ID()], open[alert] = true, n.Fires()
			if n.Kind != ledger.Reminder {
				lines = append(lines, line(n))
			}
		}
	}
	slices.Sort(lines)
	if !slices.Equal(lines, dayTold) {
		wrong = append(wrong, fmt.Sprintf("%s was told\n\t%s\nwant\n\t%s", receiver, strings.Join(lines, "\n\t"), strings.Join(dayTold, "\n\t")))
	}
	return wrong
}

// noticesOf returns the notices of a message, in their order.
func noticesOf(m notify.Message) (notices []ledger.Notice) {
	for _, g := range m.Groups {
		for _, item := range g.Items {
			notices = append(notices, item.Notice)
		}
	}
	return notices
}

// written reports whether the ledger on disk knows that a notice was told.
func written(s state.State, receiver string, n ledger.Notice, at time.Time) bool {
	told := s.Ledgers[receiver][n.Key()][n.Condition].Told
	if !n.Fires() {
		return told == nil
	}
	return told != nil && !told.Last.Before(at)
}

// Whatever the operation on the file system, or at a receiver, before which
// the daemon dies: each receiver is told all, once, but for the message whose
// answer was not on disk; and that one has the same ID both times.
func TestKilledAtEveryStepOfAWrite(t *testing.T) {
	operations := liveOnFile(t, death{})
	deaths := []death{{away: 0}, {away: 40*time.Minute + 7}, {cut: true, away: 3*time.Second + 7}}
	points := 0
	for k := 1; k <= operations; k++ {
		for i, d := range deaths {
			if *long || k%1021 == 340*i {
				d.killAt = k
				liveOnFile(t, d)
				points++
			}
		}
	}
	t.Logf("%d deaths in a life of %d operations", points, operations)
}
