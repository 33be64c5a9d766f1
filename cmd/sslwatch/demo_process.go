package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is a real sslwatch: this same binary, in a process of its own.
type process struct {
	config, log string
	cmd         *exec.Cmd
	done        chan error
}

// start starts it.
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
	d.cmd = exec.Command(self, "run", "--config", d.config, "--log-format", "text")
	d.cmd.Stderr = log
	if err := d.cmd.Start(); err != nil {
		return err
	}
	d.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan<- error) { done <- cmd.Wait() }(d.cmd, d.done)
	return nil
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
	case err := <-d.done:
		d.cmd = nil
		return err
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("it was still running 10 seconds after SIGTERM"), d.kill())
	}
}

// printLog prints the end of its log.
func (d *process) printLog(w io.Writer) {
	const most = 60
	data, err := os.ReadFile(d.log)
	if err != nil {
		fmt.Fprintf(w, "\nIts log can't be read: %v\n", err)
		return
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	lines = lines[max(0, len(lines)-most):]
	fmt.Fprintf(w, "\nThe end of its log:\n%s\n", strings.Join(lines, "\n"))
}
