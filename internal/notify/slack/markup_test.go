package slack

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLevel(t *testing.T) {
	for _, tt := range []struct {
		sizes  []int
		budget int
		want   int
	}{
		{nil, 10, 10},
		{[]int{3, 2, 1}, 6, 3},
		{[]int{3, 2, 1}, 100, 3},
		{[]int{100, 2, 1}, 13, 10},
		{[]int{100, 100, 1}, 21, 10},
		{[]int{5, 5, 5}, 14, 4},
	} {
		got := level(tt.sizes, tt.budget)
		sum := 0
		for _, n := range tt.sizes {
			sum += min(n, got)
		}
		if got != tt.want || sum > tt.budget {
			t.Errorf("level(%v, %d) = %d, want %d", tt.sizes, tt.budget, got, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 7, 13, 5, time.UTC)
	for _, tt := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"30", "", 30 * time.Second},
		{" 30 ", "", 30 * time.Second},
		{"1.5", "", 1500 * time.Millisecond},
		{"-1", "", 0},
		{"NaN", "", 0},
		{"1e300", "", time.Hour},
		{"Inf", "", time.Hour},
		{"soon", "", 0},
		{"Mon, 23 Nov 2026 02:08:13 GMT", "Mon, 23 Nov 2026 02:07:13 GMT", time.Minute},
		{"Mon, 23 Nov 2026 02:08:13 GMT", "Mon, 23 Nov 2026 02:08:00 GMT", 13 * time.Second}, // whatever our clock says
		{"Mon, 23 Nov 2026 02:08:13 GMT", "", time.Minute - 5},
		{"Mon, 23 Nov 2020 02:08:13 GMT", "", 0},
		{"Mon, 23 Nov 2037 02:08:13 GMT", "", time.Hour},
	} {
		h := http.Header{"Retry-After": {tt.value}}
		if tt.date != "" {
			h.Set("Date", tt.date)
		}
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("retryAfter(%q, Date %q) = %s, want %s", tt.value, tt.date, got, tt.want)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"", "orders_cache", "<!channel> & *_~`", ":a::b:c:", "a\nb\u2028c\u202e", "\xff\xfe", strings.Repeat("😀&", 99)} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = 1 + most&0xFFF
		got := literal(s, most)
		if !utf8.ValidString(got) || size(got) > most {
			t.Fatalf("literal(%q, %d) = %q, size %d", s, most, got, size(got))
		}
		if strings.ContainsAny(got, "<>\n\r\u2028\u2029\u202e`") {
			t.Fatalf("literal(%q, %d) = %q", s, most, got)
		}
		rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(got)
		if strings.Contains(rest, "&") {
			t.Fatalf("literal(%q, %d) = %q has half an escape", s, most, got)
		}
	})
}
