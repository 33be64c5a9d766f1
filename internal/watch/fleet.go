package watch

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/queue"
)

// fleet is the sum of a project's records, kept as they change, so that what
// one answer costs does not depend on how many instances there are.
type fleet struct {
	check.Fleet
	parts map[check.Key]check.Part // by record key
	late  *queue.Queue[check.Key]  // of the keys of checks that are overdue, by when they were due
	ring  []check.Key              // keys, in turn for second opinions
}

// put takes a record into what is remembered.
func (w *Watch) put(r check.Record, now time.Time) {
	key := r.Key()
	w.state.Records[key] = r
	f := w.fleet(r.ProjectID)
	if before, ok := f.parts[key]; ok {
		f.Count(before, -1)
	} else {
		f.ring = append(f.ring, key)
	}
	part := check.PartOf(r, w.opt.Policy, now)
	f.parts[key] = part
	f.Count(part, 1)
	f.Note(r)
	late := time.Time{}
	if part.Late {
		late = r.Due
	}
	f.late.Set(key, late)
	_, f.Due = f.late.Next()
	w.changes.Set(key, part.Next)
}

// remove takes a record out of what is remembered.
func (w *Watch) remove(r check.Record) {
	key := r.Key()
	delete(w.state.Records, key)
	w.changes.Set(key, time.Time{})
	w.evaluations.Set(key, time.Time{})
	f := w.fleet(r.ProjectID)
	f.Count(f.parts[key], -1)
	delete(f.parts, key)
	f.late.Set(key, time.Time{})
	_, f.Due = f.late.Next()
	if f.Records == 0 {
		delete(w.fleets, r.ProjectID)
		delete(w.state.Projects, r.ProjectID)
		w.evaluations.Set(key.OfProject(), time.Time{})
	}
}

// fleet returns the sum of a project's records.
func (w *Watch) fleet(projectID string) *fleet {
	f := w.fleets[projectID]
	if f == nil {
		f = &fleet{parts: map[check.Key]check.Part{}, late: queue.New[check.Key]()}
		w.fleets[projectID] = f
	}
	return f
}

// recount adds all records up anew: after a reload, or when the clock was set.
func (w *Watch) recount(now time.Time) {
	w.fleets, w.changes = map[string]*fleet{}, queue.New[check.Key]()
	for _, r := range w.state.Records {
		w.put(r, now)
		w.fleet(r.ProjectID).Concern(r)
	}
}

// recountDue counts the records anew that time has changed, and returns when
// it will do so next.
func (w *Watch) recountDue(now time.Time) time.Time {
	for {
		key, due := w.changes.Pop(check.Wall(now))
		if !due {
			break
		}
		r := w.state.Records[key]
		w.put(r, now)
		w.evaluations.Set(key.OfProject(), check.Wall(now))
	}
	_, next := w.changes.Next()
	return next
}

// secondOpinion has another instance of the project be asked at once, where
// one is forbidden: then it is known soon whether all are.
func (w *Watch) secondOpinion(projectID string, now time.Time) {
	const tries = 8
	f := w.fleet(projectID)
	for range min(tries, len(f.ring)) {
		key := f.ring[0]
		f.ring = f.ring[1:]
		r, ok := w.state.Records[key]
		if !ok {
			continue
		}
		f.ring = append(f.ring, key)
		if r.Left == "" && r.Failing.Count == 0 && !w.asking[key] {
			r.Due = check.Wall(now)
			w.put(r, now)
			w.poll.Set(target(r), r.Due)
			return
		}
	}
}
