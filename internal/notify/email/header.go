package email

import (
	"fmt"
	"net/mail"
	"strings"
)

const (
	maxWord       = 75 // of an encoded word (RFC 2047)
	maxHeaderLine = 76 // of a line that holds one
)

// encoded writes a header's text as it has to stand in a mail, folded: as it
// is, or in encoded words where it holds what is not ASCII, or what would be
// taken for an encoded word. go-mail encodes too, but not the latter, and
// begins what it encodes with an empty line.
func encoded(name, text string) string {
	if isASCII(text) && !strings.Contains(text, "=?") {
		return folded(name, text)
	}
	const open, end = "=?utf-8?q?", "?="
	var b strings.Builder
	room := maxHeaderLine - len(name) - len(": ")
	word := open
	for _, r := range text {
		next := quoted(r)
		if len(word)+len(next)+len(end) > min(room, maxWord) {
			b.WriteString(word + end + "\r\n ")
			word, room = open, maxHeaderLine-len(" ")
		}
		word += next
	}
	b.WriteString(word + end)
	return b.String()
}

// quoted writes a character of an encoded word.
func quoted(r rune) string {
	switch {
	case r == ' ':
		return "_"
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("!*+-/", r):
		return string(r)
	}
	var b strings.Builder
	for _, c := range []byte(string(r)) {
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

// folded breaks a header's text of ASCII between words. No line of it is
// empty; a word that is longer than a line stands alone.
func folded(name, text string) string {
	var b strings.Builder
	line := len(name) + len(": ")
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
		case line+1+len(word) > maxHeaderLine:
			b.WriteString("\r\n ")
			line = 1
		default:
			b.WriteString(" ")
			line++
		}
		b.WriteString(word)
		line += len(word)
	}
	return b.String()
}

// address writes an address with the name beside it.
func address(header string, a *mail.Address) string {
	name := clip(a.Name, maxSubject)
	switch {
	case name == "":
		return "<" + a.Address + ">"
	case !isASCII(name) || strings.Contains(name, "=?"):
		return encoded(header, name) + "\r\n <" + a.Address + ">"
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return folded(header, `"`+quote.Replace(name)+`" <`+a.Address+">")
}
