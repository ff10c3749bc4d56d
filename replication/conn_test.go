package replication

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"holdfast/netloop"
)

// pipeRoom is how much one direction of a test connection buffers, as a socket does.
const pipeRoom = 32 << 10

// half is one direction of a connection in memory. changed is closed and replaced whenever anything changes, so that
// waiting is on channels only, as testing/synctest needs it.
type half struct {
	mu            sync.Mutex
	buf           []byte
	room          int
	closed        bool // no more bytes will come; what is buffered is still read
	broken        bool // the connection was cut: nothing is read any more
	readBy, wrtBy time.Time
	changed       chan struct{}
	notify        func() // called when something has come; nil ok
}

func newHalf() *half { return &half{room: pipeRoom, changed: make(chan struct{})} }

// do runs fn under the lock until it is done, waiting for a change or the deadline in between.
func (h *half) do(deadline *time.Time, fn func() (done bool)) error {
	for {
		h.mu.Lock()
		if fn() {
			close(h.changed)
			h.changed = make(chan struct{})
			h.mu.Unlock()
			return nil
		}
		changed, by := h.changed, *deadline
		h.mu.Unlock()
		var timeout <-chan time.Time
		if !by.IsZero() {
			timer := time.NewTimer(time.Until(by))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-timeout:
			return os.ErrDeadlineExceeded
		}
	}
}

var never time.Time

func (h *half) set(fn func()) {
	_ = h.do(&never, func() bool {
		fn()
		h.came()
		return true
	})
}

// came needs mu.
func (h *half) came() {
	if h.notify != nil {
		h.notify()
	}
}

func (h *half) read(p []byte) (n int, err error) {
	timeout := h.do(&h.readBy, func() bool {
		switch {
		case h.broken:
			err = net.ErrClosed
		case len(h.buf) > 0:
			n = copy(p, h.buf)
			h.buf = h.buf[n:]
		case h.closed:
			err = io.EOF
		default:
			return false
		}
		return true
	})
	return n, errors.Join(err, timeout)
}

func (h *half) write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		timeout := h.do(&h.wrtBy, func() bool {
			free := h.room - len(h.buf)
			switch {
			case h.closed || h.broken:
				err = net.ErrClosed
			case free > 0:
				k := min(free, len(p)-n)
				h.buf = append(h.buf, p[n:n+k]...)
				n += k
				h.came()
			default:
				return false
			}
			return true
		})
		err = errors.Join(err, timeout)
	}
	return n, err
}

// testConn is one end of a connection in memory.
type testConn struct {
	in, out *half
	remote  string
}

func (c *testConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if n > 0 || err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		return 0, io.EOF
	}
	return 0, err
}

func (c *testConn) Write(p []byte) (int, error) { return c.out.write(p) }

func (c *testConn) Close() error {
	c.out.set(func() { c.out.closed = true })
	c.in.set(func() { c.in.broken = true })
	return nil
}

// cut breaks both directions at once, with what is in them.
func (c *testConn) cut() {
	c.out.set(func() { c.out.broken = true })
	c.in.set(func() { c.in.broken = true })
}

func (c *testConn) SetReadDeadline(t time.Time) error {
	c.in.set(func() { c.in.readBy = t })
	return nil
}

func (c *testConn) SetWriteDeadline(t time.Time) error {
	c.out.set(func() { c.out.wrtBy = t })
	return nil
}

func (c *testConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

type testAddr string

func (testAddr) Network() string  { return "test" }
func (a testAddr) String() string { return string(a) }

func (c *testConn) LocalAddr() net.Addr  { return testAddr("local") }
func (c *testConn) RemoteAddr() net.Addr { return testAddr(c.remote) }

// testNet connects dialers with the handlers that serve an address.
type testNet struct {
	polled bool // connections say when they have something to read
	loops  *netloop.Loops

	mu    sync.Mutex
	serve map[string]func(*testConn)
	conns map[string][]*testConn // the serving ends, by address
	wg    sync.WaitGroup
}

func newTestNet(polled bool) *testNet {
	return &testNet{polled: polled, loops: netloop.New(netloop.Config{}), serve: map[string]func(*testConn){},
		conns: map[string][]*testConn{}}
}

func (n *testNet) listen(addr string, serve func(*testConn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.serve[addr] = serve
}

// cutAll cuts all connections to addr, and with down nobody answers there any more.
func (n *testNet) cutAll(addr string, down bool) {
	n.mu.Lock()
	conns := n.conns[addr]
	n.conns[addr] = nil
	if down {
		delete(n.serve, addr)
	}
	n.mu.Unlock()
	for _, c := range conns {
		c.cut()
	}
}

func (n *testNet) Dial(_ context.Context, addr string) (net.Conn, error) {
	up, down := newHalf(), newHalf()
	server := &testConn{in: up, out: down, remote: "dialer"}
	n.mu.Lock()
	serve := n.serve[addr]
	if serve == nil {
		n.mu.Unlock()
		return nil, errors.New("connection refused")
	}
	n.conns[addr] = append(n.conns[addr], server)
	n.wg.Add(1)
	n.mu.Unlock()
	go func() {
		defer n.wg.Done()
		defer server.Close()
		serve(server)
	}()
	return n.of(&testConn{in: down, out: up, remote: addr}), nil
}

// close waits until every connection has ended.
func (n *testNet) close(t testing.TB) {
	n.wg.Wait()
	if err := n.loops.Close(); err != nil {
		t.Error(err)
	}
}

func (n *testNet) Listen(string) (net.Listener, error) { return nil, errors.ErrUnsupported }

func (n *testNet) LookupIP(context.Context, string) ([]net.IP, error) {
	return nil, errors.ErrUnsupported
}

func (n *testNet) ListenPacket(string) (net.PacketConn, error) { return nil, errors.ErrUnsupported }
