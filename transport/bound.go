package transport

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bound is a listener of which no more than most connections are open at a time, so that strangers can't take all file
// descriptors: one more ends the one from which nothing was read for longest. It suits protocols in which whoever
// connects speaks at once, and connects again when he has to.
func Bound(l net.Listener, most int) net.Listener { return &bound{Listener: l, most: most} }

type bound struct {
	net.Listener
	most int

	mu   sync.Mutex // guards open
	open []*boundConn
}

type boundConn struct {
	net.Conn
	of   *bound
	read atomic.Int64 // when something was read last, or it was accepted: nanoseconds of the process's clock
}

var epoch = time.Now()

// Accept waits for the next connection.
func (b *bound) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &boundConn{Conn: conn, of: b}
	c.read.Store(int64(time.Since(epoch)))
	b.mu.Lock()
	b.open = append(b.open, c)
	var idlest *boundConn
	if len(b.open) > b.most {
		idlest = slices.MinFunc(b.open, func(x, y *boundConn) int { return int(x.read.Load() - y.read.Load()) })
	}
	b.mu.Unlock()
	if idlest != nil {
		_ = idlest.Close() // its user sees the error
	}
	return c, nil
}

func (c *boundConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.read.Store(int64(time.Since(epoch)))
	}
	return n, err
}

func (c *boundConn) Close() error {
	c.of.mu.Lock()
	if i := slices.Index(c.of.open, c); i >= 0 {
		c.of.open = slices.Delete(c.of.open, i, i+1)
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}
