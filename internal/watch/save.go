package watch

import (
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/state"
)

// disk is how the state in memory and the one on disk stand to each other.
type disk struct {
	revision uint64 // of the state in memory
	urgent   uint64 // what must be written at once
	reached  uint64 // what was written, or could not be
	writing  bool
	began    time.Time // the write under way
	next     time.Time // when a lazy write may come
	soon     time.Time // when what is believed anew is to be written; zero if nothing is
	resumes  time.Time // when a failed write is tried again
	pace     *backoff.ExponentialBackOff
	failure  string // why the last write failed, empty if it did not

	changes state.Changes // since those that were handed to the store
	handed  state.Changes // those of the write under way, or of the last
}

// change takes in changes that can wait.
func (d *disk) change(c state.Changes) {
	if !c.Empty() {
		d.changes.Add(c)
		d.touch()
	}
}

// hand returns all that is to be made durable.
func (d *disk) hand(receivers []state.ReceiverState, now time.Time) state.Changes {
	d.changes.Add(state.Changes{At: check.Wall(now), Receivers: byID(receivers)})
	d.handed, d.changes, d.soon = d.changes, state.Changes{}, time.Time{}
	return d.handed
}

func byID(receivers []state.ReceiverState) map[string]*state.ReceiverState {
	out := make(map[string]*state.ReceiverState, len(receivers))
	for _, r := range receivers {
		out[r.ID] = &r
	}
	return out
}

// again has what was handed to the store be handed to it once more.
func (d *disk) again() {
	d.handed.Add(d.changes)
	d.changes, d.handed = d.handed, state.Changes{}
}

// written is how a write ended.
type written struct {
	revision uint64
	took     time.Duration
	err      error
}

// touch notes a change that can wait.
func (d *disk) touch() { d.revision++ }

// hasten has what is believed anew be written within a second, whatever is
// being written now.
func (d *disk) hasten(now time.Time) {
	if d.soon.IsZero() {
		d.soon = now.Add(time.Second)
	}
}

// due returns when what can wait is to be written.
func (d *disk) due() time.Time {
	if !d.soon.IsZero() && d.soon.Before(d.next) {
		return d.soon
	}
	return d.next
}

// demand notes a change that can't wait, and returns its revision.
func (d *disk) demand() uint64 {
	d.revision++
	d.urgent = d.revision
	return d.revision
}

// save starts a write if one is due, and returns when to come back. Changes
// that come while one is under way share the next.
func (w *Watch) save(now time.Time) time.Time {
	d := &w.disk
	w.collect()
	switch {
	case d.writing && d.failure == "":
		if overdue := d.began.Add(writeTimeout); now.Before(overdue) {
			return overdue
		}
		w.unwritten(fmt.Errorf("a write has been under way for %v: the disk does not answer", writeTimeout))
		return time.Time{}
	case d.writing, d.revision == d.reached && d.failure == "":
		return time.Time{}
	case d.failure != "" && now.Before(d.resumes):
		return d.resumes
	case d.urgent <= d.reached && d.failure == "" && now.Before(d.due()):
		return d.due()
	}
	changes := d.hand(w.healths(), now)
	d.writing, d.began = true, now
	revision, start := d.revision, time.Now()
	w.work.Add(1)
	go func() {
		defer w.work.Done()
		err := w.store.Commit(changes)
		w.written <- written{revision: revision, took: time.Since(start), err: err}
	}()
	return time.Time{}
}

// onWritten takes in how a write ended. One that failed holds nobody up: an
// alert told twice is better than one not told.
func (w *Watch) onWritten(d written, now time.Time) {
	w.disk.writing = false
	w.opt.Metrics.wrote(d.took)
	w.disk.reached = max(w.disk.reached, d.revision)
	if d.err != nil {
		w.disk.again()
		if w.disk.pace == nil {
			w.disk.pace = Backoff{Initial: time.Second, Max: time.Minute, Multiplier: 2, Jitter: 0.2}.Exponential()
		}
		w.disk.resumes = now.Add(w.disk.pace.NextBackOff())
		w.unwritten(d.err)
		return
	}
	if w.disk.failure != "" {
		w.log.Info("state is written again")
		w.disk.failure, w.disk.pace = "", nil
	}
	w.disk.next = now.Add(max(writeDelay, writeDutyFactor*d.took))
}

// unwritten takes in that a write failed, or that it does not end.
func (w *Watch) unwritten(err error) {
	w.opt.Metrics.unwritten()
	if err.Error() != w.disk.failure {
		w.log.Error("state can't be written: alerts go on, but after a restart they may be told again", "err", err)
		w.disk.failure = err.Error()
	}
}

// errHung is how a stop ends that something holds up.
var errHung = errors.New("the last write of the state, or something else that was under way, does not end: after a restart, alerts may be told again")

// collect takes in what changed of all that is to be remembered.
func (w *Watch) collect() {
	f := w.fleet.Changes()
	w.disk.change(state.Changes{Records: f.Records, Projects: f.Projects, Clocks: f.Clocks, Lines: w.book.Changes()})
}

// flush writes what is left, at the stop, and gives up at limit.
func (w *Watch) flush(limit <-chan time.Time) error {
	w.collect()
	if w.disk.revision == w.disk.reached && w.disk.failure == "" {
		return nil
	}
	changes := w.disk.hand(w.healths(), time.Now())
	done := make(chan error, 1)
	go func() { done <- w.store.Commit(changes) }()
	select {
	case err := <-done:
		return err
	case <-limit:
		return errHung
	}
}
