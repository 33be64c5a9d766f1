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

// AfterTries returns the delay after so many tries, where no delays are kept.
func (b Backoff) AfterTries(n int) time.Duration {
	delays := b.Exponential()
	delay := delays.NextBackOff()
	for i := 1; i < n && delay < b.Max; i++ {
		delay = delays.NextBackOff()
	}
	return delay
}

// Longest returns the longest delay.
func (b Backoff) Longest() time.Duration {
	return b.Max + time.Duration(b.Jitter*float64(b.Max))
}
