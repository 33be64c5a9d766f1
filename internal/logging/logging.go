// Package logging is the log of the daemon: one line for each event, as text
// or as JSON, and with the priority before it for systemd's journal.
//
// Writing to it never blocks and never fails: a reader that went away or does
// not read costs lines, which are counted, and nothing else. Known secrets
// are replaced in all that is written, whoever wrote it.
package logging

import (
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// Format is how a line is written.
type Format string

// The formats.
const (
	Text Format = "text" // for a person
	JSON Format = "json" // for a machine
)

// Options say how to log.
type Options struct {
	Out    io.Writer
	Level  slog.Level
	Format Format
	// Journal says that Out is a stream to systemd's journal. Should it break,
	// it is made anew.
	Journal bool
}

// Log is a log. Make one with New, and Close it.
type Log struct {
	*slog.Logger
	queue  *queue
	hidden atomic.Pointer[hidden]
}

// New returns a log that writes until it is closed.
func New(o Options) *Log {
	l := &Log{}
	l.hidden.Store(&hidden{})
	options := &slog.HandlerOptions{Level: o.Level, ReplaceAttr: l.replace}
	format := func(w io.Writer) slog.Handler {
		if o.Format == Text {
			return slog.NewTextHandler(w, options)
		}
		return slog.NewJSONHandler(harmless{w}, options)
	}
	handler := format
	if o.Journal {
		if stream, ok := o.Out.(*os.File); ok {
			o.Out = &journal{stream: stream, socket: streamSocket}
		}
		handler = func(w io.Writer) slog.Handler { return newJournalHandler(w, format) }
	}
	l.queue = newQueue(o.Out, func(w io.Writer, lost int) {
		slog.New(handler(w)).Warn("log lines were lost: the reader of the log was away or too slow", "lines", lost)
	})
	l.Logger = slog.New(handler(l.queue))
	go l.queue.run()
	return l
}

// Hide replaces these secrets in all that is written from now on, beside
// those of the call before: a late answer may still echo one of them.
func (l *Log) Hide(secrets []secret.Text) {
	now := secret.NewRedactor(secrets...)
	l.hidden.Store(&hidden{now: now, all: now.And(l.hidden.Load().now)})
}

// Close waits until all is written, or for so long. What is logged after it is
// lost.
func (l *Log) Close(patience time.Duration) {
	l.queue.close()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-l.queue.done:
	case <-timer.C:
	}
}
