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
	if a.IsList() {
		w.onList(a, now)
		return
	}
	key := check.Key(a.Target)
	delete(w.asking, key)
	w.asked(key)
	outcome := w.poll.Answered(a, now)
	if a.Stopped {
		return
	}
	w.hearClock(a.ProjectID, a.Clock(), now)
	o := check.Observe(a.SSL, a.Err)
	before, after, watched := w.fleet.Learn(key, o, now)
	if !watched {
		w.poll.Drop(a.Target) // taken out of the configuration meanwhile
		return
	}
	w.opt.Metrics.checked(after.Project, string(o.Cause), a.Took)
	w.askAt(key, w.due(after, o, outcome, now), now)
	w.learnSharing(key.ProjectID, o, outcome, now)
	if o.Cause == check.CauseForbidden && before.Denied == (check.Flag{}) {
		if other, ok := w.fleet.SecondOpinion(key.ProjectID, w.idle); ok {
			w.askAt(other, now, now)
		}
	}
	if shakes(after) {
		w.handshakes.want(key, now)
	}
	w.logCheck(before, after, a.Err, outcome)
	if !after.Believes(before) {
		w.disk.hasten(now) // others than receivers see it at once, and must after a crash
	}
}

// idle reports whether an instance is not being asked about.
func (w *Watch) idle(key check.Key) bool { return !w.asking[key] }

// askAt has an instance be asked about at a time.
func (w *Watch) askAt(key check.Key, at, now time.Time) {
	at = check.Wall(at)
	w.fleet.Due(key, at, now)
	w.poll.Set(poll.Target(key), at)
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

// learnSharing takes in what an answer says of all projects that share the
// credential, and what holds their checks up now.
func (w *Watch) learnSharing(projectID string, o check.Observation, outcome poll.Outcome, now time.Time) {
	w.pause(projectID, now)
	for _, id := range outcome.Sharing {
		w.pause(id, now)
		if outcome.Refused {
			w.fleet.Refuse(id, o.Reason, now)
			w.disk.demand() // a daemon that crashes in a loop would get the key locked
		} else {
			w.fleet.Accept(id, now)
		}
	}
}

// pause takes in what holds the checks of a project up.
func (w *Watch) pause(id string, now time.Time) {
	p := w.poll.Pause(id, now)
	pause := check.Pause{Why: check.Why(p.Why), Reason: p.Reason}
	if !p.Until.IsZero() {
		pause.Until = check.Wall(p.Until)
	}
	w.fleet.Pause(id, pause, now)
}

// due returns when an instance is to be checked next.
func (w *Watch) due(r check.Record, o check.Observation, outcome poll.Outcome, now time.Time) time.Time {
	if o.Cause == "" {
		delete(w.backoffs, r.Key())
		early := time.Duration(rand.Float64() * spread * float64(w.opt.Interval))
		due := now.Add(w.opt.Interval - early)
		if clock := w.fleet.OwnClock(r.ProjectID); r.Unsure() || clock.Suspicions > 0 && !clock.Off {
			due = now.Add(w.opt.Backoff.Initial)
		}
		return poll.Soonest(due, w.fleet.Next(r, now))
	}
	due := now.Add(w.delay(r.Key()))
	// A failing check is told of at a check, so one falls on the moment.
	if tellable := r.Failing.Since.Add(w.opt.Policy.FailingAfter); tellable.After(now) {
		due = poll.Soonest(due, tellable)
	}
	return w.afterRefusal(due, r.ProjectID, outcome, now)
}

// delay returns how long what failed is left alone.
func (w *Watch) delay(key check.Key) time.Duration {
	b, ok := w.backoffs[key]
	if !ok {
		b = w.opt.Backoff.Exponential()
		w.backoffs[key] = b
	}
	return b.NextBackOff()
}

// afterRefusal returns when to ask again: where the credential was refused,
// what was asked then tries it again.
func (w *Watch) afterRefusal(due time.Time, projectID string, outcome poll.Outcome, now time.Time) time.Time {
	if until := w.poll.Pause(projectID, now).Until; outcome.Refused && until.After(now) {
		return until
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
		pause := w.fleet.Project(after.ProjectID).Pause
		w.log.Warn("project is paused", "project", after.Project, "until", pause.Until, "because", pause.Reason)
	}
	switch {
	case err != nil && err.Kind == dcs.Throttled:
		log.Debug("check failed", "kind", err.Kind.String(), "err", err.Reason, "request_id", err.RequestID, "next", after.Due)
	case err == nil && before.Failing.Count > 0:
		log.Info("check recovered", "after", after.Checked.Sub(before.Failing.Since), "failures", before.Failing.Count)
	case err == nil:
		log.Debug("checked", "enabled", !after.Off.Set, "validated", !after.Invalid.Set, "expires", after.NotAfter, "next", after.Due)
	case before.Failing.Count == 0 || before.Failing.Reason != err.Reason:
		log.Warn("check failed", "kind", err.Kind.String(), "err", err.Reason, "request_id", err.RequestID, "next", after.Due)
	}
	if !before.NotAfter.IsZero() && !check.SameCertificate(before.NotAfter, after.NotAfter) {
		log.Info("certificate changed", "expires", after.NotAfter, "before", before.NotAfter)
	}
	if before.Off.Set != after.Off.Set {
		log.Info("ssl switched", "enabled", !after.Off.Set)
	}
}
