package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// reader is the far end of a log.
type reader struct {
	mu      sync.Mutex
	got     bytes.Buffer
	err     error         // of each write, if not nil
	stalled chan struct{} // a write waits until it is closed, if not nil
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	stalled, err := r.stalled, r.err
	r.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.Write(p)
}

func (r *reader) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *reader) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Split(strings.TrimSpace(r.got.String()), "\n")
}

func TestAReaderThatStallsHoldsUpNobodyAndWhatIsLostIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{stalled: make(chan struct{})}
		log := New(Options{Out: r, Format: JSON})
		for i := range 3000 {
			log.Info("event", "n", i) // would deadlock the bubble if it blocked
		}
		synctest.Wait()
		r.set(func() { close(r.stalled); r.stalled = nil })
		synctest.Wait()
		log.Info("after")
		log.Close(time.Second)
		lines := r.lines()
		lost := struct {
			Msg   string
			Level string
			Lines int
		}{}
		// One is in the writer's hands while room lines wait.
		if err := json.Unmarshal([]byte(lines[len(lines)-2]), &lost); err != nil || lost.Level != "WARN" || lost.Lines != 3000-(len(lines)-2) {
			t.Errorf("after %d lines: %s, %v", len(lines)-2, lines[len(lines)-2], err)
		}
		if len(lines) < room || !strings.Contains(lines[len(lines)-1], "after") {
			t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
		}
	})
}

func TestAReaderThatNeverReadsHoldsUpNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{stalled: make(chan struct{})}
		log := New(Options{Out: r, Format: JSON})
		log.Info("event")
		before := time.Now()
		log.Close(time.Second)
		log.Close(time.Second)
		log.Info("too late")
		if took := time.Since(before); took != 2*time.Second {
			t.Errorf("closed after %v", took)
		}
		close(r.stalled)
	})
}

func TestAReaderThatComesBackIsToldWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{err: syscall.EPIPE}
		log := New(Options{Out: r, Format: Text})
		log.Info("one")
		log.Info("two")
		synctest.Wait()
		r.set(func() { r.err = nil })
		log.Info("three")
		log.Close(time.Second)
		lines := r.lines()
		if len(lines) != 2 || !strings.Contains(lines[0], "three") || !strings.Contains(lines[1], "lines=2") {
			t.Errorf("got %q", lines)
		}
	})
}

func TestABrokenStreamToTheJournalIsMadeAnew(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close() // journald was stopped
	socket := filepath.Join(t.TempDir(), "stdout")
	j := &journal{stream: w, socket: socket}
	if _, err := j.Write([]byte("<6>lost\n")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("while journald is away: %v", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, line := range []string{"<3>an error\n", "<6>news\n"} {
		if n, err := j.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
	// What the runtime prints at a crash goes to the file descriptor.
	if _, err := syscall.Write(int(w.Fd()), []byte("panic: why\n")); err != nil {
		t.Error(err)
	}
	w.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if want := "sslwatch\n\n6\n1\n0\n0\n0\n<3>an error\n<6>news\npanic: why\n"; err != nil || string(got) != want {
		t.Errorf("journald got %q, %v, want %q", got, err, want)
	}
}

// holder prints a secret in a way that no type of ours guards.
type holder struct{ Token string }

func TestNoSecretIsInTheLogWhoeverLogsIt(t *testing.T) {
	const token, old = "xoxb-hunter2-token", "sk-hunter3-secret"
	for _, format := range []Format{Text, JSON} {
		var out bytes.Buffer
		log := New(Options{Out: &out, Format: format})
		log.Hide([]secret.Text{secret.New(old)})
		log.Hide([]secret.Text{secret.New(token)})
		log.Info("text "+token, "text", "a "+token, "err", fmt.Errorf("refused %s", old), "any", holder{token}, "list", []string{token})
		log.With("with", token).WithGroup("g").Info("x", "y", old)
		log.Library("lib", func(string) slog.Level { return slog.LevelWarn }).Printf("said %s", token)
		log.Close(time.Minute)
		if s := out.String(); strings.Contains(s, "hunter") || strings.Count(s, "[redacted]") < 8 {
			t.Errorf("%s: %s", format, s)
		}
	}
}

func TestDurationsAreReadableInBothFormats(t *testing.T) {
	for _, format := range []Format{Text, JSON} {
		var out bytes.Buffer
		log := New(Options{Out: &out, Format: format})
		log.Info("x", "took", 90*time.Second)
		log.Close(time.Minute)
		if !strings.Contains(out.String(), "1m30s") {
			t.Errorf("%s: %s", format, &out)
		}
	}
}

// What net/http prints when a server sends more than it announced.
func TestWhatALibraryQuotesIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := New(Options{Out: &out, Format: JSON, Level: slog.LevelInfo})
		lib := log.Library("net/http", func(text string) slog.Level {
			if strings.Contains(text, "handshake") {
				return slog.LevelDebug
			}
			return slog.LevelWarn
		})
		for range 3 {
			lib.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", `a "token" \ 1234`, io.EOF)
		}
		lib.Printf("http: TLS handshake error from 127.0.0.1:1: EOF")
		time.Sleep(61 * time.Minute)
		lib.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", `a "token" \ 1234`, io.EOF)
		lib.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", `another`, io.EOF)
		log.Close(time.Minute)
		s := out.String()
		if strings.Contains(s, "1234") || strings.Contains(s, "another") {
			t.Errorf("shows what was quoted: %s", s)
		}
		if n := strings.Count(s, "Unsolicited"); n != 2 {
			t.Errorf("logged %d times: %s", n, s)
		}
		if strings.Contains(s, "handshake") || !strings.Contains(s, `"level":"WARN"`) || !strings.Contains(s, `"library":"net/http"`) {
			t.Errorf("logged: %s", s)
		}
	})
}
