package text_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sslwatch/sslwatch/internal/text"
)

func TestCleanLeavesNothingThatActs(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"orders-cache":                      "orders-cache",
		"  two\t\r\n words  ":               "two words",
		"\x1b[31mred\x1b]0;title\a":         "[31mred ]0;title",
		"C1: \u009b31m and \u0085":          "C1: 31m and",
		"DEL\x7fDEL":                        "DEL DEL",
		"a\u202egnp.exe\u2066\u2069b":       "agnp.exeb",
		"zero\u200bwidth\ufeff\u2060\u00ad": "zerowidth",
		"filler\u3164\u115f\U000e0041":      "filler",
		"no\u00a0break\u2028line\u2029end":  "no break line end",
		"缓存 订单\u3000一":                      "缓存 订单 一",
		"not UTF-8: \xff\xfe!":              "not UTF-8: \ufffd\ufffd!",
		"é e\u0301 🔴":                       "é e\u0301 🔴",
	} {
		if got := text.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanLinesKeepsLinesAndTheirIndentation(t *testing.T) {
	got := text.CleanLines("a\x1b[2Jb:\n  line\u202e 2\n\n\tend\r")
	if want := "a [2Jb:\n  line 2\n\nend"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", " a  b ", "\x1b[31m", "\u202eabc", "\xff\u00a0", "e\u0301\u200d🔴", "\u2028\u0085"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		got := text.Clean(s)
		switch {
		case !utf8.ValidString(got):
			t.Errorf("Clean(%q) = %q is not UTF-8", s, got)
		case text.Clean(got) != got:
			t.Errorf("Clean(%q) = %q is not clean", s, got)
		case strings.ContainsFunc(got, func(r rune) bool {
			return r != ' ' && unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r)
		}):
			t.Errorf("Clean(%q) = %q holds what acts or is not seen", s, got)
		case strings.Contains(got, "  "), strings.TrimSpace(got) != got:
			t.Errorf("Clean(%q) = %q has spaces too many", s, got)
		}
		if most < 1 || most > 1000 {
			return
		}
		cut := text.Cut(got, most)
		if n := utf8.RuneCountInString(cut); n > most {
			t.Errorf("Cut(%q, %d) = %q has %d characters", got, most, cut, n)
		}
		if cut != got && (!strings.HasSuffix(cut, "…") || !strings.HasPrefix(got, strings.TrimSuffix(cut, "…"))) {
			t.Errorf("Cut(%q, %d) = %q is not its beginning", got, most, cut)
		}
	})
}

func TestCutCountsAsThePlaceDoes(t *testing.T) {
	if got := text.Cut("orders and more", 8); got != "orders…" {
		t.Errorf("%q", got)
	}
	if got := text.Cut("🔴🔴🔴", 3); got != "🔴🔴🔴" {
		t.Errorf("%q", got)
	}
	double := func(rune) int { return 2 }
	if got := text.CutTo("abcd", 6, double); got != "ab…" {
		t.Errorf("%q", got)
	}
	if got := text.CutTo("abc", 6, double); got != "abc" {
		t.Errorf("%q", got)
	}
	if got := text.Cut("a\xff\xffb", 3); got != "a\xff…" {
		t.Errorf("%q", got)
	}
}

func TestEscapeJSONMeansTheSameAndShowsNothingThatActs(t *testing.T) {
	in := map[string]any{"name\u202e": "a\u009b31m \x7f \U000e0041 \u200b é 缓存 🔴 \x1b"}
	data, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	escaped := text.EscapeJSON(data)
	if strings.ContainsFunc(string(escaped), func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
		t.Errorf("%q acts", escaped)
	}
	var out map[string]any
	if err := json.Unmarshal(escaped, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%q means %v (%v)", escaped, out, err)
	}
	for _, r := range "é缓🔴" {
		if !strings.ContainsRune(string(escaped), r) {
			t.Errorf("%c is escaped", r)
		}
	}
}

func TestSpanIsNeverZeroAndNeverRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                             "less than a second",
		-time.Second:                  "1 second",
		time.Second - 1:               "less than a second",
		time.Minute - 1:               "59 seconds",
		time.Hour - 1:                 "59 minutes 59 seconds",
		24*time.Hour - 1:              "23 hours 59 minutes",
		24 * time.Hour:                "1 day",
		47*time.Hour + 59*time.Minute: "1 day 23 hours",
		375 * 24 * time.Hour:          "375 days",
		math.MinInt64:                 "106751 days 23 hours",
	} {
		if got := text.Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestDurationLosesNothing(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                          "0",
		36 * time.Hour:             "1d12h",
		90 * time.Second:           "1m30s",
		-5 * time.Minute:           "-5m",
		250 * time.Millisecond:     "250ms",
		time.Hour + 1500*1000*1000: "1h1.5s",
	} {
		if got := text.Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestStampIsUTCAndDoesNotBreak(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 7, 13, 123456789, time.FixedZone("CET", 3600))
	if got := text.Stamp(at); got != "2026-11-23 02:07:13 UTC" {
		t.Errorf("%q", got)
	}
	if got := text.Date(at); got != "2026-11-23" {
		t.Errorf("%q", got)
	}
	s := "expires " + text.Stamp(at) + ", in " + text.Span(49*time.Hour) + "; last checked " + text.Span(4*time.Minute) + " ago (threshold 7d)"
	want := "expires 2026-\u206011-\u206023\u00a002:07:13\u00a0UTC, in 2\u00a0days\u00a01\u00a0hour; last checked 4\u00a0minutes\u00a0ago (threshold 7d)"
	if got := text.Unbroken(s); got != want {
		t.Errorf("%q", got)
	}
}
