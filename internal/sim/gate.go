package sim

import (
	"io"
	"net"
	"sync"
)

// A gate stands before a server's listeners and can be shut. Behind a shut gate
// the port stays bound, and every connection to it is reset: giving the port
// back and taking it again would let another process have it in between.
type gate struct {
	mu        sync.Mutex
	down      bool
	closed    bool
	listeners []net.Listener
	conns     map[*gateConn]struct{}
}

// guard returns l as seen through the gate, or net.ErrClosed if the gate has
// been closed for good; l is closed in that case.
func (g *gate) guard(l net.Listener) (net.Listener, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		l.Close()
		return nil, net.ErrClosed
	}
	gl := &gateListener{Listener: l, gate: g, close: sync.OnceValue(l.Close)}
	g.listeners = append(g.listeners, gl)
	return gl, nil
}

// Down makes the server unreachable: connections that stand are reset, and so
// is every new one, until Up.
func (g *gate) Down() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = true
	for c := range g.conns {
		c.reset()
	}
}

// Up ends Down.
func (g *gate) Up() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = false
}

// IsDown reports whether the server is unreachable.
func (g *gate) IsDown() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.down
}

// Addr is the address of the first listener, and nil before there is one.
func (g *gate) Addr() net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.listeners) == 0 {
		return nil
	}
	return g.listeners[0].Addr()
}

// shut closes all listeners and connections, for good.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, l := range g.listeners {
		l.Close()
	}
	for c := range g.conns {
		c.Conn.Close()
	}
}

// admit reports whether c may pass, and remembers it if so.
func (g *gate) admit(c *gateConn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down || g.closed {
		return false
	}
	if g.conns == nil {
		g.conns = make(map[*gateConn]struct{})
	}
	g.conns[c] = struct{}{}
	return true
}

func (g *gate) forget(c *gateConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

type gateListener struct {
	net.Listener
	gate  *gate
	close func() error
}

// Close may be called by the gate and by the server, and closes once.
func (l *gateListener) Close() error { return l.close() }

func (l *gateListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		gc := &gateConn{Conn: c, gate: l.gate, gone: make(chan struct{})}
		if l.gate.admit(gc) {
			return gc, nil
		}
		gc.reset()
	}
}

type gateConn struct {
	net.Conn
	gate *gate
	once sync.Once
	gone chan struct{} // closed by the server's Close
}

// Close is called by the server that was given the connection, and by it alone.
func (c *gateConn) Close() error {
	c.once.Do(func() {
		c.gate.forget(c)
		close(c.gone)
	})
	return c.Conn.Close()
}

// reset breaks the connection the hard way, so that the peer gets an error and
// not an orderly end.
func (c *gateConn) reset() {
	switch t := c.Conn.(type) {
	case *net.TCPConn:
		t.SetLinger(0)
	case interface{ reset() }:
		t.reset()
	}
	c.Conn.Close()
}

// hang reads and forgets until the peer leaves or the gate closes the
// connection: the way to wait for either without a timer. Nothing that is read
// here can be answered any more.
func (c *gateConn) hang() {
	io.Copy(io.Discard, c.Conn)
}
