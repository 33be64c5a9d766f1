package poll

import (
	"context"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
)

// So many requests of a project in a row may hang in one pass before the rest
// of it is not asked: few where nothing has shown yet that it ever answers.
const (
	givenUp        = 8
	givenUpUntried = 2
)

// Pass asks about each target once, and hands each answer to learn, which
// returns what else is to be asked. It keeps
// to the rate, the turns and the rule of the untried credential as a daemon
// does; where a credential is refused, or a project is throttled or hangs,
// the rest of its targets are not asked and get the same answer. The error is
// that of ctx; what was not asked by then is not learnt.
func Pass(ctx context.Context, o Options, targets []Target, learn func(Answer) []Target) error {
	p := New(o, time.Now())
	waiting := map[Target]bool{}
	await := func(targets []Target) {
		for _, t := range targets {
			if p.Knows(t.ProjectID) {
				waiting[t] = true
				p.Set(t, time.Now())
			}
		}
	}
	await(targets)
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan Answer)
	defer func() {
		cancel()
		for ; p.inflight > 0; p.inflight-- {
			<-answers
		}
	}()
	learnt := func(a Answer) {
		delete(waiting, a.Target)
		await(learn(a))
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for len(waiting) > 0 {
		r, ok, wake := p.Next(time.Now())
		if ok {
			go func() { answers <- r.Do(ctx) }()
			continue
		}
		if !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-answers:
			p.Answered(a, time.Now())
			if a.Stopped {
				continue
			}
			learnt(a)
			for _, t := range p.rest(a) {
				p.Drop(t)
				same := a
				same.Target, same.Shared = t, true
				learnt(same)
			}
		case <-timer.C:
		}
	}
	return nil
}

// rest returns the targets that need not be asked after an answer, because
// theirs would be the same.
func (p *Poller) rest(a Answer) (rest []Target) {
	for _, project := range p.projects {
		own := project.ID == a.ProjectID
		refused := a.Err != nil && a.Err.Kind == dcs.Unauthenticated && project.credential == a.credential
		throttled := own && a.Err != nil && a.Err.Kind == dcs.Throttled
		hangs := own && (project.hung >= givenUp || !project.credential.accepted && project.hung >= givenUpUntried)
		if refused || throttled || hangs {
			rest = append(rest, project.queue.Keys()...)
		}
	}
	return rest
}
