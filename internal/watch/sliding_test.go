package watch_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
)

// sliding answers with dates that are worked out anew at each call.
func (l *life) sliding(date func() time.Time) {
	l.cloud.set(func(c *cloud) {
		c.date = func(ssl dcs.SSL) time.Time { return date() }
	})
}

// A date that is computed anew at each check is one certificate, as long as it
// is less than a day from the one that was believed first.
func TestADateThatMovesIsNeitherARenewalNorAStory(t *testing.T) {
	for name, date := range map[string]func(start time.Time, calls int) time.Time{
		"now and five days": func(time.Time, int) time.Time { return time.Now().Add(5 * check.Day) },
		"the same second": func(start time.Time, n int) time.Time {
			return start.Add(5*check.Day + time.Duration(n%7)*time.Millisecond)
		},
		"two nodes": func(start time.Time, n int) time.Time { return start.Add(5*check.Day + time.Duration(n%2)*3*time.Hour) },
		"ever earlier": func(start time.Time, n int) time.Time {
			return start.Add(5*check.Day - time.Duration(n)*10*time.Minute)
		},
		"a day but an instant": func(start time.Time, n int) time.Time {
			return start.Add(5*check.Day + time.Duration(n%2)*(check.Day-1))
		},
		"earlier by as much": func(start time.Time, n int) time.Time {
			return start.Add(5*check.Day - time.Duration(n%2)*(check.Day-1))
		},
		"rounded to the minute": func(time.Time, int) time.Time { return time.Now().Add(5 * check.Day).Round(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(l *life) {
				start, calls := time.Now(), 0
				l.sliding(func() time.Time { calls++; return date(start, calls-1) })
				l.start()
				for range 4 {
					l.pass(5*time.Hour + 123456789)
					l.want("firing certificate_expiring cache-0 7d")
					if err := l.stop(); err != nil { // nor does a restart make it one
						t.Fatal(err)
					}
					l.start()
				}
			})
		})
	}
}

// The latest date is counted down from, and shown.
func TestTheLatestDateOfACertificateCounts(t *testing.T) {
	bubble(t, 1, func(l *life) {
		start := time.Now()
		date := start.Add(30*check.Day + time.Hour)
		l.sliding(func() time.Time { return date })
		l.start()
		l.pass(time.Minute)
		l.cloud.set(func(*cloud) { date = start.Add(30*check.Day + 10*time.Hour) })
		l.pass(9 * time.Hour)
		l.want()
		l.pass(time.Hour + time.Minute)
		l.want("firing certificate_expiring cache-0 30d")
		if got := l.disk.load(t).Records[instance(0).Key()].NotAfter; !got.Equal(date) {
			t.Errorf("shown is %v", got)
		}
	})
}

// By less than a day at a time it can't creep away: what counts is the date
// that was believed first.
func TestADateThatCreepsIsAnotherCertificateAfterADay(t *testing.T) {
	bubble(t, 1, func(l *life) {
		start := time.Now()
		l.sliding(func() time.Time { return start.Add(5*check.Day + 2*time.Since(start)) })
		l.opt.Repeat = nil
		l.start()
		l.pass(11 * time.Hour)
		l.want("firing certificate_expiring cache-0 7d")
		l.pass(2 * time.Hour)
		l.want("firing certificate_expiring cache-0 7d", "resolved certificate_expiring cache-0", "firing certificate_expiring cache-0 7d")
		l.pass(10 * time.Hour)
		if n := len(l.pager.lines()); n != 3 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestADayLaterIsARenewalAndADayEarlierIsSaid(t *testing.T) {
	for name, row := range map[string]struct {
		by   time.Duration
		want []string
	}{
		"a day later":     {check.Day, []string{"firing certificate_expiring cache-0 7d", "resolved certificate_expiring cache-0", "firing certificate_expiring cache-0 7d"}},
		"a day earlier":   {-check.Day, []string{"firing certificate_expiring cache-0 7d", "tighter certificate_expiring cache-0 7d"}},
		"a year later":    {365 * check.Day, []string{"firing certificate_expiring cache-0 7d", "resolved certificate_expiring cache-0"}},
		"less than a day": {check.Day - 1, []string{"firing certificate_expiring cache-0 7d"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(l *life) {
				date := time.Now().Add(5*check.Day + 123456789)
				l.sliding(func() time.Time { return date })
				l.start()
				l.pass(time.Hour)
				l.cloud.set(func(*cloud) { date = date.Add(row.by) })
				l.pass(time.Hour)
				got := l.pager.lines()
				slices.Sort(got)
				want := slices.Sorted(slices.Values(row.want))
				if !slices.Equal(got, want) {
					t.Errorf("told %q, want %q", got, want)
				}
			})
		})
	}
}

// What expired does not expire anew, nor come near its end again, because its
// date moves over the present.
func TestADateThatMovesOverThePresentIsToldOnce(t *testing.T) {
	bubble(t, 1, func(l *life) {
		start, calls := time.Now(), 0
		l.sliding(func() time.Time { calls++; return start.Add(time.Hour + time.Duration(calls%2)*5*time.Hour) })
		l.start()
		l.pass(20 * time.Hour)
		l.want("firing certificate_expiring cache-0 7d", "firing certificate_expired cache-0")
	})
}

// The same news has the same ID, however its date moved before it arrived.
func TestTheIDOfNewsDoesNotDependOnADateThatMoves(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.sliding(func() time.Time { return time.Now().Add(5 * check.Day) })
		l.pager.set(func(p *pager) { p.err, p.took = errShort, true })
		l.start()
		l.pass(3 * time.Hour)
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(time.Hour)
		ids := map[string]bool{}
		for _, m := range l.pager.got {
			ids[m.ID] = true
		}
		if len(l.pager.got) < 3 || len(ids) != 1 {
			t.Errorf("%d messages with %d IDs", len(l.pager.got), len(ids))
		}
	})
}
