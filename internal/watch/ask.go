package watch

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
)

// spread is the part of the interval by which a check may come early, so
// that a fleet does not march in step. It never comes late.
const spread = 0.1

// answer is what one request brought.
type answer struct {
	key     string
	project *project
	ssl     dcs.SSL
	err     *dcs.Error
	took    time.Duration
	stopped bool // no answer, because the daemon stops
}

// clock returns what the answer says of this machine's clock.
func (a answer) clock() dcs.Clock {
	if a.err != nil {
		return a.err.Clock
	}
	return a.ssl.Clock
}

// ask starts the requests that are due, and returns when to come back.
func (w *Watch) ask(ctx context.Context, now time.Time) time.Time {
	var wake time.Time
	for picked := true; picked; {
		picked = false
		for _, p := range w.projects { // in turn, so that none starves another
			if w.inflight >= w.opt.Concurrency {
				return wake // an answer will wake us
			}
			key, later := p.pick(now)
			if key == "" {
				wake = soonest(wake, later)
				continue
			}
			picked = true
			w.inflight++
			w.asking[key] = true
			p.key.inflight++
			w.work.Add(1)
			go func(id string) {
				defer w.work.Done()
				w.answers <- request(ctx, p, key, id)
			}(w.state.Records[key].InstanceID)
		}
	}
	return wake
}

// soonest returns the earlier of two times, of which zero means never.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// request asks about one instance.
func request(ctx context.Context, p *project, key, instanceID string) answer {
	start := time.Now()
	ssl, err := p.API.SSL(ctx, instanceID)
	a := answer{key: key, project: p, ssl: ssl, took: time.Since(start)}
	if err != nil && !errors.As(err, &a.err) {
		a.err = &dcs.Error{Kind: dcs.Failed, Reason: err.Error(), Err: err}
	}
	a.stopped = ctx.Err() != nil && a.err != nil
	return a
}

// learn takes an answer in.
func (w *Watch) learn(a answer, now time.Time) {
	w.inflight--
	delete(w.asking, a.key)
	a.project.key.inflight--
	if a.stopped {
		return
	}
	w.hearClock(a.project, a.clock(), now)
	accepted := a.project.key.accepted
	a.project.heard(a.key, a.err, now)
	w.freeProbes()
	before, ok := w.state.Records[a.key]
	if !ok || before.Left != "" {
		return // taken out of the configuration meanwhile
	}
	o := check.Observe(a.ssl, a.err)
	w.opt.Metrics.checked(before.Project, string(o.Cause), a.took)
	r := check.Learn(before, o, w.opt.Policy, now)
	r.Due = check.Wall(w.due(r, o, a.project, now))
	w.state.Records[a.key] = r
	if o.Cause.Accepts() && (!accepted || w.told(r.ProjectID)) {
		w.accepted(a.project.key, now)
	}
	if o.Cause == check.CauseRefused && a.project.key.probe == a.key {
		w.refused(a.project, o, now)
	}
	if p := w.project(r.ProjectID); p != nil {
		p.queue.set(a.key, r.Due)
	}
	w.logCheck(before, r, a.err)
	w.judge(a.key, now)
	if before.Denied != r.Denied || w.told(r.ProjectID) {
		w.judge(r.ProjectID, now)
	}
	if r.Believes(before) {
		w.disk.touch()
	} else {
		w.disk.demand() // others than receivers see it at once, and must after a crash
	}
}

// refused takes in that a credential was refused, for the other projects that
// share it: in each, one instance stands for all.
func (w *Watch) refused(by *project, o check.Observation, now time.Time) {
	for _, p := range w.projects {
		if p == by || p.key != by.key {
			continue
		}
		var stands string
		for id, r := range w.state.Records {
			if r.ProjectID == p.ID && r.Left == "" && (stands == "" || id < stands) {
				stands = id
			}
		}
		if stands != "" {
			w.state.Records[stands] = w.state.Records[stands].Refused(o, w.opt.Policy, now)
			w.judge(stands, now)
			w.judge(p.ID, now)
		}
	}
}

// accepted takes in that a credential was accepted for one instance: so it is
// for all, in all projects that share it.
func (w *Watch) accepted(key *credential, now time.Time) {
	for _, p := range w.projects {
		if p.key != key {
			continue
		}
		for id, r := range w.state.Records {
			if r.ProjectID == p.ID && r.Denial.Cause == check.CauseRefused {
				w.state.Records[id] = r.Accepted()
				w.judge(id, now)
				w.judge(p.ID, now)
			}
		}
	}
}

// due returns when an instance is to be checked next.
func (w *Watch) due(r check.Record, o check.Observation, p *project, now time.Time) time.Time {
	if o.Cause == "" {
		delete(w.backoffs, r.Key())
		early := time.Duration(rand.Float64() * spread * float64(w.opt.Interval))
		due := now.Add(w.opt.Interval - early)
		if clock := w.clocks[r.ProjectID]; r.Unsure() || clock.Suspicions > 0 && !clock.Off {
			due = now.Add(w.opt.Backoff.Initial)
		}
		return soonest(due, check.Next(r, now))
	}
	b, ok := w.backoffs[r.Key()]
	if !ok {
		b = w.opt.Backoff.exponential()
		w.backoffs[r.Key()] = b
	}
	due := now.Add(b.NextBackOff())
	// A failing check is told of at a check, so one falls on the moment.
	if tellable := r.Failing.Since.Add(w.opt.Policy.FailingAfter); tellable.After(now) {
		due = soonest(due, tellable)
	}
	if p.key.probe == r.Key() {
		due = p.key.resumes
	}
	return due
}

// longest returns how far ahead the next check of an instance can be due.
func (w *Watch) longest(r check.Record) time.Duration {
	if r.Failing.Count == 0 {
		return w.opt.Interval
	}
	delay := max(w.opt.Backoff.Max, refusalPause)
	return max(w.opt.Interval, delay+time.Duration(w.opt.Backoff.Jitter*float64(delay)))
}

// logCheck logs what is new since the last check.
func (w *Watch) logCheck(before, after check.Record, err *dcs.Error) {
	log := w.log.With("project", after.Project, "instance", after.Instance, "instance_id", after.InstanceID)
	switch {
	case err == nil && before.Failing.Count > 0:
		log.Info("check recovered", "after", after.Checked.Sub(before.Failing.Since), "failures", before.Failing.Count)
	case err == nil:
		log.Debug("checked", "enabled", !after.Off.Set, "validated", !after.Invalid.Set, "expires", after.Expires, "next", after.Due)
	case before.Failing.Count == 0 || before.Failing.Reason != err.Reason:
		log.Warn("check failed", "kind", err.Kind.String(), "err", err.Reason, "request_id", err.RequestID, "next", after.Due)
	}
	if !before.Expires.IsZero() && !check.SameCertificate(before.Expires, after.Expires) {
		log.Info("certificate changed", "expires", after.Expires, "before", before.Expires)
	}
	if before.Off.Set != after.Off.Set {
		log.Info("ssl switched", "enabled", !after.Off.Set)
	}
}
