package watch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/state"
)

// maxEdits is how often an earlier message is tried to be edited: for more
// than an hour, at the pace of deliveries.
const maxEdits = 20

// edits has a receiver's earlier messages say how their alerts stand. News
// never waits for it: what was told stays told, whatever comes of an edit.
type edits struct {
	busy    bool
	pace    *backoff.ExponentialBackOff
	resumes time.Time // not before; has a monotonic reading
	tried   map[string]int
	failure string // why the last one failed, empty if it did not
}

// edited is how an edit ended.
type edited struct {
	receiver *receiver
	revision notify.Revision
	err      error
	stopped  bool // given up, because the daemon stops
}

// edit starts the edits that are due, and returns when to come back.
func (w *Watch) edit(ctx context.Context, now time.Time) time.Time {
	var wake time.Time
	for _, r := range w.receivers {
		editor, can := r.Sender.(notify.Editor)
		stale := notify.Stale(w.messages[r.ID])
		switch {
		case len(stale) == 0 || r.edits.busy:
			continue
		case !can:
			for _, id := range stale {
				w.settle(r, r.Wording.Revise(id, w.messages[r.ID][id], now))
			}
			continue
		case now.Before(r.edits.resumes):
			wake = poll.Soonest(wake, r.edits.resumes)
			continue
		}
		// Those that failed before come last.
		id := slices.MinFunc(stale, func(a, b string) int { return r.edits.tried[a] - r.edits.tried[b] })
		revision := r.Wording.Revise(id, w.messages[r.ID][id], now)
		revision.Footer = w.opt.Footer
		r.edits.busy = true
		w.work.Add(1)
		go w.revise(ctx, editor, edited{receiver: r, revision: revision})
	}
	return wake
}

// revise edits one message.
func (w *Watch) revise(ctx context.Context, editor notify.Editor, e edited) {
	defer w.work.Done()
	limited, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	e.err = editor.Edit(limited, e.revision)
	e.stopped = e.err != nil && ctx.Err() != nil
	w.edited <- e
}

// onEdited takes in how an edit ended.
func (w *Watch) onEdited(e edited, now time.Time) {
	r := e.receiver
	r.edits.busy = false
	if e.stopped || !slices.Contains(w.receivers, r) {
		return // it is stale still, and edited after the start
	}
	if e.err == nil {
		r.edits.pace.Reset()
		r.edits.resumes = now.Add(r.Sender.Limits().Every)
		r.edits.failure = ""
		w.settle(r, e.revision)
		return
	}
	id := e.revision.ID
	r.edits.tried[id]++
	f := new(notify.Failure)
	errors.As(e.err, &f)
	delay := max(r.edits.pace.NextBackOff(), f.RetryAfter)
	r.edits.resumes = now.Add(delay)
	log := w.log.With("receiver", r.ID, "message", id, "should_say", e.revision.Title, "err", e.err)
	switch {
	case f.Gone:
		log.Info("an earlier message is gone: what follows is posted anew")
		delete(r.edits.tried, id)
		w.keep(r.ID, notify.Gone(w.messages[r.ID], id))
	case f.Refused || r.edits.tried[id] >= maxEdits:
		log.Warn("an earlier message could not be edited, and still says what was so: given up; the news itself was told")
		w.settle(r, e.revision)
	case r.edits.failure != e.err.Error():
		log.Warn("an earlier message could not be edited yet, and still says what was so; the news itself was told", "again_in", delay.Round(time.Second))
	}
	r.edits.failure = e.err.Error()
	if f.Gone || f.Refused { // that was about this message alone
		r.edits.pace.Reset()
		r.edits.resumes = now.Add(r.Sender.Limits().Every)
	}
}

// settle takes in that a message was revised, or that this was given up.
func (w *Watch) settle(r *receiver, revision notify.Revision) {
	delete(r.edits.tried, revision.ID)
	w.keep(r.ID, notify.Revised(w.messages[r.ID], revision))
}

// keep replaces what is remembered of a receiver's earlier messages.
func (w *Watch) keep(id string, sent map[string]ledger.Sent) {
	changes := map[state.MessageKey]*ledger.Sent{}
	before := w.messages[id]
	for message := range before {
		if _, kept := sent[message]; !kept {
			changes[state.MessageKey{Receiver: id, Message: message}] = nil
		}
	}
	for message, s := range sent {
		if b, kept := before[message]; !kept || b.Stale != s.Stale || !slices.Equal(b.Entries, s.Entries) {
			changes[state.MessageKey{Receiver: id, Message: message}] = &s
		}
	}
	w.messages[id] = sent
	if len(sent) == 0 {
		delete(w.messages, id)
	}
	w.disk.change(state.Changes{Messages: changes})
}
