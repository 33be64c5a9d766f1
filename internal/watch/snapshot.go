package watch

import (
	"context"
	"time"

	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/view"
)

var _ view.Source = (*Watch)(nil)

// Snapshot asks the loop what it knows. It fails when ctx ends before the
// loop has answered: then the loop hangs, or has not begun.
func (w *Watch) Snapshot(ctx context.Context) (view.Snapshot, error) {
	reply := make(chan view.Snapshot, 1)
	select {
	case w.looks <- reply:
		return <-reply, nil
	case <-ctx.Done():
		return view.Snapshot{}, ctx.Err()
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
func (w *Watch) snapshot(now time.Time) view.Snapshot {
	s := view.Snapshot{Snapshot: w.fleet.Snapshot(now), Interval: w.opt.Interval, Unwritten: w.disk.failure}
	for _, r := range w.receivers {
		s.Receivers = append(s.Receivers, w.health(r))
	}
	return s
}

// health says how a receiver does.
func (w *Watch) health(r *receiver) state.ReceiverState {
	h := w.known[r.ID]
	h.ID = r.ID
	h.Owed, h.OwedSince = w.book.Owed(r.ID)
	return h
}
