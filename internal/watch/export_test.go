package watch

import (
	"fmt"
	"regexp"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/state"
)

// SetClock is what the loop sees when the clock of the machine is set by so
// much, and reports whether it could be. The clock of a bubble can't be set,
// so all that the loop knows by the clock is moved the other way. It belongs
// into OnTurn, and must not be while anything is under way that has
// brought times along.
func (w *Watch) SetClock(by time.Duration) bool {
	busy := w.poll.InFlight() > 0 || w.disk.writing
	for _, r := range w.receivers {
		busy = busy || r.giveUp != nil
	}
	if busy {
		return false
	}
	now := time.Now()
	var known state.State
	w.collect()
	known.Apply(w.all(now))
	data, err := state.Encode(known)
	if err != nil {
		panic(err)
	}
	moved, bad, err := state.Decode(ShiftTimes(data, -by))
	if err != nil || len(bad) > 0 {
		panic(fmt.Sprint(err, bad))
	}
	clocks := check.Clocks{}
	for _, p := range w.opt.Projects {
		c := w.fleet.OwnClock(p.ID)
		if !c.Since.IsZero() {
			c.Since = c.Since.Add(-by)
		}
		clocks[p.ID] = c
	}
	w.remember(moved, clocks)
	w.disk.changes = moved.Changes()
	w.disk.touch()
	w.awake, w.ahead = w.awake.Add(-by), w.ahead-by
	w.opt.Policy.Awake = w.awake
	w.book.Awake(w.awake)
	w.configureReceivers(now)
	w.fleet.Configure(w.opt.Watched, w.opt.discoveries(), w.book.Subjects(), w.opt.Policy, now)
	if !w.pass.IsZero() {
		w.pass = w.pass.Add(-by)
		w.fleet.Pass(w.pass)
		w.fleet.Awake(w.awake, now) // counts anew who was asked since
	}
	for key, r := range w.fleet.Records() {
		if r.Left == "" {
			w.poll.Set(poll.Target(key), r.Due)
		}
	}
	return true
}

// all returns all that is remembered, as changes.
func (w *Watch) all(now time.Time) state.Changes {
	s := w.fleet.Snapshot(now)
	c := state.Changes{At: now, Records: map[check.Key]*check.Record{}, Projects: map[string]*check.ProjectRecord{}, Lines: map[ledger.Place]ledger.Lines{}, Receivers: byID(w.healths()), Messages: map[state.MessageKey]*ledger.Sent{}}
	for _, key := range w.book.Subjects() {
		for _, r := range w.receivers {
			c.Lines[ledger.Place{Receiver: r.ID, Subject: key}] = w.book.Lines(r.ID, key)
		}
	}
	for _, r := range s.Records {
		c.Records[r.Key()] = r
	}
	for id, p := range s.Projects {
		c.Projects[id] = &p
	}
	for id, sent := range w.messages {
		for message, one := range sent {
			c.Messages[state.MessageKey{Receiver: id, Message: message}] = &one
		}
	}
	return c
}

// OnTurn has a function be called at the end of each turn of the loop.
func (w *Watch) OnTurn(f func()) {
	if f != nil {
		w.turned = f
	}
}

// Known returns how many instances are known. It belongs into OnTurn.
func (w *Watch) Known() int { return len(w.fleet.Snapshot(time.Now()).Records) }

// SetMaxSleep sets the longest that the loop sleeps.
func (w *Watch) SetMaxSleep(d time.Duration) {
	if d > 0 {
		w.maxSleep = d
	}
}

var timestamp = regexp.MustCompile(`"[12][0-9]{3}-[0-9T:.-]+Z"`)

// ShiftTimes moves every time in JSON.
func ShiftTimes(data []byte, by time.Duration) []byte {
	return timestamp.ReplaceAllFunc(data, func(old []byte) []byte {
		at, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(old))
		if err != nil {
			panic(err)
		}
		return []byte(at.Add(by).Format(`"` + time.RFC3339Nano + `"`))
	})
}
