package watch

import (
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// repeatPace is how a message is repeated of which it is not known whether it
// arrived. It grows faster and further than that of what surely failed: each
// repeat may be one too many.
var repeatPace = Backoff{Initial: 15 * time.Second, Max: time.Hour, Multiplier: 3, Jitter: 0.2}

// repeat is a message that may have arrived, until it is known to have. It is
// repeated as it was, so that its ID tells that it is the same; what came
// since does not wait for it.
type repeat struct {
	ids  []string // of its notices
	due  time.Time
	pace *backoff.ExponentialBackOff
}

// doubt notes that it is not known whether a message arrived. same is what it
// repeated, nil if it was sent for the first time.
func (w *Watch) doubt(r *receiver, batch []check.Notice, same *repeat, least time.Duration, now time.Time) {
	if same == nil {
		same = &repeat{pace: repeatPace.Exponential()}
		for _, n := range batch {
			same.ids = append(same.ids, n.ID())
		}
		r.repeats = append(r.repeats, same)
	}
	same.due = now.Add(max(same.pace.NextBackOff(), least))
	for _, n := range batch {
		w.set(r, n.Key(), check.Doubt(r.ledger[n.Key()], n))
	}
}

// ready returns what may be told now, and what that repeats, nil if nothing.
// Where there is nothing to tell now, it returns when there will be.
func (r *receiver) ready(now time.Time) (notices []check.Notice, of *repeat, next time.Time) {
	of, next = r.dueRepeat(now)
	sent := map[string]*repeat{}
	for _, p := range r.repeats {
		for _, id := range p.ids {
			sent[id] = p
		}
	}
	open := map[*repeat][]check.Notice{}
	for _, owed := range r.owed {
		for _, n := range owed {
			var p *repeat
			if len(sent) > 0 {
				p = sent[n.ID()]
			}
			open[p] = append(open[p], n)
		}
	}
	r.repeats = slices.DeleteFunc(r.repeats, func(p *repeat) bool { return open[p] == nil })
	if fresh := open[nil]; len(fresh) > 0 {
		return fresh, nil, time.Time{}
	}
	if of != nil && open[of] == nil {
		return nil, nil, now // what was in doubt is no longer owed
	}
	if of != nil {
		return open[of], of, time.Time{}
	}
	return nil, nil, next
}

// dueRepeat returns a message that is to be repeated now, nil if none, and
// else when one will be.
func (r *receiver) dueRepeat(now time.Time) (due *repeat, next time.Time) {
	for _, p := range r.repeats {
		if !now.Before(p.due) {
			return p, time.Time{}
		}
		next = poll.Soonest(next, p.due)
	}
	return nil, next
}

// trusts has what is in doubt be repeated at once: the receiver has just
// taken something, so by now it is likely to say what becomes of it.
func (r *receiver) trusts(now time.Time) {
	for _, p := range r.repeats {
		p.due = now
	}
}
