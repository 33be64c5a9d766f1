package simserver

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// A Pipe is a listener whose connections never leave the process. It exists for
// testing/synctest: a bubble's clock stands still while a goroutine waits on a
// real socket, but not while it waits on a channel.
type Pipe struct {
	addr   pipeAddr
	conns  chan net.Conn
	done   chan struct{}
	closed func()
}

var _ net.Listener = (*Pipe)(nil)

// NewPipe returns a Pipe that calls itself addr, in the form "host:port".
func NewPipe(addr string) *Pipe {
	p := &Pipe{addr: pipeAddr(addr), conns: make(chan net.Conn), done: make(chan struct{})}
	p.closed = sync.OnceFunc(func() { close(p.done) })
	return p
}

// Accept waits for the next Dial.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, fmt.Errorf("accept %s: %w", p.addr, net.ErrClosed)
	}
}

// Close ends the listening. Connections that it gave out stay as they are.
func (p *Pipe) Close() error {
	p.closed()
	return nil
}

// Addr is the address that NewPipe was given.
func (p *Pipe) Addr() net.Addr { return p.addr }

// Dial connects to the Pipe.
func (p *Pipe) Dial() (net.Conn, error) {
	return p.DialContext(context.Background(), "", "")
}

// DialContext is Dial in the shape that net/http and go-mail take. It connects
// to this Pipe whatever the address.
func (p *Pipe) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := newWire(p.addr)
	select {
	case p.conns <- far:
		return near, nil
	case <-p.done:
		return nil, &net.OpError{Op: "dial", Net: p.addr.Network(), Addr: p.addr, Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", p.addr, ctx.Err())
	}
}

// A Net is several Pipes, found by their addresses.
type Net struct {
	mu    sync.Mutex
	pipes map[string]*Pipe
}

// NewNet returns a network on which nobody listens yet.
func NewNet() *Net {
	return &Net{pipes: make(map[string]*Pipe)}
}

// Listen has the shape of net.Listen. The address is any "host:port"; a later
// listener takes an address over from an earlier one.
func (n *Net) Listen(_, addr string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := NewPipe(addr)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pipes[addr] = p
	return p, nil
}

// DialContext connects to the Pipe that listens at addr.
func (n *Net) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	p := n.pipes[addr]
	n.mu.Unlock()
	if p == nil {
		return nil, fmt.Errorf("dial %s: no such host", addr)
	}
	return p.DialContext(ctx, network, addr)
}

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }
