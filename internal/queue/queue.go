// Package queue holds keys by the time at which each is due.
package queue

import (
	"container/heap"
	"maps"
	"slices"
	"time"
)

// Queue holds keys by the time at which each is due, the earliest first.
type Queue[K comparable] struct {
	items []*queued[K]
	index map[K]*queued[K]
}

type queued[K comparable] struct {
	key K
	at  time.Time
	pos int // in items, kept by the heap
}

// New returns an empty queue.
func New[K comparable]() *Queue[K] { return &Queue[K]{index: map[K]*queued[K]{}} }

// Set puts a key at a time, wherever it was before; a zero time removes it.
func (q *Queue[K]) Set(key K, at time.Time) {
	it, ok := q.index[key]
	switch {
	case at.IsZero() && ok:
		heap.Remove((*byTime[K])(q), it.pos)
		delete(q.index, key)
	case at.IsZero():
	case ok:
		it.at = at
		heap.Fix((*byTime[K])(q), it.pos)
	default:
		it = &queued[K]{key: key, at: at}
		q.index[key] = it
		heap.Push((*byTime[K])(q), it)
	}
}

// Next returns the key that is due first, and when; a zero time if there is none.
func (q *Queue[K]) Next() (key K, at time.Time) {
	if len(q.items) == 0 {
		return key, time.Time{}
	}
	return q.items[0].key, q.items[0].at
}

// Pop removes and returns a key that is due by now.
func (q *Queue[K]) Pop(now time.Time) (key K, due bool) {
	key, at := q.Next()
	if at.IsZero() || at.After(now) {
		return key, false
	}
	q.Set(key, time.Time{})
	return key, true
}

// At returns the time of a key; zero if it is not there.
func (q *Queue[K]) At(key K) time.Time {
	if it, ok := q.index[key]; ok {
		return it.at
	}
	return time.Time{}
}

// Len returns how many keys there are.
func (q *Queue[K]) Len() int { return len(q.items) }

// Keys returns all keys, in no order.
func (q *Queue[K]) Keys() []K { return slices.Collect(maps.Keys(q.index)) }

// Shift moves all times.
func (q *Queue[K]) Shift(by time.Duration) {
	for _, it := range q.items {
		it.at = it.at.Add(by)
	}
}

// byTime is the queue as container/heap wants it.
type byTime[K comparable] Queue[K]

func (q *byTime[K]) Len() int           { return len(q.items) }
func (q *byTime[K]) Less(i, j int) bool { return q.items[i].at.Before(q.items[j].at) }
func (q *byTime[K]) Swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.items[i].pos, q.items[j].pos = i, j
}

func (q *byTime[K]) Push(x any) {
	it := x.(*queued[K])
	it.pos = len(q.items)
	q.items = append(q.items, it)
}

func (q *byTime[K]) Pop() any {
	last := len(q.items) - 1
	it := q.items[last]
	q.items[last] = nil
	q.items = q.items[:last]
	return it
}
