package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// manager is the end of sd_notify that systemd has.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &manager{t: t, conn: conn, path: path}
}

// until reads until a message has a line that begins with a text, and
// returns that message and all before it.
func (m *manager) until(begins string) (message string, before []string) {
	m.t.Helper()
	buf := make([]byte, 4096)
	m.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatalf("no %s: %v; got %q", begins, err, before)
		}
		message := string(buf[:n])
		for line := range strings.Lines(message) {
			if strings.HasPrefix(line, begins) {
				return message, before
			}
		}
		before = append(before, message)
	}
}

func TestSystemdIsToldInOrder(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("a", 300*days), well("b", 3*days))
	m := newManager(t)
	credentials := t.TempDir()
	if err := os.WriteFile(filepath.Join(credentials, "slack-token"), []byte(p.world.Slack.Token()+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.write(strings.Replace(string(good), fmt.Sprintf("%q", p.world.Slack.Token()), `"credential:slack-token"`, 1))

	cmd := p.command("run")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=400000", "CREDENTIALS_DIRECTORY="+credentials)
	cmd.Stderr = p.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })

	if _, before := m.until("READY=1"); len(before) != 0 {
		t.Errorf("before READY: %q", before)
	}
	m.until("WATCHDOG=1")
	if status, _ := m.until("STATUS=2 watched, 1 critical"); strings.Contains(status, p.world.Slack.Token()) {
		t.Errorf("status: %s", status)
	}
	m.until("WATCHDOG=1")
	p.both(told{"FIRING", "certificate_expiring", "b", "7d"})

	cmd.Process.Signal(syscall.SIGHUP)
	if reloading, _ := m.until("RELOADING=1"); !strings.Contains(reloading, "MONOTONIC_USEC=") {
		t.Errorf("without a time: %q", reloading)
	}
	m.until("READY=1")
	p.write(strings.Replace(string(good), `interval    = "300ms"`, `interval    = "soon"`, 1))
	cmd.Process.Signal(syscall.SIGHUP)
	if status, _ := m.until("STATUS=reload failed"); !strings.Contains(status, "check.interval") || !strings.Contains(status, "2 watched") {
		t.Errorf("status: %s", status)
	}
	m.until("READY=1") // after the status, so that who waits for the reload sees it
	cmd.Process.Signal(syscall.SIGTERM)
	m.until("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
	p.once(told{"FIRING", "certificate_expiring", "b", "7d"})
}

func TestAReloadForgetsAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("a", 10*days), well("b", 20*days))
	first := told{"FIRING", "certificate_expiring", "a", "14d"}
	second := told{"FIRING", "certificate_expiring", "b", "30d"}
	d := p.daemon()
	p.both(first)
	p.both(second)
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	logged := func(what string, n int) {
		t.Helper()
		p.until(what, func() bool { return strings.Count(p.output.String(), what) >= n })
	}

	// A bad file changes nothing.
	p.write(strings.Replace(string(good), `interval    = "300ms"`, `interval    = "soon"`, 1))
	d.Process.Signal(syscall.SIGHUP)
	logged("everything goes on as it was", 1)
	if !strings.Contains(p.output.String(), "check.interval") {
		t.Errorf("does not say why:\n%s", p.output)
	}
	p.passes(6)

	// A tighter threshold that is crossed is told once; a wider one says nothing.
	p.write(strings.Replace(string(good), `["30d", "14d", "7d"]`, `["60d", "30d", "14d", "12d", "7d"]`, 1))
	d.Process.Signal(syscall.SIGHUP)
	logged(`"msg":"reloaded"`, 1)
	tighter := told{"FIRING", "certificate_expiring", "a", "12d"}
	p.both(tighter)
	p.passes(6)

	// An instance that is taken out has its last word; the rest is left alone.
	cut := string(good)
	cut = strings.Replace(cut, `["30d", "14d", "7d"]`, `["60d", "30d", "14d", "12d", "7d"]`, 1)
	i := strings.Index(cut, "[project.demo.instance.b]")
	cut = cut[:i] + cut[i+strings.Index(cut[i:], "[slack."):]
	p.write(cut)
	d.Process.Signal(syscall.SIGHUP)
	gone := told{"RESOLVED", "certificate_expiring", "b", ""}
	p.both(gone)
	p.passes(6)
	p.once(first, second, tighter, gone)
}

// What a person does at night: a new token into the file, and a reload.
func TestAReloadMendsAReceiver(t *testing.T) {
	p := newPlace(t, quick, well("a", 10*days))
	token := fmt.Sprintf("%q", p.world.Slack.Token())
	p.replace(token, `"xoxb-revoked"`)
	d := p.daemon()
	p.until("Slack to refuse the token", func() bool { return strings.Contains(p.output.String(), "invalid_auth") })
	p.replace(`"xoxb-revoked"`, token)
	d.Process.Signal(syscall.SIGHUP)
	p.both(told{"FIRING", "certificate_expiring", "a", "14d"})
	p.until("it to be said", func() bool { return strings.Contains(p.output.String(), `"msg":"receiver recovered"`) })
	p.once(told{"FIRING", "certificate_expiring", "a", "14d"})
}

func TestTheHeartBeatsAfterEachCleanPass(t *testing.T) {
	signs := make(chan string, 100)
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case signs <- r.URL.Path:
		default:
		}
	}))
	defer service.Close()
	p := newPlace(t, quick, well("a", 300*days), well("b", 300*days))
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.write(string(good) + fmt.Sprintf("\n[heartbeat]\nurl = %q\n", service.URL+"/ping/1234"))
	if err := p.world.DCS.Answer("a", simcloud.AnswerHang); err != nil {
		t.Fatal(err)
	}
	p.daemon()
	for _, want := range []string{"/ping/1234/start", "/ping/1234", "/ping/1234/start", "/ping/1234"} {
		select {
		case got := <-signs:
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("no %s", want)
		}
	}
}
