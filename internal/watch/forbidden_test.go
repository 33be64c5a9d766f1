package watch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
)

var forbidden = &dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("forbidden")}

// The second was never told, and of the first there was no name.
func TestEachInstanceThatIsForbiddenIsNamed(t *testing.T) {
	bubble(t, 3, func(l *life) {
		l.opt.Repeat = nil
		l.start()
		l.pass(time.Hour)
		l.fails(0, forbidden)
		l.pass(time.Hour)
		l.want("firing check_failing cache-0")
		l.fails(1, forbidden)
		l.pass(time.Hour)
		l.want("firing check_failing cache-0", "firing check_failing cache-1")
		l.fails(0, nil)
		l.pass(time.Hour)
		l.want("firing check_failing cache-0", "firing check_failing cache-1", "resolved check_failing cache-0")
	})
}

func TestWhatIsForbiddenForAllIsOneAlertOfTheProject(t *testing.T) {
	for name, since := range map[string]time.Duration{"from the start": 0, "after all was well": time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 20, func(l *life) {
				l.opt.Repeat = nil
				if since == 0 {
					l.cloud.err = forbidden
				}
				l.start()
				l.pass(since)
				l.cloud.set(func(c *cloud) { c.err = forbidden })
				l.pass(12 * time.Hour)
				l.want("firing check_failing project prod")
				// All are mended but two: those are named, and no other.
				l.fails(3, forbidden)
				l.fails(7, forbidden)
				l.cloud.set(func(c *cloud) { c.err = nil })
				l.pass(2 * time.Hour)
				// The end of the project comes first, or in the same message, in which
				// what fires stands first.
				got := l.pager.lines()
				slices.Sort(got[min(1, len(got)):])
				want := []string{"firing check_failing project prod", "firing check_failing cache-3", "firing check_failing cache-7", "resolved check_failing project prod"}
				if !slices.Equal(got, want) {
					t.Errorf("told %q", got)
				}
				ended := func(n ledger.Notice) bool { return line(n) == "resolved check_failing project prod" }
				if !slices.ContainsFunc(noticesOf(l.pager.got[1]), ended) {
					t.Errorf("an instance was named before the end of the project: %q", l.pager.lines())
				}
				for i := range 20 {
					l.fails(i, nil)
				}
				l.pass(2 * time.Hour)
				if got := l.pager.lines(); len(got) != 6 {
					t.Errorf("at the end told %q", got)
				}
			})
		})
	}
}

func TestAnInstanceIsNamedWhereNoOtherCanBeSeen(t *testing.T) {
	bubble(t, 2, func(l *life) {
		l.opt.Repeat = nil
		l.start()
		l.pass(time.Hour)
		l.fails(0, forbidden)
		l.fails(1, failed)
		l.pass(3 * time.Hour)
		got := l.pager.lines()
		slices.Sort(got)
		if !slices.Equal(got, []string{"firing check_failing cache-0", "firing check_failing cache-1"}) {
			t.Errorf("told %q", got)
		}
	})
}

// What was forbidden to all, and fails for another reason once the others can
// be seen again, is not taken for what the project speaks for.
func TestWhatFailsOtherwiseAfterAllWasForbiddenIsNamed(t *testing.T) {
	bubble(t, 3, func(l *life) {
		l.opt.Repeat = nil
		l.start()
		l.pass(time.Hour)
		l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("no")} })
		l.pass(4 * time.Hour)
		l.want("firing check_failing project prod")
		l.cloud.set(func(c *cloud) { c.err = nil })
		l.fails(0, &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")})
		l.pass(2 * time.Hour)
		l.wantAny("firing check_failing project prod", "resolved check_failing project prod", "firing check_failing cache-0")
		l.fails(0, nil)
		l.pass(2 * time.Hour)
		l.wantAny("firing check_failing project prod", "resolved check_failing project prod", "firing check_failing cache-0", "resolved check_failing cache-0")
	})
}

// In a fleet in which access comes and goes, over restarts, each instance
// that stays forbidden is named once in its episode, and its end is told once.
func TestEachEpisodeOfAForbiddenInstanceIsToldOnce(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 20
				r := rand.New(rand.NewPCG(seed, 403))
				l := newLife(t, n)
				l.opt.Repeat = nil
				l.start()
				l.pass(time.Hour)
				blind, episodes := [n]bool{}, [n]int{}
				for range 40 {
					for _, i := range r.Perm(n - 1)[:1+r.IntN(4)] { // one is always seen
						if blind[i] = !blind[i]; blind[i] {
							episodes[i]++
							l.fails(i, forbidden)
						} else {
							l.fails(i, nil)
						}
					}
					l.pass(40 * time.Minute)
					if r.IntN(3) == 0 {
						if err := l.stop(); err != nil {
							t.Fatal(err)
						}
						time.Sleep(time.Duration(r.IntN(int(time.Hour)))) // fake time, away
						l.start()
					}
				}
				l.pass(time.Hour)
				told := map[string]int{}
				for _, line := range l.pager.lines() {
					told[line]++
				}
				for i := range n {
					name := instance(i).Instance
					fired, ended := told["firing check_failing "+name], told["resolved check_failing "+name]
					want := episodes[i]
					if blind[i] {
						want--
					}
					if fired != episodes[i] || ended != want {
						t.Errorf("%s: %d episodes, %d told, %d ends", name, episodes[i], fired, ended)
					}
				}
				for line := range told {
					if strings.Contains(line, "project") {
						t.Errorf("told %q", line)
					}
				}
				if err := l.stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// Eight restarts were eight refusals, and six lock a key.
func TestAPauseAfterARefusalSurvivesARestart(t *testing.T) {
	bubble(t, 5, func(l *life) {
		l.refuse(true)
		l.start()
		for range 8 {
			l.pass(10 * time.Second)
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.start()
		}
		if n := l.cloud.count(); n != 1 {
			t.Errorf("%d requests with a refused key in 8 restarts", n)
		}
		l.pass(time.Hour)
		l.want("firing check_failing project prod")
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		n := l.cloud.count()
		l.opt.Projects[0].Credential = "another"
		l.start()
		l.pass(time.Second)
		if l.cloud.count() != n+1 {
			t.Error("another key is not tried at once")
		}
	})
}

func TestAPauseIsKnownToWhoeverLooksOn(t *testing.T) {
	bubble(t, 30, func(l *life) {
		l.start()
		l.pass(20 * time.Minute)
		l.cloud.set(func(c *cloud) {
			c.err = &dcs.Error{Kind: dcs.Throttled, Status: 429, Reason: reason.Text("asked too often"), RetryAfter: 50 * time.Minute}
		})
		l.pass(20 * time.Minute)
		s, err := l.watch.Snapshot(l.t.Context())
		p := s.Projects[projectID].Pause
		if err != nil || p.Why != check.PauseThrottled || !p.In(time.Now()) || p.Reason.String() != "asked too often" {
			t.Errorf("%v, the snapshot says %+v", err, p)
		}
		if p := l.disk.load(t).Projects[projectID].Pause; !p.In(time.Now()) {
			t.Errorf("the state says %+v", p)
		}
		n := l.cloud.count()
		l.pass(40 * time.Minute)
		if more := l.cloud.count() - n; more != 1 {
			t.Errorf("%d requests after the pause, want one that tries", more)
		}
		l.pass(2 * time.Hour)
		if text := l.pager.text(); !strings.Contains(text, "the project is paused until") {
			t.Errorf("told: %s", text)
		}
	})
}
