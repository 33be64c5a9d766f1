package slack

import (
	"strings"
	"testing"
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
