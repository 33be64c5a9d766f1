package watch

import (
	"context"
	"maps"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/state"
)

// Snapshot asks the loop what it knows. It fails when ctx ends before the
// loop has answered: then the loop hangs, or has not begun.
func (w *Watch) Snapshot(ctx context.Context) (state.Snapshot, error) {
	reply := make(chan state.Snapshot, 1)
	select {
	case w.looks <- reply:
		return <-reply, nil
	case <-ctx.Done():
		return state.Snapshot{}, ctx.Err()
	}
}

// Alive returns nil if the loop goes round, or why ctx ended before.
func (w *Watch) Alive(ctx context.Context) error {
	select {
	case w.pings <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// snapshot is what the loop answers.
func (w *Watch) snapshot(now time.Time) state.Snapshot {
	s := state.Snapshot{
		At: check.Wall(now), Policy: w.opt.Policy, Interval: w.opt.Interval,
		Records: maps.Clone(w.state.Records), Unwritten: w.disk.failure,
	}
	for _, r := range w.receivers {
		known := state.ReceiverState{ID: r.ID, Since: r.waits(), Failure: r.failure}
		for _, notices := range r.owed {
			known.Owed += len(notices)
		}
		s.Receivers = append(s.Receivers, known)
	}
	return s
}
