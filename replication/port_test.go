package replication

import (
	"io"
	"net"
	"testing"
)

// bothWays runs a test over connections that goroutines read and write, and over ports.
func bothWays(t *testing.T, test func(t *testing.T, ports bool)) {
	t.Run("goroutines", func(t *testing.T) { test(t, false) })
	t.Run("ports", func(t *testing.T) { test(t, true) })
}

// openPort is the network's OpenPort.
func (n *testNet) openPort(conn net.Conn) Port {
	if !n.ports {
		return nil
	}
	return &testPort{conn: conn.(*testConn), stop: make(chan struct{}), done: make(chan struct{})}
}

// testPort serves a connection in memory as a node's loops do a socket.
type testPort struct {
	conn       *testConn
	stop, done chan struct{}
	served     bool
	ended      bool // and that was read
}

func (p *testPort) Serve(f func() (more bool)) {
	p.served = true
	go func() {
		defer close(p.done)
		for {
			p.conn.in.mu.Lock()
			changed := p.conn.in.changed
			p.conn.in.mu.Unlock()
			for !p.ended && f() {
			}
			select {
			case <-changed:
			case <-p.stop:
				return
			}
		}
	}()
}

func (p *testPort) Close() {
	close(p.stop)
	if p.served {
		<-p.done
	}
}

func (p *testPort) TryRead(b []byte) (n int, drained bool, err error) {
	h := p.conn.in
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
	p.ended = err != nil
	return n, false, err
}

func (p *testPort) TryWrite(b []byte) (n int, err error) {
	h := p.conn.out
	h.mu.Lock()
	free := h.room - len(h.buf)
	gone := h.closed || h.broken
	h.mu.Unlock()
	if gone {
		return 0, net.ErrClosed
	}
	return h.write(b[:max(0, min(free, len(b)))])
}
