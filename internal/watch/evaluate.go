package watch

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// slice is how many subjects are evaluated in one turn of the loop at most,
// so that it goes round, whatever happens to a whole fleet.
const slice = 500

// evaluateAll has every instance and project be evaluated, in slices.
func (w *Watch) evaluateAll(now time.Time) {
	for key := range w.state.Records {
		w.evaluations.Set(key, check.Wall(now))
		w.evaluations.Set(key.OfProject(), check.Wall(now))
	}
}

// evaluateDue evaluates those for which time has brought something, and
// returns when it will do so next.
func (w *Watch) evaluateDue(now time.Time) time.Time {
	for range slice {
		key, due := w.evaluations.Pop(check.Wall(now))
		if !due {
			break
		}
		w.evaluate(key, now)
	}
	_, next := w.evaluations.Next()
	return next
}

// evaluate has the book know what is true of a subject now.
func (w *Watch) evaluate(key check.Key, now time.Time) {
	alerts, next := w.standing(key, now)
	again, handed := w.book.Update(key, alerts, w.opt.Policy.Clock(key.ProjectID), now)
	for _, h := range handed {
		w.log.Warn("handed to the fallback", "receiver", h.From, "fallback", h.Fallback,
			"project", h.Project, "instance", h.Instance, "instance_id", h.InstanceID, "condition", h.Condition)
	}
	w.evaluations.Set(key, check.Wall(poll.Soonest(next, again)))
	w.forget(key)
}

// standing returns what is true of a subject, and when that will change by
// time alone.
func (w *Watch) standing(key check.Key, now time.Time) ([]check.Alert, time.Time) {
	project := w.state.Projects[key.ProjectID]
	if !key.IsProject() {
		r, ok := w.state.Records[key]
		if !ok {
			return nil, time.Time{}
		}
		return project.Covers(r, check.Standing(r, w.opt.Policy, now), w.opt.Policy), check.Next(r, now)
	}
	f, ok := w.fleets[key.ProjectID]
	if !ok {
		return nil, time.Time{}
	}
	return check.Project(project, f.Fleet, w.opt.Policy, now), check.NextProject(f.Fleet, w.opt.Policy, now)
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
	if !ok || r.Left == "" || w.book.Open(key) || w.fleet(r.ProjectID).Records == 1 && w.book.Open(key.OfProject()) {
		return
	}
	w.remove(r)
	delete(w.backoffs, key)
	w.log.Info("forgotten", "project", r.Project, "instance", r.Instance, "instance_id", r.InstanceID, "why", r.Left)
	w.disk.touch()
}
