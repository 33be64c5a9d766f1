package watch

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// slice is how many subjects are evaluated in one turn of the loop at most,
// so that it goes round, whatever happens to a whole fleet.
const slice = 500

// evaluateDue has the book know what is true of each subject of which
// something is new, or time has brought something, and returns when to come
// back.
func (w *Watch) evaluateDue(now time.Time) time.Time {
	later := w.fleet.PassTime(now)
	for _, key := range w.fleet.Stale() {
		w.evaluateAt(key, now)
	}
	for range slice {
		key, due := w.evaluations.Pop(check.Wall(now))
		if !due {
			break
		}
		w.evaluate(key, now)
	}
	_, next := w.evaluations.Next()
	return poll.Soonest(next, later)
}

// evaluateAt has a subject be evaluated at a time.
func (w *Watch) evaluateAt(key check.Key, at time.Time) { w.evaluations.Set(key, check.Wall(at)) }

// evaluate has the book know what is true of a subject now.
func (w *Watch) evaluate(key check.Key, now time.Time) {
	alerts, next := w.fleet.Alerts(key, now)
	again, handed := w.book.Update(key, alerts, w.fleet.Clock(key.ProjectID), now)
	for _, h := range handed {
		w.log.Warn("handed to the fallback", "receiver", h.From, "fallback", h.Fallback,
			"project", h.Project, "instance", h.Instance, "instance_id", h.InstanceID, "condition", h.Condition)
	}
	w.evaluateAt(key, poll.Soonest(next, again))
	if r, gone := w.fleet.Forget(key, w.book.Open); gone {
		delete(w.backoffs, r.Key())
		w.log.Info("forgotten", "project", r.Project, "instance", r.Instance, "instance_id", r.InstanceID, "why", r.Left)
	}
}
