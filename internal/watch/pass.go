package watch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// Learnt is what a single pass brought.
type Learnt struct {
	// Records are of what was asked, in the order of Options.Watched, and
	// then those that were discovered, by name.
	Records []check.Record
	// Listings are of the projects that are discovered, by project_id.
	Listings map[string]check.Listing
	// Clocks is what the answers said of this machine's clock.
	Clocks check.Clocks
}

// Pass reads the lists of those projects that are discovered, asks about every
// instance once, and returns what was learnt; see poll.Pass. done is called
// after each answer with how many there are, and how many are expected by
// then. At the end, hands are shaken with those that are probed. The error is
// that of ctx; what was not asked by then is missing.
func Pass(ctx context.Context, o Options, done func(n, of int)) (Learnt, error) {
	records, learnt := map[check.Key]check.Record{}, Learnt{Listings: map[string]check.Listing{}}
	var targets []poll.Target
	var order []check.Key
	watch := func(r check.Record) poll.Target {
		records[r.Key()] = r
		order = append(order, r.Key())
		return target(r)
	}
	for _, d := range o.Discoveries {
		targets = append(targets, poll.Target(d.Project.Key()))
	}
	for _, w := range o.Watched {
		targets = append(targets, watch(check.Record{Subject: w.Subject, Terms: w.Terms}))
	}
	discoveries := o.discoveries()
	n, of := 0, len(targets)
	err := poll.Pass(ctx, o.poll(), targets, func(a poll.Answer) (more []poll.Target) {
		now := time.Now()
		if !a.Shared {
			learnt.Clocks = learnt.Clocks.With(a.ProjectID, learnt.Clocks[a.ProjectID].Hear(a.Clock(), now))
		}
		key := check.Key(a.Target)
		switch {
		case !a.IsList():
			records[key] = check.Learn(records[key], check.Observe(a.SSL, a.Err), o.Policy, now)
		case a.Err != nil:
			learnt.Listings[a.ProjectID] = check.Listing{Due: check.Wall(now)}.Fail(check.Observe(a.SSL, a.Err), now)
		default:
			// A fleet of this project alone says what its list means.
			f := fleet.New(nil, nil, nil)
			f.Configure(slices.DeleteFunc(slices.Clone(o.Watched), func(w check.Watched) bool { return w.ProjectID != a.ProjectID }),
				map[string]check.Discovery{a.ProjectID: discoveries[a.ProjectID]}, nil, o.Policy, now)
			listed := f.List(a.ProjectID, a.List.Instances, func(check.Subject) bool { return true }, now)
			learnt.Listings[a.ProjectID] = f.Project(a.ProjectID).Listing
			slices.SortFunc(listed.New, func(a, b check.Record) int {
				return cmp.Or(cmp.Compare(a.Instance, b.Instance), a.Key().Compare(b.Key()))
			})
			for _, r := range listed.New {
				r.Due = time.Time{} // in a single pass nothing is due, so nothing is overdue
				more = append(more, watch(r))
			}
		}
		n, of = n+1, of+len(more)
		done(n, of)
		return more
	})
	o.shakeAll(ctx, records, learnt.Clocks.Believed(time.Now()))
	for _, key := range order {
		if r := records[key]; !r.Checked.IsZero() {
			learnt.Records = append(learnt.Records, r)
		}
	}
	return learnt, err
}

// shakeAll shakes hands with all that are probed, and learns what they show.
func (o Options) shakeAll(ctx context.Context, records map[check.Key]check.Record, clocks check.Clocks) {
	o = o.complete()
	o.Policy.Clocks = clocks
	var all errgroup.Group
	all.SetLimit(o.Concurrency)
	shown := make(chan probed, len(records))
	for key, r := range records {
		clock := o.Policy.Clock(key.ProjectID)
		if !shakes(r) || clock.Holds() || ctx.Err() != nil {
			continue
		}
		all.Go(func() error {
			shown <- o.shake(ctx, r, clock.True(time.Now()))
			return nil
		})
	}
	_ = all.Wait() // none returns an error
	close(shown)
	for p := range shown {
		if !p.stopped {
			records[p.key] = check.LearnHandshake(records[p.key], p.results, o.Policy, time.Now())
		}
	}
}

// target is a record as whom to ask about.
func target(r check.Record) poll.Target {
	return poll.Target(r.Key())
}

// poll returns the options that are about whom to ask when.
func (o Options) poll() poll.Options {
	return poll.Options{Concurrency: o.Concurrency, Backoff: o.Backoff, Projects: o.Projects}
}
