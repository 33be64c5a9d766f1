package check

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Ledger is what one receiver was told, and what it waits to be told: by
// the key of the subject, a line for each condition.
type Ledger map[string]Lines

// Lines are the lines of one subject.
type Lines map[Condition]Line

// Line is what one receiver knows of one condition of one subject.
type Line struct {
	// Told is nil until the receiver has taken a message about it.
	Told *Told `json:"told,omitempty"`
	// Ended is set where a message may have told that it is over: it was
	// tried, and is not known to have arrived.
	Ended bool `json:"ended,omitempty"`
	// Waits is nil unless something is owed.
	Waits *Waits `json:"waits,omitempty"`
}

// Told is what a receiver has taken.
type Told struct {
	Severity    Severity  `json:"severity"`
	Threshold   Duration  `json:"threshold,omitempty"`
	Certificate time.Time `json:"certificate,omitzero"`
	Since       time.Time `json:"since,omitzero"` // when the condition began
	First       time.Time `json:"first"`          // when the receiver first heard of it
	Anchor      time.Time `json:"anchor"`         // when it last heard something new; reminders count from here
	Last        time.Time `json:"last"`           // when it last heard anything
	// Message is the ID of the message that told it first, for threads.
	Message string `json:"message,omitempty"`
}

// Waits is what a receiver has yet to hear.
type Waits struct {
	Since time.Time `json:"since"`
	// Tried is set where a message may have told of it for the first time:
	// it was tried, and is not known to have arrived.
	Tried bool `json:"tried,omitempty"`
	// Handed is set where another receiver's wait was handed to this one,
	// HandedOn where this one's was handed to another.
	Handed   bool `json:"handed,omitempty"`
	HandedOn bool `json:"handed_on,omitempty"`
	// What it was when it began to wait, should it be over before it is told.
	Severity    Severity  `json:"severity"`
	Threshold   Duration  `json:"threshold,omitempty"`
	Certificate time.Time `json:"certificate,omitzero"`
	Began       time.Time `json:"began,omitzero"`
}

// Sent is a receiver's first message about some alerts, kept while any of
// them is open: what follows belongs to it.
type Sent struct {
	Receipt json.RawMessage `json:"receipt"`
	Entries []Entry         `json:"entries"`
}

// Entry is how one alert of a message stands.
type Entry struct {
	Key       string    `json:"key"`
	Condition Condition `json:"condition"`
	Severity  Severity  `json:"severity"`
	// Line says it in words, as it was told last.
	Line string `json:"line"`
	Over bool   `json:"over,omitempty"`
}

// clone returns lines that can be replaced without harm. What Told and Waits
// point to is never changed in place.
func (l Lines) clone() Lines {
	if l == nil {
		return Lines{}
	}
	return maps.Clone(l)
}

// Await marks what a receiver owes as waited for, and forgets the waits that
// are no longer owed. notices are what Owed returned for the same subject.
func Await(told Lines, standing []Alert, notices []Notice, now time.Time) Lines {
	now = Wall(now)
	out := told.clone()
	owed := map[Condition]bool{}
	for _, n := range notices {
		owed[n.Condition] = true
		line := out[n.Condition]
		w := Waits{Since: now}
		if line.Waits != nil {
			w = *line.Waits
		}
		if n.Kind.fires() && n.Kind != Reminder || w.Began.IsZero() {
			w.Severity, w.Threshold, w.Certificate, w.Began = n.Severity, n.Threshold, n.Certificate, n.Since
		}
		line.Waits = &w
		out[n.Condition] = line
	}
	for _, a := range standing {
		line, ok := out[a.Condition]
		if !ok || owed[a.Condition] || line.Waits == nil {
			continue
		}
		if line.Told == nil {
			if a.State != Hidden {
				delete(out, a.Condition)
			}
			continue
		}
		line.Waits = nil
		out[a.Condition] = line
	}
	return out
}

// Tell notes that a receiver has taken a notice. message is the ID of the
// message that what follows about it belongs to. An end is to be noted before
// an alert of the same message that begins anew what it closes.
func Tell(told Lines, n Notice, message string, now time.Time) Lines {
	now = Wall(now)
	out := told.clone()
	if !n.Kind.fires() {
		for _, c := range n.Closes {
			delete(out, c)
		}
		return out
	}
	t := Told{First: now, Anchor: now}
	if n.Told != nil && n.Kind != Firing {
		t = *n.Told
	}
	if n.Kind == Tighter {
		t.Anchor = now
	}
	// The worst of what was told of a certificate stays told: other
	// thresholds in the configuration, and back, are no news.
	another := !t.Certificate.Equal(n.Certificate)
	if another || n.Severity.Compare(t.Severity) > 0 {
		t.Severity = n.Severity
	}
	if another || t.Threshold == 0 || n.Threshold < t.Threshold {
		t.Threshold = n.Threshold
	}
	t.Certificate, t.Since, t.Last = n.Certificate, n.Began, now
	t.Message = message
	out[n.Condition] = Line{Told: &t}
	return out
}

// Tried tells whether the lines say that the receiver may have been told a
// notice.
func (l Lines) Tried(n Notice) bool {
	if n.Fires() {
		line := l[n.Condition]
		return line.Told != nil || line.Waits == nil || line.Waits.Tried
	}
	return !slices.ContainsFunc(n.Closes, func(c Condition) bool { return l[c].Told != nil && !l[c].Ended })
}

// Try notes that a receiver is about to be told a notice. Until it is known
// whether that arrived, neither that it was told nor that it was not is
// relied on: what fired is told to be over, and what is over fires anew.
func Try(told Lines, n Notice) Lines {
	if told.Tried(n) {
		return told
	}
	out := told.clone()
	if n.Fires() {
		line := out[n.Condition]
		w := *line.Waits
		w.Tried = true
		line.Waits = &w
		out[n.Condition] = line
		return out
	}
	for _, c := range n.Closes {
		if line := out[c]; line.Told != nil {
			line.Ended = true
			out[c] = line
		}
	}
	return out
}

// Overlong returns the conditions that a receiver has waited for longer
// than after, and that were not handed on yet.
func Overlong(told Lines, after time.Duration, now time.Time) []Condition {
	var due []Condition
	for _, c := range Conditions() {
		if w := told[c].Waits; w != nil && !w.HandedOn && now.Sub(w.Since) >= after {
			due = append(due, c)
		}
	}
	return due
}

// Hand hands what one receiver waits for to another, its fallback, once.
// The other learns what the first was told, so that a resolution that is
// owed is one for it too.
func Hand(from, to Lines, c Condition, now time.Time) (Lines, Lines) {
	line := from[c]
	if line.Waits == nil || line.Waits.HandedOn {
		return from, to
	}
	from, to = from.clone(), to.clone()
	w := *line.Waits
	w.HandedOn = true
	from[c] = Line{Told: line.Told, Ended: line.Ended, Waits: &w}

	other := to[c]
	if other.Told == nil && other.Waits == nil && line.Told != nil {
		t := *line.Told
		t.Message = ""
		other.Told, other.Ended = &t, line.Ended
	}
	mine := w
	mine.Since, mine.HandedOn = Wall(now), false
	if other.Waits != nil {
		mine = *other.Waits
	}
	mine.Handed = true
	other.Waits = &mine
	to[c] = other
	return from, to
}

// Rewind bounds what is remembered by the present: after the clock was set
// back, a time that lies ahead would hold reminders up until it is reached.
func (l Lines) Rewind(now time.Time) Lines {
	now = Wall(now)
	out := l.clone()
	for c, line := range out {
		if line.Told != nil {
			t := *line.Told
			bound(now, &t.First, &t.Anchor, &t.Last)
			line.Told = &t
		}
		if line.Waits != nil {
			w := *line.Waits
			bound(now, &w.Since)
			line.Waits = &w
		}
		out[c] = line
	}
	return out
}

// Rewind does for a record what it does for lines.
func (r Record) Rewind(now time.Time) Record {
	r = r.clone()
	bound(Wall(now), &r.Due, &r.Checked, &r.Verified, &r.Failing.Since, &r.Failing.Last)
	for _, f := range []*Flag{&r.Off, &r.Invalid, &r.Missing, &r.Unsupported, &r.Denied} {
		bound(Wall(now), &f.Since, &f.From)
	}
	return r
}

func bound(now time.Time, times ...*time.Time) {
	for _, t := range times {
		if t.After(now) {
			*t = now
		}
	}
}
