package watch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

func TestAPassAsksEveryInstanceOnceInTheOrderOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 50)
		last := 0
		learnt, err := watch.Pass(t.Context(), l.opt, func(n, _ int) { last = n })
		records := learnt.Records
		if err != nil || last != 50 || l.cloud.count() != 50 {
			t.Errorf("err %v, progress %d, %d requests", err, last, l.cloud.count())
		}
		for i, r := range records {
			if r.Instance != instance(i).Instance || r.Verified.IsZero() {
				t.Errorf("record %d is %s, verified %v", i, r.Instance, r.Verified)
			}
		}
	})
}

func TestAPassAsksARefusedCredentialOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 30)
		l.cloud.err = &dcs.Error{Kind: dcs.Unauthenticated, Reason: reason.Text("refused")}
		learnt, err := watch.Pass(t.Context(), l.opt, func(int, int) {})
		records := learnt.Records
		if err != nil || len(records) != 30 || l.cloud.count() != 1 {
			t.Errorf("err %v, %d records, %d requests", err, len(records), l.cloud.count())
		}
		for _, r := range records {
			if r.Failing.Cause != check.CauseRefused {
				t.Errorf("%s: %+v", r.Instance, r.Failing)
			}
		}
	})
}

func TestWhatStopsAPassInOneProject(t *testing.T) {
	const other = "fedcba9876543210fedcba9876543210"
	for name, tc := range map[string]struct {
		err      *dcs.Error
		key      string // of the other project
		requests int
	}{
		"a refusal stops it in all projects of the key":   {&dcs.Error{Kind: dcs.Unauthenticated, Reason: reason.Text("refused")}, "ak", 1},
		"and in none of another key":                      {&dcs.Error{Kind: dcs.Unauthenticated, Reason: reason.Text("refused")}, "another", 1 + 10},
		"throttling stops it in this project only":        {&dcs.Error{Kind: dcs.Throttled, Reason: reason.Text("throttled")}, "ak", 1 + 10},
		"an instance that fails is one instance's matter": {&dcs.Error{Kind: dcs.Failed, Reason: reason.Text("HTTP 500")}, "ak", 20 + 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLife(t, 30)
				l.opt.Concurrency = 1
				l.opt.Projects[0].Credential = "ak"
				l.opt.Projects = append(l.opt.Projects, watch.Project{ID: other, API: l.cloud, Rate: 5, Credential: tc.key})
				l.cloud.fails = map[string]*dcs.Error{}
				for i := range l.opt.Watched {
					if i < 20 {
						l.cloud.fails[instance(i).InstanceID] = tc.err
					} else {
						l.opt.Watched[i].ProjectID = other
					}
				}
				learnt, err := watch.Pass(t.Context(), l.opt, func(int, int) {})
				records := learnt.Records
				if err != nil || len(records) != 30 || l.cloud.count() != tc.requests {
					t.Errorf("err %v, %d records, %d requests, want %d", err, len(records), l.cloud.count(), tc.requests)
				}
			})
		})
	}
}

func TestAPassThatIsStoppedReturnsWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 30)
		l.cloud.slow = time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		learnt, err := watch.Pass(ctx, l.opt, func(int, int) {})
		records := learnt.Records
		if !errors.Is(err, context.DeadlineExceeded) || len(records) == 0 || len(records) == 30 {
			t.Errorf("err %v, %d records", err, len(records))
		}
	})
}
