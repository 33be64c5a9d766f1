package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/control"
)

// around is what a process knows whose runtime directory is dir.
func around(dir string) []control.Place {
	return control.Surroundings(func(name string) (string, bool) {
		return dir, name == "RUNTIME_DIRECTORY"
	})
}

// serve has a daemon with a configuration answer, until the test ends.
func serve(t *testing.T, config, beside string, places []control.Place, h http.Handler) *control.Server {
	t.Helper()
	s, err := control.Listen(config, beside, places)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		s.Close()
	})
	return s
}

func says(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s %s\n", text, r.Method, r.URL.Path) })
}

func TestADaemonIsFoundByThePathOfItsConfiguration(t *testing.T) {
	dir, config := t.TempDir(), filepath.Join(t.TempDir(), "config.toml")
	serve(t, config, t.TempDir(), around(dir), says("one"))
	serve(t, config+".other", t.TempDir(), around(dir), says("other"))
	for path, want := range map[string]string{config: "one POST /reload", config + ".other": "other POST /reload"} {
		if a, err := control.Ask(t.Context(), path, around(dir), http.MethodPost, "/reload"); err != nil || a.Status != 200 || a.Text != want {
			t.Errorf("%s: %+v, %v", path, a, err)
		}
	}
	var none *control.NoDaemonError
	if _, err := control.Ask(t.Context(), config+".third", around(dir), http.MethodGet, "/healthz"); !errors.As(err, &none) || none.Config != config+".third" {
		t.Errorf("where there is no daemon: %v", err)
	}
}

func TestTheSocketIsForItsOwnerOnly(t *testing.T) {
	s := serve(t, "/etc/config.toml", t.TempDir(), around(t.TempDir()), says("x"))
	info, err := os.Stat(s.Socket)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%s is %v, %v", s.Socket, info.Mode(), err)
	}
}

func TestWhatADeadDaemonLeftIsReplaced(t *testing.T) {
	dir, beside := t.TempDir(), t.TempDir()
	dead, err := control.Listen("/etc/config.toml", beside, around(dir))
	if err != nil {
		t.Fatal(err)
	}
	kill(t, dead)
	var none *control.NoDaemonError
	if _, err := control.Ask(t.Context(), "/etc/config.toml", around(dir), http.MethodGet, "/"); !errors.As(err, &none) {
		t.Errorf("a dead daemon: %v", err)
	}
	alive := serve(t, "/etc/config.toml", beside, around(dir), says("alive"))
	if alive.Socket != dead.Socket {
		t.Errorf("the socket is %s, and was %s", alive.Socket, dead.Socket)
	}
	if a, err := control.Ask(t.Context(), "/etc/config.toml", around(dir), http.MethodGet, "/"); err != nil || a.Text != "alive GET /" {
		t.Errorf("%+v, %v", a, err)
	}
}

// kill ends a server as a kill does: its socket stays, and nobody listens.
func kill(t *testing.T, s *control.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx, says("")); err != nil {
		t.Fatal(err)
	}
}

// A second daemon on the same directory, which has another configuration,
// takes nothing from the first.
func TestALivingDaemonKeepsItsSocket(t *testing.T) {
	dir := t.TempDir()
	first := serve(t, "/etc/first.toml", t.TempDir(), around(dir), says("first"))
	second := serve(t, "/etc/second.toml", t.TempDir(), around(dir), says("second"))
	if first.Socket == second.Socket {
		t.Fatal("they share a socket")
	}
	if a, err := control.Ask(t.Context(), "/etc/first.toml", around(dir), http.MethodGet, "/"); err != nil || a.Text != "first GET /" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAFileOfSomebodyElseIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	first, err := control.Listen("/etc/config.toml", t.TempDir(), around(dir))
	if err != nil {
		t.Fatal(err)
	}
	link := theLink(t, dir)
	first.Close()
	if err := os.WriteFile(link, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, "/etc/config.toml", t.TempDir(), around(dir), says("x"))
	if data, err := os.ReadFile(link); err != nil || string(data) != "mine" {
		t.Errorf("it holds %q, %v", data, err)
	}
}

// theLink returns the link in a directory.
func theLink(t *testing.T, dir string) string {
	t.Helper()
	links, err := filepath.Glob(filepath.Join(dir, "*.control"))
	if err != nil || len(links) != 1 {
		t.Fatal(links, err)
	}
	return links[0]
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	dir, beside := t.TempDir(), t.TempDir()
	s, err := control.Listen("/etc/config.toml", beside, around(dir))
	if err != nil {
		t.Fatal(err)
	}
	link := theLink(t, dir)
	s.Close()
	for _, name := range []string{s.Socket, link} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

// The address of a socket holds 107 bytes.
func TestALongPathIsNoObstacle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	serve(t, "/etc/config.toml", dir, around(dir), says("far"))
	if a, err := control.Ask(t.Context(), "/etc/config.toml", around(dir), http.MethodGet, "/"); err != nil || a.Text != "far GET /" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestADaemonThatHangsIsNotWaitedForLongerThanAsked(t *testing.T) {
	dir := t.TempDir()
	done := make(chan struct{})
	serve(t, "/etc/config.toml", t.TempDir(), around(dir), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	t.Cleanup(func() { close(done) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := control.Ask(ctx, "/etc/config.toml", around(dir), http.MethodGet, "/"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestManyCommandsAtOnceAreAnsweredEach(t *testing.T) {
	dir := t.TempDir()
	serve(t, "/etc/config.toml", t.TempDir(), around(dir), says("x"))
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			path := fmt.Sprintf("/%d", i)
			if a, err := control.Ask(t.Context(), "/etc/config.toml", around(dir), http.MethodGet, path); err != nil || a.Text != "x GET "+path {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	all.Wait()
}

// What answers may be anything: it is bounded.
func TestALargeAnswerIsCut(t *testing.T) {
	dir := t.TempDir()
	serve(t, "/etc/config.toml", t.TempDir(), around(dir), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.Copy(w, io.LimitReader(zeros{}, 4<<20))
	}))
	if a, err := control.Ask(t.Context(), "/etc/config.toml", around(dir), http.MethodGet, "/"); err != nil || len(a.Text) != 1<<20 {
		t.Errorf("%d bytes, %v", len(a.Text), err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}
