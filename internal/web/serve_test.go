package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sslwatch/sslwatch/internal/web"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// freePort returns an address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a server, and returns what it reports.
func start(t *testing.T, listen, file string) <-chan error {
	t.Helper()
	reports := make(chan error, 100)
	ctx, cancel := context.WithCancel(t.Context())
	server := web.Server{
		Listen: listen, ConfigFile: file, Handler: web.Handler(&source{snapshot: known()}, prometheus.NewRegistry()),
		Log: slog.New(slog.DiscardHandler), Report: func(err error) { reports <- err },
	}
	done := make(chan struct{})
	go func() { server.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return reports
}

func report(t *testing.T, reports <-chan error) error {
	t.Helper()
	select {
	case err := <-reports:
		return err
	case <-time.After(patience):
		t.Fatal("no report")
		return nil
	}
}

func TestAPortThatIsTakenIsTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reports := start(t, l.Addr().String(), "")
	if err := report(t, reports); err == nil {
		t.Fatal("serves on a port that is taken")
	}
	l.Close()
	for report(t, reports) != nil {
	}
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
}

const withPassword = "basic_auth_users:\n  ops: $2a$04$5nMpi5vKyJHrefigdVseI..h68QkOrOTC./qG.uDoSNMhjXEgooTq\n"

// Whatever becomes of the file while serving, nobody gets in without what was
// asked for when serving began.
func TestAFileThatProtectsNoLongerFailsClosed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(withPassword)
	address := freePort(t)
	if err := report(t, start(t, address, file)); err != nil {
		t.Fatal(err)
	}
	ask := func(user, password string) int {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+address+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if with, without := ask("ops", "open"), ask("", ""); with != 200 || without != 401 {
		t.Fatalf("at first: %d with a password, %d without", with, without)
	}
	for name, break_ := range map[string]func(){
		"empty":         func() { write("") },
		"only comments": func() { write("# nothing\n") },
		"no users":      func() { write("basic_auth_users: {}\n") },
		"other keys":    func() { write("http_server_config:\n  http2: false\n") },
		"broken":        func() { write("basic_auth_users: [\n") },
		"gone":          func() { os.Remove(file) },
	} {
		break_()
		for range 3 {
			for _, user := range []string{"", "ops", "mallory"} {
				if code := ask(user, "open"); code == 200 {
					t.Errorf("%s: lets %q in", name, user)
				}
			}
		}
	}
	write(withPassword)
	ask("ops", "open") // notices that it is another file
	if with, without := ask("ops", "open"), ask("", ""); with != 200 || without != 401 {
		t.Errorf("once it protects again: %d with a password, %d without", with, without)
	}
}

// Connections that ask for nothing keep nobody out.
func TestHeldConnectionsKeepNobodyOut(t *testing.T) {
	address := freePort(t)
	if err := report(t, start(t, address, "")); err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for range 500 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		fmt.Fprint(c, "GET /metr")
	}
	for range 10 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("kept out: %v", err)
		}
		resp.Body.Close()
		c.Close()
	}
	// The first ones were closed for the later ones.
	held[0].SetReadDeadline(time.Now().Add(patience))
	if _, err := held[0].Read(make([]byte, 1)); err != io.EOF && !isReset(err) {
		t.Errorf("the connection that waits for the longest: %v", err)
	}
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
