package poll

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Backoff is how the delays between tries grow.
type Backoff struct {
	Initial, Max time.Duration
	Multiplier   float64
	Jitter       float64 // a delay is off by at most this part of it
}

// Exponential returns delays without end.
func (b Backoff) Exponential() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(b.Initial),
		backoff.WithMaxInterval(b.Max),
		backoff.WithMultiplier(b.Multiplier),
		backoff.WithRandomizationFactor(b.Jitter),
		backoff.WithMaxElapsedTime(0),
	)
}

// Longest returns the longest delay.
func (b Backoff) Longest() time.Duration {
	return b.Max + time.Duration(b.Jitter*float64(b.Max))
}
