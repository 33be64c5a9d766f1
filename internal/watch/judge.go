package watch

import (
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// slice is how many subjects are judged in one turn of the loop at most, so
// that it goes round, whatever happens to a whole fleet.
const slice = 500

// judgeAll has every instance and project be judged, in slices.
func (w *Watch) judgeAll(now time.Time) {
	for key := range w.state.Records {
		w.judgement.Set(key, check.Wall(now))
		w.judgement.Set(key.OfProject(), check.Wall(now))
	}
}

// judgeDue judges those for which time has brought something, and returns
// when it will do so next.
func (w *Watch) judgeDue(now time.Time) time.Time {
	for range slice {
		key, due := w.judgement.Pop(check.Wall(now))
		if !due {
			break
		}
		w.judge(key, now)
	}
	_, next := w.judgement.Next()
	return next
}

// judge works out what is owed about a subject, to each receiver.
func (w *Watch) judge(key check.Key, now time.Time) {
	alerts, next := w.standing(key, now)
	later := func(t time.Time) {
		if t.After(check.Wall(now)) {
			next = poll.Soonest(next, t)
		}
	}
	handed := false
	for _, r := range w.receivers {
		w.owe(r, key, alerts, now)
		handed = w.handOn(r, key, now) || handed
	}
	if handed {
		for _, r := range w.receivers {
			w.owe(r, key, alerts, now)
		}
	}
	for _, r := range w.receivers {
		later(ledger.NextReminder(alerts, r.ledger[key], w.opt.Policy))
		if r.Fallback != "" {
			later(ledger.NextOverlong(r.ledger[key], r.FallbackAfter))
		}
	}
	w.judgement.Set(key, check.Wall(next))
	w.forget(key)
}

// owe works out what is owed about a subject to one receiver.
func (w *Watch) owe(r *receiver, key check.Key, alerts []check.Alert, now time.Time) {
	who, lines := r.Audience, r.ledger[key]
	for _, other := range w.receivers {
		if other.Fallback == r.Name {
			who.Also = append(who.Also, other.ledger[key].HandedOn()...)
		}
	}
	notices := ledger.Owed(alerts, lines, who, w.opt.Policy, now)
	w.set(r, key, ledger.Await(lines, alerts, notices, now))
	if len(notices) == 0 {
		delete(r.owed, key)
		return
	}
	r.owed[key] = notices
}

// standing returns what is true of a subject, and when that will change by
// time alone.
func (w *Watch) standing(key check.Key, now time.Time) ([]check.Alert, time.Time) {
	if !key.IsProject() {
		r, ok := w.state.Records[key]
		if !ok {
			return nil, time.Time{}
		}
		alerts := check.Standing(r, w.opt.Policy, now)
		return w.state.Projects[r.ProjectID].Covers(r, alerts, w.opt.Policy), check.Next(r, now)
	}
	f, ok := w.fleets[key.ProjectID]
	if !ok {
		return nil, time.Time{}
	}
	return check.Project(w.state.Projects[key.ProjectID], f.Fleet, w.opt.Policy, now), check.NextProject(f.Fleet, w.opt.Policy, now)
}

// handOn has the fallback hear what a receiver waited for too long, and
// tells whether there is any such. All receivers of one name hand on
// together, so that an end is handed on once.
func (w *Watch) handOn(from *receiver, key check.Key, now time.Time) (handed bool) {
	if from.Fallback == "" {
		return false
	}
	for _, n := range from.owed[key] {
		if !n.Fires() && w.known(from.Fallback, n) {
			w.set(from, key, ledger.Know(from.ledger[key], n.Condition))
		}
		wait := from.ledger[key][n.Condition].Waits
		if wait.HandedOn || check.Wall(now).Sub(wait.Since) < from.FallbackAfter {
			continue
		}
		if !n.Fires() {
			w.inherit(from, n)
		}
		for _, sibling := range w.receivers {
			if sibling.Name == from.Name {
				w.set(sibling, key, ledger.HandOn(sibling.ledger[key], n.Condition))
			}
		}
		w.log.Warn("handed to the fallback", "receiver", from.ID, "fallback", from.Fallback,
			"project", n.Project, "instance", n.Instance, "instance_id", n.InstanceID, "condition", n.Condition)
		handed = true
	}
	return handed
}

// known tells whether a fallback knows an alert that has ended.
func (w *Watch) known(fallback string, end ledger.Notice) bool {
	return slices.ContainsFunc(w.receivers, func(r *receiver) bool {
		_, knows := r.ledger[end.Key()][end.Condition]
		return r.Name == fallback && knows
	})
}

// inherit has the fallback hear of an end, unless it hears such by itself.
func (w *Watch) inherit(from *receiver, end ledger.Notice) {
	for _, to := range w.receivers {
		if to.Name == from.Fallback && !to.Audience.Hears(end.Alert) {
			key := end.Key()
			w.set(to, key, ledger.Inherit(to.ledger[key], from.ledger[key], end))
		}
	}
}

// forget drops the records of instances that left once everyone has heard
// the last word: about the instance, and about its project if it was the
// last one there.
func (w *Watch) forget(key check.Key) {
	if key.IsProject() {
		if f, ok := w.fleets[key.ProjectID]; ok && f.Records == 1 {
			for last := range f.parts {
				w.forget(last)
			}
		}
		return
	}
	r, ok := w.state.Records[key]
	if !ok || r.Left == "" || w.open(key) || w.fleet(r.ProjectID).Records == 1 && w.open(key.OfProject()) {
		return
	}
	w.remove(r)
	delete(w.backoffs, key)
	w.log.Info("forgotten", "project", r.Project, "instance", r.Instance, "instance_id", r.InstanceID, "why", r.Left)
	w.disk.touch()
}

// open tells whether a receiver has a line about a subject, or is being told.
func (w *Watch) open(key check.Key) bool {
	return slices.ContainsFunc(w.receivers, func(r *receiver) bool {
		return len(r.ledger[key]) > 0 || r.concerns(key)
	})
}
