// Package secret holds values that must not be printed.
package secret

import (
	"fmt"
	"log/slog"
	"strings"
	"unique"
)

// redacted stands where a secret was.
const redacted = "[redacted]"

// Text is a secret. However it is printed, logged or marshalled, it shows
// that there is one and not what it is. Texts can be compared with ==, and
// are equal if their values are.
//
// The value is behind a handle: fmt calls no method of an unexported field of
// a struct, it prints what it finds there, and that is an address.
type Text struct{ value unique.Handle[string] }

var (
	_ fmt.Stringer   = Text{}
	_ fmt.GoStringer = Text{}
	_ fmt.Formatter  = Text{}
	_ slog.LogValuer = Text{}
)

// New makes a secret of a value; of none, the zero Text.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{unique.Make(value)}
}

// Reveal returns the value, for the one place that sends it.
func (t Text) Reveal() string {
	if t.IsZero() {
		return ""
	}
	return t.value.Value()
}

// IsZero tells whether there is no secret.
func (t Text) IsZero() bool { return t == Text{} }

// String returns a placeholder, or nothing for no secret.
func (t Text) String() string {
	if t.IsZero() {
		return ""
	}
	return redacted
}

// GoString is String for %#v.
func (t Text) GoString() string { return t.String() }

// Format is String for every verb, so that no verb reaches the value.
func (t Text) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// LogValue is String for slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText is String for encoders.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// window is how many bytes of a secret in a row give it away.
const window = 8

// Redact returns s with every stretch replaced that is made of pieces of
// secrets. It looks for pieces and not for the whole, because what echoes a
// secret may cut it short, wrap it or escape a part of it. A secret of fewer
// than four bytes is left alone: it would replace half of the text and say
// thereby what it is.
func Redact(s string, secrets ...Text) string {
	hide := make([]bool, len(s))
	found := false
	for _, t := range secrets {
		value := t.Reveal()
		n := min(len(value), window)
		if n < 4 {
			continue
		}
		for i := 0; i+n <= len(s); i++ {
			if strings.Contains(value, s[i:i+n]) {
				found = true
				for j := range n {
					hide[i+j] = true
				}
			}
		}
	}
	if !found {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !hide[i]:
			b.WriteByte(s[i])
		case i == 0 || !hide[i-1]:
			b.WriteString(redacted)
		}
	}
	return strings.ToValidUTF8(b.String(), "")
}
