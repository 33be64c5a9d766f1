package watch

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/poll"
)

const (
	// jumped is how far the two clocks of the machine, the one on the wall
	// and the one that only counts, drift apart before it is a jump.
	jumped = time.Second
	// slept is how late a turn of the loop comes where the process did not run.
	slept = 5 * time.Second
	// settling is how long an answer is waited for that vouches for the clock,
	// before time fires without one.
	settling = 2 * time.Minute
)

// clock notices when the clock was set, and when the machine or the process
// slept. wake is when this turn was to come at the latest.
func (w *Watch) clock(now, wake time.Time) {
	ahead := check.Wall(now).Sub(check.Wall(w.began)) - now.Sub(w.began)
	jump, late := ahead-w.ahead, now.Sub(wake)
	moved, gone := jump.Abs() > jumped, late > slept
	if !moved && !gone {
		return
	}
	if moved {
		w.ahead = ahead
		w.fleet.Jumped(jump, now)
		w.settles = now.Add(settling)
	}
	switch {
	case jump < -jumped:
		w.log.Warn("clock was set back", "by", -jump)
	case moved:
		w.log.Warn("clock was set forward, or the machine slept", "by", jump)
	default:
		w.log.Warn("the process did not run for a while: it was stopped, or the machine is overloaded", "for", late)
	}
	// What nobody was there to see is no failure, and nothing is overdue yet.
	w.fleet.Slept(max(late, 0)+jump, now)
	if jump < -jumped {
		w.rewind(now)
	} else if gone || jump > maxSleep {
		w.wakes(now)
	}
	if moved {
		w.hasten(now)
	}
}

// wakes takes in since when the loop has run without a gap.
func (w *Watch) wakes(now time.Time) {
	w.awake = check.Wall(now)
	w.fleet.Awake(w.awake, now)
	w.book.Awake(w.awake)
}

// doubtClocks has the clock be doubted at the start, until an answer vouches
// for it.
func (w *Watch) doubtClocks() {
	var ids []string
	for _, p := range w.opt.Projects {
		ids = append(ids, p.ID)
	}
	w.fleet.DoubtClocks(ids)
	w.settles = w.began.Add(settling)
}

// hasten has each project be asked soon, where the clock is in doubt: about
// one instance that can be asked, which is asked no earlier than pauses allow.
func (w *Watch) hasten(now time.Time) {
	for _, id := range w.fleet.Doubted() {
		if first, ok := w.fleet.Soonest(id, w.idle); ok && first.Due.After(check.Wall(now)) {
			w.askAt(first.Key(), now, now)
		}
	}
}

// settleClocks has time fire again where no answer came to vouch for the
// clock, and returns when to come back.
func (w *Watch) settleClocks(now time.Time) time.Time {
	doubted := w.fleet.Doubted()
	if len(doubted) == 0 {
		return time.Time{}
	}
	if now.Before(w.settles) {
		return w.settles
	}
	for _, id := range doubted {
		before, after := w.fleet.Unanswered(id, now)
		w.onClock(id, before, after, now)
	}
	return time.Time{}
}

// hearClock takes in what an answer says of the clock.
func (w *Watch) hearClock(id string, says dcs.Clock, now time.Time) {
	before, after := w.fleet.HearClock(id, says, now)
	w.onClock(id, before, after, now)
	if after != before && after.Trust == check.Doubted { // ask another time, soon
		w.settles = now.Add(settling)
		w.hasten(now)
	}
}

// onClock takes in that another thing is known of the clock. Once it is known
// what the present is, it bounds when things were told: while the clock is in
// doubt, it may be the wrong one.
func (w *Watch) onClock(id string, before, after check.Clock, now time.Time) {
	log := w.log.With("project_id", id)
	switch {
	case after.Off && !before.Off:
		log.Error("this machine's clock is off: nothing is told that time alone would bring, until it is right", "ahead", time.Duration(after.Ahead))
	case before.Off && !after.Off:
		log.Info("this machine's clock is right again")
	}
	if after != before && !after.Holds() {
		w.book.RewindTold(check.Key{ProjectID: id}, now)
		for _, key := range w.fleet.Instances(id) {
			w.book.RewindTold(key, now)
		}
	}
}

// rewind bounds what is remembered by the present.
func (w *Watch) rewind(now time.Time) {
	w.wakes(poll.Soonest(w.awake, check.Wall(now)))
	w.fleet.Rewind(now)
	w.book.Rewind(now)
	for key, r := range w.fleet.Records() {
		if r.Due.After(now.Add(w.longest(r))) {
			r.Due = check.Wall(now)
		}
		if r.Left == "" && w.idle(key) {
			w.askAt(key, r.Due, now)
		}
	}
	w.setLists(now)
	for id, r := range w.known {
		w.known[id] = r.Rewind(now)
	}
	w.missObservers()
	w.disk.touch()
}
