package ledger

import (
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// fallbackGrace is how long after a start what waited before it is left to
// its own receiver, at most.
const fallbackGrace = time.Minute

// Handing is something that a fallback hears, because another receiver could
// not be told of it.
type Handing struct {
	Notice
	From     string // the ID of the one that could not be told
	Fallback string // the Name of those who hear it
}

// Update works out what each receiver is owed about a subject, of which
// alerts are what is true now, and clock is what is known of the clock that
// tells so. It returns when it is to be called again although nothing
// happens, zero for never, and what it handed to fallbacks.
func (b *Book) Update(key check.Key, alerts []check.Alert, clock check.Clock, now time.Time) (next time.Time, handed []Handing) {
	now = check.Wall(now)
	b.owe(key, alerts, clock, now)
	for _, a := range b.order {
		handed = append(handed, b.handOn(a, key, now)...)
	}
	if len(handed) > 0 {
		b.owe(key, alerts, clock, now)
	}
	for _, a := range b.order {
		at := []time.Time{nextReminder(alerts, a.lines[key], b.terms.Repeat)}
		if a.Fallback != "" {
			at = append(at, b.nextHanding(a, key))
		}
		at = append(at, b.nextUnobserved(a.Name, alerts)...)
		for _, t := range at {
			if t.After(now) {
				next = soonest(next, t)
			}
		}
	}
	return next, handed
}

// owe works out what is owed about a subject.
func (b *Book) owe(key check.Key, alerts []check.Alert, clock check.Clock, now time.Time) {
	for _, a := range b.order {
		who, lines := a.Audience, a.lines[key]
		for _, other := range b.order {
			if other.Fallback == a.Name {
				who.Also = append(slices.Clip(who.Also), other.lines[key].handedOn()...)
			}
		}
		who.Also = append(slices.Clip(who.Also), b.unobserved(a.Name, alerts, now)...)
		notices := owed(alerts, lines, who, b.terms.Repeat, clock, now)
		b.set(a, key, await(lines, alerts, notices, now))
		a.owes(key, notices)
	}
}

// handOn has the fallback hear what a receiver waited for too long. All
// receivers of one name hand on together, so that an end is handed on once.
func (b *Book) handOn(from *account, key check.Key, now time.Time) (handed []Handing) {
	if from.Fallback == "" {
		return nil
	}
	for _, n := range from.owed[key] {
		if !n.Fires() && b.knows(from.Fallback, n) {
			b.set(from, key, know(from.lines[key], n.Condition))
		}
		wait := from.lines[key][n.Condition].Pending
		if wait.HandedOn || now.Before(b.overlong(from.Receiver, wait.Since)) {
			continue
		}
		if !n.Fires() {
			b.inherit(from, n)
		}
		for _, sibling := range b.order {
			if sibling.Name == from.Name {
				b.set(sibling, key, passOn(sibling.lines[key], n.Condition))
			}
		}
		handed = append(handed, Handing{Notice: n, From: from.ID, Fallback: from.Fallback})
	}
	return handed
}

// overlong returns when a receiver has waited for something for too long.
func (b *Book) overlong(r Receiver, since time.Time) time.Time {
	at := since.Add(r.FallbackAfter)
	if first := b.awake.Add(min(r.FallbackAfter, fallbackGrace)); at.Before(first) {
		return first
	}
	return at
}

// nextHanding returns when the fallback is to hear of what a receiver waits
// for; zero if there is nothing.
func (b *Book) nextHanding(a *account, key check.Key) time.Time {
	var next time.Time
	for _, line := range a.lines[key] {
		if w := line.Pending; w != nil && !w.HandedOn {
			next = soonest(next, b.overlong(a.Receiver, w.Since))
		}
	}
	return next
}

// knows reports whether a fallback knows an alert that has ended.
func (b *Book) knows(fallback string, end Notice) bool {
	return slices.ContainsFunc(b.order, func(a *account) bool {
		_, knows := a.lines[end.Key()][end.Condition]
		return a.Name == fallback && knows
	})
}

// inherit has the fallback hear of an end, unless it hears such by itself.
func (b *Book) inherit(from *account, end Notice) {
	for _, to := range b.order {
		if to.Name == from.Fallback && !to.Audience.Hears(end.Alert) {
			key := end.Key()
			b.set(to, key, inherit(to.lines[key], from.lines[key], end))
		}
	}
}

// Rewind bounds by the present since when things are waited for, and when
// receivers answered, after the clock was set back. It may be called before
// Configure.
func (b *Book) Rewind(now time.Time) {
	now = check.Wall(now)
	b.awake = soonest(b.awake, now)
	for id, ledger := range b.ledgers {
		for key, lines := range ledger {
			if back := lines.rewind(now); !back.equal(lines) {
				ledger[key] = back
				b.changed[Place{id, key}] = true
			}
		}
	}
	for _, a := range b.accounts {
		check.Bound(now, &a.answered)
		for key := range a.owed {
			a.index(key)
		}
	}
}

// RewindTold bounds by the present when things were told of a subject, once
// it is known what the present is.
func (b *Book) RewindTold(key check.Key, now time.Time) {
	for _, a := range b.order {
		if lines, ok := a.lines[key]; ok {
			b.set(a, key, lines.rewindTold(now))
		}
	}
}
