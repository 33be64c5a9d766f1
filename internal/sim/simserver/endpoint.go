// Package simserver is what the simulated servers have in common.
//
// Each is made by its New function, listens once Listen or Serve is called, and
// leaves nothing running after Close. Each keeps what reached it, and goes wrong
// on command, in two ways: a fault can stand until it is taken back, or happen
// once. Down and Up make a whole server unreachable and bring it back.
//
// Everything may be used by several goroutines at once. Nothing here waits on
// wall-clock time, except for what a real server would measure with a clock.
package simserver

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Loopback is where a server listens that is not told where.
const Loopback = "127.0.0.1:0"

// An Endpoint serves HTTP on any number of listeners, and after Close has left
// nothing running.
type Endpoint struct {
	Gate
	http   http.Server
	ctx    context.Context // ends with Close; what handlers wait on beside the request
	cancel context.CancelFunc
	serves sync.WaitGroup // the accept loops
	conns  sync.WaitGroup // the connections that they accepted
}

// Init has requests be answered by h. It is called once, before all else.
func (e *Endpoint) Init(h http.Handler) {
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.http.Handler = h
	// What net/http would log here are the faults that were asked for.
	e.http.ErrorLog = log.New(io.Discard, "", 0)
	e.http.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			e.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			e.conns.Done()
		}
	}
}

// Listen binds a TCP address, or a free port of the loopback if addr is "", and
// serves it in the background.
func (e *Endpoint) Listen(addr string) error {
	if addr == "" {
		addr = Loopback
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return e.Serve(l)
}

// Serve serves any listener in the background and takes it over.
func (e *Endpoint) Serve(l net.Listener) error {
	guarded, err := e.Guard(l)
	if err != nil {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	e.serves.Go(func() { e.http.Serve(guarded) })
	return nil
}

// URL is the address of the first listener as "http://host:port", and "" before
// there is one.
func (e *Endpoint) URL() string {
	a := e.Addr()
	if a == nil {
		return ""
	}
	return "http://" + a.String()
}

// Close cuts every connection and waits until all is quiet. The handler, if it
// is mounted elsewhere too, answers nothing from then on.
func (e *Endpoint) Close() error {
	e.cancel()
	e.Shut()
	err := e.http.Close()
	e.serves.Wait()
	e.conns.Wait()
	return err
}

// Context ends with Close.
func (e *Endpoint) Context() context.Context { return e.ctx }

// Hang waits until the client leaves or the Endpoint closes.
func (e *Endpoint) Hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-e.ctx.Done():
	}
	panic(http.ErrAbortHandler)
}

// Cut promises the whole body, sends half of it, and breaks the connection.
func Cut(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	io.WriteString(w, body[:len(body)/2])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Reply sends a body of the given type.
func Reply(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	io.WriteString(w, body)
}
