package dcs

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// maxSkew is by how much the gateway lets a signature's time differ from its own.
const maxSkew = 15 * time.Minute

// Clock is what an answer says of this machine's clock.
type Clock struct {
	// Known is set where the API wrote the answer, and it tells the time.
	Known bool
	// Ahead is by how much, at the least, this machine's clock is ahead of
	// the API's; negative where it is behind.
	Ahead time.Duration
	// Refused is set where the API refused the request because of its time.
	Refused bool
}

// clock reads what an answer to a request that was sent then says of our
// clock. The API's time lies between the sending and the answer, so however
// long the process was stopped meanwhile, that is not a difference of clocks.
func (a answer) clock(sent time.Time) Clock {
	message := a.fault().message
	expired := a.Status == http.StatusUnauthorized && strings.Contains(strings.ToLower(message), "signature expired")
	if m := expiredTimes.FindStringSubmatch(message); expired && m != nil {
		ours, err1 := time.Parse(dateLayout, m[1])
		theirs, err2 := time.Parse(dateLayout, m[2])
		if err1 == nil && err2 == nil {
			return Clock{Known: true, Ahead: ours.Sub(theirs), Refused: true}
		}
	}
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil || a.Header.Get("Age") != "" { // the latter: from a cache, so it says when that was filled
		return Clock{}
	}
	c := Clock{Known: true}
	// Wall clocks are compared, so ours have no monotonic reading.
	if ahead := sent.Round(0).Sub(date.Add(time.Second)); ahead > 0 {
		c.Ahead = ahead
	}
	if behind := date.Sub(a.At.Round(0)); behind > 0 {
		c.Ahead = -behind
	}
	c.Refused = expired && c.Ahead.Abs() > maxSkew
	return c
}

// expiredTimes is how the gateway says that it did not accept that time:
// "signature expired, signature time:20211217T064303Z,server time:20211217T065804Z".
var expiredTimes = regexp.MustCompile(`(?i)signature expired.*signature time: ?(\d{8}T\d{6}Z).*server time: ?(\d{8}T\d{6}Z)`)

// clockOff tells from a refusal whether our clock is why, and says by how
// much. The times in the gateway's message
// count first, then the Date of the answer.
func clockOff(a answer, message string) (reason.Reason, bool) {
	if m := expiredTimes.FindStringSubmatch(message); m != nil {
		ours, err1 := time.Parse(dateLayout, m[1])
		theirs, err2 := time.Parse(dateLayout, m[2])
		if err1 == nil && err2 == nil {
			return offBy(ours.Sub(theirs)), true
		}
	}
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return reason.Reason{}, false
	}
	// The wall clocks are compared, so ours has no monotonic reading.
	off := a.At.Round(0).Sub(date)
	return offBy(off), off.Abs() > maxSkew
}

// offBy says a difference of clocks, so roughly that it is the same each time
// somebody asks.
func offBy(d time.Duration) reason.Reason {
	const (
		step = 5 * time.Minute
		day  = 24 * time.Hour
	)
	ahead := d >= 0
	count := func(n time.Duration, ifAhead, ifBehind reason.Code) reason.Reason {
		code := ifBehind
		if ahead {
			code = ifAhead
		}
		return reason.New(code, reason.Args{"n": int(n)})
	}
	switch d = d.Abs(); {
	case d < 100*time.Minute:
		return count(max(d.Round(step), step)/time.Minute, reason.MinutesAhead, reason.MinutesBehind)
	case d < 48*time.Hour:
		return count(d.Round(time.Hour)/time.Hour, reason.HoursAhead, reason.HoursBehind)
	}
	return count(d.Round(day)/day, reason.DaysAhead, reason.DaysBehind)
}
