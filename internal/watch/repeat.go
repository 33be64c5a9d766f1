package watch

import (
	"errors"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// repeatPace is how a message is repeated of which it is not known whether it
// arrived. It grows faster and further than that of what surely failed: each
// repeat may be one too many.
var repeatPace = poll.Backoff{Initial: time.Minute, Max: 6 * time.Hour, Multiplier: 3}

// ready sorts what a receiver is owed into what is to be told now, and into
// the news of one message that may have arrived and is to be repeated now. It
// returns when to come back for the rest. A message is repeated as it was, so
// that its ID tells that it is the same; what came since does not wait for it.
func (w *Watch) ready(r *receiver, now time.Time) (fresh, repeats []ledger.Notice, wake time.Time) {
	var since time.Time
	first := "" // of the messages to be repeated
	inDoubt := map[string][]ledger.Notice{}
	for _, notices := range r.owed {
		for _, n := range notices {
			d := n.InDoubt
			if d == nil {
				fresh = append(fresh, n)
				since = poll.Soonest(since, n.Owed)
				continue
			}
			// What takes one message is likely to say what became of another.
			again := d.Last.Add(repeatPace.AfterTries(d.Tries))
			if again.After(check.Wall(now)) && !w.state.Receivers[r.ID].Succeeded.After(d.Last) {
				wake = poll.Soonest(wake, again)
				continue
			}
			if first == "" || d.Message < first {
				first = d.Message
			}
			inDoubt[d.Message] = append(inDoubt[d.Message], n)
		}
	}
	if start := since.Add(w.opt.GroupWait); len(fresh) > 0 && check.Wall(now).Before(start) {
		return nil, inDoubt[first], poll.Soonest(wake, start)
	}
	// What the first pass brings comes together.
	if end := w.first.Add(firstPass); len(fresh) > 0 && len(w.awaiting) > 0 && now.Before(end) && !since.Before(check.Wall(w.first)) {
		return nil, inDoubt[first], poll.Soonest(wake, end)
	}
	if r.marked { // what came since waits for the next message
		fresh = slices.DeleteFunc(fresh, func(n ledger.Notice) bool { return !r.ledger[n.Key()].Tried(n) })
	}
	return fresh, inDoubt[first], wake
}

// doubted takes in that a message may have arrived. It is repeated at a pace
// of its own, and holds up no other: neither is the receiver known to fail,
// until no answer comes to the repeat either.
func (w *Watch) doubted(o outcome, now time.Time) {
	r := o.receiver
	r.resumes = now.Add(max(r.Carrier.Limits().Every, r.flood.ReserveN(now, 1).DelayFrom(now)))
	tries := 0
	for _, n := range o.batch {
		lines := ledger.InDoubt(r.ledger[n.Key()], n, o.message.ID, now)
		w.set(r, n.Key(), lines)
		if waits := lines[n.Condition].Waits; waits != nil {
			tries = max(tries, waits.InDoubt.Tries)
		}
	}
	if tries > 1 {
		w.fails(r, o.err.Error(), now)
	}
	w.log.Warn("delivery without an answer", "receiver", r.ID, "message", o.message.ID, "err", o.err,
		"owed", len(o.batch), "again_in", repeatPace.AfterTries(tries))
	r.saved = w.disk.demand()
}

// isUnknown reports whether a message that failed may have arrived.
func isUnknown(err error) bool {
	var f *notify.Failure
	return errors.As(err, &f) && f.Unknown
}
