// Package view is what the daemon knows at one moment, for everyone who looks
// on: metrics, health, the line of systemd. Observers read snapshots and
// nothing else.
package view

import (
	"context"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/state"
)

// Source is where snapshots come from.
type Source interface {
	// Alive returns nil if the loop goes round, or an error if ctx ends
	// before. It costs next to nothing.
	Alive(ctx context.Context) error
	// Snapshot returns what is known now, or an error if ctx ends before.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is what a running daemon knows at one moment. It is never changed.
type Snapshot struct {
	fleet.Snapshot
	Interval  time.Duration         // between successful checks of one instance
	Receivers []state.ReceiverState // observers that report how they do among them
	// Handed is what is to be heard, whatever else is, by an observer that is
	// the fallback of others: by its name, the subject, and the condition.
	Handed map[string]map[check.Key][]check.Condition
	// Unwritten says why the state can't be written; empty if it can.
	Unwritten string
}
