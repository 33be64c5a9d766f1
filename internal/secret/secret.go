// Package secret holds values that must not be printed.
package secret

import (
	"fmt"
	"log/slog"
	"strings"
)

// redacted stands where a secret was.
const redacted = "[redacted]"

// Text is a secret. However it is printed, logged or marshalled, it shows
// that there is one and not what it is.
type Text struct{ value string }

var (
	_ fmt.Stringer   = Text{}
	_ fmt.GoStringer = Text{}
	_ fmt.Formatter  = Text{}
	_ slog.LogValuer = Text{}
)

// New makes a secret of a value.
func New(value string) Text { return Text{value} }

// Reveal returns the value, for the one place that sends it.
func (t Text) Reveal() string { return t.value }

// IsZero tells whether there is no secret.
func (t Text) IsZero() bool { return t.value == "" }

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

// Redact returns s with every secret in it replaced. A secret of fewer than
// four bytes is left alone: it would replace half of the text and say
// thereby what it is.
func Redact(s string, secrets ...Text) string {
	for _, t := range secrets {
		if len(t.value) >= 4 {
			s = strings.ReplaceAll(s, t.value, redacted)
		}
	}
	return s
}
