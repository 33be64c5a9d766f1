// Package text makes text fit to be shown. Names, answers of servers and what
// a state file holds come from outside: all of it passes through here before a
// terminal, a log, a mail or a chat shows it. How times and durations are
// written is decided here as well.
package text

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// ellipsis ends what was shortened.
const ellipsis = "…"

// Clean returns s on one line, without anything that could change how the
// text around it is read: each run of white space and control characters,
// escape sequences' ESC among them, becomes one space, characters that are
// not seen or turn the direction of writing are taken out, and what is not
// UTF-8 becomes U+FFFD. There is no space at either end.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case unseen(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r) // U+FFFD for a byte that is not UTF-8
	}
	return b.String()
}

// CleanLines is Clean for a text of several lines, which stay apart and keep
// their indentation by spaces.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		indent := len(l) - len(strings.TrimLeft(l, " "))
		lines[i] = l[:indent] + Clean(l[indent:])
	}
	return strings.Join(lines, "\n")
}

// isClean reports whether s consists of ASCII that Clean would not change.
func isClean(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return s == "" || before != ' '
}

// unseen reports whether a character takes no room of its own: format
// characters, those that turn the direction among them, fillers and tags.
// Two names that differ in such characters only would look alike.
func unseen(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Cut returns s in at most that many characters. What was shortened ends with
// an ellipsis, and not in the middle of a character.
func Cut(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	return CutTo(s, most, func(rune) int { return 1 })
}

// CutTo is Cut for a place that counts in its own way: size is what a
// character takes there.
func CutTo(s string, most int, size func(rune) int) string {
	total := 0
	for _, r := range s {
		total += size(r)
	}
	if total <= most {
		return s
	}
	for _, r := range ellipsis {
		most -= size(r)
	}
	end := 0
	for i, r := range s {
		end = i
		if most -= size(r); most < 0 {
			break
		}
	}
	return strings.TrimRight(s[:end], " ") + ellipsis
}

// EscapeJSON returns JSON that means the same, in which every character that
// could act on a terminal, or is not seen there, is written as an escape.
func EscapeJSON(data []byte) []byte {
	if !bytes.ContainsFunc(data, acts) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for _, r := range string(data) {
		if !acts(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		// In JSON these stand within strings only.
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

// acts reports whether a character does something else on a terminal than to
// be seen, other than to end the line.
func acts(r rune) bool {
	return r != '\n' && unicode.IsControl(r) || unseen(r) || r == '\u2028' || r == '\u2029'
}
