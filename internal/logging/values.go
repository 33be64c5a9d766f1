package logging

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
)

// hidden are the secrets that are not to be shown: those in force, and all,
// with those before.
type hidden struct{ now, all *secret.Redactor }

// replace makes a value fit to be written: without a secret, and a length of
// time as the configuration has it, not as a number of nanoseconds.
func (l *Log) replace(_ []string, a slog.Attr) slog.Attr {
	hidden := l.hidden.Load()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(hidden.all.Redact(a.Value.String()))
	case slog.KindDuration:
		d := a.Value.Duration()
		if d.Abs() >= time.Second {
			d = d.Round(time.Millisecond)
		}
		a.Value = slog.StringValue(text.Duration(d))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(hidden.all.Redact(v.Error()))
		case nil, slog.Level:
		default:
			whole := fmt.Sprint(v)
			if shown := hidden.all.Redact(whole); shown != whole {
				a.Value = slog.StringValue(shown)
			}
		}
	}
	return a
}

// harmless is a writer of lines of JSON in which nothing acts on the terminal
// that shows them. slog's text handler quotes such values by itself.
type harmless struct{ w io.Writer }

// Write writes one line.
func (h harmless) Write(line []byte) (int, error) {
	if _, err := h.w.Write(text.EscapeJSON(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
