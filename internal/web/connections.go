package web

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// connections bounds how many connections a server holds. Where there are too
// many, the one that has been waiting for a request for the longest is closed
// for the new one: whoever holds connections open and asks nothing keeps
// nobody out.
type connections struct {
	most int

	mu      sync.Mutex
	held    map[net.Conn]*list.Element // nil while a request is answered
	waiting *list.List                 // of net.Conn, the longest first
}

func newConnections(most int) *connections {
	return &connections{most: most, held: map[net.Conn]*list.Element{}, waiting: list.New()}
}

// changed is the ConnState hook of a server.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, held := c.held[conn]
	if known != nil {
		c.waiting.Remove(known)
	}
	switch state {
	case http.StateNew:
		c.held[conn] = c.waiting.PushBack(conn)
		if len(c.held) > c.most {
			c.closeLongest()
		}
	case http.StateIdle:
		if held {
			c.held[conn] = c.waiting.PushBack(conn)
		}
	case http.StateActive:
		if held {
			c.held[conn] = nil
		}
	default:
		delete(c.held, conn)
	}
}

// closeLongest closes the connection that has waited for the longest. There
// is one: the one that is new.
func (c *connections) closeLongest() {
	conn := c.waiting.Remove(c.waiting.Front()).(net.Conn)
	delete(c.held, conn)
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // a close of TLS would wait for the other side
	}
	conn.Close()
}

// mostConnections is how many connections may be held: few enough that the
// descriptors of the process suffice for the API, the receivers and the state.
func mostConnections() int {
	const enough, least = 128, 4
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return least
	}
	return int(min(enough, max(least, limit.Cur/8)))
}
