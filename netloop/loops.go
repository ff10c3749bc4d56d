package netloop

import (
	"errors"
	"log/slog"
	"net"
	"sync"

	"holdfast/netloop/poll"
)

// Config is what Loops are made with. All of it may be left out.
type Config struct {
	// Execute executes what Batched connections have read, in this order. It reports whether Yield is to be called.
	Execute func(batch []Batched) (yield bool)
	// Yield has the scheduler look at other sockets.
	Yield func()
	// Expecting reports whether something is likely to come at once, so that it pays to look again before sleeping.
	Expecting func() bool
	// NewLock makes the lock that keeps the order of execution: one whose waiters let virtual time pass; nil:
	// sync.Mutex.
	NewLock func() sync.Locker
	Logger  *slog.Logger
}

// Loops are event loops, which begin with the first connection that they are to serve.
type Loops struct {
	cfg    Config
	kernel group // serves what the kernel polls
	queue  group // serves what says by itself that it has something to read
}

// New makes loops.
func New(cfg Config) *Loops {
	if cfg.NewLock == nil {
		cfg.NewLock = func() sync.Locker { return new(sync.Mutex) }
	}
	if cfg.Expecting == nil {
		cfg.Expecting = func() bool { return false }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Loops{cfg: cfg}
	l.kernel.init(&l.cfg, newKernel)
	l.queue.init(&l.cfg, newQueue)
	return l
}

// Open makes a Conn of a connection, which is closed by closing either. Of a Conn that is not served any more it makes
// one for another user.
func (l *Loops) Open(conn net.Conn) *Conn {
	if c, ok := conn.(*Conn); ok {
		return newConn(c.Conn, c.source, c.group)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && l.kernel.start() {
		if p, err := poll.NewConn(tcp); err == nil { // else it is closed already, and says so when it is used
			return newConn(conn, p, &l.kernel)
		}
	}
	p, ok := conn.(Pollable)
	if !ok {
		p = newReadAhead(conn)
	}
	l.queue.start()
	return newConn(p, p, &l.queue)
}

// Close ends the loops. No connection may be served any more.
func (l *Loops) Close() error { return errors.Join(l.kernel.close(), l.queue.close()) }
