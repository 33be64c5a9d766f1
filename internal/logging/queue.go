package logging

import (
	"bytes"
	"io"
	"sync"
)

// room is how many lines may wait for a reader.
const room = 1024

// queue stands between those who log and the reader of the log, so that the
// reader can't hold them up. Once it is full, lines are lost until it was
// empty; then it says how many.
type queue struct {
	out    io.Writer
	report func(w io.Writer, lost int) // writes that lines were lost
	done   chan struct{}               // closed when run has ended

	mu     sync.Mutex // guards what follows, and sending to lines
	lines  chan []byte
	lost   int
	closed bool
}

func newQueue(out io.Writer, report func(io.Writer, int)) *queue {
	return &queue{out: out, report: report, done: make(chan struct{}), lines: make(chan []byte, room)}
}

// Write takes a line. It never fails.
func (q *queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return len(line), nil
	}
	if q.lost == 0 {
		select {
		case q.lines <- bytes.Clone(line):
			return len(line), nil
		default:
		}
	}
	q.lost++
	return len(line), nil
}

// close has run end when all is written.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
}

// run writes the lines until the queue is closed and empty.
func (q *queue) run() {
	defer close(q.done)
	lost := 0
	for line := range q.lines {
		_, err := q.out.Write(line)
		if err != nil {
			lost++
		}
		lost += q.overflow()
		if err == nil && lost > 0 {
			lost = q.tell(lost)
		}
	}
}

// tell says that lines were lost, and returns how many are yet to be told of.
func (q *queue) tell(lost int) int {
	var line bytes.Buffer
	q.report(&line, lost)
	if _, err := q.out.Write(line.Bytes()); err != nil {
		return lost
	}
	return 0
}

// overflow returns how many lines found no room, if the queue is empty again.
func (q *queue) overflow() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) > 0 {
		return 0
	}
	lost := q.lost
	q.lost = 0
	return lost
}
