package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
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

// streamSocket is where journald takes streams.
const streamSocket = "/run/systemd/journal/stdout"

// journal is the stream to the journal. It breaks for good when journald stops,
// and is then replaced by a new one to the next journald, in the same file
// descriptor: so what Go itself prints when the process crashes gets there too.
type journal struct {
	stream *os.File
	socket string
}

// Write writes one line.
func (j *journal) Write(line []byte) (int, error) {
	n, err := j.stream.Write(line)
	if err == nil {
		return n, nil
	}
	if j.reopen() != nil {
		return n, err
	}
	return j.stream.Write(line)
}

// reopen replaces the stream, as sd_journal_stream_fd(3) makes one: after a
// header of lines (identifier, unit, priority, whether a priority stands before
// each line, three kinds of forwarding) all that is written is log.
func (j *journal) reopen() error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: j.socket, Net: "unix"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "sslwatch\n\n6\n1\n0\n0\n0\n"); err != nil {
		return err
	}
	fresh, err := conn.File()
	if err != nil {
		return err
	}
	defer fresh.Close()
	// Fd makes it block, as the stream did.
	return syscall.Dup3(int(fresh.Fd()), int(j.stream.Fd()), 0)
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
