package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// logger returns the log, on standard error: text for a person, JSON for a
// machine, and for systemd's journal with the priority before each line.
func (a *app) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", a.logLevel)
	}
	format := a.logFormat
	if format == "" {
		format = "json"
		if isTerminal(a.Stderr) {
			format = "text"
		}
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	make, ok := map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, options) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(harmless{w}, options) },
	}[format]
	if !ok {
		return nil, fmt.Errorf("--log-format %q: want text or json", a.logFormat)
	}
	if stream, _ := a.Getenv("JOURNAL_STREAM"); isJournal(a.Stderr, stream) {
		return slog.New(newJournalHandler(a.Stderr, make)), nil
	}
	return slog.New(make(a.Stderr)), nil
}

// isJournal tells whether w is the stream that systemd announced as its
// journal's: the environment is inherited by processes whose output is not.
// See systemd.exec(5), JOURNAL_STREAM.
func isJournal(w io.Writer, stream string) bool {
	f, ok := w.(*os.File)
	device, inode, found := strings.Cut(stream, ":")
	if !ok || !found {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && device == strconv.FormatUint(stat.Dev, 10) && inode == strconv.FormatUint(stat.Ino, 10)
}

// journalHandler puts the priority before each line, as sd-daemon(3) has it.
type journalHandler struct {
	out    *journalWriter
	format slog.Handler // writes into out
}

// journalWriter is shared by the handlers that come of one.
type journalWriter struct {
	mu     sync.Mutex
	w      io.Writer
	prefix string // of the line that is being written
}

func newJournalHandler(w io.Writer, format func(io.Writer) slog.Handler) *journalHandler {
	out := &journalWriter{w: w}
	return &journalHandler{out: out, format: format(out)}
}

// Write is called by format, under the lock that Handle holds.
func (o *journalWriter) Write(line []byte) (int, error) {
	var b bytes.Buffer
	b.WriteString(o.prefix)
	b.Write(line)
	if _, err := o.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Enabled implements slog.Handler.
func (h *journalHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.format.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.prefix = "<" + strconv.Itoa(priority(r.Level)) + ">"
	return h.format.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{out: h.out, format: h.format.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{out: h.out, format: h.format.WithGroup(name)}
}

// priority is a level as syslog(3) counts.
func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}
