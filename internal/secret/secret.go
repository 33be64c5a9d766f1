// Package secret holds values that must not be printed.
package secret

import (
	"fmt"
	"log/slog"
	"unique"
)

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

// IsZero reports whether there is no secret.
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
