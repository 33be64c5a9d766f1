package watch

import (
	"maps"
	"slices"
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
		for id, c := range w.clocks {
			w.clocks = w.clocks.With(id, c.Jumped(jump))
		}
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
	if away := max(late, 0) + jump; moved || gone {
		for key, r := range w.state.Records {
			w.state.Records[key] = r.Slept(away)
		}
	}
	if jump < -jumped {
		w.rewind(now)
	} else if gone || jump > tick {
		w.wakes(now)
	}
	w.opt.Policy.Awake, w.opt.Policy.Clocks = w.awake, w.clocks
	w.recount(now)
	if moved {
		w.hasten(now)
	}
	w.evaluateAll(now)
}

// doubtClocks has the clock be doubted at the start, until an answer vouches
// for it. That it was off, as far as is remembered, stays so.
func (w *Watch) doubtClocks() {
	w.clocks = check.Clocks{}
	for _, p := range w.opt.Projects {
		c := w.state.Clocks[p.ID]
		c.Trust = check.Doubted
		w.clocks[p.ID] = c
	}
	w.settles = w.began.Add(settling)
}

// hasten has each project be asked soon, where the clock is in doubt: about
// one instance that can be asked, which is asked no earlier than pauses allow.
func (w *Watch) hasten(now time.Time) {
	for id, f := range w.fleets {
		if w.clocks[id].Trust != check.Doubted {
			continue
		}
		var first check.Record
		for key := range f.parts {
			r := w.state.Records[key]
			if r.Left != "" || r.Failing.Count > 0 || w.asking[key] {
				continue
			}
			if first.InstanceID == "" || r.Due.Before(first.Due) || r.Due.Equal(first.Due) && key.Compare(first.Key()) < 0 {
				first = r
			}
		}
		if at := check.Wall(now); first.InstanceID != "" && first.Due.After(at) {
			first.Due = at
			w.put(first, now)
			w.poll.Set(target(first), at)
		}
	}
}

// settleClocks has time fire again where no answer came to vouch for the clock, and
// returns when to come back.
func (w *Watch) settleClocks(now time.Time) time.Time {
	doubted := func(c check.Clock) bool { return c.Trust == check.Doubted }
	if !slices.ContainsFunc(slices.Collect(maps.Values(w.clocks)), doubted) {
		return time.Time{}
	}
	if now.Before(w.settles) {
		return w.settles
	}
	for id, c := range w.clocks {
		if doubted(c) {
			w.setClock(id, c.Unanswered(), now)
		}
	}
	return time.Time{}
}

// hearClock takes in what an answer says of the clock.
func (w *Watch) hearClock(projectID string, says dcs.Clock, now time.Time) {
	before := w.clocks[projectID]
	after := before.Hear(says, now)
	if after == before {
		return
	}
	w.setClock(projectID, after, now)
	if after.Trust == check.Doubted { // ask another time, soon
		w.settles = now.Add(settling)
		w.hasten(now)
	}
}

// setClock replaces what is known of the clock, and judges anew what hung on it.
func (w *Watch) setClock(id string, after check.Clock, now time.Time) {
	before := w.clocks[id]
	w.clocks = w.clocks.With(id, after)
	w.opt.Policy.Clocks = w.clocks
	log := w.log.With("project_id", id)
	switch {
	case after.Off && !before.Off:
		log.Error("this machine's clock is off: nothing is told that time alone would bring, until it is right", "ahead", time.Duration(after.Ahead))
	case before.Off && !after.Off:
		log.Info("this machine's clock is right again")
	}
	if after.Off != before.Off {
		w.state.Clocks = w.clocks.Off()
		w.disk.touch()
	}
	if after.Off == before.Off && after.Trust == before.Trust && after.Holds() == before.Holds() && after.True(now).Equal(before.True(now)) {
		return
	}
	settled := !after.Holds()
	for key := range w.fleet(id).parts {
		w.put(w.state.Records[key], now)
		if settled {
			w.book.RewindTold(key, now)
		}
		w.evaluations.Set(key, check.Wall(now))
	}
	if settled {
		w.book.RewindTold(check.Key{ProjectID: id}, now)
	}
	w.evaluate(check.Key{ProjectID: id}, now)
}

// wakes takes in since when the loop has run without a gap.
func (w *Watch) wakes(now time.Time) {
	w.awake = check.Wall(now)
	w.book.Awake(w.awake)
}

// rewind bounds what is remembered by the present.
func (w *Watch) rewind(now time.Time) {
	w.awake = poll.Soonest(w.awake, check.Wall(now))
	if w.pass.After(now) {
		w.pass = check.Wall(now)
	}
	for key, r := range w.state.Records {
		due := r.Due
		r = r.Rewind(now)
		r.Due = due // may lie ahead; see configure
		if due.After(now.Add(w.longest(r))) {
			r.Due = check.Wall(now)
		}
		w.state.Records[key] = r
		if r.Left == "" && !w.asking[key] {
			w.poll.Set(target(r), r.Due)
		}
	}
	for id, p := range w.state.Projects {
		w.state.Projects[id] = p.Rewind(now)
	}
	w.book.Rewind(now)
	for id, r := range w.state.Receivers {
		w.state.Receivers[id] = r.Rewind(now)
	}
	w.disk.touch()
}
