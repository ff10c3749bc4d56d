package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"holdfast/node/poll"
)

// loops serve the connections that can be polled: a loop waits until some have something to read, executes their pipelines
// in one turn, in the order in which the bytes came, and writes the replies. While one loop writes, the next one reads; what
// they execute keeps the order, because a loop takes its place in the queue for execution before it lets the next one
// read.
//
// Whatever can't be done at once is not a loop's work: it gives the connection back to its own goroutine (see driver).
type loops struct {
	n         *Node
	once      sync.Once
	set       *poll.Set[served] // nil: connections can't be polled here
	reader    chan struct{}     // a token: who has it waits for connections, and reads them
	executing sync.Mutex
	count     int
	done      sync.WaitGroup
}

// served is a connection that the loops serve: a client's, or a port.
type served struct {
	driver *driver
	port   *port
}

// polled is what a client's connection has that the loops serve.
type polled struct {
	conn  *poll.Conn
	owner atomic.Int32
	woken atomic.Bool
	ended atomic.Bool // the connection is to be read until it says that it has ended
	quit  atomic.Bool // the node wants it back

	readable bool         // it may have something to read; the owner's
	err      error        // how it has ended; the owner's
	watched  bool         // it is in the set; its own goroutine's
	back     chan verdict // gives it back to its own goroutine
}

// Who owns a polled connection.
const (
	ownerServe int32 = iota // its own goroutine
	ownerNone               // whoever hears of it first
	ownerBusy               // a loop, or a goroutine that was started to wake it
	ownerAgain              // the same, and it has to look again
)

const (
	// maxReady is how many connections one turn of a loop serves.
	maxReady = 64
	// fewReady is how many connections a loop serves without having another take over the reading: to wake that one
	// takes longer.
	fewReady = 2
	// maxLoops bounds the loops: of what they do only the writing takes place side by side.
	maxLoops = 4
)

// prepare is what the loops need to serve conn; nil when it can't be polled.
func (l *loops) prepare(conn net.Conn) *polled {
	if c := l.poll(conn); c != nil {
		return &polled{conn: c, back: make(chan verdict, 1)}
	}
	return nil
}

// poll prepares conn to be polled; nil when it can't be.
func (l *loops) poll(conn net.Conn) *poll.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	if l.once.Do(l.start); l.set == nil {
		return nil
	}
	c, err := poll.NewConn(tcp)
	if err != nil {
		return nil // it is closed already, and says so when it is used
	}
	return c
}

func (l *loops) start() {
	set, err := poll.New[served](maxReady)
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			l.n.logger.Warn("connections are served by a goroutine each", "err", err)
		}
		return
	}
	l.set = set
	l.reader = make(chan struct{}, 1)
	l.reader <- struct{}{}
	l.count = min(runtime.GOMAXPROCS(0), maxLoops)
	for range l.count {
		l.done.Go(l.run)
	}
}

// close ends the loops, once they have no connections any more.
func (l *loops) close() error {
	if l.set == nil {
		return nil
	}
	err := l.set.Close()
	l.done.Wait()
	return err
}

// forget takes d's connection out of the set.
func (l *loops) forget(d *driver) {
	if d.polled != nil {
		l.set.Remove(d.polled.conn)
	}
}

// serve has the loops serve a connection until it needs something that they can't do.
func (l *loops) serve(ctx context.Context, d *driver) (verdict, error) {
	p := d.polled
	p.owner.Store(ownerBusy)
	p.woken.Store(true)    // what happened meanwhile was not noticed,
	p.readable = p.watched // nor what came, but for what Add reports
	l.advance(d)
	if !p.watched {
		p.watched = true
		if err := l.set.Add(p.conn, served{driver: d}); err != nil {
			l.takeBack(d)
			return finish, fmt.Errorf("polling a connection: %w", err)
		}
	}
	select {
	case next := <-p.back:
		return next, p.err
	case <-ctx.Done():
		l.takeBack(d)
		return finish, ctx.Err()
	}
}

// takeBack makes the connection's own goroutine, which calls it, the owner for good.
func (l *loops) takeBack(d *driver) {
	d.polled.quit.Store(true)
	l.wake(d)
	<-d.polled.back
}

// wake has whoever owns the connection look at it again. It reports false when that is its own goroutine.
func (l *loops) wake(d *driver) bool {
	d.polled.woken.Store(true)
	switch d.polled.claim() {
	case ownerNone:
		l.n.writers.Go(func() { l.advance(d) })
	case ownerServe:
		return false
	}
	return true
}

// claim makes the caller the owner if it returns ownerNone. Another owner, but the connection's own goroutine, will look again.
func (p *polled) claim() (was int32) {
	for {
		was = p.owner.Load()
		next := ownerBusy
		switch was {
		case ownerServe, ownerAgain:
			return was
		case ownerBusy:
			next = ownerAgain
		}
		if p.owner.CompareAndSwap(was, next) {
			return was
		}
	}
}

// advance serves one connection that the caller owns, until there is nothing more to do.
func (l *loops) advance(d *driver) {
	for more := true; more; {
		if l.fetch(d) {
			if l.n.run(d.self) {
				l.n.yield()
			}
		}
		more = l.settle(d)
	}
}

// run is one loop.
func (l *loops) run() {
	var ready []poll.Ready[served]
	var all, active []*driver // of which there is more to do; which have something to run
	var ports []*port         // of which there is more to do
	var near linger
	reads := false // it has the token
	for {
		if !reads {
			reads = l.takeOver(len(all)+len(ports) == 0)
		}
		if reads {
			var err error
			if ready, err = l.await(ready[:0], len(all)+len(ports) == 0, &near); err != nil {
				l.reader <- struct{}{} // the others find out too
				return
			}
			for _, r := range ready {
				if p := r.Of.port; p != nil {
					if r.Ended {
						p.ended.Store(true)
					}
					ports = append(ports, p)
					continue
				}
				d := r.Of.driver
				if r.Ended {
					d.polled.ended.Store(true)
				}
				if d.polled.claim() == ownerNone {
					d.polled.readable = true
					all = append(all, d)
				}
			}
		}
		active = active[:0]
		for _, d := range all {
			if l.fetch(d) {
				active = append(active, d)
			}
		}
		l.executing.Lock()
		if reads && len(active)+len(ports) > fewReady && l.count > 1 {
			l.reader <- struct{}{}
			reads = false
		}
		yield := l.n.run(active)
		l.executing.Unlock()
		near.linked = len(ports) > 0
		ports = runPorts(ports)
		left := all[:0]
		for _, d := range all {
			if l.settle(d) {
				left = append(left, d)
			}
		}
		clear(all[len(left):])
		clear(ready) // who has gone is not to be kept
		clear(active)
		all = left
		if yield {
			l.n.yield()
		}
	}
}

// takeOver takes the token, and waits for it if it is told to.
func (l *loops) takeOver(wait bool) bool {
	if wait {
		<-l.reader
		return true
	}
	select {
	case <-l.reader:
		return true
	default:
		return false
	}
}

// fetch reads and parses a connection's next pipeline. It reports whether there is something to run.
func (l *loops) fetch(d *driver) bool {
	p := d.polled
	if p.owner.CompareAndSwap(ownerAgain, ownerBusy) {
		p.readable = true
	}
	woken := p.woken.Load() && p.woken.Swap(false)
	if woken && d.s.InputReleased() && d.next == len(d.cmds) && d.s.In.Release() {
		d.cmds, d.next = nil, 0
		d.s.NoteInput()
	}
	err := d.parse()
	if err == nil && p.readable && (d.next == len(d.cmds) || d.kept) {
		n, drained, e := p.conn.TryRead(d.s.In.Space(0))
		d.took(n)
		p.err = e
		p.readable = !drained || e == nil && p.ended.Load()
		err = d.parse()
	}
	return p.err == nil && err == nil && (woken || d.next < len(d.cmds) && l.n.hasRoom())
}

// settle writes what may leave after a turn, and gives the connection back when the loops can't go on with it. It reports
// whether there is more for its owner to do; otherwise somebody else may own it from here on.
func (l *loops) settle(d *driver) (more bool) {
	// Its answer may bring the client's next command at once, which then must find nobody here, to keep its place in the order.
	if l.rests(d) && d.polled.owner.CompareAndSwap(ownerBusy, ownerNone) {
		d.flush(false)
		if d.draining.Load() { // that command was its last: its goroutine waits for this write to have ended
			d.signal()
		}
		return false
	}
	d.flush(false)
	p, next := d.polled, d.verdict()
	switch {
	case d.broken.Load():
		p.err, next = io.ErrClosedPipe, finish
	case p.err != nil, p.quit.Load():
		next = finish
	case d.bad != nil && !d.more, next == again && !l.n.hasRoom():
		next = again // its own goroutine will answer the error, or wait
	case next == again, next == input:
		return !l.rests(d) || !p.owner.CompareAndSwap(ownerBusy, ownerNone)
	}
	p.owner.Store(ownerServe)
	p.back <- next
	return false
}

// rests reports whether there is nothing to do for a connection until somebody claims it.
func (l *loops) rests(d *driver) bool {
	p := d.polled
	return !p.readable && p.err == nil && d.bad == nil && !p.quit.Load() && !d.broken.Load() && d.verdict() == input
}
