package watch_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// List answers with what list returns.
func (c *cloud) List(ctx context.Context) (dcs.List, error) {
	c.mu.Lock()
	c.lists++
	list, slow := c.list, c.slow
	c.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return dcs.List{}, ctx.Err()
	}
	instances, err := list()
	if err != nil {
		return dcs.List{}, err
	}
	return dcs.List{Instances: instances}, nil
}

// listed is an instance as the list has it.
func listed(i int) dcs.Instance {
	return dcs.Instance{
		ID: instance(i).InstanceID, Name: instance(i).Instance, Engine: "Redis", Version: "6.0", Spec: "redis.ha.xu1.large.r2.2", Status: "RUNNING",
		SupportsSSL: true, Tags: map[string]string{"team": fmt.Sprint("t", i%2)},
	}
}

// discovering is a life in which the configuration lists no instance, and the
// cloud has so many.
func discovering(t *testing.T, n int) *life {
	l := newLife(t, n)
	l.opt.Watched = nil
	l.opt.Projects[0].Lister = l.cloud
	project := instance(0)
	project.InstanceID, project.Instance = "", ""
	l.opt.Discoveries = []check.Discovery{{Project: project, Terms: terms(), Interval: time.Hour}}
	l.lists(n)
	return l
}

// lists sets what the cloud lists: the first n instances.
func (l *life) lists(n int, but ...func(*dcs.Instance)) {
	var all []dcs.Instance
	for i := range n {
		one := listed(i)
		for _, change := range but {
			change(&one)
		}
		if one.ID != "" {
			all = append(all, one)
		}
	}
	l.cloud.set(func(c *cloud) { c.list = func() ([]dcs.Instance, error) { return all, nil } })
}

// without is a list that lacks one.
func without(i int) func(*dcs.Instance) {
	return func(one *dcs.Instance) {
		if one.ID == instance(i).InstanceID {
			one.ID = ""
		}
	}
}

func (l *life) deleted(i int) {
	l.cloud.set(func(c *cloud) { delete(c.ssl, instance(i).InstanceID) })
}

func discovery(t *testing.T, n int, f func(*life)) {
	synctest.Test(t, func(t *testing.T) {
		l := discovering(t, n)
		f(l)
		if err := l.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestWhatIsDiscoveredIsWatched(t *testing.T) {
	discovery(t, 3, func(l *life) {
		l.expires(1, time.Now().Add(10*check.Day+123456789))
		l.start()
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-1 14d")
		l.expires(3, time.Now().Add(5*check.Day+123456789))
		l.cloud.set(func(c *cloud) {
			ssl := c.ssl[instance(3).InstanceID]
			ssl.Enabled, ssl.Validated = true, true
			c.ssl[instance(3).InstanceID] = ssl
		})
		l.lists(4)
		l.pass(time.Hour)
		l.want("firing certificate_expiring cache-1 14d", "firing certificate_expiring cache-3 7d")
		if n := l.cloud.lists; n != 2 {
			t.Errorf("%d lists in an hour", n)
		}
	})
}

// The first pass is told together: also what only the list says.
func TestTheFirstPassOfADiscoveredFleetIsTogether(t *testing.T) {
	discovery(t, 200, func(l *life) {
		for i := range 200 {
			l.expires(i, time.Now().Add(5*check.Day+123456789))
		}
		l.start()
		l.pass(90 * time.Second)
		l.pager.mu.Lock()
		defer l.pager.mu.Unlock()
		if n := len(l.pager.got); n != 2 { // of up to 100 each
			t.Errorf("%d messages", n)
		}
	})
}

// SSL that was never on is nobody's accident, where nobody listed the instance.
func TestWhatNobodyHearsOfIsCounted(t *testing.T) {
	discovery(t, 5, func(l *life) {
		l.opt.Receivers[0].Audience.Match = map[string]string{"team": "t0"}
		l.start()
		l.pass(time.Minute)
		unheard := func() int {
			s, err := l.watch.Snapshot(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return s.Projects[projectID].Listing.Coverage.Unheard
		}
		if n := unheard(); n != 2 {
			t.Errorf("%d, want 2", n)
		}
		l.opt.Observers = []ledger.Receiver{{ID: "cluster/am-0", Name: "cluster", Audience: ledger.Audience{Match: map[string]string{"team": "t1"}}}}
		l.reload()
		l.pass(2 * time.Hour)
		if n := unheard(); n != 0 {
			t.Errorf("an observer hears of them: %d", n)
		}
	})
}

func TestOffIsAnAlertOfADiscoveredInstanceOnceItWasSeenOn(t *testing.T) {
	discovery(t, 2, func(l *life) {
		l.enabled(0, false)
		l.start()
		l.pass(3 * time.Hour)
		l.want()
		l.enabled(0, true)
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(20 * time.Minute)
		l.want("firing ssl_disabled cache-0")
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.start() // and that is remembered
		l.enabled(1, false)
		l.pass(20 * time.Minute)
		l.want("firing ssl_disabled cache-0", "firing ssl_disabled cache-1")
	})
}

func TestWhatIsGoneFromTheListAndTheCloudIsDeleted(t *testing.T) {
	discovery(t, 3, func(l *life) {
		l.start()
		l.pass(time.Minute)
		l.enabled(1, false)
		l.pass(20 * time.Minute)
		l.want("firing ssl_disabled cache-1")
		l.deleted(1)
		l.pass(10 * time.Minute) // it is only missing, so far
		l.want("firing ssl_disabled cache-1")
		l.lists(3, without(1))
		l.pass(time.Hour)
		l.want("firing ssl_disabled cache-1", "resolved ssl_disabled cache-1")
		if !strings.Contains(l.pager.text(), "deleted: it is no longer among the project's instances") {
			t.Error(l.pager.text())
		}
		l.pass(2 * time.Hour)
		if _, known := l.disk.load(t).Records[instance(1).Key()]; known {
			t.Error("its record stays")
		}
	})
}

// Each fault of a list, and each way in which it may lack what is there.
func TestNoFaultOfAListEndsAnAlert(t *testing.T) {
	broken := &dcs.Error{Kind: dcs.Failed, Reason: reason.New(reason.ListTooShort, reason.Args{"host": "dcs", "n": 1, "total": 3})}
	forbidden := &dcs.Error{Kind: dcs.Forbidden, Reason: reason.New(reason.MayNotList, reason.Args{"said": "(403)"})}
	for rule, change := range map[string]func(*life){
		"an error": func(l *life) {
			l.cloud.set(func(c *cloud) { c.list = func() ([]dcs.Instance, error) { return nil, broken } })
		},
		"forbidden": func(l *life) {
			l.cloud.set(func(c *cloud) { c.list = func() ([]dcs.Instance, error) { return nil, forbidden } })
		},
		"empty":                func(l *life) { l.lists(0) },
		"without the instance": func(l *life) { l.lists(3, without(1)) },
		"comes and goes":       func(l *life) { l.flap(3, 1) },
		"empty, and nothing can be seen any more": func(l *life) {
			l.lists(0)
			l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Forbidden, Reason: reason.Text("no")} })
		},
		"missing, and in the list": func(l *life) { l.deleted(1) },
		"missing, and no list": func(l *life) {
			l.deleted(1)
			l.cloud.set(func(c *cloud) { c.list = func() ([]dcs.Instance, error) { return nil, broken } })
		},
	} {
		t.Run(rule, func(t *testing.T) {
			discovery(t, 3, func(l *life) {
				l.expires(1, time.Now().Add(5*check.Day+123456789))
				l.start()
				l.pass(time.Minute)
				l.want("firing certificate_expiring cache-1 7d")
				change(l)
				l.pass(12 * time.Hour)
				for _, told := range l.pager.lines() {
					if strings.HasPrefix(told, "resolved") {
						t.Errorf("told: %s", told)
					}
				}
			})
		})
	}
}

// flap has an instance be in every second list.
func (l *life) flap(n, i int) {
	count := 0
	l.cloud.set(func(c *cloud) {
		c.list = func() ([]dcs.Instance, error) {
			var all []dcs.Instance
			count++
			for j := range n {
				if j != i || count%2 == 0 {
					all = append(all, listed(j))
				}
			}
			return all, nil
		}
	})
}

// A list that fails is told like a check that fails, and over when it is read.
func TestAListThatFailsIsToldLikeACheck(t *testing.T) {
	broken := &dcs.Error{Kind: dcs.Failed, Reason: reason.New(reason.APIFailed, reason.Args{"status": 500, "said": "(DCS.5000)"})}
	forbidden := &dcs.Error{Kind: dcs.Forbidden, Reason: reason.New(reason.MayNotList, reason.Args{"said": "(DCS.2007)"})}
	for rule, test := range map[string]struct {
		err    error
		known  int           // instances that are known before
		within time.Duration // until it is told
	}{
		"it fails":                              {broken, 2, 3 * time.Hour},
		"it fails from the beginning":           {broken, 0, 2 * time.Hour},
		"forbidden, as soon as it is confirmed": {forbidden, 2, 70 * time.Minute},
		"forbidden from the beginning":          {forbidden, 0, 2 * time.Minute},
	} {
		t.Run(rule, func(t *testing.T) {
			discovery(t, test.known, func(l *life) {
				fails := func() {
					l.cloud.set(func(c *cloud) { c.list = func() ([]dcs.Instance, error) { return nil, test.err } })
				}
				if test.known == 0 {
					fails()
				}
				l.start()
				l.pass(time.Minute)
				fails()
				l.pass(test.within)
				l.want("firing check_failing project prod")
				if !strings.Contains(l.pager.text(), "the list of its instances can't be read") {
					t.Error(l.pager.text())
				}
				l.lists(test.known)
				l.pass(20 * time.Minute)
				l.want("firing check_failing project prod", "resolved check_failing project prod")
			})
		})
	}
}

func TestAListedInstanceKeepsItsOwnTerms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := discovering(t, 3)
		own := instance(1)
		own.Instance = "by-hand"
		t1 := terms()
		t1.Expiry, t1.Critical = []check.Duration{check.Duration(3 * check.Day)}, check.Duration(3*check.Day)
		l.opt.Watched = []check.Watched{{Subject: own, Terms: t1}}
		l.expires(0, time.Now().Add(5*check.Day+123456789))
		l.expires(1, time.Now().Add(5*check.Day+123456789))
		l.lists(3, func(i *dcs.Instance) {
			if i.ID == own.InstanceID {
				i.ID = "553A2516-0000-0000-0000-000000000001" // the API does not mind
			}
		})
		l.start()
		l.pass(2 * time.Hour)
		l.want("firing certificate_expiring cache-0 7d")
		l.pass(2*check.Day + time.Hour)
		l.want("firing certificate_expiring cache-0 7d", "reminder certificate_expiring cache-0 7d", "firing certificate_expiring by-hand 3d", "reminder certificate_expiring cache-0 7d")
		// It is taken out of the configuration, and discovered then: no story.
		told := len(l.pager.lines())
		l.opt.Watched = nil
		l.reload()
		l.pass(2 * time.Hour)
		if lines := l.pager.lines(); len(lines) != told {
			t.Errorf("told: %q", lines[told:])
		}
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatNoLongerMatchesIsNoLongerWatched(t *testing.T) {
	discovery(t, 4, func(l *life) {
		for i := range 4 {
			l.expires(i, time.Now().Add(5*check.Day+123456789))
		}
		l.start()
		l.pass(time.Minute)
		if n := len(l.pager.lines()); n != 4 {
			t.Fatalf("%d told", n)
		}
		l.opt.Discoveries[0].Tags = map[string]string{"team": "t1"}
		l.reload()
		l.pass(2 * time.Minute)
		if got := strings.Join(l.pager.lines()[4:], "\n"); got != "resolved certificate_expiring cache-0\nresolved certificate_expiring cache-2" {
			t.Errorf("told:\n%s", got)
		}
	})
}

func TestANewNameIsNoStory(t *testing.T) {
	discovery(t, 2, func(l *life) {
		l.expires(0, time.Now().Add(5*check.Day+123456789))
		l.start()
		l.pass(time.Minute)
		l.lists(2, func(i *dcs.Instance) { i.Name = "new-" + i.Name })
		l.pass(2 * time.Hour)
		l.want("firing certificate_expiring cache-0 7d")
		l.pass(24 * time.Hour)
		l.want("firing certificate_expiring cache-0 7d", "reminder certificate_expiring new-cache-0 7d")
	})
}

// After a restart the list is read when it is due, and what is known is
// watched before.
func TestAListIsNotReadAnewAtEachStart(t *testing.T) {
	discovery(t, 3, func(l *life) {
		l.start()
		l.pass(5 * time.Minute)
		for range 5 {
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.start()
			l.pass(2 * time.Minute)
		}
		if n := l.cloud.lists; n != 1 {
			t.Errorf("%d lists", n)
		}
		l.enabled(2, false)
		l.pass(20 * time.Minute)
		l.want("firing ssl_disabled cache-2")
		l.reload() // but at each reload
		l.pass(time.Minute)
		if n := l.cloud.lists; n != 2 {
			t.Errorf("%d lists after a reload", n)
		}
	})
}

func TestAPassDiscovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := discovering(t, 30)
		l.opt.Watched = []check.Watched{{Subject: instance(7), Terms: terms()}}
		last, expected := 0, 0
		learnt, err := watch.Pass(t.Context(), l.opt, func(n, of int) { last, expected = n, of })
		for _, r := range learnt.Records {
			if !r.Due.IsZero() {
				t.Errorf("%s is due at %s, so it counts as overdue", r.Instance, r.Due)
			}
		}
		coverage := learnt.Listings[projectID].Coverage
		if err != nil || len(learnt.Records) != 30 || last != 31 || expected != 31 || coverage == nil || coverage.Watched != 30 {
			t.Errorf("%v, %d records, %d of %d answers, %+v", err, len(learnt.Records), last, expected, coverage)
		}
		l.cloud.set(func(c *cloud) {
			c.list = func() ([]dcs.Instance, error) { return nil, &dcs.Error{Kind: dcs.Forbidden, Reason: reason.Text("no")} }
		})
		learnt, err = watch.Pass(t.Context(), l.opt, func(int, int) {})
		if f := learnt.Listings[projectID].Failing; err != nil || len(learnt.Records) != 1 || f.Cause != check.CauseForbidden {
			t.Errorf("%v, %d records, %+v", err, len(learnt.Records), f)
		}
	})
}
