package poll

import (
	"container/heap"
	"time"
)

// Queue holds keys by the time at which each is due, the earliest first.
type Queue struct {
	items []*queued
	index map[string]*queued
}

type queued struct {
	key string
	at  time.Time
	pos int // in items, kept by the heap
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{index: map[string]*queued{}} }

// Set puts a key at a time, wherever it was before; a zero time removes it.
func (q *Queue) Set(key string, at time.Time) {
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

// Next returns the key that is due first, and when; a zero time if there is none.
func (q *Queue) Next() (string, time.Time) {
	if len(q.items) == 0 {
		return "", time.Time{}
	}
	return q.items[0].key, q.items[0].at
}

// Pop removes and returns a key that is due by now.
func (q *Queue) Pop(now time.Time) (string, bool) {
	key, at := q.Next()
	if at.IsZero() || at.After(now) {
		return "", false
	}
	q.Set(key, time.Time{})
	return key, true
}

// At returns the time of a key; zero if it is not there.
func (q *Queue) At(key string) time.Time {
	if it, ok := q.index[key]; ok {
		return it.at
	}
	return time.Time{}
}

// Len returns how many keys there are.
func (q *Queue) Len() int { return len(q.items) }

// Shift moves all times.
func (q *Queue) Shift(by time.Duration) {
	for _, it := range q.items {
		it.at = it.at.Add(by)
	}
}

// byTime is the queue as container/heap wants it.
type byTime Queue

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
