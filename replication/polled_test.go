package replication

import (
	"io"
	"net"
	"testing"
)

// bothWays runs a test over connections that say when they have something to read, and over such as have to be read
// ahead.
func bothWays(t *testing.T, test func(t *testing.T, polled bool)) {
	t.Run("read ahead", func(t *testing.T) { test(t, false) })
	t.Run("polled", func(t *testing.T) { test(t, true) })
}

// of is what the loops get to see of a connection.
func (n *testNet) of(conn *testConn) net.Conn {
	if n.polled {
		return polledConn{conn}
	}
	return conn
}

// polledConn is a connection in memory that says when it has something to read.
type polledConn struct{ *testConn }

// Notify has f called when something has come.
func (c polledConn) Notify(f func()) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.in.notify = f; f != nil {
		f()
	}
}

func (c polledConn) TryRead(b []byte) (n int, drained bool, err error) {
	h := c.in
	h.mu.Lock()
	empty := len(h.buf) == 0 && !h.closed && !h.broken
	h.mu.Unlock()
	if empty {
		return 0, true, nil
	}
	n, err = h.read(b)
	if n > 0 {
		err = nil
	} else if err == nil {
		err = io.EOF
	}
	return n, false, err
}

func (c polledConn) TryWrite(b []byte) (n int, err error) {
	h := c.out
	h.mu.Lock()
	free := h.room - len(h.buf)
	gone := h.closed || h.broken
	h.mu.Unlock()
	if gone {
		return 0, net.ErrClosed
	}
	return h.write(b[:max(0, min(free, len(b)))])
}
