package simserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := simserver.NewPipe("a.sim:1")
		go func() {
			c, err := p.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, "hello")
			c.Close()
		}()
		c, err := p.Dial()
		simtest.Must(t, err)
		got, err := io.ReadAll(c)
		if string(got) != "hello" || err != nil || c.RemoteAddr().String() != "a.sim:1" {
			t.Errorf("%q, %v, from %v", got, err, c.RemoteAddr())
		}
		c.Close()

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.DialContext(ctx, "", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("dial without patience: %v", err)
		}
		p.Close()
		p.Close()
		if _, err := p.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after Close: %v", err)
		}
		if _, err := p.Dial(); err == nil {
			t.Error("dialled a closed pipe")
		}
	})
}

func TestNet(t *testing.T) {
	n := simserver.NewNet()
	if _, err := n.Listen("tcp", "no port"); err == nil {
		t.Error("listened at an address without a port")
	}
	if _, err := n.DialContext(t.Context(), "tcp", "a.sim:1"); err == nil {
		t.Error("dialled nobody")
	}
}
