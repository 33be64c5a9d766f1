package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/state"
)

// However much is owed, a receiver gets no more messages than these: what is
// remembered may be wrong in a way that nobody thought of.
const (
	floodEvery = time.Second // one for each of these,
	floodBurst = 20          // after so many at once
)

// logStanding is how often a failure that lasts is logged.
const logStanding = time.Hour

// receiver is a receiver with what it was told and is owed.
type receiver struct {
	Receiver
	ledger  check.Ledger              // the same map as in the state
	owed    map[string][]check.Notice // by subject
	pace    *backoff.ExponentialBackOff
	flood   *rate.Limiter  // of the messages that it takes
	telling []check.Notice // the delivery under way, nil if there is none
	edits   edits          // of earlier messages
	repeats []*repeat      // what may have arrived
	marked  bool           // what is about to be told has been marked so
	resumes time.Time      // not before; has a monotonic reading
	asked   time.Time      // until when the receiver asked to be left alone
	saved   uint64         // the revision that must be on disk before the next message
	logged  time.Time      // when it was last logged that deliveries fail
}

// outcome is how a delivery ended.
type outcome struct {
	receiver *receiver
	batch    []check.Notice
	repeats  *repeat // what is sent again, nil if nothing is
	message  notify.Message
	receipt  json.RawMessage
	err      error
	stopped  bool // given up, because the daemon stops
}

// configureReceivers makes the receivers of the configuration, each with
// its ledger. The ledger of one that is no longer configured goes.
func (w *Watch) configureReceivers(now time.Time) {
	before := w.receivers
	w.receivers = nil
	configured := map[string]bool{}
	for _, options := range w.opt.Receivers {
		configured[options.ID] = true
		r := &receiver{
			Receiver: options, owed: map[string][]check.Notice{}, pace: w.opt.Retry.Exponential(),
			flood: rate.NewLimiter(rate.Every(floodEvery), floodBurst),
			edits: edits{pace: w.opt.Retry.Exponential(), tried: map[string]int{}},
		}
		if i := slices.IndexFunc(before, func(old *receiver) bool { return old.ID == r.ID }); i >= 0 {
			r = before[i]
			r.Receiver = options
			// It may have been mended: try again at once, but for what the
			// receiver asked of us.
			r.resumes = now
			if r.asked.After(now) {
				r.resumes = r.asked
			}
			r.pace.Reset()
		}
		if w.state.Ledgers[r.ID] == nil {
			w.state.Ledgers[r.ID] = check.Ledger{}
		}
		r.ledger = w.state.Ledgers[r.ID]
		w.receivers = append(w.receivers, r)
	}
	for id := range w.state.Ledgers {
		if !configured[id] {
			w.log.Info("receiver is no longer configured", "receiver", id)
			delete(w.state.Ledgers, id)
			delete(w.state.Messages, id)
		}
	}
	maps.DeleteFunc(w.state.Receivers, func(id string, _ state.ReceiverState) bool { return !configured[id] })
}

// set replaces the lines of a subject in a receiver's ledger.
func (w *Watch) set(r *receiver, key string, lines check.Lines) {
	if len(lines) == 0 && len(r.ledger[key]) == 0 || reflect.DeepEqual(lines, r.ledger[key]) {
		return
	}
	w.disk.touch()
	if len(lines) == 0 {
		delete(r.ledger, key)
		return
	}
	r.ledger[key] = lines
}

// waits returns since when the receiver has been owed something.
func (r *receiver) waits() time.Time {
	var since time.Time
	for key, notices := range r.owed {
		for _, n := range notices {
			if w := r.ledger[key][n.Condition].Waits; w != nil {
				since = poll.Soonest(since, w.Since)
			}
		}
	}
	return since
}

// concerns tells whether the delivery under way is about a subject.
func (r *receiver) concerns(key string) bool {
	return slices.ContainsFunc(r.telling, func(n check.Notice) bool { return n.Key() == key })
}

// told tells whether any receiver has a line about a subject.
func (w *Watch) told(key string) bool {
	return slices.ContainsFunc(w.receivers, func(r *receiver) bool { return len(r.ledger[key]) > 0 })
}

// tell starts the deliveries that are due, and returns when to come back.
func (w *Watch) tell(ctx context.Context, now time.Time) time.Time {
	var wake time.Time
	for _, r := range w.receivers {
		unsaved := r.saved > w.disk.reached && w.disk.failure == ""
		if r.telling != nil || unsaved || len(r.owed) == 0 {
			continue // an outcome, a write or a judgement will wake us
		}
		if now.Before(r.resumes) {
			wake = poll.Soonest(wake, r.resumes)
			continue
		}
		owed, of, next := r.ready(now)
		if len(owed) == 0 {
			wake = poll.Soonest(wake, next)
			continue
		}
		if ready := oldest(owed).Add(w.opt.GroupWait); check.Wall(now).Before(ready) {
			wake = poll.Soonest(wake, ready)
			continue
		}
		if end := w.first.Add(firstPass); len(w.awaiting) > 0 && now.Before(end) && !oldest(owed).Before(check.Wall(w.first)) {
			wake = poll.Soonest(wake, end)
			continue
		}
		if r.marked { // what came since waits for the next message
			owed = slices.DeleteFunc(owed, func(n check.Notice) bool { return !r.ledger[n.Key()].Tried(n) })
		}
		batch := notify.Batch(owed, r.Carrier.Limits(), now)
		if !r.marked && w.mark(r, batch) {
			r.marked, r.saved = true, w.disk.demand()
			wake = now
			continue
		}
		r.marked = false
		if len(batch) == 0 {
			wake = now
			continue
		}
		r.telling = batch
		w.work.Add(1)
		o := outcome{receiver: r, batch: batch, repeats: of, message: notify.Compose(batch, w.state.Messages[r.ID], now)}
		o.message.Footer = w.opt.Footer
		go w.deliver(ctx, r.Carrier, o)
	}
	return wake
}

// mark notes in the ledger what is about to be told to begin or to end, and
// tells whether there is any such. It has to be on disk before it is told:
// should the daemon die, or things change, before it is known to have
// arrived, the receiver still has to hear what is so then.
func (w *Watch) mark(r *receiver, batch []check.Notice) bool {
	marked := false
	for _, n := range batch {
		lines := r.ledger[n.Key()]
		marked = marked || !lines.Tried(n)
		w.set(r, n.Key(), check.Try(lines, n))
	}
	return marked
}

// oldest returns since when the first of some notices has been owed.
func oldest(notices []check.Notice) time.Time {
	var since time.Time
	for _, n := range notices {
		since = poll.Soonest(since, n.Owed)
	}
	return since
}

// deliver sends one message. One that does not end when it has to counts as
// failed, and is not waited for.
func (w *Watch) deliver(ctx context.Context, carrier notify.Receiver, o outcome) {
	defer w.work.Done()
	limited, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	done := make(chan outcome, 1)
	go func(o outcome) {
		o.receipt, o.err = carrier.Deliver(limited, o.message)
		done <- o
	}(o)
	select {
	case o = <-done:
	case <-limited.Done():
		select {
		case o = <-done:
		case <-time.After(overrun):
			o.err = &notify.Failure{Unknown: true, Reason: fmt.Sprintf("the delivery did not end within %v: something that it waits for hangs", deliverTimeout)}
		}
	}
	o.stopped = o.err != nil && ctx.Err() != nil
	w.outcome <- o
}

// heard takes in how a delivery ended.
func (w *Watch) heard(o outcome, now time.Time) {
	r := o.receiver
	r.telling = nil
	if o.stopped || !slices.Contains(w.receivers, r) {
		return // the latter: taken out of the configuration meanwhile
	}
	w.opt.Metrics.delivered(r.ID, o.err)
	if o.err != nil {
		w.missed(o, now)
	} else {
		w.taken(o, now)
	}
	subjects := map[string]bool{}
	for _, n := range o.batch {
		subjects[n.Key()] = true
	}
	for key := range subjects {
		w.judge(key, now)
	}
}

// taken takes in that a delivery succeeded.
func (w *Watch) taken(o outcome, now time.Time) {
	r := o.receiver
	r.pace.Reset()
	r.resumes = now.Add(max(r.Carrier.Limits().Every, r.flood.ReserveN(now, 1).DelayFrom(now)))
	r.trusts(now)
	if known := w.state.Receivers[r.ID]; !known.Healthy() {
		w.log.Info("receiver recovered", "receiver", r.ID, "failed_since", known.FailingSince)
		r.logged = time.Time{}
	}
	w.state.Receivers[r.ID] = state.ReceiverState{Succeeded: check.Wall(now)}
	sent, ids := notify.Keep(w.state.Messages[r.ID], o.message, o.batch, o.receipt, now)
	w.keep(r, sent)
	for i, n := range o.batch {
		w.set(r, n.Key(), check.Tell(r.ledger[n.Key()], n, ids[i], now))
	}
	for _, g := range o.message.Groups {
		for _, item := range g.Items {
			w.log.Info("alert delivered", "receiver", r.ID, "message", o.message.ID, "alert", item.Line)
		}
	}
	r.saved = w.disk.demand()
}

// missed takes in that a delivery failed.
func (w *Watch) missed(o outcome, now time.Time) {
	r := o.receiver
	delay := afterDelivery(r.pace, o.err)
	r.resumes = now.Add(delay)
	var f *notify.Failure
	if !errors.As(o.err, &f) {
		f = new(notify.Failure)
	}
	r.asked = now.Add(f.RetryAfter)
	if f.Unknown {
		w.doubt(r, o.batch, o.repeats, f.RetryAfter, now)
	}
	known := w.state.Receivers[r.ID]
	if known.Failure != o.err.Error() || r.logged.IsZero() || now.Sub(r.logged) >= logStanding {
		w.log.Warn("delivery failed", "receiver", r.ID, "err", o.err, "owed", len(o.batch), "owed_since", r.waits(), "again_in", delay.Round(time.Second))
		r.logged = now
	}
	if known.Failure != o.err.Error() {
		known.Failure = o.err.Error()
		w.disk.touch()
	}
	if known.FailingSince.IsZero() {
		known.FailingSince = check.Wall(now)
	}
	w.state.Receivers[r.ID] = known
}
