package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Ledger is what one receiver was told, and what it waits to be told: by
// subject, a line for each condition.
type Ledger map[check.Key]Lines

// Lines are the lines of one subject.
type Lines map[check.Condition]Line

// Line is what one receiver knows of one condition of one subject. There is
// no line where it knows nothing and is owed nothing. These are the states of
// a line:
//
//	Told  Pending  Tried     the receiver
//	–     yes      –         is owed the beginning
//	–     yes      firing    is owed the beginning, and may have heard it
//	yes   –        –         knows that it stands
//	yes   yes      –         knows that it stands, and is owed more: that it is
//	                         worse, a reminder, its end
//	yes   –/yes    resolved  knows that it stands, and may have heard of its end
//
// and this is how one leads to another:
//
//	await  what is owed waits, and what is owed no more does not
//	try    a message is about to be sent: Tried is set for a beginning or an end
//	tell   it has arrived: Told without Pending and Tried; or no line, after an end
//
// While Tried is set, neither that it was heard nor that it was not is relied
// on: what fired gets its end, and what ended fires anew if it stands.
type Line struct {
	// Told is nil until the receiver has taken a message about it.
	Told *Told `json:"told,omitempty"`
	// Pending is nil unless something is owed.
	Pending *Pending `json:"pending,omitempty"`
	// Tried is Firing or Resolved where a message was sent, or was about to
	// be, that told the beginning or the end, and it is not known to have
	// arrived; else empty.
	Tried Kind `json:"tried,omitempty"`
}

// Told is what a receiver has taken.
type Told struct {
	Severity  check.Severity `json:"severity"`
	Threshold check.Duration `json:"threshold,omitempty"`
	NotAfter  time.Time      `json:"not_after,omitzero"`
	Identity  time.Time      `json:"certificate_id,omitzero"` // as in a check.Record
	Since     time.Time      `json:"since,omitzero"`          // when the condition began
	First     time.Time      `json:"first"`                   // when the receiver first heard of it
	LastNews  time.Time      `json:"news"`                    // when it last heard something new; reminders count from here
	Last      time.Time      `json:"last"`                    // when it last heard anything
	// Message is the ID of the message that told it first, for threads.
	Message string `json:"message,omitempty"`
}

// Pending is what a receiver has yet to hear.
type Pending struct {
	Since time.Time `json:"since"`
	// InDoubt is nil unless a message that may have told of it was sent, and no
	// answer said whether it arrived.
	InDoubt *Doubt `json:"in_doubt,omitempty"`
	// HandedOn is set when the fallback hears what this one waits for. Known
	// is set where it knew what has ended, and hears of the end by itself.
	HandedOn bool `json:"handed_on,omitempty"`
	Known    bool `json:"known,omitempty"`
	// What it was when it began to wait, should it be over before it is told.
	Severity  check.Severity `json:"severity"`
	Threshold check.Duration `json:"threshold,omitempty"`
	NotAfter  time.Time      `json:"not_after,omitzero"`
	Identity  time.Time      `json:"certificate_id,omitzero"` // as in a check.Record
	Began     time.Time      `json:"began,omitzero"`
}

// certificate returns what identifies the certificate that a line is about.
func (l Line) certificate() time.Time {
	switch {
	case l.Told != nil:
		return check.CertificateID(l.Told.Identity, l.Told.NotAfter)
	case l.Pending != nil:
		return check.CertificateID(l.Pending.Identity, l.Pending.NotAfter)
	}
	return time.Time{}
}

// Doubt is a message of which it is not known whether it arrived.
type Doubt struct {
	Message string    `json:"message"` // its ID, which each repeat has too
	Notice  string    `json:"notice"`  // the ID of the notice in it
	Tries   int       `json:"tries"`   // how often it was sent
	Last    time.Time `json:"last"`    // when its answer was last given up
}

// Sent is a receiver's first message about some alerts, kept while any of
// them is open: what follows belongs to it.
type Sent struct {
	Receipt json.RawMessage `json:"receipt"`
	Entries []Entry         `json:"entries"`
	// Stale is set while it does not say how they stand: it is to be edited.
	Stale bool `json:"stale,omitempty"`
}

// Entry is how one alert of a message stands.
type Entry struct {
	Key       check.Key       `json:"key"`
	Condition check.Condition `json:"condition"`
	Severity  check.Severity  `json:"severity"`
	// Name is what people call the subject: project/instance.
	Name string `json:"name,omitempty"`
	// Line says it in words, as it was told last.
	Line string `json:"line"`
	Over bool   `json:"over,omitempty"`
	// Unsolved is set where it is over only in that nobody looks any more.
	Unsolved bool `json:"unsolved,omitempty"`
}

// clone returns lines that can be replaced without harm. What Told and Pending
// point to is never changed in place.
func (l Lines) clone() Lines {
	if l == nil {
		return Lines{}
	}
	return maps.Clone(l)
}

// equal reports whether the lines say the same.
func (l Lines) equal(other Lines) bool { return maps.EqualFunc(l, other, Line.equal) }

func (l Line) equal(other Line) bool {
	return l.Tried == other.Tried && same(l.Told, other.Told) && (l.Pending == nil) == (other.Pending == nil) &&
		(l.Pending == nil || l.Pending.equal(*other.Pending))
}

func (w Pending) equal(other Pending) bool {
	doubt, otherDoubt := w.InDoubt, other.InDoubt
	w.InDoubt, other.InDoubt = nil, nil
	return w == other && same(doubt, otherDoubt)
}

// same reports whether both are nil, or hold the same.
func same[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// await marks what a receiver owes as waited for, and forgets the waits that
// are no longer owed. notices are what owed returned for the same subject.
func await(told Lines, standing []check.Alert, notices []Notice, now time.Time) Lines {
	now = check.Wall(now)
	out := told.clone()
	owed := map[check.Condition]bool{}
	for _, n := range notices {
		owed[n.Condition] = true
		line := out[n.Condition]
		w := Pending{Since: now}
		if line.Pending != nil {
			w = *line.Pending
		}
		if n.Kind.fires() && n.Kind != Reminder || w.Began.IsZero() {
			w.Severity, w.Threshold, w.NotAfter, w.Identity, w.Began = n.Severity, n.Threshold, n.NotAfter, n.Identity, n.Since
		}
		line.Pending = &w
		out[n.Condition] = line
	}
	for _, a := range standing {
		line, ok := out[a.Condition]
		if !ok || owed[a.Condition] || line.Pending == nil {
			continue
		}
		switch {
		case line.Told != nil && a.State == check.Hidden && (line.Pending.Known || line.Pending.HandedOn):
			// Its end may be owed anew once it is in sight again: the fallback
			// is not to hear that twice.
		case line.Told != nil:
			line.Pending = nil
			out[a.Condition] = line
		case a.State != check.Hidden && line.Tried != Firing:
			delete(out, a.Condition)
		}
	}
	return out
}

// tell notes that a receiver has taken a notice. message is the ID of the
// message that what follows about it belongs to. An end is to be noted before
// an alert of the same message that begins anew what it closes.
func tell(told Lines, n Notice, message string, now time.Time) Lines {
	now = check.Wall(now)
	out := told.clone()
	if !n.Kind.fires() {
		for _, c := range n.Closes {
			delete(out, c)
		}
		return out
	}
	t := Told{First: now, LastNews: now}
	if n.Told != nil && n.Kind != Firing {
		t = *n.Told
	}
	if n.Kind == Escalated {
		t.LastNews = now
	}
	// The worst of what was told of a certificate stays told: other
	// thresholds in the configuration, and back, are no news.
	another := !check.SameCertificate(check.CertificateID(t.Identity, t.NotAfter), n.CertificateID())
	if another || n.Severity.Compare(t.Severity) > 0 {
		t.Severity = n.Severity
	}
	// The date is that of the telling of the threshold, so that the two say
	// when it was due.
	if another || t.Threshold == 0 || n.Threshold < t.Threshold {
		t.Threshold, t.NotAfter, t.Identity = n.Threshold, n.NotAfter, n.Identity
	}
	t.Since, t.Last = n.Began, now
	t.Message = message
	out[n.Condition] = Line{Told: &t}
	return out
}

// tried reports whether the lines say that the receiver may have been told a
// notice.
func (l Lines) tried(n Notice) bool {
	if n.Fires() {
		line := l[n.Condition]
		return line.Told != nil || line.Pending == nil || line.Tried == Firing
	}
	return !slices.ContainsFunc(n.Closes, func(c check.Condition) bool { return l[c].Told != nil && l[c].Tried != Resolved })
}

// try notes that a receiver is about to be told a notice. Until it is known
// whether that arrived, neither that it was told nor that it was not is
// relied on: what fired is told to be over, and what is over fires anew.
func try(told Lines, n Notice) Lines {
	if told.tried(n) {
		return told
	}
	out := told.clone()
	if n.Fires() {
		line := out[n.Condition]
		line.Tried = Firing
		out[n.Condition] = line
		return out
	}
	for _, c := range n.Closes {
		if line := out[c]; line.Told != nil {
			line.Tried = Resolved
			out[c] = line
		}
	}
	return out
}

// doubt notes that a receiver was sent a notice in a message, and that it is
// not known whether that arrived.
func doubt(told Lines, n Notice, message string, now time.Time) Lines {
	return told.waiting(n.Condition, func(w *Pending) {
		d := Doubt{Message: message, Notice: n.ID(), Last: check.Wall(now)}
		if w.InDoubt != nil && w.InDoubt.Notice == d.Notice {
			d.Tries = w.InDoubt.Tries
		}
		d.Tries++
		w.InDoubt = &d
	})
}

// passOn notes that the fallback hears what a receiver waits for, until that
// was told.
func passOn(told Lines, c check.Condition) Lines {
	return told.waiting(c, func(w *Pending) { w.HandedOn = true })
}

// know notes that the fallback hears of an end by itself.
func know(told Lines, c check.Condition) Lines {
	return told.waiting(c, func(w *Pending) { w.Known = true })
}

// waiting returns the lines with another wait, where there is one.
func (l Lines) waiting(c check.Condition, change func(*Pending)) Lines {
	line := l[c]
	if line.Pending == nil {
		return l
	}
	w := *line.Pending
	change(&w)
	line.Pending = &w
	out := l.clone()
	out[c] = line
	return out
}

// handedOn returns the conditions of which a fallback hears because of what
// another receiver waits for.
func (l Lines) handedOn() []check.Condition {
	var conditions []check.Condition
	for _, c := range check.Conditions() {
		if w := l[c].Pending; w != nil && w.HandedOn {
			conditions = append(conditions, c)
		}
	}
	return conditions
}

// inherit returns the lines of a fallback that is to hear of an end without
// having heard of the beginning, with what the other receiver knew of it.
func inherit(to, from Lines, end Notice) Lines {
	line := from[end.Condition]
	if _, knows := to[end.Condition]; knows || line.Pending == nil || line.Pending.Known {
		return to
	}
	if line.Told != nil {
		t := *line.Told
		t.Message = ""
		line.Told = &t
	}
	out := to.clone()
	out[end.Condition] = line
	return out.waiting(end.Condition, func(w *Pending) { w.HandedOn = false })
}

// rewind bounds by the present since when things are waited for: after the
// clock was set back, a time that lies ahead would hold them up until it is
// reached.
func (l Lines) rewind(now time.Time) Lines {
	now = check.Wall(now)
	out := l.clone()
	for c, line := range out {
		if line.Pending != nil {
			w := *line.Pending
			check.Bound(now, &w.Since)
			if w.InDoubt != nil {
				d := *w.InDoubt
				check.Bound(now, &d.Last)
				w.InDoubt = &d
			}
			line.Pending = &w
			out[c] = line
		}
	}
	return out
}

// rewindTold bounds by the present when things were told, or reminders would
// be held up.
func (l Lines) rewindTold(now time.Time) Lines {
	now = check.Wall(now)
	out := l.clone()
	for c, line := range out {
		if line.Told != nil {
			t := *line.Told
			check.Bound(now, &t.First, &t.LastNews, &t.Last)
			line.Told = &t
			out[c] = line
		}
	}
	return out
}
