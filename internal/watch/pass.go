package watch

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
)

// Pass asks about every instance once and returns what was learnt, in the
// order of o.Watched. It keeps to the rate, the concurrency and the rule of
// the untried credential as the loop does; where a credential is refused or
// a project throttled, the rest of its instances are not asked and get the
// same answer. done is called after each answer with how many there are.
// What the answers said of this machine's clock is returned as well. The
// error is that of ctx; what was not asked by then is missing.
func Pass(ctx context.Context, o Options, done func(int)) ([]check.Record, check.Clocks, error) {
	p := pass{options: o, records: map[string]check.Record{}, answers: make(chan answer)}
	now := time.Now()
	keys := map[any]*credential{}
	for _, options := range o.Projects {
		key, ok := keys[options.Credential]
		if !ok {
			key = newCredential(o.Backoff)
			keys[options.Credential] = key
		}
		p.projects = append(p.projects, newProject(options, key))
	}
	for _, w := range o.Watched {
		for _, project := range p.projects {
			if project.ID == w.ProjectID {
				p.records[w.Key()] = check.Record{Subject: w.Subject, Terms: w.Terms}
				project.queue.set(w.Key(), now)
			}
		}
	}
	err := p.run(ctx, done)
	var learnt []check.Record
	for _, w := range o.Watched {
		if r, ok := p.records[w.Key()]; ok && !r.Checked.IsZero() {
			learnt = append(learnt, r)
		}
	}
	return learnt, p.clocks, err
}

// pass is one pass over the fleet.
type pass struct {
	options  Options
	projects []*project
	records  map[string]check.Record
	clocks   check.Clocks
	inflight int
	learnt   int
	answers  chan answer
}

func (p *pass) run(ctx context.Context, done func(int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for ; p.inflight > 0; p.inflight-- {
			<-p.answers
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for p.learnt < len(p.records) {
		if wake := p.ask(ctx, time.Now()); !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-p.answers:
			p.learn(a, time.Now())
			done(p.learnt)
		case <-timer.C:
		}
	}
	return nil
}

func (p *pass) ask(ctx context.Context, now time.Time) time.Time {
	var wake time.Time
	for _, project := range p.projects {
		for p.inflight < p.options.Concurrency {
			key, later := project.pick(now)
			if key == "" {
				wake = soonest(wake, later)
				break
			}
			p.inflight++
			project.key.inflight++
			id := p.records[key].InstanceID
			go func() { p.answers <- request(ctx, project, key, id) }()
		}
	}
	return wake
}

func (p *pass) learn(a answer, now time.Time) {
	p.inflight--
	a.project.key.inflight--
	if a.stopped {
		return
	}
	a.project.heard(a.key, a.err, now)
	p.clocks = p.clocks.With(a.project.ID, p.clocks[a.project.ID].Hear(a.clock(), now))
	p.take(a.key, a.ssl, a.err, now)
	if a.err == nil || a.err.Kind != dcs.Unauthenticated && a.err.Kind != dcs.Throttled {
		return
	}
	for _, project := range p.projects {
		if project != a.project && (a.err.Kind == dcs.Throttled || project.key != a.project.key) {
			continue
		}
		for key, due := project.queue.next(); !due.IsZero(); key, due = project.queue.next() {
			project.queue.set(key, time.Time{})
			p.take(key, a.ssl, a.err, now)
		}
	}
}

func (p *pass) take(key string, ssl dcs.SSL, err *dcs.Error, now time.Time) {
	p.records[key] = check.Learn(p.records[key], check.Observe(ssl, err), p.options.Policy, now)
	p.learnt++
}

// newProject returns a project with an empty queue.
func newProject(options Project, key *credential) *project {
	burst := max(1, int(options.Rate))
	return &project{Project: options, queue: newQueue(), key: key, limit: rate.NewLimiter(rate.Limit(options.Rate), burst)}
}
