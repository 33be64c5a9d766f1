package watch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// hanging is an API whose requests are ended by their timeout.
type hanging struct{ timeout time.Duration }

func (h hanging) SSL(ctx context.Context, _ string) (dcs.SSL, error) {
	select {
	case <-time.After(h.timeout):
		return dcs.SSL{}, &dcs.Error{Kind: dcs.Failed, Reason: reason.Text(fmt.Sprintf("the API did not answer in full within %v", h.timeout))}
	case <-ctx.Done():
		return dcs.SSL{}, ctx.Err()
	}
}

// switched is an API that can be exchanged.
type switched struct {
	mu  sync.Mutex
	api watch.API
}

func (s *switched) SSL(ctx context.Context, id string) (dcs.SSL, error) {
	s.mu.Lock()
	api := s.api
	s.mu.Unlock()
	return api.SSL(ctx, id)
}

func (s *switched) to(api watch.API) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api = api
}

// beside adds a project with instances of its own to a life. Its ID comes
// before that of the other, as it does in the configuration.
func (l *life) beside(api watch.API, credential string, n int) (id string) {
	id = fmt.Sprintf("000000000000000000000000%08d", len(l.opt.Projects))
	l.opt.Projects = append([]watch.Project{{ID: id, API: api, Rate: 5, Credential: credential}}, l.opt.Projects...)
	for i := range n {
		s := instance(i)
		s.ProjectID, s.Project = id, "hanging"
		l.opt.Watched = append(l.opt.Watched, check.Watched{Subject: s, Terms: terms()})
	}
	return id
}

// latest returns how long ago the check was that is the longest ago, of the
// instances of a project.
func (l *life) latest(projectID string) (ago time.Duration) {
	l.t.Helper()
	s, err := l.watch.Snapshot(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, r := range s.Records {
		if r.ProjectID == projectID {
			ago = max(ago, time.Since(r.Verified))
		}
	}
	return ago
}

// A project of 600 instances whose requests hang held all the requests that
// may be under way, and another was never asked again.
func TestAProjectThatHangsHoldsUpNoOther(t *testing.T) {
	for name, tc := range map[string]struct {
		credential  string // of the one that hangs; that of the other is "ak"
		hanging     int    // projects
		concurrency int
		well        time.Duration // how long all is well before
		hours       int
	}{
		"from the start":                    {"other", 1, 8, 0, 1},
		"from the start, with the same key": {"ak", 1, 8, 0, 1},
		"after all was well":                {"other", 1, 8, time.Hour, 12},
		"two requests":                      {"other", 1, 2, time.Hour, 1},
		"more projects than requests":       {"other", 9, 4, time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 100, func(l *life) {
				l.opt.Concurrency, l.disk.slow = tc.concurrency, 7*time.Second
				l.opt.Receivers = nil // what is told of it is the matter of other tests
				l.opt.Repeat = nil
				api := &switched{api: l.cloud}
				for range tc.hanging {
					l.beside(api, tc.credential, 600/tc.hanging)
				}
				if tc.well == 0 {
					api.to(hanging{15 * time.Second})
				}
				l.start()
				l.pass(tc.well + 2*time.Minute)
				api.to(hanging{15 * time.Second})
				for range 2 * tc.hours {
					l.pass(30 * time.Minute)
					if ago := l.latest(projectID); ago > l.opt.Interval+time.Minute {
						t.Fatalf("an instance of the healthy project was last checked %v ago", ago)
					}
				}
				l.disk.set(func(m *memory) { m.slow = 0 })
				l.pass(8 * time.Second) // for the write that is under way to end
			})
		})
	}
}

// It took 38 minutes, and the projects were asked one after another.
func TestAPassIsBoundedWhereAProjectHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 300)
		hangs := l.beside(hanging{15 * time.Second}, "other", 600)
		start := time.Now()
		learnt, err := watch.Pass(t.Context(), l.opt, func(int, int) {})
		records := learnt.Records
		if took := time.Since(start); err != nil || len(records) != 900 || took > 90*time.Second {
			t.Errorf("%v, %d records after %v", err, len(records), took)
		}
		for _, r := range records {
			if failed := r.Failing.Count > 0; failed != (r.ProjectID == hangs) {
				t.Errorf("%s of %s: %+v", r.Instance, r.Project, r.Failing)
			}
		}
	})
}

// Where only some requests hang, the others are asked all the same.
func TestAPassGivesNoProjectUpForSomeRequestsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 100)
		l.opt.Projects[0].API = partly{l.cloud, hanging{15 * time.Second}}
		learnt, err := watch.Pass(t.Context(), l.opt, func(int, int) {})
		records := learnt.Records
		failed := 0
		for _, r := range records {
			if r.Failing.Count > 0 {
				failed++
			}
		}
		if err != nil || len(records) != 100 || failed != 20 {
			t.Errorf("%v, %d records, %d failed", err, len(records), failed)
		}
	})
}

// partly hangs for every fifth instance.
type partly struct{ well, ill watch.API }

func (p partly) SSL(ctx context.Context, id string) (dcs.SSL, error) {
	if d := id[len(id)-1]; d == '3' || d == '8' {
		return p.ill.SSL(ctx, id)
	}
	return p.well.SSL(ctx, id)
}

// It took the loop up to 99 seconds, longer than its watchdog waits.
func TestAFleetThatLeavesIsForgottenInSlices(t *testing.T) {
	n := 2000
	if *long {
		n = 20_000
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, n)
		l.opt.Receivers, l.opt.Projects[0].Rate, l.opt.Concurrency = nil, 1000, 64
		l.disk.slow = time.Second
		known, most := 0, 0 // at the last turn; that were forgotten in one
		l.turn = func() {
			now := l.watch.Known()
			most, known = max(most, known-now), now
		}
		for restart, left := range []int{n - 10, 0} {
			l.start()
			l.pass(2 * time.Minute)
			l.opt.Watched = l.opt.Watched[:n-left]
			if restart == 0 {
				l.reload()
			} else if err := l.stop(); err != nil {
				t.Fatal(err)
			} else {
				l.opt.Watched = l.opt.Watched[:5] // left over at the start
				l.start()
			}
			l.pass(time.Minute)
			if s, err := l.watch.Snapshot(t.Context()); err != nil || len(s.Records) != len(l.opt.Watched) {
				t.Errorf("%v, %d records", err, len(s.Records))
			}
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			if most > 500 {
				t.Errorf("%d instances were forgotten in one turn of the loop", most)
			}
		}
	})
}
