// Sslwatch watches the SSL certificates of Redis instances on Huawei Cloud
// DCS, and tells the people on call when one is switched off, invalid or
// close to its end.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	// The time zones that a configuration can name, where the machine has none,
	// as in a container: without them a configuration that is good elsewhere
	// would be refused. Those of the machine, which may be newer, go first.
	_ "time/tzdata"
)

func main() {
	// Who reads our output may go away: a write then fails, and ends nothing.
	signal.Ignore(syscall.SIGPIPE)
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
	out := newStdout(sys.Stdout)
	sys.Stdout = out
	a := &app{system: sys, out: out}
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return a.end(cmd, args, err)
}
