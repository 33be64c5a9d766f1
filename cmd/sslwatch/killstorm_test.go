package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

var kills = flag.Int("kills", 6, "how often the daemon is killed in TestKilledInAStorm")

// flip is one change of the cloud that everyone has to hear of.
type flip struct {
	notice told
	before map[string]int // by channel: how often it was told before
}

// storm switches SSL off and on again all over a fleet: the next time on an
// instance as soon as everyone has heard of the last.
type storm struct {
	p     *place
	names []string
	on    map[string]bool
	open  map[string]flip // by instance: what not everyone has heard of
	flips map[told]int    // how often each was to be told
}

// blow flips what can be flipped, with some chance.
func (s *storm) blow(chance float64) {
	s.p.t.Helper()
	heard := map[string]map[told]int{}
	for _, c := range channels {
		heard[c] = s.p.got(c)
	}
	for _, name := range s.names {
		if f, waits := s.open[name]; waits {
			told := true
			for _, c := range channels {
				told = told && heard[c][f.notice] > f.before[c]
			}
			if !told {
				continue
			}
			delete(s.open, name)
		}
		if rand.Float64() >= chance {
			continue
		}
		on := !s.on[name]
		f := flip{notice: told{"FIRING", "ssl_disabled", name, ""}, before: map[string]int{}}
		if on {
			f.notice.status = "RESOLVED"
		}
		for _, c := range channels {
			f.before[c] = heard[c][f.notice]
		}
		if err := s.p.world.DCS.Change(name, func(i *simcloud.Instance) { i.Enabled = on }); err != nil {
			s.p.t.Fatal(err)
		}
		s.on[name], s.open[name] = on, f
		s.flips[f.notice]++
	}
}

// A daemon that is killed at random moments in a storm loses nothing, and
// repeats at most what was under way.
func TestKilledInAStorm(t *testing.T) {
	t.Parallel()
	s := &storm{on: map[string]bool{}, open: map[string]flip{}, flips: map[told]int{}}
	var fleet []simcloud.Instance
	for i := range 30 {
		name := fmt.Sprintf("cache-%02d", i)
		s.names = append(s.names, name)
		s.on[name] = true
		instance := well(name, 300*days)
		instance.ID = fmt.Sprintf("553a2516-b865-4159-b774-%012d", i)
		fleet = append(fleet, instance)
	}
	s.p = newPlace(t, quick, fleet...)
	for range *kills {
		d := s.p.daemon()
		for end := time.Now().Add(time.Duration(500+rand.IntN(1000)) * time.Millisecond); time.Now().Before(end); {
			s.blow(0.05)
			time.Sleep(time.Duration(1+rand.IntN(10)) * time.Millisecond)
		}
		if err := d.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		d.Wait()
		s.blow(0.3)
	}
	s.p.daemon()
	s.p.until("everyone has heard of everything", func() bool { s.blow(0); return len(s.open) == 0 })
	s.p.passes(4 * len(fleet))

	all, lost, repeated := 0, 0, 0
	for _, c := range channels {
		got := s.p.got(c)
		for notice, n := range s.flips {
			all += n
			if got[notice] < n {
				lost += n - got[notice]
			}
			repeated += max(0, got[notice]-n)
			delete(got, notice)
		}
		for notice, n := range got {
			t.Errorf("%s got %q %d times, which never was", c, notice, n)
		}
	}
	t.Logf("%d kills: %d notices, %d lost, %d repeated", *kills, all, lost, repeated)
	if lost > 0 {
		t.Errorf("%d of %d notices were lost", lost, all)
	}
	if *kills >= 100 && repeated*100 > all {
		t.Errorf("%d of %d notices were told twice, more than 1 in 100", repeated, all)
	}
}
