package watch

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/state"
)

// SetClock is what the loop sees when the clock of the machine is set by so
// much, and reports whether it could be. The clock of a bubble can't be set,
// so all that the loop knows by the clock is moved the other way. It belongs
// into Options.Turn, and must not be while anything is under way that has
// brought times along.
func (w *Watch) SetClock(by time.Duration) bool {
	busy := w.poll.InFlight() > 0 || w.disk.writing
	for _, r := range w.receivers {
		busy = busy || r.giveUp != nil
	}
	if busy {
		return false
	}
	w.state = shifted(w.state, -by)
	if w.state.Messages == nil {
		w.state.Messages = map[string]map[string]ledger.Sent{}
	}
	if w.state.Receivers == nil {
		w.state.Receivers = map[string]state.ReceiverState{}
	}
	answered := map[string]time.Time{}
	for id, r := range w.state.Receivers {
		answered[id] = r.Succeeded
	}
	w.book = ledger.New(w.state.Ledgers, answered)
	w.book.Awake(w.awake.Add(-by))
	w.configureReceivers(time.Now())
	for _, key := range w.book.Subjects() {
		w.evaluate(key, time.Now())
	}
	w.evaluations.Shift(-by)
	w.recount(time.Now())
	for _, r := range w.state.Records {
		if r.Left == "" {
			w.poll.Set(target(r), r.Due)
		}
	}
	w.awake, w.ahead = w.awake.Add(-by), w.ahead-by
	w.opt.Policy.Awake = w.awake
	if !w.pass.IsZero() {
		w.pass = w.pass.Add(-by)
	}
	return true
}

// shifted moves every time in v.
func shifted[T any](v T, by time.Duration) (moved T) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(ShiftTimes(data, by), &moved); err != nil {
		panic(err)
	}
	return moved
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
