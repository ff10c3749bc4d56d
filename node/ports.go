package node

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/node/poll"
	"holdfast/replication"
)

// port is the connection of a link of the chain that the loops serve beside the clients'. So a write goes down the chain, and its
// acknowledgement back up, without a goroutine having to wake for it: what a loop has read is applied, passed on and acknowledged by the
// loop.
type port struct {
	l     *loops
	conn  *poll.Conn
	asked atomic.Int32 // who has asked for serve since it was begun
	ended atomic.Bool  // it is to be read until it says that it has ended

	mu     sync.Mutex // held by who serves it
	serve  func() (more bool)
	closed bool
}

// port makes a port of a connection; nil when it can't be polled.
func (l *loops) port(conn net.Conn) replication.Port {
	if c := l.poll(conn); c != nil {
		return &port{l: l, conn: c}
	}
	return nil
}

// Serve has f called whenever there may be something to read.
func (p *port) Serve(f func() (more bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.serve = f
	_ = p.l.set.Add(p.conn, served{port: p}) // it fails where the connection is closed, which its link will notice
}

// run serves the port, unless somebody is about it, who then does so once more. It reports whether there is more to do.
func (p *port) run() (more bool) {
	if p.asked.Add(1) > 1 {
		return false
	}
	for again := true; again; {
		p.asked.Store(1)
		p.mu.Lock()
		more = !p.closed && p.serve()
		p.mu.Unlock()
		again = !p.asked.CompareAndSwap(1, 0) && !more
	}
	if more {
		p.asked.Store(0)
	}
	return more
}

// TryRead reads what there is.
func (p *port) TryRead(b []byte) (n int, drained bool, err error) {
	n, drained, err = p.conn.TryRead(b)
	return n, drained && (n == 0 || !p.ended.Load()), err
}

// TryWrite writes as much of b as the connection takes now.
func (p *port) TryWrite(b []byte) (int, error) { return p.conn.TryWrite(b) }

// Close waits until the loops have left the connection alone.
func (p *port) Close() {
	p.l.set.Remove(p.conn)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
}

// runPorts serves ports, and returns those of which there is more to do.
func runPorts(ports []*port) (left []*port) {
	left = ports[:0]
	for _, p := range ports {
		if p.run() {
			left = append(left, p)
		}
	}
	clear(ports[len(left):])
	return left
}

// linger is how a loop comes to know whether the chain is near: whether what it waits for comes within lingerFor.
type linger struct {
	linked bool // the last turn served a port
	luck   int  // what came, less what did not, when it last lingered
	passed int  // turns since, in which it did not
	awake  int  // turns since it last let the scheduler look at other sockets
}

const (
	// lingerFor is some times what it takes to fall asleep and be woken: a write's way to near members and back takes as long when nobody
	// on it sleeps, and twice that when all do.
	lingerFor = 100 * time.Microsecond
	// lingerPiece is for how long others who run Go code here have to wait for it, as one does whose sync of the log has ended.
	lingerPiece = 10 * time.Microsecond
	maxLuck     = 8
	tryAgain    = 64
	maxAwake    = 16
)

// await waits for connections that have something to read. While the chain is about something it does not fall asleep at once, if that has
// been of use lately.
func (l *loops) await(ready []poll.Ready[served], block bool, n *linger) ([]poll.Ready[served], error) {
	if !block || !n.linked && l.n.log.Commit() >= l.n.log.End() {
		return l.set.Wait(ready, block)
	}
	if n.luck <= 0 && n.passed < tryAgain {
		n.passed++
		return l.set.Wait(ready, block)
	}
	for until := time.Now().Add(lingerFor); len(ready) == 0 && time.Now().Before(until); {
		runtime.Gosched()
		var err error
		if ready, err = l.set.Linger(ready, lingerPiece); err != nil {
			return ready, err
		}
	}
	n.passed = 0
	if len(ready) == 0 {
		n.luck, n.awake = max(n.luck-1, 0), 0
		return l.set.Wait(ready, block)
	}
	n.luck = min(n.luck+1, maxLuck)
	if n.awake++; n.awake >= maxAwake && l.n.yield != nil {
		n.awake = 0
		l.n.yield()
	}
	return ready, nil
}
