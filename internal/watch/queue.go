package watch

import (
	"container/heap"
	"time"
)

// queue holds keys by the time at which each is due, the earliest first.
type queue struct {
	items []*queued
	index map[string]*queued
}

type queued struct {
	key string
	at  time.Time
	pos int // in items, kept by the heap
}

func newQueue() *queue { return &queue{index: map[string]*queued{}} }

// set puts a key at a time, wherever it was before; a zero time removes it.
func (q *queue) set(key string, at time.Time) {
	it, ok := q.index[key]
	switch {
	case at.IsZero() && ok:
		heap.Remove((*byTime)(q), it.pos)
		delete(q.index, key)
	case at.IsZero():
	case ok:
		it.at = at
		heap.Fix((*byTime)(q), it.pos)
	default:
		it = &queued{key: key, at: at}
		q.index[key] = it
		heap.Push((*byTime)(q), it)
	}
}

// next returns the key that is due first, and when; a zero time if there is none.
func (q *queue) next() (string, time.Time) {
	if len(q.items) == 0 {
		return "", time.Time{}
	}
	return q.items[0].key, q.items[0].at
}

// pop removes and returns a key that is due by now.
func (q *queue) pop(now time.Time) (string, bool) {
	key, at := q.next()
	if at.IsZero() || at.After(now) {
		return "", false
	}
	q.set(key, time.Time{})
	return key, true
}

// byTime is the queue as container/heap wants it.
type byTime queue

func (q *byTime) Len() int           { return len(q.items) }
func (q *byTime) Less(i, j int) bool { return q.items[i].at.Before(q.items[j].at) }
func (q *byTime) Swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.items[i].pos, q.items[j].pos = i, j
}

func (q *byTime) Push(x any) {
	it := x.(*queued)
	it.pos = len(q.items)
	q.items = append(q.items, it)
}

func (q *byTime) Pop() any {
	last := len(q.items) - 1
	it := q.items[last]
	q.items[last] = nil
	q.items = q.items[:last]
	return it
}
