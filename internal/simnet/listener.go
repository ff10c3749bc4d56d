package simnet

import (
	"net"
	"sync"
)

// backlog is how many connections wait for Accept before further dials go unanswered.
const backlog = 1024

// listener accepts streams for one address of a host. Guarded by Network.mu.
type listener struct {
	host    *Host
	at      endpoint
	addr    *net.TCPAddr
	queue   []*conn
	waiting sync.Cond
	closed  bool
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	n := l.host.net
	n.mu.Lock()
	defer n.unlock()
	for len(l.queue) == 0 && !l.closed {
		l.waiting.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

// Close resets the connections that nobody has accepted.
func (l *listener) Close() error {
	n := l.host.net
	n.mu.Lock()
	defer n.unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	n.tracef("close listener %s", l.addr)
	l.end()
	for _, c := range l.queue {
		c.vanish(false)
	}
	l.queue = nil
	return nil
}

// end takes the listener off its host and wakes Accept.
func (l *listener) end() {
	l.closed = true
	delete(l.host.listeners, l.at)
	l.waiting.Broadcast()
}

// Addr is a *net.TCPAddr with the port that was given.
func (l *listener) Addr() net.Addr { return l.addr }
