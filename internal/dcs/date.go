package dcs

import (
	"cmp"
	"regexp"
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

// dates are the forms of ISO 8601 that mean one instant, with and without
// separators.
var dates = []*regexp.Regexp{
	regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$`),
	regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)[T ](\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$`),
}

// parseDate reads a date of the API into UTC. The documented form is
// 2022-06-15T02:21:18.669Z. Also taken is what means one instant only:
// another offset, no offset (the documentation says UTC), a space for the T,
// any number of decimals, no seconds, no separators. A date without a time of
// day is not: it does not say whether the certificate ends with the day or
// before it.
func parseDate(s string) (time.Time, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	for _, form := range dates {
		m := form.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, m[1]+"-"+m[2]+"-"+m[3]+"T"+m[4]+":"+m[5]+":"+cmp.Or(m[6], "00")+"."+cmp.Or(m[7], "0")+offset(m[8]))
		if err != nil {
			return time.Time{}, false
		}
		t = t.UTC()
		return t, firstYear <= t.Year() && t.Year() <= lastYear
	}
	return time.Time{}, false
}

// offset returns an offset from UTC as RFC 3339 has it.
func offset(s string) string {
	switch digits := strings.ReplaceAll(s, ":", ""); len(digits) {
	case len("+08"):
		if digits[0] == '+' || digits[0] == '-' {
			return digits + ":00"
		}
	case len("+0800"):
		return digits[:3] + ":" + digits[3:]
	}
	return "Z"
}
