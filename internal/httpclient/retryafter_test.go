package httpclient

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	date := func(after time.Duration) string { return now.Add(after).Format(http.TimeFormat) }
	tests := []struct {
		rule, value, date string
		want              time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"zero", "0", "", 0},
		{"with spaces", " 7 ", "", 7 * time.Second},
		{"an hour", "3600", "", time.Hour},
		{"more than an hour is an hour", "3601", "", time.Hour},
		{"more than fits is an hour", strings.Repeat("9", 40), "", time.Hour},
		{"a date, by the answer's clock", date(90 * time.Second), date(0), 90 * time.Second},
		{"a date, by the answer's clock, where ours is wrong", date(25*time.Hour + time.Minute), date(25 * time.Hour), time.Minute},
		{"a date, by our clock", date(90 * time.Second), "", 90*time.Second - 123456789},
		{"a date, where the answer's is none", date(90 * time.Second), "yesterday", 90*time.Second - 123456789},
		{"a date that is past", date(-time.Hour), date(0), 0},
		{"a date far away", "Fri, 31 Dec 9999 23:59:59 GMT", date(0), time.Hour},
		{"negative", "-5", "", 0},
		{"a fraction, as some gateways write it", "1.5", "", 1500 * time.Millisecond},
		{"a fraction that is none", "1.5.2", "", 0},
		{"a number without end", strings.Repeat("9", 400), "", time.Hour},
		{"an exponent", "1e3", "", 1000 * time.Second},
		{"a large exponent", "1e300", "", time.Hour},
		{"infinity", "Inf", "", time.Hour},
		{"not a number", "NaN", "", 0},
		{"words", "soon", "", 0},
		{"digits of another script", "１２", "", 0},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			header := http.Header{}
			header.Set("Retry-After", test.value)
			header.Set("Date", test.date)
			if got := RetryAfter(header, now); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Sun, 01 Mar 2026 12:00:00 GMT")
	f.Add("-1", "x")
	f.Add("99999999999999999999999", "")
	f.Fuzz(func(t *testing.T, value, date string) {
		header := http.Header{"Retry-After": {value}, "Date": {date}}
		now := time.Date(2026, 3, 1, 12, 0, 0, 1, time.UTC)
		if got := RetryAfter(header, now); got < 0 || got > MaxRetryAfter {
			t.Errorf("%q gives %s", value, got)
		}
	})
}
