package fleet

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
)

// DoubtClocks has this machine's clock be doubted, until an answer vouches
// for it, where these projects are concerned and no others. That it was off,
// as far as is remembered, stays so.
func (f *Fleet) DoubtClocks(projectIDs []string) {
	remembered := f.clocks
	f.clocks = check.Clocks{}
	for id := range remembered {
		f.changed.clocks[id] = true
	}
	for _, id := range projectIDs {
		c := remembered[id]
		c.Trust = check.Doubted
		f.clocks[id] = c
	}
	f.policy.Clocks = f.clocks
}

// Jumped takes in that this machine's clock was set by so much, or that the
// machine slept.
func (f *Fleet) Jumped(by time.Duration, now time.Time) {
	for id, c := range f.clocks {
		f.clocks = f.clocks.With(id, c.Jumped(by))
	}
	f.policy.Clocks = f.clocks
	f.recount(now)
}

// HearClock takes in what an answer says of this machine's clock, and returns
// what was known of it and what is known now.
func (f *Fleet) HearClock(projectID string, says dcs.Clock, now time.Time) (before, after check.Clock) {
	before = f.clocks[projectID]
	after = before.Hear(says, now)
	f.setClock(projectID, after, now)
	return before, after
}

// Unanswered has time fire again for a project where no answer came to vouch
// for the clock, and returns what was known and what is known now.
func (f *Fleet) Unanswered(projectID string, now time.Time) (before, after check.Clock) {
	before = f.clocks[projectID]
	if after = before; before.Trust == check.Doubted {
		after = before.Unanswered()
	}
	f.setClock(projectID, after, now)
	return before, after
}

// Doubted returns the projects for which this machine's clock is in doubt.
func (f *Fleet) Doubted() []string {
	var ids []string
	for id, c := range f.clocks {
		if c.Trust == check.Doubted {
			ids = append(ids, id)
		}
	}
	return ids
}

// setClock replaces what is known of the clock, and counts anew what hangs on
// it.
func (f *Fleet) setClock(id string, after check.Clock, now time.Time) {
	before := f.clocks[id]
	if after == before {
		return
	}
	f.clocks = f.clocks.With(id, after)
	f.policy.Clocks = f.clocks
	if after.Off != before.Off || after.Off && after != before {
		f.changed.clocks[id] = true
	}
	f.stale[check.Key{ProjectID: id}] = true
	if after.Off == before.Off && after.Trust == before.Trust && after.Holds() == before.Holds() && after.True(now).Equal(before.True(now)) {
		return
	}
	if after.Off != before.Off { // it is one clock: others go by this word
		f.recount(now)
		return
	}
	for _, key := range f.Instances(id) {
		f.count(key, *f.records[key], now)
		f.stale[key] = true
	}
}
