package watch

import (
	"context"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// Pass asks about every instance once and returns what was learnt, in the
// order of o.Watched; see poll.Pass. done is called after each answer with
// how many there are. What the answers said of this machine's clock is
// returned as well. The error is that of ctx; what was not asked by then is
// missing.
func Pass(ctx context.Context, o Options, done func(int)) ([]check.Record, check.Clocks, error) {
	records, clocks := map[check.Key]check.Record{}, check.Clocks(nil)
	var targets []poll.Target
	for _, w := range o.Watched {
		r := check.Record{Subject: w.Subject, Terms: w.Terms}
		records[w.Key()] = r
		targets = append(targets, target(r))
	}
	n := 0
	err := poll.Pass(ctx, o.poll(), targets, func(a poll.Answer) {
		now := time.Now()
		if !a.Shared {
			clocks = clocks.With(a.ProjectID, clocks[a.ProjectID].Hear(a.Clock(), now))
		}
		key := check.Key(a.Target)
		records[key] = check.Learn(records[key], check.Observe(a.SSL, a.Err), o.Policy, now)
		n++
		done(n)
	})
	var learnt []check.Record
	for _, w := range o.Watched {
		if r := records[w.Key()]; !r.Checked.IsZero() {
			learnt = append(learnt, r)
		}
	}
	return learnt, clocks, err
}

// target is a record as whom to ask about.
func target(r check.Record) poll.Target {
	return poll.Target(r.Key())
}

// poll returns the options that are about whom to ask when.
func (o Options) poll() poll.Options {
	return poll.Options{Concurrency: o.Concurrency, Backoff: o.Backoff, Projects: o.Projects}
}
