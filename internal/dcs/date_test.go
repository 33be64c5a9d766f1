package dcs

import (
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	day := time.Date(2022, 6, 15, 2, 21, 18, 0, time.UTC)
	ms := day.Add(669 * time.Millisecond)
	for text, want := range map[string]time.Time{
		"2022-06-15T02:21:18.669Z":          ms, // as documented
		"2022-06-15T02:21:18Z":              day,
		"2022-06-15T02:21:18.669000000Z":    ms,
		" 2022-06-15T02:21:18Z\n":           day,
		"2022-06-15t02:21:18z":              day,
		"2022-06-15T10:21:18+08:00":         day, // another zone
		"2022-06-14T20:51:18.669-05:30":     ms,
		"2022-06-15T10:21:18+0800":          day,
		"2022-06-15T02:21:18":               day, // no zone: documented as UTC
		"2022-06-15T02:21:18.669":           ms,
		"2022-06-15 02:21:18":               day, // a space for the T
		"2022-06-15 02:21:18.669Z":          ms,
		"2022-06-15 02:21:18 UTC":           day,
		"2022-06-15T02:21Z":                 day.Truncate(time.Minute), // no seconds
		"2022-06-15 02:21":                  day.Truncate(time.Minute),
		"2022-06-15T10:21+08:00":            day.Truncate(time.Minute),
		"2022-06-15T02:21:18,669Z":          ms, // a decimal comma
		"2022-06-15T02:21:18.669000000001Z": ms,
		"2022-06-15T10:21:18+08":            day,
		"2022-06-15 10:21:18 +0800":         day,
		"2022-06-15T02:21:18-00:00":         day,
		"2022-06-15T02:21:18 GMT":           day,
		"20220615T022118Z":                  day, // without separators
		"20220615T022118.669Z":              ms,
		"20220615T1021+0800":                day.Truncate(time.Minute),
		"1990-01-01T00:00:00Z":              time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		"2199-12-31T23:59:59Z":              time.Date(2199, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		got, ok := parseDate(text)
		if !ok || got != want {
			t.Errorf("%q is %v %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", " ", "null", "never", "1655259678", "1655259678669",
		"2022-06-15T02Z",                       //
		"2022-06-15T0221Z",                     // half with separators
		"2022-0615T02:21Z",                     //
		"2022-06-15T02:21:18+8",                //
		"2022-06-15T02:21:18+08:",              //
		"20220615",                             //
		"2022-06-15T02:21.5Z",                  //
		"2022-06-15T02:60Z",                    // no such minute
		"2022-06-15",                           // which end of the day?
		"15/06/2022 02:21:18",                  // which is the month?
		"06-05-2022 02:21:18",                  //
		"2022-06-15T02:21:18+08:00 UTC",        // which zone?
		"2022-06-15 02:21:18 CST",              // names of zones are ambiguous
		"2022-02-30T00:00:00Z",                 // no such day
		"2022-06-15T25:00:00Z",                 // no such hour
		"2022-06-15T02:21:18Z and more",        //
		"0001-01-01T00:00:00Z",                 // zero dates of Go, Unix, databases
		"0000-00-00T00:00:00Z",                 //
		"1970-01-01T00:00:00Z",                 //
		"1989-12-31T23:59:59Z",                 // the bound
		"2200-01-01T00:00:00Z",                 //
		"2199-12-31T23:59:59-00:01",            // past the bound in UTC
		"9999-12-31T23:59:59Z",                 // "no end"
		"12022-06-15T02:21:18Z",                //
		"2022-06-15T02:21:18.669Z\x00",         //
		"２０２２-06-15T02:21:18Z",                 // digits, but not ours
		"2022-06-15T02:21:18Z2022-06-15T02:21", //
	} {
		if got, ok := parseDate(text); ok {
			t.Errorf("%q is %v, want it unreadable", text, got)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{
		"2022-06-15T02:21:18.669Z", "2022-06-15 02:21:18", "2022-06-15T10:21:18+0800", "2022-06-15 02:21:18 UTC",
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2199-12-31T23:59:59-12:00", "", "1655259678669", "2022-06-15",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseDate(text)
		if !ok {
			return
		}
		if got.Year() < firstYear || got.Year() > lastYear {
			t.Errorf("%q is %v, outside of the bounds", text, got)
		}
		if got.Location() != time.UTC || got != got.Round(0) {
			t.Errorf("%q is %v, not plain UTC", text, got)
		}
		if again, ok := parseDate(got.Format(time.RFC3339Nano)); !ok || again != got {
			t.Errorf("%q is %v and then %v", text, got, again)
		}
	})
}
