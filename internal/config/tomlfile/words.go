package tomlfile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unfit says why a text can't be shown on one line, or "".
func Unfit(s string) string {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return "holds a line break or another control character"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space"
	case utf8.RuneCountInString(s) > 200:
		return "is longer than 200 characters"
	}
	return ""
}

// OrList joins choices: "a", "b" or "c".
func OrList(choices []string) string {
	var b strings.Builder
	for i, c := range choices {
		switch {
		case i > 0 && i == len(choices)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", c)
	}
	return b.String()
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// DidYouMean names the candidate that a word was most likely meant to be,
// after a colon, or nothing.
func DidYouMean(word string, candidates []string) string {
	best, least := "", min(3, 1+len(word)/3)
	for _, c := range candidates {
		if strings.EqualFold(c, word) {
			return fmt.Sprintf(": upper and lower case matter, write %s", c)
		}
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", best)
}

// distance returns how many letters must be inserted, removed, replaced or
// swapped with their neighbour to make one word of another.
func distance(a, b string) int {
	if max(len(a), len(b)) > 40 {
		return 40
	}
	// before, last and row are the distances for a[:i-2], a[:i-1] and a[:i].
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
