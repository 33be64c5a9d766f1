package simserver

import "sync"

// Events calls a function with one event after another, in the order in which
// they were put, and never while a lock of ours is held: the function may call
// back into the sim.
type Events[E any] struct {
	// Call is what is called; nil for nothing.
	Call func(E)

	mu      sync.Mutex
	pending []E
	busy    bool
}

// Put adds an event. It is called under the lock that decides the order, Drain after that lock
// has been released.
func (q *Events[E]) Put(e E) {
	if q.Call == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, e)
}

// Drain delivers what is pending. If another goroutine is at it already, that
// one delivers this too, and Drain returns at once.
func (q *Events[E]) Drain() {
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
func (q *Events[E]) call(e E) {
	q.mu.Unlock()
	defer q.mu.Lock()
	q.Call(e)
}
