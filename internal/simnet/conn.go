package simnet

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one end of a stream. Guarded by Network.mu.
type conn struct {
	host                *Host
	laddr, raddr        *net.TCPAddr
	in, out             *flow
	rd, wd              deadline
	closed              bool // by the program, or with it
	gone                bool // with the process: the kernel sends nothing again
	refused             bool // the peer was told that nothing is received here
	provoked            bool // the peer sent something after the end, and will go on until it is told
	id                  uint64
	wakeRead, wakeWrite func()
	notify              func() // whoever polls it is told so; nil: nobody does
}

// connect makes the two ends of a stream and registers them with their hosts.
func connect(n *Network, client, server *Host, caddr, saddr *net.TCPAddr) (c, s *conn) {
	c = &conn{host: client, laddr: caddr, raddr: saddr}
	s = &conn{host: server, laddr: saddr, raddr: caddr}
	c.out = newFlow(n, c, s)
	c.in = newFlow(n, s, c)
	s.in, s.out = c.out, c.in
	for _, e := range []*conn{c, s} {
		e.wakeRead = waker(n, e.in.readable.Broadcast)
		e.wakeWrite = waker(n, e.out.writable.Broadcast)
		e.id = e.host.machine.opened
		e.host.machine.opened++
		e.host.conns[e] = struct{}{}
	}
	return c, s
}

func waker(n *Network, broadcast func()) func() {
	return func() {
		n.mu.Lock()
		broadcast()
		n.unlock()
	}
}

// Read returns what has arrived, or waits for it.
func (c *conn) Read(p []byte) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	f := c.in
	for {
		switch {
		case c.closed:
			return 0, c.fail("read", net.ErrClosed)
		case c.rd.passed():
			return 0, c.fail("read", os.ErrDeadlineExceeded)
		case len(p) == 0:
			return 0, nil
		case f.arrived > f.read:
			return f.take(p), nil
		case f.fin:
			return 0, io.EOF
		case f.reset:
			return 0, c.fail("read", os.NewSyscallError("read", syscall.ECONNRESET))
		}
		f.readable.Wait()
	}
}

// Write puts p into the window piece by piece, waiting while it is full.
func (c *conn) Write(p []byte) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	f := c.out
	turn, done := false, 0
	defer func() {
		if turn {
			f.writing = false
			f.writable.Broadcast()
		}
	}()
	for {
		switch {
		case c.closed:
			return done, c.fail("write", net.ErrClosed)
		case c.wd.passed():
			return done, c.fail("write", os.ErrDeadlineExceeded)
		case c.in.reset:
			return done, c.fail("write", os.NewSyscallError("write", syscall.EPIPE))
		case done == len(p):
			return done, nil
		case !turn && !f.writing:
			turn, f.writing = true, true
			continue
		case turn && f.free() > 0:
			piece := p[done:min(len(p), done+f.free())]
			done += len(piece) // before append: it may end the stream
			f.append(piece)
			continue
		}
		f.writable.Wait()
	}
}

// Close ends both directions: the peer reads what was sent, then EOF.
func (c *conn) Close() error {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	if c.closed {
		return c.fail("close", net.ErrClosed)
	}
	n.tracef("close %s -> %s", c.laddr, c.raddr)
	unread := c.in.arrived > c.in.read
	c.detach()
	c.out.push(markFin)
	if unread {
		c.refuse()
	}
	return nil
}

// detach ends the local side; the peer notices nothing by it.
func (c *conn) detach() {
	c.closed = true
	delete(c.host.conns, c)
	c.rd.stop()
	c.wd.stop()
	c.in.discard()
	c.in.readable.Broadcast()
	c.came()
	c.out.writable.Broadcast()
}

// vanish is the end of the process or, silently, of the machine. A reset is sent only once, so a cut loses it.
func (c *conn) vanish(silent bool) {
	c.detach()
	c.gone = true
	if silent || c.out.link.blocked() {
		c.out.lose()
		return
	}
	c.refuse()
}

// refuse tells the peer, once, that nothing is received here any more.
func (c *conn) refuse() {
	if !c.refused {
		c.refused = true
		c.out.push(markRst)
	}
}

// LocalAddr is a *net.TCPAddr.
func (c *conn) LocalAddr() net.Addr { return c.laddr }

// RemoteAddr is a *net.TCPAddr.
func (c *conn) RemoteAddr() net.Addr { return c.raddr }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline fails reads from t on, also one that waits.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline fails writes from t on, also one that waits.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *conn) setDeadlines(t time.Time, read, write bool) error {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	if c.closed {
		return c.fail("set", net.ErrClosed)
	}
	if read {
		c.rd.set(t, c.wakeRead)
		c.in.readable.Broadcast()
	}
	if write {
		c.wd.set(t, c.wakeWrite)
		c.out.writable.Broadcast()
	}
	return nil
}

func (c *conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.laddr, Addr: c.raddr, Err: err}
}
