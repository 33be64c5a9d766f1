package httpclient

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds what a server can ask for: an hour without a look, or
// without an alert, is as much as a daemon that warns can grant to a header.
const MaxRetryAfter = time.Hour

// RetryAfter reads how long an answer asks to be left alone: seconds, which
// some servers give with a fraction, or a date. A date counts from the
// answer's own Date where there is one, so that a wrong clock of ours does not
// matter, else from now. It returns 0 when there is none or it can't be read.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	seconds, err := strconv.ParseFloat(value, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		// Of NaN this makes 0, as of what is negative.
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, MaxRetryAfter.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}
