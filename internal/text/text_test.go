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

func TestATimeInAZoneCantBeMisread(t *testing.T) {
	for rule, test := range map[string]struct{ at, zone, stamp, date string }{
		"of the same day":          {"2026-11-23T02:07:13.123456789Z", "Europe/Berlin", "2026-11-23 02:07:13 UTC (03:07 UTC+1)", "2026-11-23"},
		"in summer":                {"2026-06-23T02:07:13.123456789Z", "Europe/Berlin", "2026-06-23 02:07:13 UTC (04:07 UTC+2)", "2026-06-23"},
		"of the next day":          {"2026-12-31T23:07:59.999999999Z", "Asia/Shanghai", "2026-12-31 23:07:59 UTC (2027-01-01 07:07 UTC+8)", "2026-12-31 UTC (2027-01-01 UTC+8)"},
		"of the day before":        {"2026-03-01T02:07:13.123456789Z", "America/St_Johns", "2026-03-01 02:07:13 UTC (2026-02-28 22:37 UTC-3:30)", "2026-03-01 UTC (2026-02-28 UTC-3:30)"},
		"of quarters of an hour":   {"2026-11-23T02:07:13.123456789Z", "Asia/Kathmandu", "2026-11-23 02:07:13 UTC (07:52 UTC+5:45)", "2026-11-23"},
		"as that of UTC":           {"2026-11-23T02:07:13.123456789Z", "Europe/London", "2026-11-23 02:07:13 UTC (02:07 UTC+0)", "2026-11-23"},
		"the hour that is skipped": {"2027-03-28T00:59:59.999999999Z", "Europe/Berlin", "2027-03-28 00:59:59 UTC (01:59 UTC+1)", "2027-03-28"},
		"and the first behind it":  {"2027-03-28T01:00:00.000000001Z", "Europe/Berlin", "2027-03-28 01:00:00 UTC (03:00 UTC+2)", "2027-03-28"},
		"of an hour that is twice": {"2027-10-31T00:30:00.000000001Z", "Europe/Berlin", "2027-10-31 00:30:00 UTC (02:30 UTC+2)", "2027-10-31"},
		"and its second time":      {"2027-10-31T01:30:00.000000001Z", "Europe/Berlin", "2027-10-31 01:30:00 UTC (02:30 UTC+1)", "2027-10-31"},
	} {
		t.Run(rule, func(t *testing.T) {
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339Nano, test.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := text.StampIn(at, zone); got != test.stamp {
				t.Errorf("got  %q\nwant %q", got, test.stamp)
			}
			if got := text.DateIn(at, zone); got != test.date {
				t.Errorf("got  %q\nwant %q", got, test.date)
			}
			if text.StampIn(at, nil) != text.Stamp(at) || text.DateIn(at, nil) != text.Date(at) {
				t.Error("without a zone it is not that of UTC alone")
			}
		})
	}
}

func TestATimeInAZoneBreaksBeforeTheZoneOnly(t *testing.T) {
	for s, want := range map[string]string{
		"2026-12-31 23:07:59 UTC (2027-01-01 07:07 UTC+8), in 2 days": "2026-\u206012-\u206031\u00a023:07:59\u00a0UTC (2027-\u206001-\u206001\u00a007:07\u00a0UTC+8), in 2\u00a0days",
		"2026-11-23 02:07:13 UTC (2026-11-22 22:37 UTC-3:30)":         "2026-\u206011-\u206023\u00a002:07:13\u00a0UTC (2026-\u206011-\u206022\u00a022:37\u00a0UTC-\u20603:30)",
		"until 2026-12-31 UTC (2027-01-01 UTC+8)":                     "until 2026-\u206012-\u206031\u00a0UTC (2027-\u206001-\u206001\u00a0UTC+8)",
		"22:00 to 02:00 UTC (23:00 UTC+1 to 04:00 UTC+2)":             "22:00 to 02:00\u00a0UTC (23:00\u00a0UTC+1 to 04:00\u00a0UTC+2)",
	} {
		if got := text.Unbroken(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
