package simnet

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Notify has f called whenever something has come, also the end, and at once if something is there; nil: nobody any
// more. f is called under the network's lock: it doesn't wait, and calls nothing of the network. It is how event loops
// poll a connection: see netloop.Pollable.
func (c *conn) Notify(f func()) {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	if c.notify = f; f != nil && (c.closed || c.in.arrived > c.in.read || c.in.fin || c.in.reset) {
		f()
	}
}

// came tells whoever polls the connection. It needs mu.
func (c *conn) came() {
	if c.notify != nil {
		c.notify()
	}
}

// TryRead reads what has arrived: 0 bytes and no error when there is nothing yet. drained says that there was no more.
func (c *conn) TryRead(p []byte) (n int, drained bool, err error) {
	c.host.net.mu.Lock()
	defer c.host.net.unlock()
	switch f := c.in; {
	case c.closed:
		return 0, false, c.fail("read", net.ErrClosed)
	case f.arrived > f.read:
		n = f.take(p)
		return n, f.arrived == f.read && !f.fin && !f.reset, nil
	case f.fin:
		return 0, false, io.EOF
	case f.reset:
		return 0, false, c.fail("read", os.NewSyscallError("read", syscall.ECONNRESET))
	}
	return 0, true, nil
}

// TryWrite puts as much of p into the window as there is room for.
func (c *conn) TryWrite(p []byte) (int, error) {
	c.host.net.mu.Lock()
	defer c.host.net.unlock()
	switch f := c.out; {
	case c.closed:
		return 0, c.fail("write", net.ErrClosed)
	case c.in.reset:
		return 0, c.fail("write", os.NewSyscallError("write", syscall.EPIPE))
	case f.writing || f.free() <= 0:
		return 0, nil
	default:
		piece := p[:min(len(p), f.free())]
		f.append(piece)
		return len(piece), nil
	}
}
