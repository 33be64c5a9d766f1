package watch

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// Backoff is how the delays between tries grow.
type Backoff struct {
	Initial, Max time.Duration
	Multiplier   float64
	Jitter       float64 // a delay is off by at most this part of it
}

// exponential returns delays without end.
func (b Backoff) exponential() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(b.Initial),
		backoff.WithMaxInterval(b.Max),
		backoff.WithMultiplier(b.Multiplier),
		backoff.WithRandomizationFactor(b.Jitter),
		backoff.WithMaxElapsedTime(0),
	)
}

// afterDelivery returns how long to leave a receiver alone after a failure:
// what backoff says, but no less than the receiver asked for, and the
// longest delay where only a person can help.
func afterDelivery(b *backoff.ExponentialBackOff, err error) time.Duration {
	delay := b.NextBackOff()
	var f *notify.Failure
	if !errors.As(err, &f) {
		return delay
	}
	if f.Refused {
		delay = b.MaxInterval
	}
	return max(delay, f.RetryAfter)
}
