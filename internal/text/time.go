package text

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// day is 24 hours.
const day = 24 * time.Hour

// Stamp writes an absolute time.
func Stamp(t time.Time) string { return t.UTC().Format(stamp) }

const stamp = "2006-01-02 15:04:05 UTC"

// ParseStamp reads what Stamp writes, or says why it is none.
func ParseStamp(s string) (time.Time, error) { return time.Parse(stamp, s) }

// StampIn writes an absolute time in UTC, and behind it what the clocks of a
// zone show then: "2026-12-01 22:30:00 UTC (23:30 UTC+1)". The date stands
// there again where it is another one; the seconds are those of UTC. With a
// nil zone it is Stamp.
func StampIn(t time.Time, zone *time.Location) string {
	if zone == nil {
		return Stamp(t)
	}
	layout := "15:04 "
	if Date(t) != t.In(zone).Format(time.DateOnly) {
		layout = "2006-01-02 15:04 "
	}
	return fmt.Sprintf("%s (%s%s)", Stamp(t), t.In(zone).Format(layout), Offset(t, zone))
}

// Date writes the day of an absolute time.
func Date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// DateIn writes the day of an absolute time in UTC, and behind it that of a
// zone where it is another one: "2026-12-01 UTC (2026-12-02 UTC+8)". With a
// nil zone it is Date.
func DateIn(t time.Time, zone *time.Location) string {
	if zone == nil || Date(t) == t.In(zone).Format(time.DateOnly) {
		return Date(t)
	}
	return fmt.Sprintf("%s UTC (%s %s)", Date(t), t.In(zone).Format(time.DateOnly), Offset(t, zone))
}

// Offset writes how far the clocks of a zone are from UTC at a time: "UTC+1",
// "UTC-3:30". Unlike an abbreviation, such as CST, it means one thing only,
// and says which side of a change of the clocks the time is on.
func Offset(t time.Time, zone *time.Location) string {
	_, seconds := t.In(zone).Zone()
	sign, minutes := '+', seconds/60
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	if minutes%60 != 0 {
		return fmt.Sprintf("UTC%c%d:%02d", sign, minutes/60, minutes%60)
	}
	return fmt.Sprintf("UTC%c%d", sign, minutes/60)
}

// Span writes a length of time for people, in its two largest units, never
// rounding a remainder up and never to nothing: "6 days 4 hours", "12 seconds".
func Span(d time.Duration) string {
	d = d.Abs()
	if d < time.Second {
		return "less than a second"
	}
	units := []struct {
		length time.Duration
		name   string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	for i, u := range units {
		n := d / u.length
		if n == 0 {
			continue
		}
		s := Count(int(n), u.name)
		if i+1 < len(units) {
			if m := (d - n*u.length) / units[i+1].length; m > 0 {
				s += " " + Count(int(m), units[i+1].name)
			}
		}
		return s
	}
	return "" // not reached: d is at least a second
}

// Count writes a number with its noun, the plural of which ends with an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Duration writes a length of time as a configuration does, in the largest
// units that lose nothing: "1d12h", "1m30s", "250ms". Nothing is "0".
func Duration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		d = d.Abs()
	}
	if n := d / day; n > 0 {
		fmt.Fprintf(&b, "%dd", n)
		d -= n * day
	}
	for _, unit := range []struct {
		length time.Duration
		suffix string
	}{{time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.suffix)
			d -= n * unit.length
		}
	}
	if d > 0 {
		b.WriteString(d.String())
	}
	return b.String()
}

// together are the times and lengths of time that a line should not break in.
var together = regexp.MustCompile(`(?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)? UTC(?:[+-]\d+(?::\d\d)?)?|\d{4}-\d\d-\d\d(?: UTC(?:[+-]\d+(?::\d\d)?)?)?|\d+ (?:day|hour|minute|second)s?(?: \d+ (?:hour|minute|second)s?)?(?: ago)?`)

// unbreaking keeps a line from breaking at spaces, and behind hyphens.
var unbreaking = strings.NewReplacer(" ", "\u00a0", "-", "-\u2060")

// Unbroken returns s with what keeps a line from breaking within what Stamp,
// Date and Span wrote, so that a narrow screen keeps a date on one line. What
// stands in a zone behind it may begin another line: the two together would be
// too wide for a phone.
func Unbroken(s string) string {
	return together.ReplaceAllStringFunc(s, unbreaking.Replace)
}
