package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// process is a real sslwatch: this same binary, in a process of its own.
type process struct {
	config, log string
	cmd         *exec.Cmd     // nil while it does not run
	done        chan struct{} // closed when cmd ended
	err         error         // why, once done is closed
}

// start starts it. What the surroundings tell of another daemon, which may
// run beside it, is not handed on.
func (d *process) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, "run", "--config", d.config, "--log-format", "text")
	cmd.Stderr = log
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(ofAService, name)
	})
	cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Dir(d.config))
	if err := cmd.Start(); err != nil {
		return err
	}
	d.cmd, d.done = cmd, make(chan struct{})
	go func() { d.err = cmd.Wait(); close(d.done) }()
	return nil
}

// ofAService are the variables by which a manager of services tells one of
// them where it is.
var ofAService = []string{
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID",
	"CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "XDG_RUNTIME_DIR",
}

// sleepUntil waits for a moment, or returns why it did not: ctx ended, or
// the process ended by itself.
func (d *process) sleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	var ended <-chan struct{} // never, while it does not run
	if d.cmd != nil {
		ended = d.done
	}
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	case <-ended:
		if ctx.Err() == nil { // Ctrl-C at a terminal ends both
			return fmt.Errorf("the daemon ended by itself: %w", cmp.Or(d.err, errors.New("exit status 0")))
		}
	}
	return errors.New("stopped in the middle of the story")
}

// kill ends it as kill -9 does, and waits until it is gone.
func (d *process) kill() error {
	if d.cmd == nil {
		return nil
	}
	err := d.cmd.Process.Kill()
	<-d.done
	d.cmd = nil
	return err
}

// stop asks it to stop, as systemd does, and returns an error if it does not
// stop in good order.
func (d *process) stop() error {
	if d.cmd == nil {
		return errors.New("it was not running")
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.done:
		d.cmd = nil
		return d.err
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("it was still running 10 seconds after SIGTERM"), d.kill())
	}
}

// printLog prints the end of its log.
func (d *process) printLog(w io.Writer) {
	const most = 60
	data, err := os.ReadFile(d.log)
	if errors.Is(err, fs.ErrNotExist) {
		return // it was never started
	}
	if err != nil {
		fmt.Fprintf(w, "\nThe log of the daemon can't be read: %v\n", err)
		return
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	lines = lines[max(0, len(lines)-most):]
	fmt.Fprintf(w, "\nThe end of the log of the daemon:\n%s\n", strings.Join(lines, "\n"))
}
