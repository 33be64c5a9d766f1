package watch

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
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
	data, err := w.encode(now)
	if err != nil {
		panic(err)
	}
	var moved state.State
	if err := json.Unmarshal(ShiftTimes(data, -by), &moved); err != nil {
		panic(err)
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
	w.awake, w.ahead = w.awake.Add(-by), w.ahead-by
	w.opt.Policy.Awake = w.awake
	w.book.Awake(w.awake)
	w.configureReceivers(now)
	w.fleet.Configure(w.opt.Watched, w.book.Subjects(), w.opt.Policy, now)
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

// OnTurn has a function be called at the end of each turn of the loop.
func (w *Watch) OnTurn(f func()) {
	if f != nil {
		w.turned = f
	}
}

// SetTick sets the longest that the loop sleeps.
func (w *Watch) SetTick(d time.Duration) {
	if d > 0 {
		w.tick = d
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
