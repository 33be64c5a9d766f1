package queue_test

import (
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/queue"
)

func TestTheEarliestKeyComesFirst(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)
	q := queue.New[string]()
	q.Set("late", at.Add(3*time.Second))
	q.Set("soon", at.Add(time.Second))
	q.Set("moved", at.Add(2*time.Second))
	q.Set("moved", at)
	q.Set("gone", at)
	q.Set("gone", time.Time{})
	q.Set("never there", time.Time{})
	if n := q.Len(); n != 3 {
		t.Errorf("there are %d keys, want 3", n)
	}
	if _, due := q.Pop(at.Add(-time.Nanosecond)); due {
		t.Error("a key is due before its time")
	}
	for _, want := range []string{"moved", "soon", "late"} {
		if got, due := q.Pop(at.Add(time.Minute)); !due || got != want {
			t.Errorf("got %q, %v, want %q", got, due, want)
		}
	}
	if _, next := q.Next(); !next.IsZero() || len(q.Keys()) != 0 {
		t.Errorf("what is empty is due at %v", next)
	}
}
