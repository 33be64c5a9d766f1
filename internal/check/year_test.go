package check_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// ledger is an account of what one receiver heard, kept by other rules than
// those of the code under test: it counts.
type account struct {
	open       map[check.Condition]bool
	thresholds map[string]bool // certificate and threshold
	fired      map[check.Condition]int
	resolved   map[check.Condition]int
	last       map[check.Condition]time.Time
}

// take checks a notice against what was heard before.
func (a *account) take(n check.Notice, p check.Policy, now time.Time) error {
	switch n.Kind {
	case check.Firing, check.Tighter:
		if n.Condition == check.CertificateExpiring {
			key := fmt.Sprintf("%v %v %v", n.Certificate, n.Threshold, n.Severity)
			if a.thresholds[key] {
				return fmt.Errorf("threshold %v of %v was told before", n.Threshold, n.Certificate)
			}
			a.thresholds[key] = true
		} else if n.Kind == check.Firing && a.open[n.Condition] {
			return fmt.Errorf("%s fires and was open", n.Condition)
		}
		if n.Kind == check.Firing {
			a.fired[n.Condition]++
		}
		a.open[n.Condition] = true
	case check.Reminder:
		if !a.open[n.Condition] {
			return fmt.Errorf("reminder of %s, which was never told", n.Condition)
		}
		if since := now.Sub(a.last[n.Condition]); since < p.Repeat[n.Severity]/2 {
			return fmt.Errorf("reminder of %s after %v", n.Condition, since)
		}
	case check.Resolved:
		if !a.open[n.Condition] {
			return fmt.Errorf("%s is resolved and was not open", n.Condition)
		}
		a.resolved[n.Condition]++
		for _, c := range n.Closes {
			delete(a.open, c)
		}
	case check.Passed:
		if a.open[n.Condition] {
			return fmt.Errorf("%s passed and was told", n.Condition)
		}
	}
	a.last[n.Condition] = now
	return nil
}

// TestASimulatedYear has an instance checked each hour for 400 days, with
// failures, renewals, switches, a receiver that is down now and then, and a
// restart each day.
func TestASimulatedYear(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			l := newLife(t)
			acc := &account{
				open: map[check.Condition]bool{}, thresholds: map[string]bool{},
				fired: map[check.Condition]int{}, resolved: map[check.Condition]int{}, last: map[check.Condition]time.Time{},
			}
			expires, enabled, valid := 90*day, true, true
			outage := 0
			for h := range 400 * 24 {
				l.now = birth.Add(time.Duration(h)*hour + time.Duration(r.IntN(int(time.Minute))))
				left := birth.Add(expires).Sub(l.now)
				switch {
				case r.IntN(500) == 0:
					enabled = !enabled
				case r.IntN(700) == 0:
					valid = !valid
				case left < 20*day && r.IntN(300) == 0, left < -5*day:
					expires = l.now.Sub(birth) + time.Duration(60+r.IntN(100))*day
				}
				if outage == 0 && r.IntN(200) == 0 {
					outage = r.IntN(60)
				}
				o := on(expires)
				o.SSL.Validated = valid
				if !enabled {
					o = off
				}
				if outage > 0 {
					outage--
					o = failed
				}
				l.record = check.Learn(l.record, o, l.policy, l.now)
				if r.IntN(100) == 0 {
					l.down = !l.down
				}
				alerts := check.Standing(l.record, l.policy, l.now)
				notices := check.Owed(alerts, l.lines, l.who, l.policy, l.now)
				seen := map[string]bool{}
				for _, n := range notices {
					id := fmt.Sprintf("%s %v %v", n.Condition, n.Fires(), n.Certificate)
					if seen[id] {
						t.Fatalf("two notices for one alert: %v", notices)
					}
					seen[id] = true
				}
				l.lines = check.Await(l.lines, alerts, notices, l.now)
				for _, n := range notices {
					if l.down {
						l.lines = check.Miss(l.lines, n)
						continue
					}
					if err := acc.take(n, l.policy, l.now); err != nil {
						t.Fatalf("hour %d: %v", h, err)
					}
					l.lines = check.Tell(l.lines, n, "m", l.now)
				}
				if !l.down {
					if again := check.Owed(alerts, l.lines, l.who, l.policy, l.now); len(again) > 0 {
						t.Fatalf("hour %d: owed after delivery: %v", h, again)
					}
				}
				if h%24 == 23 {
					l.restarts()
				}
			}
			// At the end all becomes well, and everything that is open ends.
			l.down = false
			for range 3 {
				l.now = l.now.Add(hour)
				l.record = check.Learn(l.record, on(l.now.Sub(birth)+300*day), l.policy, l.now)
				alerts := check.Standing(l.record, l.policy, l.now)
				for _, n := range check.Owed(alerts, l.lines, l.who, l.policy, l.now) {
					if err := acc.take(n, l.policy, l.now); err != nil {
						t.Fatalf("at the end: %v", err)
					}
					l.lines = check.Tell(l.lines, n, "m", l.now)
				}
			}
			if len(acc.open) > 0 || len(l.lines) > 0 {
				t.Errorf("still open: %v, %v", maps.Keys(acc.open), l.lines)
			}
		})
	}
}
