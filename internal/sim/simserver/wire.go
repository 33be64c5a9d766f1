package simserver

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// wireBuffer is how much a wire holds that nobody has read yet.
const wireBuffer = 64 << 10

// newWire returns the two ends of a connection in memory. Unlike net.Pipe it
// has a buffer, as sockets do: two ends that say goodbye at the same time, as
// those of TLS may, would each wait for the other without one.
func newWire(addr net.Addr) (net.Conn, net.Conn) {
	there, back := newHalf(), newHalf()
	return newWireEnd(addr, back, there), newWireEnd(addr, there, back)
}

// A half is one direction of a wire.
type half struct {
	mu      sync.Mutex
	buf     []byte
	ended   bool          // the writer has closed
	left    bool          // the reader has closed
	late    bool          // and something was written since
	broken  bool          // the wire was reset
	changed chan struct{} // closed, and replaced, at each change
}

func newHalf() *half { return &half{changed: make(chan struct{})} }

// change lets f change the half, and wakes those who wait.
func (h *half) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.wake()
}

func (h *half) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// read and write do what is possible at once. If that is nothing, they return
// a channel that is closed when it is worth another try.
func (h *half) read(p []byte) (n int, again <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.broken:
		return 0, nil, syscall.ECONNRESET
	case len(p) == 0:
		return 0, nil, nil
	case len(h.buf) > 0:
		n = copy(p, h.buf)
		h.buf = h.buf[n:]
		h.wake()
		return n, nil, nil
	case h.ended:
		return 0, nil, io.EOF
	}
	return 0, h.changed, nil
}

func (h *half) write(p []byte) (n int, again <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.broken:
		return 0, nil, syscall.ECONNRESET
	case h.left && !h.late:
		// A socket learns only from the echo of this that nobody is there.
		h.late = true
		return len(p), nil, nil
	case h.left:
		return 0, nil, syscall.EPIPE
	}
	n = min(len(p), wireBuffer-len(h.buf))
	if n == 0 && len(p) > 0 {
		return 0, h.changed, nil
	}
	h.buf = append(h.buf, p[:n]...)
	h.wake()
	return n, nil, nil
}

// A wireEnd is what one side holds of a wire.
type wireEnd struct {
	addr     net.Addr
	in, out  *half
	inUntil  deadline
	outUntil deadline
	closed   chan struct{}
	close    func()
}

func newWireEnd(addr net.Addr, in, out *half) *wireEnd {
	w := &wireEnd{addr: addr, in: in, out: out, closed: make(chan struct{})}
	w.close = sync.OnceFunc(func() {
		close(w.closed)
		w.inUntil.set(time.Time{})
		w.outUntil.set(time.Time{})
	})
	return w
}

func (w *wireEnd) Read(p []byte) (int, error) {
	for {
		passed, err := w.ready(&w.inUntil)
		if err != nil {
			return 0, w.failure("read", err)
		}
		n, again, err := w.in.read(p)
		if err == io.EOF {
			return 0, err
		}
		if err != nil {
			return 0, w.failure("read", err)
		}
		if again == nil {
			return n, nil
		}
		w.wait(again, passed)
	}
}

func (w *wireEnd) Write(p []byte) (int, error) {
	written := 0
	for {
		passed, err := w.ready(&w.outUntil)
		if err != nil {
			return written, w.failure("write", err)
		}
		n, again, err := w.out.write(p[written:])
		written += n
		if err != nil {
			return written, w.failure("write", err)
		}
		if written == len(p) {
			return written, nil
		}
		if again != nil {
			w.wait(again, passed)
		}
	}
}

// ready fails if this end is closed or its time is up.
func (w *wireEnd) ready(d *deadline) (passed <-chan struct{}, err error) {
	passed = d.passed()
	switch {
	case isClosed(w.closed):
		return nil, net.ErrClosed
	case isClosed(passed):
		return nil, os.ErrDeadlineExceeded
	}
	return passed, nil
}

func (w *wireEnd) wait(again, passed <-chan struct{}) {
	select {
	case <-again:
	case <-passed:
	case <-w.closed:
	}
}

func (w *wireEnd) failure(op string, err error) error {
	return &net.OpError{Op: op, Net: w.addr.Network(), Addr: w.addr, Err: err}
}

// Close lets the peer read what was written before.
func (w *wireEnd) Close() error {
	w.close()
	w.out.change(func() { w.out.ended = true })
	w.in.change(func() { w.in.left, w.in.buf = true, nil })
	return nil
}

// Reset is Close the hard way: what is on the wire is lost, and the peer gets
// an error.
func (w *wireEnd) reset() {
	w.close()
	for _, h := range []*half{w.in, w.out} {
		h.change(func() { h.broken = true })
	}
}

func (w *wireEnd) LocalAddr() net.Addr  { return w.addr }
func (w *wireEnd) RemoteAddr() net.Addr { return w.addr }

func (w *wireEnd) SetReadDeadline(t time.Time) error {
	w.inUntil.set(t)
	return nil
}

func (w *wireEnd) SetWriteDeadline(t time.Time) error {
	w.outUntil.set(t)
	return nil
}

func (w *wireEnd) SetDeadline(t time.Time) error {
	w.inUntil.set(t)
	w.outUntil.set(t)
	return nil
}

// A deadline can be moved while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	ch    chan struct{}
}

// passed returns a channel that is closed once the deadline has passed. One who
// waits on it must then ask again: the deadline may have been moved at the last
// moment.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ch == nil {
		d.ch = make(chan struct{})
	}
	return d.ch
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// A timer that is too late to stop closes the channel that it knows; those
	// who wait from here on get another. So it is with a channel closed already.
	tooLate := d.timer != nil && !d.timer.Stop()
	d.timer = nil
	if d.ch == nil || tooLate || isClosed(d.ch) {
		d.ch = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	ch := d.ch
	if left := time.Until(t); left > 0 {
		d.timer = time.AfterFunc(left, func() { close(ch) })
	} else {
		close(ch)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
