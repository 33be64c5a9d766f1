package watch

import (
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// judgeAll judges every instance and project.
func (w *Watch) judgeAll(now time.Time) {
	projects := map[string]bool{}
	for key, r := range w.state.Records {
		projects[r.ProjectID] = true
		w.judge(key, now)
	}
	for id := range projects {
		w.judge(id, now)
	}
}

// judgeDue judges those for which time has brought something, and returns
// when it will do so next.
func (w *Watch) judgeDue(now time.Time) time.Time {
	for {
		key, due := w.judgement.pop(check.Wall(now))
		if !due {
			break
		}
		w.judge(key, now)
	}
	_, next := w.judgement.next()
	return next
}

// judge works out what is owed about a subject, to each receiver.
func (w *Watch) judge(key string, now time.Time) {
	alerts, next := w.standing(key, now)
	later := func(t time.Time) {
		if t.After(check.Wall(now)) {
			next = soonest(next, t)
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
		later(check.NextReminder(alerts, r.ledger[key], w.opt.Policy))
		if r.Fallback != "" {
			later(check.NextOverlong(r.ledger[key], r.FallbackAfter))
		}
	}
	w.judgement.set(key, check.Wall(next))
	w.forget(key)
}

// owe works out what is owed about a subject to one receiver.
func (w *Watch) owe(r *receiver, key string, alerts []check.Alert, now time.Time) {
	who, lines := r.Audience, r.ledger[key]
	for _, other := range w.receivers {
		if other.Fallback == r.Name {
			who.Also = append(who.Also, other.ledger[key].HandedOn()...)
		}
	}
	notices := check.Owed(alerts, lines, who, w.opt.Policy, now)
	w.set(r, key, check.Await(lines, alerts, notices, now))
	if len(notices) == 0 {
		delete(r.owed, key)
		return
	}
	r.owed[key] = notices
}

// standing returns what is true of a subject, and when that will change by
// time alone.
func (w *Watch) standing(key string, now time.Time) ([]check.Alert, time.Time) {
	if !isProject(key) {
		r, ok := w.state.Records[key]
		if !ok {
			return nil, time.Time{}
		}
		return check.Standing(r, w.opt.Policy, now), check.Next(r, now)
	}
	var records []check.Record
	for _, r := range w.state.Records {
		if r.ProjectID == key {
			records = append(records, r)
		}
	}
	return check.Project(records, w.opt.Policy, now), check.NextProject(records, w.opt.Policy, now)
}

// isProject tells whether a subject's key is a project's.
func isProject(key string) bool { return !strings.Contains(key, "/") }

// handOn has the fallback hear what a receiver waited for too long, and
// tells whether there is any such. All receivers of one name hand on
// together, so that an end is handed on once.
func (w *Watch) handOn(from *receiver, key string, now time.Time) (handed bool) {
	if from.Fallback == "" {
		return false
	}
	for _, n := range from.owed[key] {
		if !n.Fires() && w.known(from.Fallback, n) {
			w.set(from, key, check.Know(from.ledger[key], n.Condition))
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
				w.set(sibling, key, check.HandOn(sibling.ledger[key], n.Condition))
			}
		}
		w.log.Warn("handed to the fallback", "receiver", from.ID, "fallback", from.Fallback,
			"project", n.Project, "instance", n.Instance, "instance_id", n.InstanceID, "condition", n.Condition)
		handed = true
	}
	return handed
}

// known tells whether a fallback knows an alert that has ended.
func (w *Watch) known(fallback string, end check.Notice) bool {
	return slices.ContainsFunc(w.receivers, func(r *receiver) bool {
		_, knows := r.ledger[end.Key()][end.Condition]
		return r.Name == fallback && knows
	})
}

// inherit has the fallback hear of an end, unless it hears such by itself.
func (w *Watch) inherit(from *receiver, end check.Notice) {
	for _, to := range w.receivers {
		if to.Name == from.Fallback && !to.Audience.Hears(end.Alert) {
			key := end.Key()
			w.set(to, key, check.Inherit(to.ledger[key], from.ledger[key], end))
		}
	}
}

// forget drops the records of instances that left once everyone has heard
// the last word: about the instance, and about its project if it was the
// last one there.
func (w *Watch) forget(key string) {
	if isProject(key) {
		for other, r := range w.state.Records {
			if r.ProjectID == key && r.Left != "" {
				w.forget(other)
			}
		}
		return
	}
	r, ok := w.state.Records[key]
	if !ok || r.Left == "" || w.remembered(key, r) {
		return
	}
	delete(w.state.Records, key)
	delete(w.backoffs, key)
	w.judgement.set(key, time.Time{})
	w.log.Info("forgotten", "project", r.Project, "instance", r.Instance, "instance_id", r.InstanceID, "why", r.Left)
	w.disk.touch()
}

// remembered tells whether a receiver still has a line that needs a record,
// or will have one when the delivery under way has arrived.
func (w *Watch) remembered(key string, r check.Record) bool {
	last := true
	for other, o := range w.state.Records {
		last = last && (other == key || o.ProjectID != r.ProjectID)
	}
	return w.open(key) || last && w.open(r.ProjectID)
}

// open tells whether a receiver has a line about a subject, or is being told.
func (w *Watch) open(key string) bool {
	return slices.ContainsFunc(w.receivers, func(r *receiver) bool {
		return len(r.ledger[key]) > 0 || r.concerns(key)
	})
}
