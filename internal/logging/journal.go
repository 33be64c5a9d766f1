package logging

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	sdjournal "github.com/coreos/go-systemd/v22/journal"
)

// IsJournal reports whether w is the stream that systemd announced as its
// journal's: the environment is inherited by processes whose output is not.
// See systemd.exec(5), JOURNAL_STREAM.
func IsJournal(w io.Writer, stream string) bool {
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

// journal is the stream to the journal, which breaks for good when journald
// stops, and after that its socket, which the next journald listens on again.
type journal struct {
	stream io.Writer
	broken bool
	// send is that of go-systemd, or stands for it.
	send func(message string, priority sdjournal.Priority, fields map[string]string) error
}

func newJournal(stream io.Writer) *journal { return &journal{stream: stream, send: sdjournal.Send} }

// Write writes one line that begins with its priority.
func (j *journal) Write(line []byte) (int, error) {
	if !j.broken {
		n, err := j.stream.Write(line)
		if err == nil {
			return n, nil
		}
		j.broken = true
	}
	priority, err := strconv.Atoi(string(line[1:2]))
	if err != nil {
		return 0, err
	}
	message := strings.TrimSuffix(string(line[len("<0>"):]), "\n")
	if err := j.send(message, sdjournal.Priority(priority), map[string]string{"SYSLOG_IDENTIFIER": "sslwatch"}); err != nil {
		return 0, err
	}
	return len(line), nil
}

// journalHandler puts the priority before each line, as sd-daemon(3) has it.
type journalHandler struct {
	out    *prefixed
	format slog.Handler // writes into out
}

// prefixed is shared by the handlers that come of one.
type prefixed struct {
	mu     sync.Mutex
	w      io.Writer
	prefix string // of the line that is being written
}

func newJournalHandler(w io.Writer, format func(io.Writer) slog.Handler) *journalHandler {
	out := &prefixed{w: w}
	return &journalHandler{out: out, format: format(out)}
}

// Write is called by format, under the lock that Handle holds.
func (o *prefixed) Write(line []byte) (int, error) {
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
