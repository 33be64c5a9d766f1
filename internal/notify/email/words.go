package email

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// flat puts a text on one line and takes out what could change how the rest
// of it reads: control characters, and those that turn the direction.
func flat(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}

// clip is flat, shortened at the end of a rune to at most so many runes.
func clip(s string, most int) string {
	s = flat(s)
	if runes := []rune(s); len(runes) > most {
		return strings.TrimRight(string(runes[:most-1]), " ") + "…"
	}
	return s
}
