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
	return view.Snapshot{Snapshot: w.fleet.Snapshot(now), Interval: w.opt.Interval, Receivers: w.healths(), Unwritten: w.disk.failure, Handed: w.handed()}
}

// healths says how each receiver does, observers among them.
func (w *Watch) healths() []state.ReceiverState {
	all := make([]state.ReceiverState, 0, len(w.receivers)+len(w.opt.Observers))
	for _, r := range w.receivers {
		all = append(all, w.health(r.ID))
	}
	for _, o := range w.opt.Observers {
		all = append(all, w.health(o.ID))
	}
	return all
}

// health says how a receiver does.
func (w *Watch) health(id string) state.ReceiverState {
	h := w.known[id]
	h.ID = id
	h.Owed, h.OwedSince = w.book.Owed(id)
	return h
}
