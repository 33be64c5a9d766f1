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
		Records: maps.Clone(w.state.Records), Projects: maps.Clone(w.state.Projects), Unwritten: w.disk.failure,
	}
	for _, r := range w.receivers {
		s.Receivers = append(s.Receivers, w.health(r))
	}
	return s
}

// health says how a receiver does.
func (w *Watch) health(r *receiver) state.ReceiverState {
	h := w.state.Receivers[r.ID]
	h.ID = r.ID
	h.Owed, h.OwedSince = w.book.Owed(r.ID)
	return h
}

// encode returns the state as it is written.
func (w *Watch) encode(now time.Time) ([]byte, error) {
	w.state.Written = check.Wall(now)
	for _, r := range w.receivers {
		w.state.Receivers[r.ID] = w.health(r)
	}
	return state.Encode(w.state)
}
