package dcs

import (
	"strings"
	"time"
)

// The years in which a certificate can end. Outside of them is what programs
// write for "no date": year 1, 1970, 9999. The bound is fixed, so that the
// same answer means the same whatever our clock says.
const (
	firstYear = 1990
	lastYear  = 2199
)

// parseDate reads a date of the API into UTC. The documented form is
// 2022-06-15T02:21:18.669Z. Also taken is what means one instant only:
// another offset, no offset (the documentation says UTC), a space for the T,
// any number of decimals. A date without a time of day is not: it does not
// say whether the certificate ends with the day or before it.
func parseDate(s string) (time.Time, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) > len("2006-01-02") && s[len("2006-01-02")] == ' ' {
		s = s[:len("2006-01-02")] + "T" + s[len("2006-01-02 "):]
	}
	if zoneless, ok := strings.CutSuffix(s, " UTC"); ok {
		s = zoneless + "Z"
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return t, firstYear <= t.Year() && t.Year() <= lastYear
		}
	}
	return time.Time{}, false
}
