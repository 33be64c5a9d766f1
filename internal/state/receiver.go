package state

import (
	"errors"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// ReceiverState is how a receiver does.
type ReceiverState struct {
	ID string `json:"-"` // the key of its ledger
	// Owed counts the notices that it has yet to get, OwedSince is when the
	// oldest of them was due.
	Owed      int       `json:"owed,omitempty"`
	OwedSince time.Time `json:"owed_since,omitzero"`
	// Failure says why the last delivery failed, empty if it did not, and
	// FailingSince is when the first of those in a row did.
	Failure      string    `json:"failure,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`
	// Succeeded is when a message was last taken; zero if none ever was.
	Succeeded time.Time `json:"succeeded,omitzero"`
}

// Healthy reports whether the last message was taken.
func (r ReceiverState) Healthy() bool { return r.Failure == "" }

// sound returns why this can't be what was written, nil if it can.
func (r ReceiverState) sound(string) error {
	if r.Owed < 0 {
		return errors.New("it is owed less than nothing")
	}
	for _, t := range []time.Time{r.OwedSince, r.FailingSince, r.Succeeded} {
		if t.Year() > 9999 {
			return errors.New("it holds what is not a time")
		}
	}
	return nil
}

// Rewind bounds what is remembered by the present, after a clock was set back.
func (r ReceiverState) Rewind(now time.Time) ReceiverState {
	for _, t := range []*time.Time{&r.OwedSince, &r.FailingSince, &r.Succeeded} {
		if t.After(now) {
			*t = check.Wall(now)
		}
	}
	return r
}

// SplitID returns the configured name of a receiver, which has no slash, and
// which of its recipients it is; empty where there is but one.
func SplitID(id string) (name, recipient string) {
	name, recipient, _ = strings.Cut(id, "/")
	return name, recipient
}
