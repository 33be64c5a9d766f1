package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
)

// stdout is standard output. What can't be written is remembered, and once
// that has happened nothing more is written.
type stdout struct {
	to io.Writer

	mu   sync.Mutex
	err  error
	gone chan struct{} // closed at the first error
}

func newStdout(to io.Writer) *stdout { return &stdout{to: to, gone: make(chan struct{})} }

// Write writes, or returns why it could not be written before.
func (o *stdout) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.err = err
		close(o.gone)
	}
	return n, err
}

// whileRead returns a context that also ends when nothing can be written any
// more.
func (o *stdout) whileRead(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-o.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// broken returns why it can't be written, nil if it can.
func (o *stdout) broken() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// failure returns why the output is not whole, nil also if its reader has
// read enough, as head does.
func (o *stdout) failure() error {
	if err := o.broken(); !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}
