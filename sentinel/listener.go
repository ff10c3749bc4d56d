package sentinel

import (
	"net"
	"sync/atomic"
	"time"

	"holdfast/membership"
)

// sequencedListener is a listener that numbers what it accepts, see watch.hear.
type sequencedListener struct {
	net.Listener
	now     func() time.Time
	last    atomic.Uint64
	traffic *traffic
}

// sequencedConn is an accepted connection with its place in the order.
type sequencedConn struct {
	net.Conn
	origin  origin
	traffic *traffic
	heard   bool   // its first byte has been read; the reader's
	proves  func() // told when that begins a proof
}

// Read counts, and notes whether the first byte begins a proof.
func (c *sequencedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.traffic.reads.Add(1)
	c.traffic.received.Add(int64(n))
	if n > 0 && !c.heard {
		c.heard = true
		if p[0] == membership.Hello {
			c.proves()
		}
	}
	return n, err
}

func (c *sequencedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.traffic.writes.Add(1)
	c.traffic.sent.Add(int64(n))
	return n, err
}

// Accept waits for the next connection.
func (n *sequencedListener) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &sequencedConn{Conn: conn, origin: origin{number: n.last.Add(1), accepted: n.now()}, traffic: n.traffic}, nil
}

// accepted is how many connections there have been.
func (s *Sentinel) accepted() uint64 { return s.ports.last.Load() }
