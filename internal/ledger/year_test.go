package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/probe"
)

// TestASimulatedYear has an instance checked each hour for 400 days, with
// failures, renewals, switches, a receiver that is down now and then, and a
// restart each day.
func TestASimulatedYear(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			l := newLife(t)
			acc := newAccount()
			expires, enabled, valid := 90*day, true, true
			outage, shown := 0, 0
			l.record.Terms.Probe = seed%2 == 0
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
				if r.IntN(80) == 0 {
					shown = r.IntN(6)
				}
				if l.record.Terms.Probe && o.Cause == "" && enabled && !l.record.Off.Set {
					l.record = check.LearnHandshake(l.record, handshakes(shown, expires), l.policy, l.now)
				}
				if r.IntN(100) == 0 {
					l.down = !l.down
				}
				if err := l.step(acc); err != nil {
					t.Fatalf("hour %d: %v", h, err)
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
				if l.record.Terms.Probe {
					l.record = check.LearnHandshake(l.record, []probe.Result{serves(v4, l.now.Sub(birth)+300*day)}, l.policy, l.now)
				}
				if err := l.step(acc); err != nil {
					t.Fatalf("at the end: %v", err)
				}
			}
			if len(acc.open) > 0 || len(l.lines) > 0 {
				t.Errorf("still open: %v, %v", maps.Keys(acc.open), l.lines)
			}
		})
	}
}
