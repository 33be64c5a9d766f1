package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Ready is what a receiver may be sent.
type Ready struct {
	// Notices are what a message is to be made of, in no order: of some of
	// them, or of all.
	Notices []Notice
	// Wake is when to ask again, where there are none and nothing happens;
	// zero if there is nothing to wait for.
	Wake time.Time
}

// Ready returns what a receiver may be sent now: what it is owed, or else the
// notices of one message that may have arrived and is to be repeated. That is
// repeated as it was, so that its ID tells that it is the same; what came
// since does not wait for it. There is nothing while something is being sent.
//
// Those that a message is made of go to Begin first.
func (b *Book) Ready(id string, now time.Time) Ready {
	now = check.Wall(now)
	a := b.accounts[id]
	if a == nil || a.sending != nil || a.count == 0 {
		return Ready{}
	}
	fresh, wake := b.news(a, now)
	if a.marked { // what came since waits for the next message
		marked := slices.DeleteFunc(slices.Clone(fresh), func(n Notice) bool { return !a.lines[n.Key()].tried(n) })
		if len(marked) > 0 {
			return Ready{Notices: marked}
		}
		a.marked = false // nothing of it is owed any more
	}
	if len(fresh) > 0 {
		return Ready{Notices: fresh}
	}
	repeat, later := a.repeat(now)
	return Ready{Notices: repeat, Wake: soonest(wake, later)}
}

// news returns what a receiver is owed that was not sent before, or when it
// will be told of it.
func (b *Book) news(a *account, now time.Time) (fresh []Notice, wake time.Time) {
	_, since := a.fresh.Next()
	if since.IsZero() {
		return nil, time.Time{}
	}
	start := since.Add(b.terms.GroupWait)
	if !since.Before(b.gatherFrom) && b.gatherUntil.After(start) {
		start = b.gatherUntil
	}
	if now.Before(start) {
		return nil, start
	}
	for _, notices := range a.owed {
		for _, n := range notices {
			if n.InDoubt == nil {
				fresh = append(fresh, n)
			}
		}
	}
	return fresh, time.Time{}
}

// repeat returns the notices of a message that may have arrived and is to be
// repeated now, or when one will be.
func (a *account) repeat(now time.Time) (notices []Notice, wake time.Time) {
	if _, at := a.doubted.Next(); at.IsZero() || at.After(now) {
		return nil, at
	}
	first := "" // of the messages to be repeated
	inDoubt := map[string][]Notice{}
	for _, key := range a.doubted.Keys() {
		for _, n := range a.owed[key] {
			if n.InDoubt == nil || a.repeatable(n).After(now) {
				continue
			}
			id := n.InDoubt.Message
			if first == "" || id < first {
				first = id
			}
			inDoubt[id] = append(inDoubt[id], n)
		}
	}
	return inDoubt[first], time.Time{}
}

// Begin takes in that a message is about to be sent, and reports whether it
// may be sent at once. If not, what Changes returns has to be made durable
// first, and then Ready be asked anew: should the process die, or things
// change, before it is known whether the message arrived, its receiver still
// has to hear what is so then.
func (b *Book) Begin(id string, batch []Notice) (send bool) {
	a := b.accounts[id]
	if !a.marked {
		for _, n := range batch {
			if lines := a.lines[n.Key()]; !lines.tried(n) {
				b.set(a, n.Key(), try(lines, n))
				a.marked = true
			}
		}
		if a.marked {
			return false
		}
	}
	a.marked, a.sending = false, batch
	return true
}

// Delivered takes in that the receiver has a message, and returns the
// subjects that are to be updated. belongs holds, for each notice, the ID of
// the message that what follows about it belongs to.
func (b *Book) Delivered(id string, batch []Notice, belongs []string, now time.Time) []check.Key {
	a := b.accounts[id]
	if a == nil {
		return nil
	}
	a.answered = check.Wall(now)
	for i, n := range batch {
		b.set(a, n.Key(), tell(a.lines[n.Key()], n, belongs[i], now))
	}
	for _, key := range a.doubted.Keys() {
		a.index(key)
	}
	return a.end(batch, true)
}

// Doubted takes in that it is not known whether a message arrived. It is
// repeated at a pace of its own, and holds up no other. Returned are how often
// it was sent, and the subjects that are to be updated.
func (b *Book) Doubted(id string, batch []Notice, message string, now time.Time) (tries int, subjects []check.Key) {
	a := b.accounts[id]
	if a == nil {
		return 0, nil
	}
	for _, n := range batch {
		lines := doubt(a.lines[n.Key()], n, message, now)
		b.set(a, n.Key(), lines)
		if waits := lines[n.Condition].Pending; waits != nil {
			tries = max(tries, waits.InDoubt.Tries)
		}
	}
	return tries, a.end(batch, true)
}

// Failed takes in that a message did not arrive, and returns the subjects
// that are to be updated.
func (b *Book) Failed(id string, batch []Notice) []check.Key {
	a := b.accounts[id]
	if a == nil {
		return nil
	}
	return a.end(batch, false)
}

// end ends a delivery. What was sent is not owed any more, until an update
// says otherwise.
func (a *account) end(batch []Notice, sent bool) []check.Key {
	a.sending = nil
	subjects := map[check.Key]bool{}
	for _, n := range batch {
		subjects[n.Key()] = true
	}
	if sent {
		for key := range subjects {
			a.owes(key, nil)
		}
	}
	return slices.SortedFunc(maps.Keys(subjects), check.Key.Compare)
}

// RepeatDelay returns how long after so many tries a message is repeated of
// which it is not known whether it arrived. It grows faster and further than
// that of what surely failed: each repeat may be one too many.
func RepeatDelay(tries int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Minute), backoff.WithMaxInterval(6*time.Hour), backoff.WithMultiplier(3),
		backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0),
	)
	delay := b.NextBackOff()
	for i := 1; i < tries && delay < b.MaxInterval; i++ {
		delay = b.NextBackOff()
	}
	return delay
}
