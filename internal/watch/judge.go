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
	for _, r := range w.receivers {
		w.handOn(r, key, now)
	}
	for _, r := range w.receivers {
		lines := r.ledger[key]
		notices := check.Owed(alerts, lines, r.Audience, w.opt.Policy, now)
		w.set(r, key, check.Await(lines, alerts, notices, now))
		w.owe(r, key, notices)
		later(check.NextReminder(alerts, r.ledger[key], w.opt.Policy))
		later(r.overlong(key))
	}
	w.judgement.set(key, check.Wall(next))
	w.forget(key)
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

// handOn hands what a receiver waited for too long to its fallback. All
// receivers of one name hand on together, so that it is handed on once.
func (w *Watch) handOn(from *receiver, key string, now time.Time) {
	if from.Fallback == "" {
		return
	}
	for _, c := range check.Overlong(from.ledger[key], from.FallbackAfter, now) {
		for _, to := range w.receivers {
			if to.Name != from.Fallback {
				continue
			}
			_, handed := check.Hand(from.ledger[key], to.ledger[key], c, now)
			w.set(to, key, handed)
		}
		for _, sibling := range w.receivers {
			if sibling.Name == from.Name {
				mine, _ := check.Hand(sibling.ledger[key], nil, c, now)
				w.set(sibling, key, mine)
			}
		}
		w.log.Warn("handed to the fallback", "receiver", from.ID, "fallback", from.Fallback, "subject", key, "condition", c)
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
