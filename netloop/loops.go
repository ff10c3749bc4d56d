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
	// Lock is held while Execute is called, and keeps the order of execution; nil: one of their own.
	Lock   sync.Locker
	Logger *slog.Logger
}

func (c *Config) execute(batch []Batched) (yield bool) { return c.Execute(batch) }

// Loops are event loops, which begin with the first connection that they are to serve.
type Loops struct {
	cfg    Config
	hand   hand
	kernel group // serves what the kernel polls
	queue  group // serves what says by itself that it has something to read
}

// New makes loops.
func New(cfg Config) *Loops {
	if cfg.Lock == nil {
		cfg.Lock = new(sync.Mutex)
	}
	if cfg.Expecting == nil {
		cfg.Expecting = func() bool { return false }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Loops{cfg: cfg}
	l.kernel.init(&l.cfg, &l.hand, newKernel)
	l.queue.init(&l.cfg, &l.hand, newQueue)
	return l
}

// hand is what the loop that executes has in hand. It is guarded by Config.Lock.
type hand struct{ conns *[]*Conn }

// LetGo has others serve the connections that the loop has in hand whose execution goes on, all but one. It is called
// from within Execute.
func (l *Loops) LetGo(but *Conn) {
	if l.hand.conns == nil {
		return
	}
	for _, c := range *l.hand.conns {
		if c != but {
			c.group.done.Go(c.goOn)
		}
	}
	*l.hand.conns = append((*l.hand.conns)[:0], but)
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
