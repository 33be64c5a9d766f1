// Sslwatch watches the SSL certificates of Redis instances on Huawei Cloud
// DCS, and tells the people on call when one is switched off, invalid or
// close to its end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sslwatch/sslwatch/internal/text"
)

// The exit codes, beside those that a command documents.
const (
	exitOK        = 0
	exitFailure   = 1
	exitInUse     = 75 // EX_TEMPFAIL: another daemon has the state
	exitBadConfig = 78 // EX_CONFIG
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// The first signal asks for a clean stop; the second ends the process.
	context.AfterFunc(ctx, stop)
	code := run(ctx, system{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.LookupEnv}, os.Args[1:])
	os.Exit(code)
}

// system is what a command may touch of the world outside.
type system struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) (string, bool)
}

// run runs a command line and returns the exit code.
func run(ctx context.Context, sys system, args []string) int {
	root := newRoot(sys)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFailure
	var exit *exitError
	if errors.As(err, &exit) {
		code, err = exit.code, exit.err
	}
	if err != nil {
		fmt.Fprintf(sys.Stderr, "sslwatch: %s\n", text.CleanLines(err.Error()))
	}
	return code
}

// exitError ends the process with a code, and says why if err is not nil.
type exitError struct {
	code int
	err  error
}

var _ error = (*exitError)(nil)

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the reason.
func (e *exitError) Unwrap() error { return e.err }

// asExit is errors.As for an exitError.
func asExit(err error, target **exitError) bool { return errors.As(err, target) }
