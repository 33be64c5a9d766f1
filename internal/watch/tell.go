package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/text"
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
	ledger  ledger.Ledger                 // the same map as in the state
	owed    map[check.Key][]ledger.Notice // by subject
	pace    *backoff.ExponentialBackOff
	flood   *rate.Limiter   // of the messages that it takes
	telling []ledger.Notice // the delivery under way, nil if there is none
	edits   edits           // of earlier messages
	started time.Time       // when that began; has a monotonic reading
	giveUp  func()          // ends it
	marked  bool            // what is about to be told has been marked so
	resumes time.Time       // not before; has a monotonic reading
	asked   time.Time       // until when the receiver asked to be left alone
	saved   uint64          // the revision that must be on disk before the next message
	logged  time.Time       // when it was last logged that deliveries fail
}

// outcome is how a delivery ended.
type outcome struct {
	receiver *receiver
	batch    []ledger.Notice
	message  notify.Message
	receipt  json.RawMessage
	err      error
	stopped  bool // given up, because the daemon stops or the receiver is another
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
			Receiver: options, owed: map[check.Key][]ledger.Notice{}, pace: w.opt.Retry.Exponential(),
			flood: rate.NewLimiter(rate.Every(floodEvery), floodBurst),
			edits: edits{pace: w.opt.Retry.Exponential(), tried: map[string]int{}},
		}
		if i := slices.IndexFunc(before, func(old *receiver) bool { return old.ID == r.ID }); i >= 0 {
			r = before[i]
			if r.telling != nil && r.Carrier != options.Carrier {
				r.giveUp() // what hangs there may have been mended
			}
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
			w.state.Ledgers[r.ID] = ledger.Ledger{}
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
func (w *Watch) set(r *receiver, key check.Key, lines ledger.Lines) {
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
func (r *receiver) concerns(key check.Key) bool {
	return slices.ContainsFunc(r.telling, func(n ledger.Notice) bool { return n.Key() == key })
}

// tell starts the deliveries that are due, and returns when to come back.
func (w *Watch) tell(ctx context.Context, now time.Time) time.Time {
	var wake time.Time
	for _, r := range w.receivers {
		if r.telling != nil {
			wake = poll.Soonest(wake, w.watchDelivery(r, now))
			continue // its outcome will wake us
		}
		unsaved := r.saved > w.disk.reached && w.disk.failure == ""
		if unsaved || len(r.owed) == 0 {
			continue // a write or a judgement will wake us
		}
		if now.Before(r.resumes) {
			wake = poll.Soonest(wake, r.resumes)
			continue
		}
		fresh, repeats, next := w.ready(r, now)
		wake = poll.Soonest(wake, next)
		batch := notify.Batch(fresh, r.Carrier.Limits(), now)
		switch {
		case len(batch) > 0 && !r.marked && w.mark(r, batch):
			r.marked, r.saved = true, w.disk.demand()
			wake = now
			continue
		case len(batch) > 0:
		case r.marked: // nothing of what was marked is owed any more
			r.marked = false
			wake = now
			continue
		case len(repeats) > 0:
			batch = notify.Batch(repeats, r.Carrier.Limits(), now)
		default:
			continue
		}
		m := notify.Compose(batch, w.state.Messages[r.ID], now)
		m.Footer = w.opt.Footer
		limited, giveUp := context.WithTimeout(ctx, cmp.Or(r.Carrier.Limits().Timeout, deliverTimeout))
		r.marked = false
		r.telling, r.started, r.giveUp = batch, now, giveUp
		w.work.Add(1)
		go w.deliver(limited, giveUp, r.Carrier, outcome{receiver: r, batch: batch, message: m})
	}
	return wake
}

// watchDelivery has a receiver count as failing whose answer takes too long,
// and returns when it will.
func (w *Watch) watchDelivery(r *receiver, now time.Time) time.Time {
	late := r.started.Add(overlong)
	if now.Before(late) {
		return late
	}
	if w.state.Receivers[r.ID].Healthy() {
		reason := "no answer yet to the message that was begun at " + text.Stamp(r.started)
		w.log.Warn("delivery takes long", "receiver", r.ID, "err", reason, "owed", len(r.telling))
		w.fails(r, reason, now)
	}
	return time.Time{}
}

// mark notes in the ledger what is about to be told to begin or to end, and
// tells whether there is any such. It has to be on disk before it is told:
// should the daemon die, or things change, before it is known to have
// arrived, the receiver still has to hear what is so then.
func (w *Watch) mark(r *receiver, batch []ledger.Notice) bool {
	marked := false
	for _, n := range batch {
		lines := r.ledger[n.Key()]
		marked = marked || !lines.Tried(n)
		w.set(r, n.Key(), ledger.Try(lines, n))
	}
	return marked
}

// deliver sends one message. One that does not end when it has to counts as
// failed, and is not waited for.
func (w *Watch) deliver(ctx context.Context, giveUp func(), carrier notify.Receiver, o outcome) {
	defer w.work.Done()
	defer giveUp()
	done := make(chan outcome, 1)
	go func(o outcome) {
		o.receipt, o.err = carrier.Deliver(ctx, o.message)
		done <- o
	}(o)
	select {
	case o = <-done:
	case <-ctx.Done():
		select {
		case o = <-done:
		case <-time.After(overrun):
			o.err = &notify.Failure{Unknown: true, Reason: "the delivery did not end in its time: something that it waits for hangs"}
		}
	}
	o.stopped = o.err != nil && errors.Is(ctx.Err(), context.Canceled)
	w.outcome <- o
}

// heard takes in how a delivery ended.
func (w *Watch) heard(o outcome, now time.Time) {
	r := o.receiver
	r.telling, r.giveUp = nil, nil
	if !slices.Contains(w.receivers, r) {
		return // taken out of the configuration meanwhile
	}
	switch {
	case o.err == nil:
		w.taken(o, now)
	case isUnknown(o.err):
		w.doubted(o, now)
	case o.stopped:
		return
	default:
		w.missed(o, now)
	}
	w.opt.Metrics.delivered(r.ID, o.err)
	subjects := map[check.Key]bool{}
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
	if known := w.state.Receivers[r.ID]; !known.Healthy() {
		w.log.Info("receiver recovered", "receiver", r.ID, "failed_since", known.FailingSince)
		r.logged = time.Time{}
	}
	w.state.Receivers[r.ID] = state.ReceiverState{Succeeded: check.Wall(now)}
	sent, ids := notify.Keep(w.state.Messages[r.ID], o.message, o.batch, o.receipt, now)
	w.keep(r, sent)
	for i, n := range o.batch {
		w.set(r, n.Key(), ledger.Tell(r.ledger[n.Key()], n, ids[i], now))
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
	if w.state.Receivers[r.ID].Failure != o.err.Error() || r.logged.IsZero() || now.Sub(r.logged) >= logStanding {
		w.log.Warn("delivery failed", "receiver", r.ID, "err", o.err, "owed", len(o.batch), "owed_since", r.waits(), "again_in", delay.Round(time.Second))
		r.logged = now
	}
	w.fails(r, o.err.Error(), now)
}

// fails notes that a receiver does not take what it is sent.
func (w *Watch) fails(r *receiver, reason string, now time.Time) {
	known := w.state.Receivers[r.ID]
	if known.Failure != reason {
		known.Failure = reason
		w.disk.touch()
	}
	if known.FailingSince.IsZero() {
		known.FailingSince = check.Wall(now)
	}
	w.state.Receivers[r.ID] = known
}
