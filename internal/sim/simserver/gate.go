package simserver

import (
	"io"
	"net"
	"sync"
)

// A Gate stands before a server's listeners and can be shut. Behind a shut Gate
// the port stays bound, and every connection to it is reset: giving the port
// back and taking it again would let another process have it in between.
type Gate struct {
	mu        sync.Mutex
	down      bool
	closed    bool
	listeners []net.Listener
	conns     map[*Conn]struct{}
}

// Guard returns l as seen through the gate, or net.ErrClosed if the gate has
// been closed for good; l is closed in that case.
func (g *Gate) Guard(l net.Listener) (net.Listener, error) {
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
func (g *Gate) Down() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = true
	for c := range g.conns {
		c.Reset()
	}
}

// Up ends Down.
func (g *Gate) Up() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = false
}

// IsDown reports whether the server is unreachable.
func (g *Gate) IsDown() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.down
}

// Addr is the address of the first listener, and nil before there is one.
func (g *Gate) Addr() net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.listeners) == 0 {
		return nil
	}
	return g.listeners[0].Addr()
}

// Shut closes all listeners and connections, for good.
func (g *Gate) Shut() {
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
func (g *Gate) admit(c *Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down || g.closed {
		return false
	}
	if g.conns == nil {
		g.conns = make(map[*Conn]struct{})
	}
	g.conns[c] = struct{}{}
	return true
}

func (g *Gate) forget(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

type gateListener struct {
	net.Listener
	gate  *Gate
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
		gc := &Conn{Conn: c, gate: l.gate, gone: make(chan struct{})}
		if l.gate.admit(gc) {
			return gc, nil
		}
		gc.Reset()
	}
}

// Conn is a connection that came through a gate.
type Conn struct {
	net.Conn
	gate *Gate
	once sync.Once
	gone chan struct{}
}

// Close is called by the server that was given the connection, and by it alone.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.gate.forget(c)
		close(c.gone)
	})
	return c.Conn.Close()
}

// Reset breaks the connection the hard way, so that the peer gets an error and
// not an orderly end.
func (c *Conn) Reset() {
	switch t := c.Conn.(type) {
	case *net.TCPConn:
		t.SetLinger(0)
	case interface{ reset() }:
		t.reset()
	}
	c.Conn.Close()
}

// Gone is closed by the server's Close.
func (c *Conn) Gone() <-chan struct{} { return c.gone }

// Hang reads and forgets until the peer leaves or the gate closes the
// connection: the way to wait for either without a timer. Nothing that is read
// here can be answered any more.
func (c *Conn) Hang() {
	io.Copy(io.Discard, c.Conn)
}
