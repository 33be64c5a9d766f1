package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// receiver is a receiver, and how sending to it goes.
type receiver struct {
	Receiver
	pace    *backoff.ExponentialBackOff
	flood   *rate.Limiter // of the messages that it takes
	edits   edits         // of earlier messages
	giveUp  func()        // ends the delivery under way; nil if there is none
	started time.Time     // when that began; has a monotonic reading
	resumes time.Time     // not before; has a monotonic reading
	asked   time.Time     // until when the receiver asked to be left alone
	saved   uint64        // the revision that must be on disk before the next message
	logged  time.Time     // when it was last logged that deliveries fail
}

// delivery is one message on its way, and how that ended.
type delivery struct {
	receiver *receiver
	batch    []ledger.Notice
	message  notify.Message
	receipt  json.RawMessage
	err      error
	stopped  bool // given up, because the daemon stops or the receiver is another
}

// configureReceivers makes the receivers of the configuration. What one that
// is no longer configured was told is forgotten.
func (w *Watch) configureReceivers(now time.Time) {
	before := w.receivers
	w.receivers = nil
	var kept []ledger.Receiver
	for _, options := range w.opt.Receivers {
		kept = append(kept, options.Receiver)
		i := slices.IndexFunc(before, func(old *receiver) bool { return old.ID == options.ID })
		if i < 0 {
			w.receivers = append(w.receivers, &receiver{
				Receiver: options, pace: w.opt.Retry.Exponential(),
				flood: rate.NewLimiter(rate.Every(floodEvery), floodBurst),
				edits: edits{pace: w.opt.Retry.Exponential(), tried: map[string]int{}},
			})
			continue
		}
		r := before[i]
		if r.giveUp != nil && r.Sender != options.Sender {
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
		w.receivers = append(w.receivers, r)
	}
	for _, id := range w.book.Configure(kept, w.opt.Terms) {
		w.log.Info("receiver is no longer configured", "receiver", id)
	}
	w.forgetReceivers(append(kept, w.opt.Observers...))
}

// forgetReceivers forgets how those did that are no longer configured, and
// what they were sent.
func (w *Watch) forgetReceivers(kept []ledger.Receiver) {
	gone := func(id string) bool {
		return !slices.ContainsFunc(kept, func(r ledger.Receiver) bool { return r.ID == id })
	}
	for id := range w.messages {
		if gone(id) {
			w.keep(id, nil)
		}
	}
	for id := range w.known {
		if gone(id) {
			delete(w.known, id)
			w.disk.change(state.Changes{Receivers: map[string]*state.ReceiverState{id: nil}})
		}
	}
}

// deliver starts the deliveries that are due, and returns when to come back.
func (w *Watch) deliver(ctx context.Context, now time.Time) time.Time {
	var wake time.Time
	for _, r := range w.receivers {
		wake = poll.Soonest(wake, w.deliverTo(ctx, r, now))
	}
	return wake
}

// deliverTo starts the delivery to one receiver, if it is due.
func (w *Watch) deliverTo(ctx context.Context, r *receiver, now time.Time) time.Time {
	if r.giveUp != nil {
		return w.watchDelivery(r, now) // its end will wake us
	}
	if r.saved > w.disk.reached && w.disk.failure == "" {
		return time.Time{} // a write will wake us
	}
	if owed, _ := w.book.Owed(r.ID); owed == 0 {
		return time.Time{} // an evaluation will wake us
	}
	if now.Before(r.resumes) {
		return r.resumes
	}
	ready := w.book.Ready(r.ID, now)
	batch := r.Wording.Batch(ready.Notices, r.Sender.Limits(), now)
	if len(batch) == 0 {
		return ready.Wake
	}
	if !w.book.Begin(r.ID, batch) {
		r.saved = w.disk.demand()
		return now
	}
	m := r.Wording.Compose(batch, w.messages[r.ID], now)
	m.Footer = w.opt.Footer
	limited, giveUp := context.WithTimeout(ctx, cmp.Or(r.Sender.Limits().Timeout, deliverTimeout))
	r.started, r.giveUp = now, giveUp
	w.work.Add(1)
	go w.send(limited, giveUp, r.Sender, delivery{receiver: r, batch: batch, message: m})
	return now.Add(overlong)
}

// watchDelivery has a receiver count as failing whose answer takes too long,
// and returns when it will.
func (w *Watch) watchDelivery(r *receiver, now time.Time) time.Time {
	late := r.started.Add(overlong)
	if now.Before(late) {
		return late
	}
	if w.known[r.ID].Healthy() {
		reason := "no answer yet to the message that was begun at " + text.Stamp(r.started)
		owed, _ := w.book.Owed(r.ID)
		w.log.Warn("delivery takes long", "receiver", r.ID, "err", reason, "owed", owed)
		w.fails(r, reason, now)
	}
	return time.Time{}
}

// send sends one message. One that does not end when it has to counts as
// failed, and is not waited for. It touches nothing of the receiver, which the
// loop owns.
func (w *Watch) send(ctx context.Context, giveUp func(), carrier notify.Sender, d delivery) {
	defer w.work.Done()
	defer giveUp()
	done := make(chan delivery, 1)
	go func(d delivery) {
		d.receipt, d.err = carrier.Deliver(ctx, d.message)
		done <- d
	}(d)
	select {
	case d = <-done:
	case <-ctx.Done():
		select {
		case d = <-done:
		case <-time.After(deliveryOverrun):
			d.err = &notify.Failure{Unknown: true, Reason: "the delivery did not end in its time: something that it waits for hangs"}
		}
	}
	d.stopped = d.err != nil && errors.Is(ctx.Err(), context.Canceled)
	w.deliveries <- d
}

// onDelivery takes in how a delivery ended.
func (w *Watch) onDelivery(d delivery, now time.Time) {
	r := d.receiver
	r.giveUp = nil
	if !slices.Contains(w.receivers, r) {
		return // taken out of the configuration meanwhile
	}
	var subjects []check.Key
	switch {
	case d.err == nil:
		subjects = w.delivered(d, now)
	case isUnknown(d.err):
		subjects = w.doubted(d, now)
	default:
		subjects = w.book.Failed(r.ID, d.batch)
		if d.stopped {
			return
		}
		w.failed(d, now)
	}
	w.opt.Metrics.delivered(r.ID, d.err)
	for _, key := range subjects {
		w.evaluateAt(key, now)
	}
}

// isUnknown reports whether a message that failed may have arrived.
func isUnknown(err error) bool {
	var f *notify.Failure
	return errors.As(err, &f) && f.Unknown
}

// delivered takes in that a receiver has a message.
func (w *Watch) delivered(d delivery, now time.Time) []check.Key {
	r := d.receiver
	r.pace.Reset()
	r.takesAgain(now)
	if known := w.known[r.ID]; !known.Healthy() {
		w.log.Info("receiver recovered", "receiver", r.ID, "failed_since", known.FailingSince)
		r.logged = time.Time{}
	}
	w.known[r.ID] = state.ReceiverState{Succeeded: check.Wall(now)}
	sent, belongs := r.Wording.Keep(w.messages[r.ID], d.message, d.batch, d.receipt, now)
	w.keep(r.ID, sent)
	for _, g := range d.message.Groups {
		for _, item := range g.Items {
			w.log.Info("alert delivered", "receiver", r.ID, "message", d.message.ID, "alert", item.Line)
		}
	}
	subjects := w.book.Delivered(r.ID, d.batch, belongs, now)
	r.saved = w.disk.demand()
	return subjects
}

// takesAgain works out when the receiver may be sent the next message.
func (r *receiver) takesAgain(now time.Time) {
	r.resumes = now.Add(max(r.Sender.Limits().Every, r.flood.ReserveN(now, 1).DelayFrom(now)))
}

// doubted takes in that a message may have arrived. The receiver is not known
// to fail, until no answer comes to the repeat either.
func (w *Watch) doubted(d delivery, now time.Time) []check.Key {
	r := d.receiver
	r.takesAgain(now)
	tries, subjects := w.book.Doubted(r.ID, d.batch, d.message.ID, now)
	if tries > 1 {
		w.fails(r, d.err.Error(), now)
	}
	w.log.Warn("delivery without an answer", "receiver", r.ID, "message", d.message.ID, "err", d.err,
		"owed", len(d.batch), "again_in", ledger.RepeatDelay(tries))
	r.saved = w.disk.demand()
	return subjects
}

// failed takes in that a message did not arrive.
func (w *Watch) failed(d delivery, now time.Time) {
	r := d.receiver
	delay := afterDelivery(r.pace, d.err)
	r.resumes = now.Add(delay)
	var f *notify.Failure
	if !errors.As(d.err, &f) {
		f = new(notify.Failure)
	}
	r.asked = now.Add(f.RetryAfter)
	if !alike(w.known[r.ID].Failure, d.err.Error()) || r.logged.IsZero() || now.Sub(r.logged) >= logStanding {
		_, since := w.book.Owed(r.ID)
		w.log.Warn("delivery failed", "receiver", r.ID, "err", d.err, "owed", len(d.batch), "owed_since", since, "again_in", delay.Round(time.Second))
		r.logged = now
	}
	w.fails(r, d.err.Error(), now)
}

// fails notes that a receiver does not take what it is sent.
func (w *Watch) fails(r *receiver, reason string, now time.Time) {
	known := w.known[r.ID]
	if known.Failure != reason {
		known.Failure = reason
		w.disk.touch()
	}
	if known.FailingSince.IsZero() {
		known.FailingSince = check.Wall(now)
	}
	w.known[r.ID] = known
}
