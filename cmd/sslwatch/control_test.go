package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sslwatch/sslwatch/internal/config"
)

// Whatever becomes of the configuration, the daemon that lives is found and
// asked; and nobody else is taken for it.
func TestHealthcheckAsksTheLivingDaemon(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	defer stranger.Close()
	p.replace(`listen = "127.0.0.1:0"`, `listen = "`+stranger.Listener.Addr().String()+`"`)
	if _, stderr, code := p.run("healthcheck"); code != 1 || !strings.Contains(stderr, "no daemon") {
		t.Errorf("without a daemon, with a stranger at its address: exit %d: %s", code, stderr)
	}
	d := p.daemon()
	p.until("healthy", func() bool { _, _, code := p.run("healthcheck"); return code == 0 })

	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"another address": func() { p.replace(stranger.Listener.Addr().String(), "127.0.0.1:1") },
		"no address":      func() { p.write(strings.Replace(string(good), stranger.Listener.Addr().String(), "", 1)) },
		"another state":   func() { p.write(strings.Replace(string(good), "state.json", "elsewhere.json", 1)) },
		"a secret away": func() {
			p.write(strings.Replace(string(good), `secret_key = "`, `secret_key = "file:/nonexistent/`, 1))
		},
		"not TOML": func() { p.write("[[[") },
		"nothing":  func() { p.write("") },
		"no file":  func() { os.Remove(p.config) },
	} {
		p.write(string(good))
		change()
		if _, stderr, code := p.run("healthcheck"); code != 0 {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
	d.Process.Kill()
	d.Wait()
	p.write(string(good))
	if _, stderr, code := p.run("healthcheck"); code != 1 || !strings.Contains(stderr, "no daemon") {
		t.Errorf("of a dead daemon: exit %d: %s", code, stderr)
	}
	p.daemon() // in place of what the dead one left
	p.until("healthy", func() bool { _, _, code := p.run("healthcheck"); return code == 0 })
}

// Another daemon is not the one that is asked for, even beside it.
func TestHealthcheckKnowsItsOwnDaemon(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	p.daemon()
	p.until("healthy", func() bool { _, _, code := p.run("healthcheck"); return code == 0 })
	other := *p
	other.config = filepath.Join(p.dir, "other.toml")
	config, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	other.write(strings.Replace(string(config), "state.json", "other.json", 1))
	if _, stderr, code := other.run("healthcheck"); code != 1 {
		t.Errorf("another daemon is taken for this one: exit %d: %s", code, stderr)
	}
	other.daemon()
	other.until("healthy", func() bool { _, _, code := other.run("healthcheck"); return code == 0 })
	if _, stderr, code := p.run("healthcheck"); code != 0 {
		t.Errorf("the first of two: exit %d: %s", code, stderr)
	}
}

// A password and TLS protect the pages, and keep no health check out.
func TestHealthcheckNeedsNoPassword(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	file := filepath.Join(p.dir, "web.yml")
	if err := os.WriteFile(file, []byte("basic_auth_users:\n  ops: $2a$04$5nMpi5vKyJHrefigdVseI..h68QkOrOTC./qG.uDoSNMhjXEgooTq\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.replace(`listen = "127.0.0.1:0"`, `listen = "127.0.0.1:0"`+"\nweb_config_file = \"web.yml\"")
	p.daemon()
	p.until("healthy", func() bool { _, _, code := p.run("healthcheck"); return code == 0 })
}

func TestAPortThatIsTakenStopsNoWatching(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, quick, well("a", 10*days))
	p.replace(`listen = "127.0.0.1:0"`, `listen = "`+l.Addr().String()+`"`)
	m := newManager(t)
	d := p.command("run")
	d.Env = append(d.Env, "NOTIFY_SOCKET="+m.path)
	d.Stderr = p.output
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Process.Kill(); d.Wait() })
	p.both(told{"FIRING", "certificate_expiring", "a", "14d"})
	m.until("STATUS=http is not served: ")
	p.until("healthcheck to say it", func() bool {
		stdout, _, code := p.run("healthcheck")
		return code == 0 && strings.Contains(stdout, "http is not served: ") && strings.Contains(stdout, "address already in use")
	})
	if stdout, _, code := p.run("status"); code != 1 || !strings.HasPrefix(stdout, "WARNING: ") || !strings.Contains(stdout, "http is not served: ") {
		t.Errorf("status does not say it: exit %d: %s", code, stdout)
	}
	l.Close()
	p.until("http to be served", func() bool {
		resp, err := http.Get("http://" + l.Addr().String() + "/metrics")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if stdout, _, _ := p.run("healthcheck"); strings.Contains(stdout, "http") {
		t.Errorf("it is served, and not said to be: %s", stdout)
	}
	m.until("STATUS=1 watched")
}

func TestReloadSaysWhatBecameOfIt(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	if _, stderr, code := p.run("reload"); code != exitFailure || !strings.Contains(stderr, "no daemon") {
		t.Errorf("without a daemon: exit %d: %s", code, stderr)
	}
	m := newManager(t)
	d := p.command("run")
	d.Env = append(d.Env, "NOTIFY_SOCKET="+m.path)
	d.Stderr = p.output
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Process.Kill(); d.Wait() })
	m.until("STATUS=1 watched")
	if stdout, stderr, code := p.run("reload"); code != 0 || !strings.Contains(stdout, "in force") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	p.replace(`interval    = "300ms"`, `interval    = "soon"`)
	p.replace(`timeout     = "300ms"`, `timeout     = 300`)
	_, stderr, code := p.run("reload")
	if code != exitBadConfig || !strings.Contains(stderr, "check.interval") || !strings.Contains(stderr, "check.timeout") {
		t.Errorf("of a bad file: exit %d: %s", code, stderr)
	}
	// At once, and not when the loop next goes round.
	if _, before := m.until("STATUS=reload failed"); len(before) > 5 {
		t.Errorf("said late: after %q", before)
	}
	p.replace(`interval    = "soon"`, `interval    = "400ms"`)
	p.replace(`timeout     = 300`, `timeout     = "300ms"`)
	p.replace(`"127.0.0.1:0"`, `"127.0.0.1:1"`)
	if _, stderr, code := p.run("reload"); code != 0 || !strings.Contains(stderr, "http needs a restart") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	m.until("STATUS=1 watched")
}

// Where that is asked for, a new configuration and a new secret are taken in
// without anyone's word; one that is bad is not.
func TestFilesThatChangeAreTakenIn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("a", 10*days))
	token := p.world.Slack.Token()
	secret := filepath.Join(p.dir, "token")
	if err := os.WriteFile(secret, []byte("xoxb-1-revoked\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.replace(`"`+token+`"`, `"file:token"`)
	p.replace("[http]", "[reload]\nwatch = true\n[http]")
	p.daemon()
	p.until("Slack to refuse the token", func() bool { return strings.Contains(p.output.String(), "invalid_auth") })
	if err := os.WriteFile(secret, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.both(told{"FIRING", "certificate_expiring", "a", "14d"})
	p.replace(`interval    = "300ms"`, `interval    = "soon"`)
	p.until("the bad file to be refused", func() bool { return strings.Contains(p.output.String(), "everything goes on as it was") })
	p.passes(3)
	p.once(told{"FIRING", "certificate_expiring", "a", "14d"})
}

// The files of a volume in Kubernetes are links through a link that is
// exchanged: their names and times say nothing.
func TestAChangeIsNoticedOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exchange := func(to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "fresh")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "fresh"), filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
	}
	write("1", "[check]")
	write("2", "[check]\n")
	exchange("1")
	if err := os.Symlink("data", path); err != nil {
		t.Fatal(err)
	}
	load := func() []config.File {
		_, err := config.Load(t.Context(), path, func(string) (string, bool) { return "", false }, config.Everything)
		bad, ok := errors.AsType[*config.Error](err)
		if !ok {
			t.Fatal(err)
		}
		return bad.Files
	}
	c := newChanges(load())
	look := func(want string) {
		t.Helper()
		if got := c.look(t.Context()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	look("")
	exchange("2")
	look("") // it may still change
	look(path)
	look("") // once
	c.taken(load())
	look("")
	exchange("1")
	look("")
	exchange("2") // and back
	look("")
	look("")
	os.Remove(path)
	look("")
	look(path)
	look("")
	if err := os.Symlink("1", path); err != nil {
		t.Fatal(err)
	}
	look("")
	look(path)

	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	if err := os.Symlink("pipe", path); err != nil { // must not block
		t.Fatal(err)
	}
	look("")
}
