package netloop

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
)

// Conn is a connection that loops serve. While they don't, it is read and written as any other net.Conn; it may be
// written so at any time.
//
// ServeBatched, Start and Stop are for the connection's own goroutine. Those methods that say so are for the user while
// it is called; one goroutine at a time then owns the connection.
type Conn struct {
	net.Conn
	source source
	group  *group
	queued bool // in a queue; guarded by its lock

	owner    atomic.Int32
	woken    atomic.Bool
	ended    atomic.Bool // it is to be read until it says that it has ended
	stopping atomic.Bool // its own goroutine wants it back

	readable bool // it may have something to read; the owner's

	// Its user, one of the two, before the poller knows of the connection.
	batched Batched
	direct  func() (more bool)
	self    []Batched // batched alone, to be executed

	watched bool          // by the poller; its own goroutine's, as what follows
	lent    bool          // the loops serve it
	back    chan struct{} // a token: they have given it back
}

func newConn(conn net.Conn, s source, g *group) *Conn {
	return &Conn{Conn: conn, source: s, group: g, back: make(chan struct{}, 1)}
}

// Batched is the user of a connection whose input is executed together with that of others.
type Batched interface {
	// Fetch reads what there is. It reports whether there is something to execute.
	Fetch() (execute bool)
	// Settle goes on after what was fetched, if anything, has been executed. It reports whether there is more to do at
	// once. If not it has called Rest, with success, or Return.
	Settle() (more bool)
}

// Who owns a connection.
const (
	away  int32 = iota // its own goroutine
	idle               // whoever hears of it first
	busy               // a loop, or a goroutine that was started to wake it
	again              // the same, and it has to look again
)

// ServeBatched has the loops serve the connection until b calls Return, or ctx ends.
func (c *Conn) ServeBatched(ctx context.Context, b Batched) error {
	if c.batched == nil {
		c.batched, c.self = b, []Batched{b}
	}
	c.lent = true
	c.owner.Store(busy)
	c.woken.Store(true)    // what happened meanwhile was not noticed,
	c.readable = c.watched // nor what came, but for what add reports
	c.advance()
	if !c.watched {
		c.watched = true
		if err := c.group.poller.add(c); err != nil {
			c.takeBack()
			return fmt.Errorf("polling a connection: %w", err)
		}
	}
	select {
	case <-c.back:
		c.lent = false
		return nil
	case <-ctx.Done():
		c.takeBack()
		return ctx.Err()
	}
}

// Start has f called, by one goroutine at a time, whenever there may be something to read, and again when it answers
// that there is more.
func (c *Conn) Start(f func() (more bool)) {
	c.direct = f
	c.lent, c.watched = true, true
	c.owner.Store(idle)
	c.group.watchdog.add(c)
	_ = c.group.poller.add(c) // it fails where the connection is closed, which its user will notice
}

// Stop waits until the loops have left the connection alone. It stays open, and may be served again. The user must not
// call it while it is called itself.
func (c *Conn) Stop() {
	if c.lent {
		c.takeBack()
	}
	if c.watched {
		c.watched = false
		c.group.watchdog.remove(c)
		c.group.poller.remove(c)
	}
}

// takeBack makes the connection's own goroutine, which calls it, the owner.
func (c *Conn) takeBack() {
	c.stopping.Store(true)
	if c.claim() == idle {
		c.owner.Store(away)
	} else {
		<-c.back
	}
	c.stopping.Store(false)
	c.lent = false
}

// Wake has whoever serves the connection look at it again. It reports false when nobody does but its own goroutine.
func (c *Conn) Wake() bool {
	c.woken.Store(true)
	switch c.claim() {
	case idle:
		c.group.done.Go(c.advance)
	case away:
		return false
	}
	return true
}

// claim makes the caller the owner if it returns idle. Another owner, but the connection's own goroutine, will look
// again.
func (c *Conn) claim() (was int32) {
	for {
		was = c.owner.Load()
		next := busy
		switch was {
		case away, again:
			return was
		case busy:
			next = again
		}
		if c.owner.CompareAndSwap(was, next) {
			return was
		}
	}
}

// advance serves a batched connection that the caller owns by itself, until there is nothing more to do.
func (c *Conn) advance() {
	cfg := c.group.cfg
	for more := true; more; {
		if c.fetch() && c.execute() && cfg.Yield != nil {
			cfg.Yield()
		}
		more = c.settle()
	}
}

// goOn is advance for what a loop had in hand, and has not settled yet.
func (c *Conn) goOn() {
	if c.settle() {
		c.advance()
	}
}

// execute executes the connection's commands, and no others.
func (c *Conn) execute() (yield bool) {
	g := c.group
	g.cfg.Lock.Lock()
	defer g.cfg.Lock.Unlock()
	g.hand.conns = nil
	return g.cfg.execute(c.self)
}

func (c *Conn) fetch() bool {
	if c.owner.CompareAndSwap(again, busy) {
		c.readable = true
	}
	return c.batched.Fetch()
}

func (c *Conn) settle() (more bool) { return c.batched.Settle() }

// serve has the user of a connection that is not batched called, unless somebody is about it, who then does so once
// more. It reports whether there is more to do.
func (c *Conn) serve() (more bool) {
	if c.claim() != idle {
		return false
	}
	for {
		if c.stopping.Load() {
			c.Return()
			return false
		}
		more = c.direct()
		if c.owner.CompareAndSwap(busy, idle) || more && c.owner.CompareAndSwap(again, idle) {
			return more
		}
		c.owner.Store(busy)
	}
}

// TryRead reads what there is: 0 bytes and no error when there is nothing yet. drained says that there was no more, so
// that it will be told when something has come. For the user.
func (c *Conn) TryRead(p []byte) (n int, drained bool, err error) {
	n, drained, err = c.source.TryRead(p)
	drained = drained && (n == 0 || !c.ended.Load())
	c.readable = !drained
	return n, drained, err
}

// TryWrite writes as much of p as the connection takes now. What is left is for Write, which waits. One goroutine at a
// time may call it, any.
func (c *Conn) TryWrite(p []byte) (n int, err error) { return c.source.TryWrite(p) }

// Readable reports whether there may be something to read. For the user.
func (c *Conn) Readable() bool { return c.readable }

// TakeWake reports whether Wake was called since. For the user.
func (c *Conn) TakeWake() bool { return c.woken.Load() && c.woken.Swap(false) }

// Stopping reports whether the connection is to be given back. For the user.
func (c *Conn) Stopping() bool { return c.stopping.Load() }

// Rest leaves the connection to whoever hears of it first. It fails when there is more to do. For the user.
func (c *Conn) Rest() bool { return c.owner.CompareAndSwap(busy, idle) }

// Return gives the connection back to its own goroutine. For the user.
func (c *Conn) Return() {
	c.owner.Store(away)
	c.back <- struct{}{}
}
