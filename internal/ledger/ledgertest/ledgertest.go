// Package ledgertest keeps a book for one receiver, for the tests of those
// who word or carry what it is owed.
package ledgertest

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

const receiver = "receiver"

// Judged is what is true of a subject at a time, and how that is known.
type Judged struct {
	Alerts []check.Alert
	Clock  check.Clock
	Repeat map[check.Severity]time.Duration
	At     time.Time
}

// book returns the book of a receiver that knows lines of the subject of some
// alerts, and that subject.
func book(lines ledger.Lines, repeat map[check.Severity]time.Duration, key check.Key, fallback string) *ledger.Book {
	b := ledger.New(map[string]ledger.Ledger{receiver: {key: lines}}, nil)
	b.Configure([]ledger.Receiver{
		{ID: receiver, Name: receiver, Fallback: fallback},
		{ID: "fallback", Name: "fallback", Audience: ledger.Audience{Match: map[string]string{"project": "none"}}},
	}, ledger.Terms{Repeat: repeat})
	return b
}

// Owed returns what a receiver is owed that knows lines.
func Owed(lines ledger.Lines, j Judged) []ledger.Notice {
	if len(j.Alerts) == 0 {
		return nil
	}
	key := j.Alerts[0].Key()
	b := book(lines, j.Repeat, key, "")
	b.Update(key, j.Alerts, j.Clock, j.At)
	return b.Ready(receiver, j.At).Notices
}

// Told returns the lines of a receiver after it took a notice; what follows
// about it belongs to a message.
func Told(lines ledger.Lines, n ledger.Notice, message string, at time.Time) ledger.Lines {
	b := book(lines, nil, n.Key(), "")
	b.Delivered(receiver, []ledger.Notice{n}, []string{message}, at)
	return b.Lines(receiver, n.Key())
}

// Tried returns the lines of a receiver that was sent what it is owed, which
// did not arrive.
func Tried(lines ledger.Lines, j Judged) ledger.Lines {
	key := j.Alerts[0].Key()
	b := book(lines, j.Repeat, key, "")
	b.Update(key, j.Alerts, j.Clock, j.At)
	b.Begin(receiver, b.Ready(receiver, j.At).Notices)
	return b.Lines(receiver, key)
}

// Inherited returns the lines of the fallback of a receiver that can't be told
// of what it is owed.
func Inherited(lines ledger.Lines, j Judged) ledger.Lines {
	key := j.Alerts[0].Key()
	b := book(lines, j.Repeat, key, "fallback")
	b.Update(key, j.Alerts, j.Clock, j.At)
	return b.Lines("fallback", key)
}

// Rewound returns lines after it became known that the present is earlier
// than it seemed.
func Rewound(lines ledger.Lines, key check.Key, now time.Time) ledger.Lines {
	b := book(lines, nil, key, "")
	b.RewindTold(key, now)
	return b.Lines(receiver, key)
}
