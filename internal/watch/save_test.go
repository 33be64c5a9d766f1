package watch

import (
	"testing"
	"time"
)

// A write that was begun before does not hold what is believed anew, and what
// it wrote is not written anew for that.
func TestWhatIsBelievedDuringAWriteIsNotHeldByIt(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)
	d := disk{next: now}
	d.hand(nil, now) // a write begins
	d.hasten(now.Add(10 * time.Millisecond))
	d.hasten(now.Add(500 * time.Millisecond)) // the first one counts
	d.next = now.Add(writeDelay)              // it ends
	if got, want := d.due().Sub(now), 1010*time.Millisecond; got != want {
		t.Errorf("the next write comes after %v, want %v", got, want)
	}
	d.hand(nil, now.Add(2*time.Second)) // the next one takes it along
	if got := d.due().Sub(now); got != writeDelay {
		t.Errorf("after that one, a write comes after %v, want %v", got, writeDelay)
	}
}
