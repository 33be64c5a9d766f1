package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/text"
)

// Wording is how the messages of one receiver are worded. It is no part of
// what that was told: with another wording, nothing is news.
type Wording struct {
	// Zone is the time zone that is shown beside UTC; nil for UTC alone.
	Zone *time.Location
}

// telling is what words depend on beside what they tell: when, and in which
// zone beside UTC.
type telling struct {
	now  time.Time
	zone *time.Location
}

// at is a telling at a time.
func (w Wording) at(now time.Time) telling { return telling{now: check.Wall(now), zone: w.Zone} }

// stamp writes an absolute time.
func (t telling) stamp(at time.Time) string { return text.StampIn(at, t.zone) }

// date writes the day of an absolute time.
func (t telling) date(at time.Time) string { return text.DateIn(at, t.zone) }

// ago writes when something was, and how long that is.
func (t telling) ago(at time.Time) string {
	return fmt.Sprintf("%s, %s ago", t.stamp(at), text.Span(t.now.Sub(at)))
}

// end writes when a certificate ends or ended.
func (t telling) end(at time.Time) string {
	if left := at.Sub(t.now); left > 0 {
		return fmt.Sprintf("%s, in %s", t.stamp(at), text.Span(left))
	}
	return t.ago(at)
}

// hours writes a span of each day, which is given in UTC as "22:00:00". The
// clocks of a zone can be set between one day and another: what is shown of
// them is how they will be at the next span that begins, which is the first
// that can still be agreed on.
func (t telling) hours(begin, end string) string {
	s := fmt.Sprintf("%s to %s UTC", strings.TrimSuffix(begin, ":00"), strings.TrimSuffix(end, ":00"))
	from, to, ok := t.next(begin, end)
	if t.zone == nil || !ok {
		return s
	}
	from, to = from.In(t.zone), to.In(t.zone)
	before, after := text.Offset(from, t.zone), text.Offset(to, t.zone)
	if before == after {
		before = ""
	} else {
		before = " " + before // the clocks are set in the midst of it
	}
	return fmt.Sprintf("%s (%s%s to %s %s)", s, from.Format("15:04"), before, to.Format("15:04"), after)
}

// next returns the next daily span that begins. It may end on the day after.
func (t telling) next(begin, end string) (from, to time.Time, ok bool) {
	of := func(timeOfDay string) time.Duration {
		at, err := time.Parse(time.TimeOnly, timeOfDay)
		if err != nil {
			return -1
		}
		return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second
	}
	b, e := of(begin), of(end)
	if b < 0 || e < 0 {
		return from, to, false
	}
	midnight := t.now.UTC().Truncate(check.Day)
	if from = midnight.Add(b); from.Before(t.now) {
		from = from.Add(check.Day)
	}
	if to = from.Add(e - b); e <= b {
		to = to.Add(check.Day)
	}
	return from, to, true
}
