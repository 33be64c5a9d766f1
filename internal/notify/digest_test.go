package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
)

// Read a difference as someone woken at three.
func TestADigestShowsTheWorstInFullAndNamesAllOthers(t *testing.T) {
	for _, n := range []int{41, 1000} {
		owed := notifytest.NewCrowd(n, 1, false).Owed(notifytest.Now)
		if n == 41 {
			owed = notifytest.NewCrowd(60, 1, false).Owed(notifytest.Now)[:41]
		}
		batch := utc.Batch(owed, notify.Limits{Items: 10_000, Bytes: 1 << 20}, notifytest.Now)
		if len(batch) != len(owed) {
			t.Errorf("%d of %d in the batch", len(batch), len(owed))
		}
		golden.Assert(t, plain(utc.Compose(batch, nil, notifytest.Now)), fmt.Sprintf("digest-%d.golden", n))
	}
}

func TestUpToFortyAreShownInFull(t *testing.T) {
	crowd := notifytest.NewCrowd(200, 2, false).Owed(notifytest.Now)
	for n, want := range map[int]int{1: 1, 39: 39, 40: 40, 41: 20, 130: 20} {
		full, named := 0, 0
		for _, g := range utc.Compose(utc.Batch(crowd[:n], wide, notifytest.Now), nil, notifytest.Now).Groups {
			if g.Brief {
				named += len(g.Items)
			} else {
				full += len(g.Items)
			}
		}
		if total := min(n, wide.Items); full != want || full+named != total {
			t.Errorf("of %d, %d in full and %d in short", n, full, named)
		}
	}
}

// Whatever the limits, each message is about as much as it tells, and what is
// told in all is what was owed, once.
func TestWhatADigestNamesIsWhatItTells(t *testing.T) {
	for seed, limits := range []notify.Limits{
		{Items: 40, Bytes: 13_000}, {Items: 450, Bytes: 13_000, Names: 30_000}, {Items: 41, Bytes: 500}, {Items: 10_000, Bytes: 1 << 20},
		{Items: 3, Bytes: 1}, {Items: 450, Bytes: 13_000, Names: 1000}, {Items: 450, Bytes: 13_000, Names: 30_000, Threads: true},
	} {
		for _, long := range []bool{false, true} {
			c := notifytest.NewCrowd(150, uint64(seed), long)
			owed := len(c.Owed(notifytest.Now))
			told := map[string]int{}
			for {
				m, batch := c.Next(limits, notifytest.Now)
				if len(batch) == 0 {
					break
				}
				if len(batch) > limits.Items {
					t.Fatalf("%+v: %d in a message", limits, len(batch))
				}
				in := map[string]bool{}
				for _, g := range m.Groups {
					for _, i := range g.Items {
						in[i.Notice.ID()] = true
						told[i.Notice.Key().String()+string(i.Notice.Condition)+string(i.Notice.Kind)]++
						if g.Brief && (i.Name != i.Notice.Instance || i.ID != i.Notice.InstanceID) {
							t.Errorf("%+v is named %q", i.Notice.Subject, i.Short())
						}
					}
				}
				for _, n := range batch {
					if !in[n.ID()] {
						t.Errorf("%+v: %s is entered, and not named", limits, n.Instance)
					}
				}
				if len(in) != len(batch) {
					t.Errorf("%+v: %d named, %d entered", limits, len(in), len(batch))
				}
				c.Took(m, batch, nil, notifytest.Now)
			}
			for n, times := range told {
				if times != 1 {
					t.Errorf("%+v: %s is told %d times", limits, n, times)
				}
			}
			if len(told) != owed {
				t.Errorf("%+v: %d told, %d owed", limits, len(told), owed)
			}
		}
	}
}

// A repeat is composed anew from what the first try told: it must not be cut
// in another place.
func TestARepeatOfADigestIsTheSameMessage(t *testing.T) {
	limits := notify.Limits{Items: 450, Bytes: 13_000, Names: 30_000}
	owed := notifytest.NewCrowd(900, 5, false).Owed(notifytest.Now)
	batch := utc.Batch(owed, limits, notifytest.Now)
	later := notifytest.Now.Add(90 * time.Minute)
	again := utc.Batch(batch, limits, later)
	a, b := utc.Compose(batch, nil, notifytest.Now), utc.Compose(again, nil, later)
	if len(again) != len(batch) || a.ID != b.ID {
		t.Errorf("%d and %d alerts, %s and %s", len(batch), len(again), a.ID, b.ID)
	}
}

func TestWhatToDoIsSaidOnceForWhatIsOnlyNamed(t *testing.T) {
	owed := notifytest.NewCrowd(1000, 3, false).Owed(notifytest.Now)
	batch := utc.Batch(owed, notify.Limits{Items: 10_000, Bytes: 1 << 20}, notifytest.Now)
	said := map[string]int{}
	for _, g := range utc.Compose(batch, nil, notifytest.Now).Groups {
		for _, a := range g.Advice {
			said[a]++
			if g.Brief && strings.Contains(a, "openssl s_client -connect redis-") {
				t.Errorf("about one of many: %s", a)
			}
		}
	}
	if said["Certificate expires soon: When it ends, clients that verify the certificate can't connect any more."] != 1 {
		t.Errorf("said: %v", said)
	}
	for a, n := range said {
		if n != 1 {
			t.Errorf("%d times: %s", n, a)
		}
	}
}

func TestAnEditedDigestNamesEachOnceWhatStandsFirst(t *testing.T) {
	c := notifytest.NewCrowd(600, 7, false)
	limits := notify.Limits{Items: 450, Bytes: 13_000, Names: 30_000}
	for i := 0; ; i++ {
		m, batch := c.Next(limits, notifytest.Now)
		if len(batch) == 0 {
			break
		}
		c.Took(m, batch, []byte(fmt.Sprintf(`"p%d"`, i)), notifytest.Now)
	}
	later := notifytest.Now.Add(time.Hour)
	c.Renew(3, later)
	for {
		m, batch := c.Next(limits, later)
		if len(batch) == 0 {
			break
		}
		c.Took(m, batch, nil, later)
	}
	stale := c.Stale(later)
	if len(stale) == 0 {
		t.Fatal("nothing is to be edited")
	}
	for _, r := range stale {
		shown, others := r.Digest()
		if len(r.Entries) <= notify.InFull {
			continue
		}
		told := map[string]int{}
		over := false
		for _, e := range shown {
			told[e.Key.InstanceID]++
			if over && !e.Over {
				t.Errorf("%s stands, after what is over", e.Line)
			}
			over = e.Over
		}
		for _, g := range others {
			if !strings.HasSuffix(g.Heading, fmt.Sprintf(": %d", len(g.Items))) || !g.Brief {
				t.Errorf("%d items under %q", len(g.Items), g.Heading)
			}
			if over && g.Firing {
				t.Errorf("%s after what is over", g.Heading)
			}
			over = !g.Firing
			for _, i := range g.Items {
				told[i.ID]++
				if !strings.Contains(i.Line, " "+i.Name+": ") || strings.HasPrefix(g.Heading, "FIRING") != g.Firing {
					t.Errorf("%q stands for %q under %q", i.Short(), i.Line, g.Heading)
				}
			}
		}
		if len(shown) != 20 || len(told) == 0 {
			t.Errorf("%d in full", len(shown))
		}
		named := 0
		for _, n := range told {
			named += n
		}
		if named != len(r.Entries) {
			t.Errorf("%d named, of %d", named, len(r.Entries))
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		owed := notifytest.NewCrowd(n, 1, false).Owed(notifytest.Now)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				batch := utc.Batch(owed, notify.Limits{Items: n, Bytes: 1 << 30}, notifytest.Now)
				m := utc.Compose(batch, nil, notifytest.Now)
				sent, _ := utc.Keep(nil, m, batch, []byte(`"p"`), notifytest.Now)
				utc.Keep(sent, m, batch, nil, notifytest.Now) // what follows
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(owed)), "ns/notice")
		})
	}
}

// BenchmarkBatch takes the next message of a storm: as often as there are
// messages.
func BenchmarkBatch(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		owed := notifytest.NewCrowd(n, 1, false).Owed(notifytest.Now)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				utc.Batch(owed, notify.Limits{Items: 450, Bytes: 13_000, Names: 30_000, Threads: true}, notifytest.Now)
			}
		})
	}
}
