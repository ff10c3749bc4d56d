package resp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"holdfast/netloop"
	"holdfast/node/command"
	"holdfast/node/member"
	"holdfast/resp"
	"holdfast/server/session"
)

// driver owns one client's connection: it reads bytes into the session's parser, hands whole pipelines to the door, and
// writes what the session's output lets go.
//
// The node's loops serve it as long as all is ordinary (see package netloop); its own goroutine does whatever has to
// wait. One of them at a time owns the driver. A reply that had to wait is written by whoever moves the commit point,
// as far as the connection takes it at once. What it does not take, and a message from another session, is left to a
// goroutine of its own, so that nobody ever waits for somebody else's slow client.
type driver struct {
	door *Door
	conn *netloop.Conn
	s    *session.Session
	ctx  *command.Context

	cmds               [][][]byte // the pipeline in hand: parsed, and not yet executed from next on
	next               int
	state              sessionState // what the last turn left
	appended, deferred bool         // the turn in hand has written to the log; it met a command that is held back
	more               bool         // behind cmds there may be another whole command in the buffer
	kept               bool         // what is left of cmds was copied out of the buffer
	limits             resp.Limits  // the parser's
	from               int64        // how much input was consumed before cmds
	bad                error        // what stands in the buffer behind cmds is no command

	received, reads int64        // since the last turn
	sent, writes    atomic.Int64 // likewise

	greeted     bool       // the connection's first byte has been looked at
	proving     bool       // it begins a proof that this is a member's connection
	membersOnly resp.Error // the refusal of whoever proves nothing; empty: anybody may connect

	err     error        // how the connection has ended
	then    verdict      // why the loops have given it back
	gate    atomic.Int64 // the gate registered with the door's gates; 0: none
	broken  atomic.Bool  // a write failed: the owner ends the connection
	flushed chan struct{}

	draining atomic.Bool // its own goroutine waits until the output has left
}

// verdict is what a connection needs next.
type verdict int

const (
	again    verdict = iota // a turn: there may be more in its buffer
	input                   // bytes, or a wake-up
	await                   // that its output leaves, or that it is woken: until then no more is read
	finish                  // nothing, once its output has left
	handOver                // the same; then the connection is somebody else's
	prove                   // to read a member's proof
)

const (
	// maxBatch bounds how many commands one turn under the execution lock may take.
	maxBatch = 512
	// maxPending is how many bytes of replies may wait for the commit point before no more of the client's commands
	// run.
	maxPending = 1 << 20
)

// Serve runs a client's connection to its end.
func (o *Door) Serve(ctx context.Context, conn net.Conn) {
	d := &driver{door: o, conn: o.loops.Open(conn), flushed: make(chan struct{}, 1)}
	if refusal := o.welcome(d); refusal != "" {
		_ = conn.SetWriteDeadline(time.Now().Add(drainTimeout))
		_, _ = conn.Write([]byte("-" + refusal + "\r\n"))
		return
	}
	err := d.loop(ctx)
	d.conn.Stop()
	o.farewell(d, err)
}

func (d *driver) loop(ctx context.Context) (err error) {
	for next := again; err == nil; {
		switch next {
		case again:
			next, err = d.begin(ctx)
		case input:
			next, err = d.served(ctx)
		case await:
			next, err = again, d.await(ctx)
		case prove:
			next, err = again, d.prove(ctx)
		case finish:
			d.drain()
			return nil
		case handOver:
			d.drain()
			return d.handOver()
		}
	}
	return err
}

// begin has what is in the buffer executed.
func (d *driver) begin(ctx context.Context) (verdict, error) {
	if err := d.parse(); err != nil {
		return finish, d.protocolError(err)
	}
	if d.proving {
		return prove, nil
	}
	if d.next < len(d.cmds) {
		if err := d.makeRoom(ctx); err != nil {
			return finish, err
		}
	}
	return input, nil
}

// served has the loops serve the connection until it needs something that they can't do.
func (d *driver) served(ctx context.Context) (verdict, error) {
	err := d.conn.ServeBatched(ctx, d)
	if err == nil && !errors.Is(d.err, io.EOF) { // who has nothing more to say may still listen
		err = d.err
	}
	return d.then, err
}

// Fetch reads and parses the connection's next pipeline. It reports whether there is something to run.
func (d *driver) Fetch() bool {
	woken := d.conn.TakeWake()
	if woken && d.s.InputReleased() && d.next == len(d.cmds) && d.s.In.Release() {
		d.cmds, d.next = nil, 0
		d.s.NoteInput()
	}
	err := d.parse()
	if err == nil && d.conn.Readable() && (d.next == len(d.cmds) || d.kept) {
		var n int
		n, _, d.err = d.conn.TryRead(d.s.In.Space(0))
		d.took(n)
		err = d.parse()
	}
	return d.err == nil && err == nil && (woken || d.next < len(d.cmds) && !d.lacksRoom())
}

// Settle writes what may leave after a turn, and gives the connection back when the loops can't go on with it.
func (d *driver) Settle() (more bool) {
	// Its answer may bring the client's next command at once, which then must find nobody here, to keep its place in
	// the order.
	if d.rests() && d.conn.Rest() {
		d.flush(false)
		if d.draining.Load() { // that command was its last: its goroutine waits for this write to have ended
			d.signal()
		}
		return false
	}
	d.flush(false)
	next := d.verdict()
	switch {
	case d.broken.Load():
		d.err, next = io.ErrClosedPipe, finish
	case d.err != nil, d.conn.Stopping():
		next = finish
	case d.bad != nil && !d.more, next == again && d.lacksRoom():
		next = again // its own goroutine will answer the error, or wait
	case next == again, next == input:
		return !d.rests() || !d.conn.Rest()
	}
	d.then = next
	d.conn.Return()
	return false
}

// rests reports whether there is nothing to do for the connection until something comes, or it is woken.
func (d *driver) rests() bool {
	return !d.conn.Readable() && d.err == nil && d.bad == nil && !d.conn.Stopping() && !d.broken.Load() &&
		d.verdict() == input
}

// verdict is what comes after a turn.
func (d *driver) verdict() verdict {
	left := d.next < len(d.cmds)
	switch {
	case d.proving:
		return prove
	case d.state == stateClosing:
		return finish
	case d.state == stateHijacked:
		return handOver
	case d.s.Out.Len() > maxPending, d.state == stateParked && left && d.s.In.Buffered() > maxPending:
		return await
	case d.state == stateParked && left:
		d.keep() // the reading goes on, so that the end of the connection is seen
		return input
	case left || d.more:
		return again // others have had their turn
	}
	return input
}

// batch is how many commands are parsed before they run. Of a client that has to authenticate it is one: what comes
// behind AUTH is held to other limits.
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
	d.cmds, d.next, d.kept, d.more, d.from = d.cmds[:0], 0, false, false, d.s.In.Consumed()
	d.ctx.Confirmation = member.Confirmation{}
	if d.bad != nil {
		return d.bad
	}
	if !d.greet() {
		return d.bad
	}
	for limit := d.batch(); ; {
		args, err := d.s.In.Next()
		if err != nil {
			d.bad = err
			if d.more = len(d.cmds) > 0; d.more {
				return nil // what came before it is executed first
			}
			return err
		}
		if args == nil {
			return nil
		}
		d.cmds = append(d.cmds, args)
		if len(d.cmds) == limit {
			d.more = true
			return nil
		}
	}
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

// took notes that n bytes were read into the buffer's space.
func (d *driver) took(n int) {
	if n > 0 {
		d.s.In.Fill(n)
		d.s.NoteInput()
		d.received += int64(n)
		d.reads++
		d.more = d.more || d.next < len(d.cmds) // it came while commands in hand were held back
	}
}

// await waits until the session was woken or its output has been written. What the client sends meanwhile is taken in:
// it may want to have sent all before it reads.
func (d *driver) await(ctx context.Context) error {
	if d.conn.TakeWake() { // as the loops gave the connection back
		return nil
	}
	d.keep()
	defer func() { d.kept = false }() // the rest is read when what is left has been executed
	return d.conn.ReadUntil(ctx, d.flushed, func() (room []byte) {
		if int64(d.s.In.Buffered()) < d.limits.MaxQuery {
			room = d.s.In.Space(0)
		}
		return room
	}, d.took)
}

// lacksRoom reports that the next command waits for room: what adds nothing to the log does not, as the hello of the
// successor whose word alone makes room.
func (d *driver) lacksRoom() bool {
	return !d.door.engine.HasRoom() && d.next < len(d.cmds) && d.door.env.Appends(d.cmds[d.next])
}

// makeRoom holds the client's commands back while too much is waiting for the chain, so that a stuck successor can't
// grow the log without bound; until the session is woken: it may be about to end, and this log never get as far.
func (d *driver) makeRoom(ctx context.Context) error {
	if !d.lacksRoom() || d.conn.TakeWake() {
		return nil
	}
	return d.door.log.WaitCommitOr(ctx, d.door.roomFrom(), d.flushed)
}

// wake is called by anybody, at any time: there is output to flush, or the session's state has changed.
func (d *driver) wake() {
	if !d.conn.Wake() {
		d.flushSoon()
		d.signal()
	}
}

// signal has the connection's own goroutine look at its state.
func (d *driver) signal() {
	select {
	case d.flushed <- struct{}{}:
	default:
	}
}

// flushSoon writes from another goroutine, and lets the connection's own go on when all has left.
func (d *driver) flushSoon() {
	d.door.writers.Go(d.flushAndSignal)
}

func (d *driver) flushAndSignal() {
	if d.flush(true) {
		d.signal()
	}
}

// flush writes what may leave, and registers for the commit point when something may not yet. It reports whether
// nothing is held back. A caller that isn't patient doesn't wait for the connection. It signals nobody: the
// connection's own goroutine, which may be about to wait, calls it too.
func (d *driver) flush(patient bool) (all bool) {
	for {
		commit := d.door.log.Commit()
		p, wait := d.s.Out.Take(commit)
		if len(p) > 0 {
			written, err := d.write(p, patient)
			if err == nil && written < len(p) {
				d.door.writers.Go(func() { d.writeRest(p, written) })
				return false
			}
			if !d.wrote(p, err) {
				return true
			}
			continue
		}
		if wait == 0 {
			return true
		}
		if d.gate.Swap(wait) != wait {
			d.door.gates.Add(wait, d)
		}
		if d.door.log.Commit() < wait {
			return false
		}
		d.gate.Store(0)
	}
}

// write writes p, or, unless the caller is patient, what the connection takes of it at once.
func (d *driver) write(p []byte, patient bool) (written int, err error) {
	if !patient {
		return d.conn.TryWrite(p)
	}
	return d.conn.Write(p)
}

// writeRest writes what the connection did not take at once.
func (d *driver) writeRest(p []byte, from int) {
	_, err := d.conn.Write(p[from:])
	if !d.wrote(p, err) || d.flush(true) {
		d.signal()
	}
}

// wrote gives p back to the output once it was written.
func (d *driver) wrote(p []byte, err error) (more bool) {
	d.sent.Add(int64(len(p)))
	d.writes.Add(1)
	more = d.s.Out.Done(p)
	if err != nil {
		d.fail()
		return false
	}
	return more
}

// fail ends a connection whose peer takes no more.
func (d *driver) fail() {
	d.broken.Store(true)
	d.s.Out.Discard()
	if !d.conn.Wake() {
		d.signal()
	}
}

// drain waits, for a bounded time, until the output has left: the last reply of a connection that ends.
func (d *driver) drain() {
	d.draining.Store(true)
	deadline := time.NewTimer(drainTimeout)
	defer deadline.Stop()
	_ = d.conn.SetWriteDeadline(time.Now().Add(drainTimeout))
	for {
		d.flush(true)
		if d.s.Out.Idle() || d.broken.Load() {
			return
		}
		select {
		case <-d.flushed:
		case <-deadline.C:
			return
		case <-d.door.stopped:
			return
		}
	}
}

const drainTimeout = 2 * time.Second

// protocolError answers bytes that are no command and ends the connection.
func (d *driver) protocolError(err error) error {
	d.door.engine.Lock()
	d.s.W.Error(err)
	d.door.env.Stats.Error("ERR")
	d.s.Stage(0, 0)
	d.door.engine.Unlock()
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

// handOver gives the connection to what PSYNC asked for. What the client was answered before, as it came without having
// introduced itself, must have left: it would come in the middle of the log.
func (d *driver) handOver() error {
	if !d.s.Out.Idle() || d.broken.Load() {
		return errNotLeft
	}
	take := d.s.Hijacked()
	d.conn.Stop()
	buffered := d.s.In.Rest()
	d.door.forget(d)
	d.s.Out.Discard()
	take(d.conn, buffered)
	return nil
}

var errNotLeft = errors.New("replies from before PSYNC could not leave")
