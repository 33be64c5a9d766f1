// Package ledger is the judgement of what to say, and to whom; it is pure: no
// clock, no network, no goroutine, no log.
//
// What is remembered is what each receiver was told. What to say is always
// the difference between that and what is true now, worked out anew each time.
// There is no queue of messages, so none can be stale, lost or out of order.
//
// A Book is kept for all receivers, and used so:
//
//	next, _ := book.Update(subject, alerts, clock, now)  // whenever something is new, and at next
//	...
//	ready := book.Ready(receiver, now)                   // whenever it may be sent something, and at ready.Wake
//	batch := some of ready.Notices, which one message can hold
//	if !book.Begin(receiver, batch) {
//		make book.Changes() durable, and ask Ready again
//	}
//	send it
//	subjects := book.Delivered(receiver, batch, ...)     // or Doubted, or Failed
//	make book.Changes() durable, and Update those subjects
//
// It is durable that something is about to be said before it is sent, and
// that it was said before anything else is sent to the same receiver. So a
// crash can repeat one message, under the same ID, and lose none.
package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/queue"
)

// Receiver is whom a Book keeps a ledger for.
type Receiver struct {
	ID       string // the key of its ledger
	Name     string // as configured; several may share one
	Audience Audience
	// Fallback is the Name of those who hear what has been owed to this one
	// for FallbackAfter; empty for nobody.
	Fallback      string
	FallbackAfter time.Duration
}

// Terms are what all receivers have in common.
type Terms struct {
	// GroupWait is how long what is owed waits for others to join it.
	GroupWait time.Duration
	// Repeat is the time between reminders; none or zero means no reminders.
	Repeat map[check.Severity]time.Duration
}

// Place is where a line of the ledgers stands.
type Place struct {
	Receiver string // its ID
	Subject  check.Key
}

// Book holds the ledgers of all receivers. The zero Book is not usable; see
// New. It is not safe for concurrent use.
type Book struct {
	terms    Terms
	ledgers  map[string]Ledger   // by receiver ID, and what is remembered of others
	accounts map[string]*account // by receiver ID
	order    []*account          // as configured
	changed  map[Place]bool
	// What was first owed since gatherFrom waits until gatherUntil.
	gatherFrom, gatherUntil time.Time
	awake                   time.Time
	absent                  []Absent
}

// New returns a book that goes on with what is remembered: the ledgers, and
// when each receiver last took a message, both by the receiver's ID. The book
// owns the maps from then on.
func New(ledgers map[string]Ledger, answered map[string]time.Time) *Book {
	b := &Book{ledgers: ledgers, accounts: map[string]*account{}, changed: map[Place]bool{}}
	if b.ledgers == nil {
		b.ledgers = map[string]Ledger{}
	}
	for id, at := range answered {
		b.accounts[id] = newAccount(nil)
		b.accounts[id].answered = at
	}
	return b
}

// Configure has the book be kept for these receivers, and returns the IDs of
// those that it was kept for until now: their ledgers go. Every subject is to
// be updated after it.
func (b *Book) Configure(receivers []Receiver, terms Terms) (gone []string) {
	b.terms, b.order = terms, nil
	configured := map[string]bool{}
	for _, r := range receivers {
		configured[r.ID] = true
		if b.ledgers[r.ID] == nil {
			b.ledgers[r.ID] = Ledger{}
		}
		a := b.accounts[r.ID]
		if a == nil {
			a = newAccount(nil)
			b.accounts[r.ID] = a
		}
		a.Receiver, a.lines = r, b.ledgers[r.ID]
		b.order = append(b.order, a)
	}
	maps.DeleteFunc(b.accounts, func(id string, _ *account) bool { return !configured[id] })
	for _, id := range slices.Sorted(maps.Keys(b.ledgers)) {
		if configured[id] {
			continue
		}
		for key := range b.ledgers[id] {
			b.changed[Place{id, key}] = true
		}
		delete(b.ledgers, id)
		gone = append(gone, id)
	}
	return gone
}

// Awake takes in since when what is owed can be told: what the process was
// not there to send has not waited for its receiver.
func (b *Book) Awake(since time.Time) { b.awake = check.Wall(since) }

// Gather has what is first owed from one time on wait until another, so that
// it comes together. A zero end ends that.
func (b *Book) Gather(from, until time.Time) {
	b.gatherFrom, b.gatherUntil = check.Wall(from), check.Wall(until)
}

// Subjects returns the subjects that some receiver knows something of, in
// the order of their keys.
func (b *Book) Subjects() []check.Key {
	all := map[check.Key]bool{}
	for _, ledger := range b.ledgers {
		for key := range ledger {
			all[key] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), check.Key.Compare)
}

// Open reports whether a receiver knows something of a subject, or is being
// told.
func (b *Book) Open(key check.Key) bool {
	return slices.ContainsFunc(b.order, func(a *account) bool {
		return len(a.lines[key]) > 0 || slices.ContainsFunc(a.sending, func(n Notice) bool { return n.Key() == key })
	})
}

// Lines returns what a receiver knows of a subject. They are never changed.
func (b *Book) Lines(id string, key check.Key) Lines { return b.ledgers[id][key] }

// Owed returns how many notices a receiver is owed, and since when the one
// that waits longest; zero if none.
func (b *Book) Owed(id string) (n int, since time.Time) {
	a := b.accounts[id]
	if a == nil {
		return 0, time.Time{}
	}
	_, since = a.pending.Next()
	return a.count, since
}

// Changes returns the lines that are new since it was last called, by where
// they stand; none where a receiver knows nothing of a subject any more. The
// lines are never changed after.
func (b *Book) Changes() map[Place]Lines {
	if len(b.changed) == 0 {
		return nil
	}
	out := make(map[Place]Lines, len(b.changed))
	for at := range b.changed {
		out[at] = b.ledgers[at.Receiver][at.Subject]
	}
	b.changed = map[Place]bool{} // not cleared: one that was large stays so, and costs as much each time
	return out
}

// set replaces the lines of a subject.
func (b *Book) set(a *account, key check.Key, lines Lines) {
	if lines.equal(a.lines[key]) {
		return
	}
	b.changed[Place{a.ID, key}] = true
	if len(lines) == 0 {
		delete(a.lines, key)
		return
	}
	a.lines[key] = lines
}

// account is one receiver with its ledger, and what it is owed.
type account struct {
	Receiver
	lines Ledger // the one in the book

	owed    map[check.Key][]Notice
	count   int                     // of notices in it
	pending *queue.Queue[check.Key] // by since when something is owed
	fresh   *queue.Queue[check.Key] // by since when something is owed that is not in doubt
	doubted *queue.Queue[check.Key] // by when something that is in doubt may be repeated

	sending  []Notice  // what is being told, nil if nothing is
	marked   bool      // what is about to be told is marked so
	answered time.Time // when it last took a message
}

func newAccount(lines Ledger) *account {
	return &account{
		lines: lines, owed: map[check.Key][]Notice{},
		pending: queue.New[check.Key](), fresh: queue.New[check.Key](), doubted: queue.New[check.Key](),
	}
}

// owes replaces what the receiver is owed about a subject.
func (a *account) owes(key check.Key, notices []Notice) {
	a.count += len(notices) - len(a.owed[key])
	a.owed[key] = notices
	if len(notices) == 0 {
		delete(a.owed, key)
	}
	a.index(key)
}

// index puts what is owed about a subject in its places in the queues.
func (a *account) index(key check.Key) {
	var pending, fresh, doubted time.Time
	for _, n := range a.owed[key] {
		pending = soonest(pending, n.Owed)
		if n.InDoubt == nil {
			fresh = soonest(fresh, n.Owed)
			continue
		}
		doubted = soonest(doubted, a.repeatable(n))
	}
	a.pending.Set(key, pending)
	a.fresh.Set(key, fresh)
	a.doubted.Set(key, doubted)
}

// repeatable returns when a notice that is in doubt may be repeated. What
// takes one message is likely to say what became of another.
func (a *account) repeatable(n Notice) time.Time {
	if a.answered.After(n.InDoubt.Last) {
		return a.answered
	}
	return n.InDoubt.Last.Add(RepeatDelay(n.InDoubt.Tries))
}
