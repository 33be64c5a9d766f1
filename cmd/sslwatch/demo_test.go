package main

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A demo that fails shows why: the log of its daemon, however it fails.
func TestADemoThatFailsPrintsTheLogOfItsDaemon(t *testing.T) {
	for name, tc := range map[string]struct {
		break_ func(demo, daemon int) error
		says   string
	}{
		"the daemon dies": {func(_, daemon int) error { return syscall.Kill(daemon, syscall.SIGKILL) }, "the daemon ended by itself: signal: killed"},
		"it is stopped":   {func(demo, _ int) error { return syscall.Kill(demo, syscall.SIGTERM) }, "stopped in the middle of the story"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, "demo")
			var stderr output
			cmd.Env, cmd.Stderr = append(os.Environ(), actAsMain+"=1", "TMPDIR="+t.TempDir()), &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill() })
			var said strings.Builder
			broken := false
			for lines := bufio.NewScanner(stdout); lines.Scan(); {
				said.WriteString(lines.Text() + "\n")
				if strings.Contains(lines.Text(), "FIRING") && !broken {
					broken = true
					if err := tc.break_(cmd.Process.Pid, childOf(t, cmd.Process.Pid)); err != nil {
						t.Fatal(err)
					}
				}
			}
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("exit %d: %s", code, stderr.String())
			}
			if !strings.Contains(said.String(), "The end of the log of the daemon:") || !strings.Contains(said.String(), "msg=starting") {
				t.Errorf("does not show the log of the daemon:\n%s", said.String())
			}
		})
	}
}

// childOf returns the only child of a process.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + task.Name() + "/children")
		if child, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			return child
		}
	}
	t.Fatal("the demo has no daemon")
	return 0
}

// The demo's daemon must not want a port that another daemon has.
func TestTheDemoListensNowhere(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	p.replace(`listen = "127.0.0.1:0"`, `listen = ""`)
	p.daemon()
	p.passes(2)
	if log := p.output.String(); strings.Contains(log, "serving http") {
		t.Errorf("serves:\n%s", log)
	}
}
