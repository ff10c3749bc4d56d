package node

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"holdfast/node/command"
	"holdfast/node/session"
	"holdfast/resp"
)

// wire carries a connection's bytes.
type wire interface {
	io.ReadWriter
	// Wait waits until there is something to read, or the connection has ended.
	Wait() error
}

// driver owns one client's socket: it reads bytes into the session's parser, hands whole pipelines to the node, and
// writes what the session's output lets go. The goroutine that serves the connection reads and, as a rule, writes; a
// reply that had to wait, or a message from another session, is written by a goroutine of its own, so that nobody ever
// waits for somebody else's slow client.
type driver struct {
	n    *Node
	conn net.Conn
	wire wire // the connection's bytes
	s    *session.Session
	ctx  *command.Context

	cmds   [][][]byte // the pipeline in hand: parsed, and not yet executed from next on
	next   int
	yield  bool        // others must have a chance to be noticed before the next turn
	kept   bool        // what is left of cmds was copied out of the buffer
	limits resp.Limits // the parser's
	from   int64       // how much input was consumed before cmds
	bad    error       // what stands in the buffer behind cmds is no command

	waits bool // the input's buffer was given back: it is made anew once there is something to read

	received, reads int64        // since the last turn
	sent, writes    atomic.Int64 // likewise

	gate    atomic.Int64 // the gate registered with the node's gates; 0: none
	broken  atomic.Bool  // a write failed: the reader ends the connection
	flushed chan struct{}
}

const (
	// maxBatch bounds how many commands one turn under the execution lock may take.
	maxBatch = 512
	// maxPending is how many bytes of replies may wait for the commit point before no more of the client's commands run.
	maxPending = 1 << 20
)

// aLongTimeAgo as a deadline has a blocked Read return at once.
var aLongTimeAgo = time.Unix(1, 0)

// serve runs a client's connection to its end.
func (n *Node) serve(ctx context.Context, conn net.Conn) {
	d := &driver{n: n, conn: conn, wire: newWire(conn), flushed: make(chan struct{}, 1)}
	if refusal := n.welcome(d); refusal != "" {
		_ = conn.SetWriteDeadline(time.Now().Add(drainTimeout))
		_, _ = conn.Write([]byte("-" + refusal + "\r\n"))
		return
	}
	err := d.loop(ctx)
	n.farewell(d, err)
}

func (d *driver) loop(ctx context.Context) error {
	for {
		if err := d.parse(); err != nil {
			return d.protocolError(err)
		}
		if d.next < len(d.cmds) {
			if err := d.n.makeRoom(ctx); err != nil {
				return err
			}
			batch := d.batch()
			state := d.n.run(d)
			d.flush()
			if d.yield && d.n.yield != nil {
				d.n.yield()
			}
			switch {
			case state == stateClosing:
				d.drain()
				return nil
			case state == stateHijacked:
				d.drain()
				return d.handOver()
			case d.s.Out.Len() > maxPending, state == stateParked && d.next < len(d.cmds) && d.s.In.Buffered() > maxPending:
				// Something must happen first; more input has to wait.
				if err := d.await(ctx); err != nil {
					return err
				}
				continue
			case state == stateParked && d.next < len(d.cmds):
				d.keep() // the reading goes on, so that the end of the connection is seen
			case state == stateReady && d.next < len(d.cmds):
				continue // others have had their turn
			case len(d.cmds) == batch, d.bad != nil:
				continue // there is more in the buffer
			}
		}
		woken, err := d.read()
		if err != nil {
			return err
		}
		if woken && d.n.closing(d.s) {
			d.drain()
			return nil
		}
	}
}

// batch is how many commands are parsed before they run. Of a client that has to authenticate it is one: what comes behind AUTH is
// held to other limits.
func (d *driver) batch() int {
	if d.limits.Unauthenticated {
		return 1
	}
	return maxBatch
}

// parse takes the next pipeline out of the buffer, once the one in hand is done.
func (d *driver) parse() error {
	if d.next < len(d.cmds) {
		return nil
	}
	d.cmds, d.next, d.kept, d.from = d.cmds[:0], 0, false, d.s.In.Consumed()
	if d.bad != nil {
		return d.bad
	}
	for len(d.cmds) < d.batch() {
		args, err := d.s.In.Next()
		if err != nil {
			if len(d.cmds) > 0 {
				d.bad = err // what came before it is executed first
				return nil
			}
			return err
		}
		if args == nil {
			return nil
		}
		d.cmds = append(d.cmds, args)
	}
	return nil
}

// keep copies the commands that are left out of the parser's buffer, which the next read may move.
func (d *driver) keep() {
	if d.kept {
		return
	}
	d.kept = true
	for i, args := range d.cmds[d.next:] {
		d.cmds[d.next+i] = command.Copy(args)
	}
}

// read waits for bytes, or for a wake-up.
func (d *driver) read() (woken bool, err error) {
	n, err := 0, error(nil)
	if d.waits {
		err = d.wire.Wait()
	}
	if err == nil {
		d.waits = false
		n, err = d.wire.Read(d.s.In.Space(0))
	}
	if n > 0 {
		d.s.In.Fill(n)
		d.s.NoteInput()
		d.received += int64(n)
		d.reads++
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// Woken: the session was unblocked, or is to be closed. The deadline is lifted before the state is looked at, so
		// that a wake-up that comes now is seen by the next read.
		_ = d.conn.SetReadDeadline(time.Time{})
		woken, err = true, nil
		if d.s.InputReleased() && d.next == len(d.cmds) && d.s.In.Release() {
			d.cmds, d.next, d.waits = nil, 0, true
			d.s.NoteInput()
		}
	}
	if d.broken.Load() {
		return woken, io.ErrClosedPipe
	}
	if n > 0 {
		err = nil // it comes again
	}
	return woken, err
}

// await waits until the session was woken or its output has been written.
func (d *driver) await(ctx context.Context) error {
	select {
	case <-d.flushed:
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.broken.Load() {
		return io.ErrClosedPipe
	}
	return nil
}

// wake is called by anybody, at any time: there is output to flush, or the session's state has changed.
func (d *driver) wake() {
	d.flushSoon()
	_ = d.conn.SetReadDeadline(aLongTimeAgo)
	d.signal()
}

func (d *driver) signal() {
	select {
	case d.flushed <- struct{}{}:
	default:
	}
}

// flushSoon writes from another goroutine, and lets the connection's own go on when all has left.
func (d *driver) flushSoon() {
	d.n.writers.Go(func() {
		if d.flush() {
			d.signal()
		}
	})
}

// flush writes what may leave, and registers for the commit point when something may not yet. It reports whether nothing
// is held back. It signals nobody: the connection's own goroutine, which may be about to wait, calls it too.
func (d *driver) flush() (all bool) {
	for {
		commit := d.n.log.Commit()
		p, wait := d.s.Out.Take(commit)
		if len(p) > 0 {
			_, err := d.wire.Write(p)
			d.sent.Add(int64(len(p)))
			d.writes.Add(1)
			more := d.s.Out.Done(p)
			if err != nil {
				d.fail()
				return true
			}
			if !more {
				return true
			}
			continue
		}
		if wait == 0 {
			return true
		}
		if d.gate.Swap(wait) != wait {
			d.n.gates.add(wait, d)
		}
		if d.n.log.Commit() < wait {
			return false
		}
		d.gate.Store(0)
	}
}

// fail ends a connection whose peer takes no more.
func (d *driver) fail() {
	d.broken.Store(true)
	d.s.Out.Discard()
	_ = d.conn.SetReadDeadline(aLongTimeAgo)
	d.signal()
}

// drain waits, for a bounded time, until the output has left: the last reply of a connection that ends.
func (d *driver) drain() {
	deadline := time.NewTimer(drainTimeout)
	defer deadline.Stop()
	_ = d.conn.SetWriteDeadline(time.Now().Add(drainTimeout))
	for {
		d.flush()
		if d.s.Out.Idle() || d.broken.Load() {
			return
		}
		select {
		case <-d.flushed:
		case <-deadline.C:
			return
		case <-d.n.stopped:
			return
		}
	}
}

const drainTimeout = 2 * time.Second

// protocolError answers bytes that are no command and ends the connection.
func (d *driver) protocolError(err error) error {
	d.n.mu.Lock()
	d.s.W.Error(err)
	d.n.env.Stats.Error("ERR")
	d.s.Stage(0, 0)
	d.n.mu.Unlock()
	d.drain()
	return err
}

// count adds the connection's traffic since the last turn to the node's; it needs the execution lock.
func (d *driver) count(s *command.Stats) {
	s.NetInput += d.received
	s.Reads += d.reads
	s.NetOutput += d.sent.Swap(0)
	s.Writes += d.writes.Swap(0)
	d.received, d.reads = 0, 0
}

// handOver gives the connection to what PSYNC asked for.
func (d *driver) handOver() error {
	take := d.s.Hijacked()
	_ = d.conn.SetReadDeadline(time.Time{})
	buffered := d.s.In.Rest()
	d.n.forget(d)
	take(d.conn, buffered)
	return nil
}
