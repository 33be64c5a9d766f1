// Package notify turns what is owed into messages. The wording lives here,
// once; the packages below it only carry messages, each over its own wire.
package notify

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// Message is what a receiver carries: one or more notices, in words.
// Its texts are plain: a receiver escapes them as its own format demands.
type Message struct {
	// ID is the same when the same news is sent again after a crash, and
	// consists of [0-9a-f].
	ID string
	// Time is when the message was composed, and Stamp is that in words.
	Time  time.Time
	Stamp string
	// Severity is the worst of all items.
	Severity check.Severity
	// Firing reports whether any item fires; if not, all are over.
	Firing bool
	// Solved reports whether all items are over and solved; see ledger.Notice.
	Solved bool
	// Footer says who sent it: program, version and host. Whoever delivers a
	// message sets it; empty for the program alone.
	Footer string
	// Title says the whole in one line, the worst first.
	Title string
	// Groups hold the items, the worst group first; after what is shown in
	// full, what is only named.
	Groups []Group
	// Thread is the earlier message that this one follows, nil if none.
	// Set only for receivers whose Limits say Threads.
	Thread *Thread
	// References are the IDs of all earlier messages that this one follows.
	References []string
	// Note is what else is to be said of the whole: that it may be a repeat.
	// Empty for nothing.
	Note string
	// RemindersOnly is set when nothing new is told: it belongs in
	// the thread alone.
	RemindersOnly bool
}

// Group holds items of one condition that fire, or that are resolved; or in
// a digest, what is named in short beside them, see Brief.
type Group struct {
	Condition check.Condition
	Severity  check.Severity
	Firing    bool
	Solved    bool // over, and solved
	// Heading names what the items have in common.
	Heading string
	Items   []Item
	// Advice is what to do, in paragraphs; empty for what is over. What an
	// earlier group says is not said again.
	Advice []string
	// Links are for further reading and acting.
	Links []Link
	// Brief is set where the items are only to be named, each with its ID:
	// Heading says what is so of all of them, and how many they are.
	Brief bool
}

// Item is one notice in words.
type Item struct {
	Notice ledger.Notice
	// Line is the whole story in one line, as DESIGN lays down: FIRING or
	// RESOLVED, severity, condition, instance, what is so, project, region, ID.
	Line string
	// What is the part of Line that says what is so.
	What string
	// Where is the part of Line that names project, region, where clients
	// reach the instance, and its ID.
	Where string
	// Name and ID are what the item is named by in short.
	Name, ID string
	// Advice and Link are what of the group's is about this item, all of it,
	// for who shows it by itself; none where the item is only named.
	Advice []string
	Link   Link
}

// Link is a place to go.
type Link struct{ Text, URL string }

// Thread is an earlier message that another one follows.
type Thread struct {
	ID string
	// Receipt is what Deliver returned for it.
	Receipt json.RawMessage
}

// Revision is what an earlier message is to say now.
type Revision struct {
	ID string
	// Receipt is what Deliver returned for it.
	Receipt json.RawMessage
	// Time is as of when, and Stamp is that in words.
	Time  time.Time
	Stamp string
	// Footer is that of a Message.
	Footer string
	// Title and Entries say how its alerts stand.
	Title   string
	Entries []ledger.Entry
}

// Limits are what one message of a receiver can hold.
type Limits struct {
	Items int // at most so many items
	Bytes int // at most so many bytes of Line in all, where all is shown in full
	// Names is how many bytes of headings, names and IDs a digest holds; 0 for
	// as many as Bytes.
	Names int
	// Every is the least time from one message to the next.
	Every time.Duration
	// Timeout is how long a delivery may take; 0 for half a minute.
	Timeout time.Duration
	// Threads is set when what follows about an alert must go to the
	// message that told of it first.
	Threads bool
}

// Sender carries messages to one place.
type Sender interface {
	// Limits returns what one message can hold.
	Limits() Limits
	// Deliver sends a message. A nil error means that the receiver has it.
	// The receipt is the receiver's own note of the message, which it will
	// find again in Thread; nil if it has none. An error is a *Failure
	// unless ctx ended. Deliver does not retry.
	Deliver(ctx context.Context, m Message) (receipt json.RawMessage, err error)
}

// Editor is a Receiver whose messages can be changed once they are sent.
type Editor interface {
	Sender
	// Edit has an earlier message say how its alerts stand now. It tells
	// nobody anything: the news has been told by then. Doing it twice is doing
	// it once. An error is a *Failure unless ctx ended. Edit does not retry.
	Edit(ctx context.Context, r Revision) error
}

// Failure is a message that was not delivered, or of which that is not known.
type Failure struct {
	// Refused is set when trying again soon can't help: a credential, an
	// address or the message itself is refused, and a person has to act.
	Refused bool
	// Unknown is set when the receiver may have the message all the same: it
	// was handed over, and no answer says what became of it. To repeat it soon
	// would be to say it twice.
	Unknown bool
	// Gone is set when a message that was to be edited is not there any more.
	Gone bool
	// RetryAfter is how long the receiver asked to be left alone.
	RetryAfter time.Duration
	// Reason says in words for people what failed and what to do, with no
	// secret in it.
	Reason string
	// Err is the cause, for errors.Is. Its text is never printed.
	Err error
}

var _ error = (*Failure)(nil)

func (f *Failure) Error() string { return f.Reason }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
