package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/control"
)

// reloadAnswer is what the daemon answers to a command that asks for a reload.
type reloadAnswer struct {
	Error    string   `json:"error,omitempty"` // empty if the configuration is in force
	Exit     int      `json:"exit"`            // the exit code that fits
	Warnings []string `json:"warnings,omitempty"`
}

// controls answers commands until ctx ends. server is nil if it could not
// be made yet.
func (d *daemon) controls(ctx context.Context, server *control.Server, alive func(context.Context) error) {
	delays := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second),
		backoff.WithMaxInterval(time.Minute), backoff.WithMaxElapsedTime(0))
	for ctx.Err() == nil {
		if server != nil {
			delays.Reset()
			err := server.Serve(ctx, d.controlHandler(alive))
			server.Close()
			server = nil
			if err == nil {
				return
			}
			d.parts.report(partControl, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delays.NextBackOff()):
			server = d.openControl()
		}
	}
}

// openControl makes the socket for commands, or reports why it can't.
func (d *daemon) openControl() *control.Server {
	server, err := control.Listen(d.app.config(), d.beside, control.Surroundings(d.Getenv))
	if err != nil && d.controlError != err.Error() {
		d.controlError = err.Error()
		d.log.Error("commands can't reach the daemon: watching goes on, and it is tried again", "err", err)
	}
	d.parts.report(partControl, err)
	return server
}

// controlHandler answers commands.
func (d *daemon) controlHandler(alive func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout-time.Second)
		defer cancel()
		if alive(ctx) != nil {
			http.Error(w, "the loop does not answer: it hangs, or has not begun", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, strings.Join(append([]string{"ok"}, d.parts.troubles()...), "\n"))
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		outcome := make(chan reloadAnswer, 1)
		select {
		case d.asks <- outcome:
			json.NewEncoder(w).Encode(<-outcome)
		case <-r.Context().Done():
		}
	})
	return mux
}
