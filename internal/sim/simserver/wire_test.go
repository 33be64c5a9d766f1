package simserver_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

// ends returns both ends of a connection to a Pipe.
func ends(t *testing.T) (near, far net.Conn) {
	t.Helper()
	p := simserver.NewPipe("a.sim:1")
	got := make(chan net.Conn)
	go func() {
		c, _ := p.Accept()
		got <- c
	}()
	near, err := p.Dial()
	simtest.Must(t, err)
	return near, <-got
}

func TestWireHoldsAndDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ends(t)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // more than the buffer
		go func() {
			if n, err := near.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			near.Close()
		}()
		synctest.Wait() // the buffer is full, and the writer waits
		got, err := io.ReadAll(far)
		if !bytes.Equal(got, sent) || err != nil {
			t.Errorf("read %d bytes of %d, %v", len(got), len(sent), err)
		}
		// As on a socket, one write gets lost before a writer learns.
		if _, err := far.Write([]byte("x")); err != nil {
			t.Errorf("first write to one who left: %v", err)
		}
		if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("second write to one who left: %v", err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after Close: %v", err)
		}
	})
}

func TestWireDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ends(t)
		start := time.Now()
		simtest.Must(t, near.SetDeadline(start.Add(time.Hour)))
		time.AfterFunc(time.Minute, func() { near.SetReadDeadline(start.Add(2 * time.Hour)) })
		_, err := near.Read(make([]byte, 1))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != 2*time.Hour {
			t.Errorf("read: %v after %v", err, took)
		}
		simtest.Must(t, near.SetWriteDeadline(time.Now().Add(time.Second)))
		n, err := near.Write(make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
			t.Errorf("write: %d, %v", n, err)
		}
		simtest.Must(t, near.SetDeadline(time.Time{}))
		go far.Write([]byte("x"))
		if n, err := near.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("read without a deadline: %d, %v", n, err)
		}
		far.Close()
		near.Close()
	})
}
