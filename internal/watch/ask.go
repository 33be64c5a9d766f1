package watch

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// spread is the part of the interval by which a check may come early, so
// that a fleet does not march in step. It never comes late.
const spread = 0.1

// ask starts the requests that are due, and returns when to come back.
func (w *Watch) ask(ctx context.Context, now time.Time) time.Time {
	for {
		r, ok, wake := w.poll.Next(now)
		if !ok {
			return wake
		}
		w.asking[check.Key(r.Target)] = true
		w.work.Add(1)
		go func() {
			defer w.work.Done()
			w.answers <- r.Do(ctx)
		}()
	}
}

// onAnswer takes an answer in.
func (w *Watch) onAnswer(a poll.Answer, now time.Time) {
	key := check.Key(a.Target)
	delete(w.asking, key)
	w.asked(key)
	outcome := w.poll.Answered(a, now)
	if a.Stopped {
		return
	}
	w.hearClock(a.ProjectID, a.Clock(), now)
	before, ok := w.state.Records[key]
	if !ok || before.Left != "" {
		w.poll.Drop(a.Target) // taken out of the configuration meanwhile
		return
	}
	project := w.state.Projects[before.ProjectID]
	o := check.Observe(a.SSL, a.Err)
	o.Seen = project.Seen
	w.opt.Metrics.checked(before.Project, string(o.Cause), a.Took)
	r := check.Learn(before, o, w.opt.Policy, now)
	r.Due = check.Wall(w.due(r, o, outcome, now))
	w.put(r, now)
	w.poll.Set(a.Target, r.Due)
	w.learnProjects(r, o, outcome, now)
	if o.Cause == check.CauseForbidden && before.Denied == (check.Flag{}) {
		w.secondOpinion(r.ProjectID, now)
	}
	w.logCheck(before, r, a.Err, outcome)
	w.evaluate(key, now)
	w.disk.touch()
	if !r.Believes(before) {
		w.disk.hasten(now) // others than receivers see it at once, and must after a crash
	}
}

// asked takes in that an instance was asked about. What the first pass brings
// waits no longer once all were.
func (w *Watch) asked(key check.Key) {
	if !w.awaiting[key] {
		return
	}
	if delete(w.awaiting, key); len(w.awaiting) == 0 {
		w.book.Gather(time.Time{}, time.Time{})
	}
}

// learnProjects takes in what an answer says beyond its instance: of its
// project, and of all projects that share the credential.
func (w *Watch) learnProjects(r check.Record, o check.Observation, outcome poll.Outcome, now time.Time) {
	w.setProject(r.ProjectID, w.state.Projects[r.ProjectID].Learn(o, now), now)
	for _, id := range outcome.Sharing {
		p := w.state.Projects[id]
		if outcome.Refused {
			w.setProject(id, p.Refuse(o.Reason, w.opt.Policy, now), now)
			w.disk.demand() // a daemon that crashes in a loop would get the key locked
		} else if p.Refused != (check.Flag{}) {
			w.setProject(id, p.Accept(), now)
		}
	}
}

// setProject replaces what was seen of a project, and judges it.
func (w *Watch) setProject(id string, p check.ProjectRecord, now time.Time) {
	f, ok := w.fleets[id]
	if !ok {
		return
	}
	before := w.state.Projects[id]
	pause := w.poll.Pause(id, now)
	p.Pause = check.Pause{Why: check.Why(pause.Why), Until: check.Wall(pause.Until), Reason: pause.Reason}
	if pause.Until.IsZero() {
		p.Pause.Until = time.Time{}
	}
	p = p.Judge(f.Fleet, now)
	w.state.Projects[id] = p
	if p.Forbidden.IsZero() != before.Forbidden.IsZero() {
		for key, part := range f.parts {
			if part.Forbidden {
				w.evaluations.Set(key, check.Wall(now))
			}
		}
	}
	w.evaluate(check.Key{ProjectID: id}, now)
}

// due returns when an instance is to be checked next.
func (w *Watch) due(r check.Record, o check.Observation, outcome poll.Outcome, now time.Time) time.Time {
	if o.Cause == "" {
		delete(w.backoffs, r.Key())
		early := time.Duration(rand.Float64() * spread * float64(w.opt.Interval))
		due := now.Add(w.opt.Interval - early)
		if clock := w.clocks[r.ProjectID]; r.Unsure() || clock.Suspicions > 0 && !clock.Off {
			due = now.Add(w.opt.Backoff.Initial)
		}
		return poll.Soonest(due, check.Next(r, now))
	}
	b, ok := w.backoffs[r.Key()]
	if !ok {
		b = w.opt.Backoff.Exponential()
		w.backoffs[r.Key()] = b
	}
	due := now.Add(b.NextBackOff())
	// A failing check is told of at a check, so one falls on the moment.
	if tellable := r.Failing.Since.Add(w.opt.Policy.FailingAfter); tellable.After(now) {
		due = poll.Soonest(due, tellable)
	}
	if until := w.poll.Pause(r.ProjectID, now).Until; outcome.Refused && until.After(now) {
		due = until // it will try the credential again
	}
	return due
}

// longest returns how far ahead the next check of an instance can be due.
func (w *Watch) longest(r check.Record) time.Duration {
	if r.Failing.Count == 0 {
		return w.opt.Interval
	}
	delay := max(w.opt.Backoff.Max, poll.RefusalPause)
	return max(w.opt.Interval, delay+time.Duration(w.opt.Backoff.Jitter*float64(delay)))
}

// logCheck logs what is new since the last check.
func (w *Watch) logCheck(before, after check.Record, err *dcs.Error, outcome poll.Outcome) {
	log := w.log.With("project", after.Project, "instance", after.Instance, "instance_id", after.InstanceID)
	if outcome.Paused {
		pause := w.state.Projects[after.ProjectID].Pause
		w.log.Warn("project is paused", "project", after.Project, "until", pause.Until, "because", pause.Reason)
	}
	switch {
	case err != nil && err.Kind == dcs.Throttled:
		log.Debug("check failed", "kind", err.Kind.String(), "err", err.Reason, "request_id", err.RequestID, "next", after.Due)
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
