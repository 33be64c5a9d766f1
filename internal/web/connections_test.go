package web

import (
	"net"
	"net/http"
	"testing"
)

func TestTheConnectionThatWaitsForTheLongestGivesWay(t *testing.T) {
	var conns []net.Conn
	c := newConnections(3)
	open := func() int {
		near, far := net.Pipe()
		t.Cleanup(func() { near.Close(); far.Close() })
		conns = append(conns, near)
		c.changed(near, http.StateNew)
		return len(conns) - 1
	}
	closed := func() (out []int) {
		for i, conn := range conns {
			if _, held := c.held[conn]; !held {
				out = append(out, i)
			}
		}
		return out
	}
	first, second, third := open(), open(), open()
	c.changed(conns[first], http.StateActive) // is answered
	open()                                    // in place of the second
	c.changed(conns[first], http.StateIdle)   // waits again, but not for long
	open()                                    // in place of the third
	if got := closed(); len(got) != 2 || got[0] != second || got[1] != third {
		t.Errorf("closed %v, want %v", got, []int{second, third})
	}
	for _, conn := range conns {
		if _, held := c.held[conn]; held {
			c.changed(conn, http.StateActive)
		}
	}
	if last := open(); len(closed()) != 3 || closed()[2] != last {
		t.Errorf("while all are answered a new one is not the one to go: %v", closed())
	}
	for _, conn := range conns {
		c.changed(conn, http.StateClosed)
	}
	if len(c.held) != 0 || c.waiting.Len() != 0 {
		t.Errorf("keeps %d, %d", len(c.held), c.waiting.Len())
	}
}
