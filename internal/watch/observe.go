package watch

import (
	"context"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/state"
)

// observed is how an observer does.
type observed struct {
	id      string
	failure string // why it could not be shown what stands; empty if it was
}

// Observed takes in that an observer was shown what stands, or why it could
// not be: empty if it was. It returns when the loop has taken that in, or ctx
// ended.
func (w *Watch) Observed(ctx context.Context, id, failure string) {
	select {
	case w.observations <- observed{id, failure}:
	case <-ctx.Done():
	}
}

// onObserved takes in how an observer does.
func (w *Watch) onObserved(o observed, now time.Time) {
	if !slices.ContainsFunc(w.opt.Observers, func(r ledger.Receiver) bool { return r.ID == o.id }) {
		return // taken out of the configuration meanwhile
	}
	before := w.known[o.id]
	after := state.ReceiverState{Succeeded: check.Wall(now)}
	if o.failure != "" {
		after = before
		after.Failure = o.failure
		if before.Healthy() {
			after.FailingSince = check.Wall(now)
		}
	}
	w.known[o.id] = after
	if before.Failure != after.Failure {
		w.disk.touch()
	}
	if before.Healthy() != after.Healthy() {
		w.missObservers()
		w.evaluateAll(now)
	}
}

// missObservers has the book know which observers can't be shown what stands.
func (w *Watch) missObservers() { w.book.Absent(w.absent()) }

// absent returns the observers that can't be shown what stands. One that has
// several addresses is there as long as one of them is.
func (w *Watch) absent() (absent []ledger.Absent) {
	there := map[string]bool{}
	for _, o := range w.opt.Observers {
		there[o.Name] = there[o.Name] || w.known[o.ID].Healthy()
	}
	for _, o := range w.opt.Observers {
		if there[o.Name] {
			continue
		}
		since := w.known[o.ID].FailingSince
		i := slices.IndexFunc(absent, func(a ledger.Absent) bool { return a.Name == o.Name })
		switch {
		case i < 0:
			absent = append(absent, ledger.Absent{Receiver: o, Since: since})
		case since.After(absent[i].Since):
			absent[i].Since = since
		}
	}
	return absent
}

// evaluateAll has every subject be evaluated.
func (w *Watch) evaluateAll(now time.Time) {
	for key := range w.fleet.Records() {
		w.evaluateAt(key, now)
		w.evaluateAt(key.OfProject(), now)
	}
	for _, d := range w.opt.Discoveries {
		w.evaluateAt(d.Project.Key(), now)
	}
}

// handed returns what is handed to the observers that are fallbacks, by their
// names.
func (w *Watch) handed() map[string]map[check.Key][]check.Condition {
	handed := map[string]map[check.Key][]check.Condition{}
	for _, o := range w.opt.Observers {
		if handed[o.Name] == nil {
			handed[o.Name] = w.book.Handed(o.Name)
		}
	}
	return handed
}
