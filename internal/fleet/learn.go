package fleet

import (
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Learn takes an answer about an instance in. It returns what was known
// before and what is known now; ok is false where the instance is not watched
// any more.
func (f *Fleet) Learn(key check.Key, o check.Observation, now time.Time) (before, after check.Record, ok bool) {
	r := f.records[key]
	if r == nil || r.Left != "" {
		return before, after, false
	}
	seen := f.seen[key.ProjectID]
	o.Seen = seen.Seen
	after = check.Learn(*r, o, f.policy, now)
	f.put(after, now)
	f.see(key.ProjectID, seen.Learn(o, now), now)
	return *r, after, true
}

// LearnHandshake takes in what handshakes with an instance showed, as Learn
// does an answer.
func (f *Fleet) LearnHandshake(key check.Key, results []probe.Result, now time.Time) (before, after check.Record, ok bool) {
	r := f.records[key]
	if r == nil || r.Left != "" || !r.Terms.Probe {
		return before, after, false
	}
	after = check.LearnHandshake(*r, results, f.policy, now)
	f.put(after, now)
	return *r, after, true
}

// Due takes in when an instance is to be asked about next.
func (f *Fleet) Due(key check.Key, due, now time.Time) {
	if r := f.records[key]; r != nil && !r.Due.Equal(due) {
		another := *r
		another.Due = check.Wall(due)
		f.put(another, now)
	}
}

// Refuse takes in that the credential of a project was refused.
func (f *Fleet) Refuse(projectID string, why reason.Reason, now time.Time) {
	f.see(projectID, f.seen[projectID].Refuse(why, f.policy, now), now)
}

// Accept takes in that the credential of a project was accepted, if only for
// an instance of another project.
func (f *Fleet) Accept(projectID string, now time.Time) {
	if seen := f.seen[projectID]; seen.Refused != (check.Flag{}) {
		f.see(projectID, seen.Accept(), now)
	}
}

// Pause takes in what holds the checks of a project up.
func (f *Fleet) Pause(projectID string, pause check.Pause, now time.Time) {
	if seen := f.seen[projectID]; seen.Pause != pause {
		seen.Pause = pause
		f.see(projectID, seen, now)
	}
}

// see replaces what was seen of a project.
func (f *Fleet) see(id string, after check.ProjectRecord, now time.Time) {
	p := f.projects[id]
	if p == nil {
		return // nothing of it is watched any more
	}
	before := f.seen[id]
	after = after.Judge(p.Totals, now)
	if after == before {
		return
	}
	f.seen[id] = after
	f.changed.projects[id] = true
	f.stale[check.Key{ProjectID: id}] = true
	if after.Forbidden.IsZero() != before.Forbidden.IsZero() {
		for key, part := range p.parts {
			if part.Forbidden {
				f.count(key, *f.records[key], now)
				f.stale[key] = true
			}
		}
	}
	for { // what is forbidden to them is not so for all
		key, since := p.unseen.Next()
		if since.IsZero() || !after.Seen.After(since) {
			return
		}
		f.count(key, *f.records[key], now)
		f.stale[key] = true
	}
}

// Forget drops an instance that left, once open reports of it, and of its
// project if it was the last one there, that nobody has to hear of it any
// more. For a project, it does so with the last instance. It returns what was
// dropped.
func (f *Fleet) Forget(key check.Key, open func(check.Key) bool) (gone check.Record, ok bool) {
	p := f.projects[key.ProjectID]
	if p == nil || key.IsProject() && p.Totals.Records != 1 {
		return gone, false
	}
	if key.IsProject() {
		for key = range p.parts { // the only one
		}
	}
	r := f.records[key]
	if r == nil || r.Left == "" || open(key) || p.Totals.Records == 1 && open(key.OfProject()) {
		return gone, false
	}
	f.remove(key)
	return *r, true
}

// SecondOpinion returns another instance of a project, where one is
// forbidden: if it is asked about at once, it is known soon whether all are.
// can reports whether an instance can be asked about.
func (f *Fleet) SecondOpinion(projectID string, can func(check.Key) bool) (key check.Key, ok bool) {
	const tries = 8
	p := f.projects[projectID]
	for range min(tries, len(p.turns)) {
		key, p.turns = p.turns[0], p.turns[1:]
		r := f.records[key]
		if r == nil {
			continue
		}
		p.turns = append(p.turns, key)
		if r.Left == "" && r.Failing.Count == 0 && can(key) {
			return key, true
		}
	}
	return check.Key{}, false
}

// Slept takes in that nobody could look for so long: that is no failure.
func (f *Fleet) Slept(away time.Duration, now time.Time) {
	for key, r := range f.records {
		if slept := r.Slept(away); slept.Failing != r.Failing {
			f.records[key] = &slept
			f.changed.records[key] = true
		}
	}
	for id, seen := range f.seen {
		if seen.Listing.Failing.Count > 0 {
			seen.Listing.Failing = seen.Listing.Failing.Slept(away)
			f.seen[id] = seen
			f.changed.projects[id] = true
		}
	}
	f.recount(now)
}

// Rewind bounds what is known by the present, after the clock was set back,
// but for when instances are due: that may lie ahead.
func (f *Fleet) Rewind(now time.Time) {
	for key, r := range f.records {
		back := r.Rewind(now)
		back.Due = r.Due
		f.records[key] = &back
		f.changed.records[key] = true
	}
	for id, seen := range f.seen {
		f.seen[id] = seen.Rewind(now)
		f.changed.projects[id] = true
	}
	if f.pass.After(now) {
		f.pass = check.Wall(now)
	}
	f.recount(now)
}

// Awake takes in since when the loop has run without a gap.
func (f *Fleet) Awake(since, now time.Time) {
	f.policy.Awake = check.Wall(since)
	f.recount(now)
}

// Soonest returns the instance of a project that is due first of those that
// can be asked about and did not fail.
func (f *Fleet) Soonest(projectID string, can func(check.Key) bool) (check.Record, bool) {
	keys := f.Instances(projectID)
	keys = slices.DeleteFunc(keys, func(key check.Key) bool {
		r := f.records[key]
		return r.Left != "" || r.Failing.Count > 0 || !can(key)
	})
	if len(keys) == 0 {
		return check.Record{}, false
	}
	first := slices.MinFunc(keys, func(a, b check.Key) int {
		if order := f.records[a].Due.Compare(f.records[b].Due); order != 0 {
			return order
		}
		return a.Compare(b)
	})
	return *f.records[first], true
}
