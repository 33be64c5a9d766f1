package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/text"
)

// Duration is a time.Duration that is written with weeks and days beside
// Go's units: "2w", "30d", "1d12h", "90s". A day is 24 hours.
type Duration time.Duration

// The units that Go's own durations lack.
const (
	Day  = 24 * time.Hour
	Week = 7 * Day
)

// ParseDuration reads a duration of zero or more. A number without a unit is
// refused, but for "0".
func ParseDuration(s string) (Duration, error) {
	rest := s
	var total time.Duration
	for _, unit := range []struct {
		suffix string
		length time.Duration
	}{{"w", Week}, {"d", Day}} {
		i := strings.Index(rest, unit.suffix)
		if i < 0 {
			continue
		}
		n, err := strconv.ParseUint(rest[:i], 10, 32)
		if err != nil || time.Duration(n) > math.MaxInt64/unit.length {
			return 0, durationError(s)
		}
		part := time.Duration(n) * unit.length
		if total > math.MaxInt64-part {
			return 0, durationError(s)
		}
		total += part
		rest = rest[i+1:]
		if rest == "" {
			return Duration(total), nil
		}
	}
	part, err := time.ParseDuration(rest)
	if err != nil || part < 0 || strings.ContainsAny(rest, "+-") || total > math.MaxInt64-part {
		return 0, durationError(s)
	}
	return Duration(total + part), nil
}

func durationError(s string) error {
	return fmt.Errorf("%q is not a duration: write a number and a unit, such as \"30d\", \"2w\", \"12h\", \"90s\"", s)
}

// String writes the duration as ParseDuration reads it, in the largest units
// that lose nothing.
func (d Duration) String() string { return text.Duration(max(time.Duration(d), 0)) }

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	parsed, err := ParseDuration(string(b))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
