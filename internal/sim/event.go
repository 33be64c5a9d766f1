package sim

import (
	"sync"
	"time"
)

// An Event is something that reached people: a Slack message, the edit of one,
// or a mail. Exactly one of Slack and Mail is set.
type Event struct {
	Time   time.Time
	Slack  *SlackMessage
	Edited bool // Slack is a message from before, as it reads now
	Mail   *MailMessage
}

// events calls a function with one event after another, in the order in which
// they were put, and never while a lock of ours is held: the function may call
// back into the sim.
type events struct {
	f func(Event)

	mu      sync.Mutex
	pending []Event
	busy    bool
}

// put is called under the lock that decides the order, drain after that lock
// has been released.
func (q *events) put(e Event) {
	if q.f == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, e)
}

// drain delivers what is pending. If another goroutine is at it already, that
// one delivers this too, and drain returns at once.
func (q *events) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy {
		return
	}
	q.busy = true
	defer func() { q.busy = false }()
	for len(q.pending) > 0 {
		e := q.pending[0]
		q.pending = q.pending[1:]
		q.call(e)
	}
}

// call gives the lock back for as long as the function runs, even if the
// function does not return: a test may end its goroutine in there.
func (q *events) call(e Event) {
	q.mu.Unlock()
	defer q.mu.Lock()
	q.f(e)
}
