package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/sslwatch/sslwatch/internal/text"
)

// readable writes a length of time in the log as the configuration does, and
// not as a number of nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	d := a.Value.Duration()
	if d.Abs() >= time.Second {
		d = d.Round(time.Millisecond)
	}
	return slog.String(a.Key, text.Duration(d))
}

// harmless is a writer of lines of JSON in which nothing acts on the terminal
// that shows them. slog's text handler quotes such values by itself.
type harmless struct{ w io.Writer }

func (h harmless) Write(line []byte) (int, error) {
	if _, err := h.w.Write(text.EscapeJSON(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
