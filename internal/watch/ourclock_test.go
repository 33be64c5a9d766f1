package watch_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// moveOurClock sets our clock while the daemon runs, and nothing of the
// cloud's: its dates stay, and its answers tell the true time.
func (l *life) moveOurClock(by time.Duration) {
	l.t.Helper()
	l.clock.Store(int64(by))
	l.pass(2*time.Second + 3)
	for range 40 {
		if l.clock.Load() == 0 {
			return
		}
		l.pass(time.Second)
	}
	l.t.Fatal("the clock could not be set")
}

// startOnTime starts the daemon with a cloud that tells the time, by which
// ours is ahead.
func (l *life) startOnTime(ahead time.Duration) {
	l.cloud.set(func(c *cloud) { c.ahead = &ahead })
	for id, ssl := range l.cloud.ssl {
		ssl.ExpiresAt = ssl.ExpiresAt.Add(-ahead)
		l.cloud.ssl[id] = ssl
	}
	l.startWithClock()
}

const off = "firing check_failing project prod"

// Our clock is 60 days ahead, and then right: not one expiry is told, the
// clock is told once, and then the truth.
func TestAClockThatIsAheadTellsNoExpiry(t *testing.T) {
	for name, instances := range map[string]int{"a fleet": 8, "one instance": 1} {
		t.Run(name, func(t *testing.T) {
			bubble(t, instances, func(l *life) {
				for i := range instances {
					l.expires(i, time.Now().Add(31*check.Day+12*time.Hour+123456789))
				}
				l.startOnTime(60 * check.Day)
				l.pass(26 * time.Hour)
				l.want(off)
				if text := l.pager.text(); !strings.Contains(text, "clock") || !strings.Contains(text, "60 days ahead") {
					t.Errorf("reads %s", text)
				}
				l.moveOurClock(-60 * check.Day)
				l.pass(time.Hour)
				l.want(off, "resolved check_failing project prod")
				l.pass(12 * time.Hour)
				lines := l.pager.lines()
				if len(lines) != 2+instances {
					t.Fatalf("told %d lines: %v", len(lines), lines)
				}
				for _, line := range lines[2:] {
					if !strings.HasPrefix(line, "firing certificate_expiring") || !strings.HasSuffix(line, "30d") {
						t.Error(line)
					}
				}
			})
		})
	}
}

// The same with a state that knows the dates, at the start.
func TestAStartUnderAWrongClockTellsNoExpiry(t *testing.T) {
	for _, ahead := range []time.Duration{60 * check.Day, 400 * check.Day} {
		bubble(t, 3, func(l *life) {
			for i := range 3 {
				l.expires(i, time.Now().Add(35*check.Day+123456789))
			}
			l.startOnTime(0)
			l.pass(time.Hour)
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.ahead(ahead)
			l.startWithClock()
			l.pass(time.Hour)
			l.want(off)
			if err := l.stop(); err != nil { // and it is remembered
				t.Fatal(err)
			}
			l.startWithClock()
			l.pass(time.Hour)
			l.want(off)
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.ahead(-ahead)
			l.startWithClock()
			l.pass(time.Hour)
			l.want(off, "resolved check_failing project prod")
		})
	}
}

// ahead moves our clock while no daemon runs.
func (l *life) ahead(by time.Duration) {
	l.disk.shift(l.t, -by)
	l.cloud.move(by)
}

// Forward and right again, back and right again: what stood stands, nothing
// is told falsely, and nothing waits for a time that lies far ahead.
func TestAClockThatJumpsAndIsRightAgainTellsNothingFalse(t *testing.T) {
	for _, by := range []time.Duration{400 * check.Day, -400 * check.Day, 20 * time.Hour, -3 * time.Hour} {
		for _, lasts := range []time.Duration{5 * time.Second, 26 * time.Hour} {
			t.Run(by.String()+" for "+lasts.String(), func(t *testing.T) {
				bubble(t, 4, func(l *life) {
					if l.opt.GroupWait = time.Second; lasts < time.Minute {
						l.maxSleep = time.Second
					}
					l.expires(0, time.Now().Add(25*check.Day+123456789))
					l.expires(1, time.Now().Add(30*check.Day+32*time.Hour+123456789))
					l.enabled(2, false)
					l.startOnTime(0)
					l.pass(time.Hour)
					told := []string{"firing certificate_expiring cache-0 30d", "firing ssl_disabled cache-2"}
					l.wantAny(told...)
					l.moveOurClock(by)
					l.pass(lasts)
					l.moveOurClock(-by)
					l.pass(2 * time.Minute)
					l.maxSleep = 0
					if lasts > time.Minute {
						told = append(told, off, "resolved check_failing project prod")
					}
					l.wantAny(told...)
					l.enabled(3, false)
					l.pass(16 * time.Minute)
					told = append(told, "firing ssl_disabled cache-3")
					l.wantAny(told...)
					l.opt.Repeat = nil
					l.reload()
					l.pass(32 * time.Hour)
					told = append(told, "firing certificate_expiring cache-1 30d")
					l.wantAny(told...)
				})
			})
		}
	}
}

// wantAny is want in any order; what is told of the clock of a few seconds
// may have been told or not, and reminders don't count.
func (l *life) wantAny(lines ...string) {
	l.t.Helper()
	left := map[string]int{}
	for _, line := range lines {
		left[line]++
	}
	for _, line := range l.pager.lines() {
		if strings.HasPrefix(line, "reminder") || strings.HasSuffix(line, "check_failing project prod") && left[line] == 0 {
			continue
		}
		left[line]--
	}
	for line, n := range left {
		if n != 0 {
			l.t.Errorf("%s: %+d", line, n)
		}
	}
}

// While the clock is wrong, what time does not bring is told as ever.
func TestUnderAWrongClockSwitchesAreTold(t *testing.T) {
	bubble(t, 3, func(l *life) {
		l.startOnTime(0)
		l.pass(time.Hour)
		l.moveOurClock(-100 * check.Day)
		l.pass(time.Hour)
		l.enabled(1, false)
		l.valid(2, false)
		l.pass(time.Hour)
		l.wantAny(off, "firing ssl_disabled cache-1", "firing ssl_invalid cache-2")
		l.enabled(1, true)
		l.pass(time.Hour)
		l.wantAny(off, "firing ssl_disabled cache-1", "firing ssl_invalid cache-2", "resolved ssl_disabled cache-1")
	})
}

// Nor is a first look told while the clock is wrong, nor a reminder: both are
// when it is right again.
func TestUnderAWrongClockNoFirstLookAndNoReminderIsTold(t *testing.T) {
	bubble(t, 2, func(l *life) {
		l.expires(0, time.Now().Add(29*check.Day))
		l.startOnTime(0)
		l.pass(time.Hour)
		told := []string{"firing certificate_expiring cache-0 30d"}
		l.want(told...)
		l.moveOurClock(20 * time.Hour)
		l.pass(time.Hour)
		l.expires(1, time.Now().Add(10*check.Day))
		l.pass(10 * check.Day)
		told = append(told, off)
		l.want(told...)
		l.moveOurClock(-20 * time.Hour)
		l.pass(time.Hour)
		l.wantAny(append(told, "resolved check_failing project prod", "firing certificate_expiring cache-1 7d")...)
		if got := strings.Join(l.pager.lines(), "\n"); strings.Count(got, "reminder certificate_expiring cache-0") != 1 {
			t.Errorf("told:\n%s", got)
		}
	})
}

// At the start nothing is told by a clock that no answer has vouched for yet.
func TestAStartWaitsForAnAnswerAboutTheClock(t *testing.T) {
	bubble(t, 2, func(l *life) {
		l.expires(0, time.Now().Add(35*check.Day))
		l.startOnTime(0)
		l.pass(time.Hour)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.ahead(60 * check.Day)
		l.cloud.set(func(c *cloud) { c.slow = time.Minute })
		l.startWithClock()
		l.pass(time.Hour)
		l.want(off)
	})
}

// When the API is down, time fires all the same; what it told by a clock that
// was wrong is taken back once the API says so, and the truth is told when it
// comes.
func TestWhatAWrongClockToldIsTakenBack(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.opt.Repeat = nil
		l.expires(0, time.Now().Add(20*check.Day+123456789))
		l.startOnTime(0)
		l.pass(time.Hour)
		l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Failed, Reason: reason.Text("no route")} })
		l.moveOurClock(400 * check.Day)
		l.pass(10 * time.Minute)
		told := []string{"firing certificate_expiring cache-0 30d", "firing certificate_expired cache-0"}
		l.want(told...)
		l.moveOurClock(-400 * check.Day)
		l.pass(10 * time.Minute)
		l.want(told...)
		l.cloud.set(func(c *cloud) { c.err = nil })
		l.pass(20 * time.Minute)
		told = append(told, "resolved certificate_expired cache-0")
		l.want(told...)
		if text := l.pager.text(); !strings.Contains(text, "taken back") {
			t.Errorf("reads %s", text)
		}
		l.pass(20*check.Day + time.Hour)
		l.want(append(told, "tighter certificate_expiring cache-0 14d", "tighter certificate_expiring cache-0 7d", "firing certificate_expired cache-0")...)
	})
}

// A process that was stopped, or a machine that slept, has not seen anything
// fail meanwhile, and nothing is overdue.
func TestAGapIsNoFailure(t *testing.T) {
	for name, gap := range map[string]func(*life){
		"the process was stopped": func(l *life) { l.hang.Store(int64(3 * time.Hour)); l.pass(3*time.Hour + time.Minute) },
		"the machine slept":       func(l *life) { l.moveOurClock(3 * time.Hour); l.cloud.move(-3 * time.Hour) },
	} {
		for _, blind := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				bubble(t, 3, func(l *life) {
					l.startOnTime(0)
					l.pass(time.Hour)
					if blind {
						l.fails(1, failed)
						l.pass(20 * time.Minute)
					}
					gap(l)
					l.pass(time.Minute)
					l.want()
					l.fails(1, nil)
					l.pass(time.Hour)
					l.want()
				})
			})
		}
	}
}

// A refusal because of the signature's time is enough to know.
func TestARefusedSignatureTimeTellsTheClock(t *testing.T) {
	bubble(t, 2, func(l *life) {
		l.expires(0, time.Now().Add(10*check.Day))
		refusal := &dcs.Error{Kind: dcs.Unauthenticated, Status: 401, Reason: reason.Text("its signature has expired"), Clock: dcs.Clock{Known: true, Ahead: -3 * time.Hour, Refused: true}}
		l.cloud.set(func(c *cloud) { c.err = refusal })
		l.start()
		l.pass(3 * time.Minute) // the first pass is waited for
		l.want(off)
		if text := l.pager.text(); !strings.Contains(text, "3 hours behind") {
			t.Errorf("reads %s", text)
		}
		l.cloud.set(func(c *cloud) { c.err, c.ahead = nil, new(time.Duration) })
		l.pass(20 * time.Minute)
		l.wantAny(off, "resolved check_failing project prod", "firing certificate_expiring cache-0 14d")
	})
}

// One answer that is wrong about the time is not believed, and holds up
// nothing for long.
func TestOneAnswerDoesNotMakeTheClockWrong(t *testing.T) {
	bubble(t, 2, func(l *life) {
		var n atomic.Int32
		l.cloud.set(func(c *cloud) {
			c.says = func() dcs.Clock {
				if n.Add(1) == 1 {
					return dcs.Clock{Known: true, Ahead: 60 * check.Day}
				}
				return dcs.Clock{Known: true}
			}
		})
		l.expires(0, time.Now().Add(10*check.Day))
		l.start()
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-0 14d")
	})
}

// SSL that may be off, and is, has no certificate that could expire.
func TestOfSSLThatMayBeOffNoExpiryIsTold(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.opt.Watched[0].Terms.RequireSSL = false
		l.expires(0, time.Now().Add(40*check.Day))
		l.startOnTime(0)
		l.pass(time.Hour)
		l.enabled(0, false)
		l.pass(60 * check.Day)
		l.want()
		for _, a := range check.Standing(l.disk.load(t).Records[instance(0).Key()], l.opt.Policy, time.Now()) {
			if a.State == check.Stands {
				t.Errorf("stands: %s", a.Condition)
			}
		}
	})
}
