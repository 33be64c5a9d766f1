package watch

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/notify"
)

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

// alike reports whether two failures differ in nothing but numbers: a server
// may count down, or name each try.
func alike(a, b string) bool {
	withoutDigits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return -1
			}
			return r
		}, s)
	}
	return withoutDigits(a) == withoutDigits(b)
}
