package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// daemonWith starts a daemon with a standard error of its own.
func (p *place) daemonWith(stderr *os.File, args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := p.command(append([]string{"run"}, args...)...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// pipe returns the two ends of a pipe.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// What happens when journald is stopped, and when whoever collects the log of
// a container hangs.
func TestAReaderOfTheLogThatGoesAwayOrStallsEndsNothing(t *testing.T) {
	for name, treat := range map[string]func(*testing.T, *os.File){
		"goes away": func(t *testing.T, r *os.File) {
			if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			r.Close()
		},
		"is away":      func(_ *testing.T, r *os.File) { r.Close() },
		"never reads":  func(*testing.T, *os.File) {},
		"reads a line": func(t *testing.T, r *os.File) { io.ReadFull(r, make([]byte, 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, quick, well("a", 300*days))
			r, w := pipe(t)
			if name == "never reads" {
				fill(t, w)
			}
			d := p.daemonWith(w, "--log-level", "debug")
			w.Close()
			treat(t, r)
			p.passes(4)
			if err := p.world.DCS.Change("a", func(i *simcloud.Instance) { i.Enabled = false }); err != nil {
				t.Fatal(err)
			}
			p.both(told{"FIRING", "ssl_disabled", "a", ""})
			if err := d.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := d.Wait(); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

// fill leaves no room in a pipe.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	fd := int(w.Fd()) // blocking from here on
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := syscall.Write(fd, make([]byte, 1)); err != nil {
			break
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
}

func TestAllThatTheDaemonSaysIsInItsLog(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	secret := fmt.Sprintf("%q", p.world.Settings().SecretKey)
	running := newPlace(t, quick, well("a", 300*days))
	running.daemon()
	running.passes(1)

	for name, tc := range map[string]struct {
		config string
		args   []string
		code   int
		says   []string // each in an error of its own
	}{
		"bad configuration": {
			strings.NewReplacer(`"300ms"`, `"soon"`).Replace(string(good)), nil, exitBadConfig,
			[]string{`"line":2,"key":"check.interval"`, `"line":3,"key":"check.timeout"`, `"exit":78`},
		},
		"secret not there yet": {
			strings.Replace(string(good), secret, `"file:/nonexistent/sk"`, 1), nil, exitTemporary,
			[]string{`"key":"project.demo.secret_key"`, `"exit":75`},
		},
		"secret not there yet, and a mistake": {
			strings.Replace(string(good), secret, `"file:/nonexistent/sk"`+"\nregoin = 1", 1), nil, exitBadConfig, []string{`"exit":78`},
		},
		"no configuration":      {"", []string{"--config", "/nowhere/config.toml"}, exitBadConfig, []string{`"file":"/nowhere/config.toml"`}},
		"wrong flag":            {string(good), []string{"--no-such-flag"}, exitFailure, []string{"no-such-flag"}},
		"wrong argument":        {string(good), []string{"now"}, exitFailure, []string{`takes no arguments, and got \"now\"`}},
		"wrong level":           {string(good), []string{"--log-level", "loud"}, exitFailure, []string{"--log-level"}},
		"state in use":          {strings.Replace(string(good), p.state(), running.state(), 1), nil, exitTemporary, []string{"in use"}},
		"state without a place": {strings.Replace(string(good), p.state(), "/proc/nowhere/state.json", 1), nil, exitFailure, []string{"/proc/nowhere"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.config != "" {
				p.write(tc.config)
			}
			for _, journal := range []bool{false, true} {
				r, w := pipe(t)
				cmd := p.command(append([]string{"run"}, tc.args...)...)
				if slices.Contains(tc.args, "--config") {
					cmd.Args = append(cmd.Args[:1], append([]string{"run"}, tc.args...)...)
				}
				cmd.Stderr = w
				if journal {
					cmd.Env = append(cmd.Env, "JOURNAL_STREAM="+streamOf(t, w))
				}
				out, err := cmd.Output()
				w.Close()
				if code := cmd.ProcessState.ExitCode(); code != tc.code || len(out) > 0 {
					t.Errorf("exit %d, want %d: %v; printed %q", code, tc.code, err, out)
				}
				logged, _ := io.ReadAll(r)
				for line := range strings.Lines(string(logged)) {
					line, isError := strings.CutPrefix(line, "<3>")
					if isError != journal && strings.Contains(line, `"ERROR"`) {
						t.Errorf("priority: %s", line)
					}
					line = strings.TrimPrefix(strings.TrimPrefix(line, "<4>"), "<6>")
					if err := json.Unmarshal([]byte(line), &map[string]any{}); err != nil {
						t.Errorf("not JSON: %q", line)
					}
				}
				for _, want := range tc.says {
					found := false
					for line := range strings.Lines(string(logged)) {
						found = found || strings.Contains(line, want) && strings.Contains(line, `"level":"ERROR"`)
					}
					if !found {
						t.Errorf("no error with %s:\n%s", want, logged)
					}
				}
			}
		})
	}
}

// streamOf is what systemd announces a stream as.
func streamOf(t *testing.T, f *os.File) string {
	t.Helper()
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// A server that sends more than it announced makes net/http print it.
func TestWhatTheHTTPLibraryPrintsIsInTheLogWithoutWhatThePeerSent(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	surplus := "echo " + p.world.Settings().SecretKey + " temporary-hunter5"
	if err := p.world.DCS.Answer("a", simcloud.AnswerSurplus.With(surplus)); err != nil {
		t.Fatal(err)
	}
	p.daemon()
	p.until("it to be logged", func() bool { return strings.Contains(p.output.String(), "Unsolicited") })
	p.passes(4)
	log := p.output.String()
	for line := range strings.Lines(log) {
		if err := json.Unmarshal([]byte(line), &map[string]any{}); err != nil {
			t.Errorf("not JSON: %q", line)
		}
	}
	if strings.Contains(log, "hunter5") || strings.Contains(log, p.world.Settings().SecretKey) {
		t.Errorf("what the peer sent is in the log:\n%s", log)
	}
	if n := strings.Count(log, "Unsolicited"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log)
	}
}
