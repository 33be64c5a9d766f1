package ledger

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Some receivers have no ledger: an observer is shown all that stands, again
// and again, and works out by itself what is new. It can have a fallback, and
// be one.

// Absent is an observer that can't be shown what stands.
type Absent struct {
	Receiver
	Since time.Time
}

// Absent takes in which observers can't be shown what stands. Where they are
// not the same as before, every subject is to be updated after it.
func (b *Book) Absent(observers []Absent) { b.absent = observers }

// unobserved returns the conditions that a fallback hears of because an
// observer has not been there for too long.
func (b *Book) unobserved(fallback string, alerts []check.Alert, now time.Time) (conditions []check.Condition) {
	for _, o := range b.absent {
		if o.Fallback != fallback || now.Before(b.overlong(o.Receiver, o.Since)) {
			continue
		}
		for _, a := range alerts {
			if o.Audience.Hears(a) {
				conditions = append(conditions, a.Condition)
			}
		}
	}
	return conditions
}

// nextUnobserved returns when a fallback is to hear, of any of the alerts,
// what observers are not there to see.
func (b *Book) nextUnobserved(fallback string, alerts []check.Alert) (at []time.Time) {
	for _, o := range b.absent {
		if o.Fallback == fallback && len(alerts) > 0 {
			at = append(at, b.overlong(o.Receiver, o.Since))
		}
	}
	return at
}

// Handed returns the conditions that are handed to a fallback, since another
// receiver waits for them.
func (b *Book) Handed(fallback string) map[check.Key][]check.Condition {
	handed := map[check.Key][]check.Condition{}
	for _, a := range b.order {
		if a.Fallback != fallback {
			continue
		}
		for key := range a.owed {
			if conditions := a.lines[key].handedOn(); len(conditions) > 0 {
				handed[key] = append(handed[key], conditions...)
			}
		}
	}
	return handed
}
