package replication

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/resp"
)

const (
	keepalive    = time.Second // a newline this often while a follower waits for its snapshot
	snapshotTry  = 3           // how often a snapshot is taken again because the log was renamed meanwhile
	transferSize = 64 << 10
)

// link is one follower on its connection. One goroutine (ServeFollower's) writes, one reads acknowledgements; see port for when neither has to.
type link struct {
	feeder *Feeder
	conn   net.Conn
	out    deadlineWriter
	info   FollowerInfo
	cancel context.CancelCauseFunc
	id     uint64
	addr   string
	since  time.Time
	sent   atomic.Int64

	firstAck chan struct{} // closed by the first acknowledgement

	// Guarded by feeder.mu.
	state   LinkState
	ack     ack
	ackedAt time.Time
	pace    pace

	// Where the connection is a port, whoever has the log grow sends what goes at once, once the follower has caught up.
	port    Port // nil: only the link's goroutines read and write
	in      resp.Parser
	heard   atomic.Int64 // when something was last read: nanoseconds since the link began
	pushing single
	back    chan struct{} // a token: there is something to do for the link's own goroutine again
	turn    sync.Mutex    // guards the rest
	lent    *Reader       // what is pushed; nil: the link's own goroutine sends
	rest    [][]byte      // what the connection didn't take at once
}

// serve answers PSYNC and sends until the link ends; it always returns an error.
func (l *link) serve(ctx context.Context, ask Position) error {
	r, err := l.resume(ask)
	if err != nil {
		return err
	}
	if r == nil {
		if r, err = l.fullSync(ctx); err != nil {
			return err
		}
	}
	defer r.Close()
	l.setState(LinkOnline)
	for {
		chunks, err := l.next(ctx, r)
		if err != nil {
			return err
		}
		if err := l.send(chunks); err != nil {
			return fmt.Errorf("replication: send to follower: %w", err)
		}
		l.sent.Store(r.Offset())
	}
}

// next is what the link's own goroutine has to send next.
func (l *link) next(ctx context.Context, r *Reader) ([][]byte, error) {
	if l.port == nil {
		return r.Next(ctx.Done())
	}
	for {
		if chunks, err := r.Poll(); len(chunks) > 0 || err != nil {
			return chunks, err
		}
		rest, err := l.lend(ctx, r)
		if len(rest) > 0 || err != nil {
			return rest, err
		}
	}
}

// lend has others send what the log gets, until the connection doesn't take it at once: then it returns what is left.
func (l *link) lend(ctx context.Context, r *Reader) (rest [][]byte, err error) {
	l.turn.Lock()
	l.lent = r
	l.turn.Unlock()
	r.push(true)
	l.push() // what came before they knew
	look := time.NewTimer(0)
	defer look.Stop()
	for waiting := true; waiting; {
		select {
		case <-l.back:
			waiting = false
		case <-r.wake: // it has come to its end
			l.push()
		case <-look.C:
			left := timeoutOf(l.out.timeout) - time.Since(l.since) + time.Duration(l.heard.Load())
			if look.Reset(min(left, silenceLook)); left <= 0 {
				waiting, err = false, fmt.Errorf("replication: from follower: %w", os.ErrDeadlineExceeded)
			}
		case <-ctx.Done():
			waiting, err = false, ErrStopped
		}
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	r.push(false)
	rest, l.lent, l.rest = l.rest, nil, nil
	return rest, err
}

// silenceLook is how often, at least, it is looked whether the other end of a port has been silent for too long: the setting may change.
const silenceLook = time.Second

// push sends what the log has as far as the connection takes it at once, while that is not for the link's own goroutine.
func (l *link) push() {
	l.pushing.do(func() {
		l.turn.Lock()
		defer l.turn.Unlock()
		for l.lent != nil && l.pushNext() {
		}
	})
}

// pushNext reports whether there may be more to send. It needs turn.
func (l *link) pushNext() bool {
	r := l.lent
	if !r.inMemory() { // to read files is for the link's own goroutine
		l.giveBack(nil)
		return false
	}
	chunks, err := r.Poll()
	if err != nil {
		l.cancel(err)
		return false
	}
	for i, c := range chunks {
		n, err := l.port.TryWrite(c)
		l.out.sent.Add(int64(n))
		if err != nil {
			l.cancel(fmt.Errorf("replication: send to follower: %w", err))
			return false
		}
		if n < len(c) {
			l.giveBack(append([][]byte{c[n:]}, chunks[i+1:]...))
			return false
		}
	}
	if len(chunks) == 0 {
		return false
	}
	l.sent.Store(r.Offset())
	return true
}

// giveBack leaves the sending to the link's own goroutine. It needs turn.
func (l *link) giveBack(rest [][]byte) {
	l.lent, l.rest = nil, rest
	wake(l.back)
}

// send writes the pieces, together where the connection can.
func (l *link) send(chunks [][]byte) error {
	if len(chunks) == 1 {
		_, err := l.out.Write(chunks[0])
		return err
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(timeoutOf(l.out.timeout))); err != nil {
		return err
	}
	pieces := net.Buffers(append([][]byte(nil), chunks...)) // WriteTo uses up the slice
	n, err := pieces.WriteTo(l.conn)
	l.out.sent.Add(n)
	return err
}

// resume answers +CONTINUE when the log allows it; no reader means that it does not.
func (l *link) resume(ask Position) (*Reader, error) {
	f := l.feeder
	r, id, err := f.cfg.Log.Open(ask, l.cancel)
	if err != nil {
		if ask.ID != "" && ask.ID != "?" {
			f.cfg.Traffic.PartialErr.Add(1)
			f.cfg.Logger.Info("partial synchronisation not possible", "follower", l.addr, "reason", err)
		}
		return nil, l.advise(ask)
	}
	answer := "+CONTINUE\r\n"
	if l.info.CapaPSYNC2 {
		answer = "+CONTINUE " + id + "\r\n"
	} else if !strings.EqualFold(id, ask.ID) {
		r.Close() // it could not learn the new id
		return nil, nil
	}
	if _, err := l.out.Write([]byte(answer)); err != nil {
		r.Close()
		return nil, fmt.Errorf("replication: answer follower: %w", err)
	}
	f.cfg.Traffic.PartialOK.Add(1)
	f.cfg.Logger.Info("follower resumes", "follower", l.addr, "offset", ask.Offset, "behind", f.cfg.Log.End()-ask.Offset)
	return r, nil
}

// advise sends a member away that can do better than to take a full copy.
func (l *link) advise(ask Position) error {
	if !l.info.IsMember {
		return nil
	}
	a, offset := l.feeder.cfg.Log.advise(ask)
	var line string
	switch a {
	case AdviceWait:
		line = behind + " this member has not got as far yet, ask again"
	case AdviceRewind:
		line = fmt.Sprintf("%s %d is where your log and this one part", rewind, offset)
	default:
		return nil
	}
	if _, err := l.out.Write([]byte("-" + line + "\r\n")); err != nil {
		return fmt.Errorf("replication: answer follower: %w", err)
	}
	return fmt.Errorf("replication: follower %s told: %s", l.addr, line)
}

// fullSync sends an image of the data and returns a reader of what follows it.
func (l *link) fullSync(ctx context.Context) (*Reader, error) {
	f := l.feeder
	f.cfg.Traffic.Full.Add(1)
	var r *Reader
	var snap Snapshot
	release := func() {}
	err := l.during(func() (err error) {
		select {
		case f.syncs <- struct{}{}:
			release = func() { <-f.syncs }
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r, snap, err = l.snapshot(ctx)
		return err
	})
	defer func() { release() }()
	if err != nil {
		if snap != nil { // it came, but the follower had gone
			r.Close()
			err = errors.Join(err, snap.Close())
		}
		return nil, fmt.Errorf("replication: snapshot for follower: %w", err)
	}
	l.setState(LinkTransfer)
	began, pos := time.Now(), snap.Position()
	size, err := l.transfer(ctx, snap)
	if closeErr := snap.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("replication: transfer to follower: %w", err)
	}
	f.cfg.Logger.Info("follower got a full copy", "follower", l.addr, "bytes", size, "position", pos, "took", time.Since(began))
	if !l.info.CapaEOF {
		return r, nil
	}
	// A Redis replica finds the mark only as the last bytes of what it reads: the stream waits until it has said so.
	release()
	release = func() {}
	select {
	case <-l.firstAck:
		return r, nil
	case <-ctx.Done():
		r.Close()
		return nil, context.Cause(ctx)
	}
}

// snapshot pins the log and then takes an image, so that no byte between the two is missed.
func (l *link) snapshot(ctx context.Context) (*Reader, Snapshot, error) {
	for range snapshotTry {
		r := l.feeder.cfg.Log.OpenEnd(l.cancel)
		snap, err := l.feeder.cfg.Snapshots.Snapshot(ctx)
		if err != nil {
			r.Close()
			return nil, nil, err
		}
		if r.StartAt(snap.Position()) {
			return r, snap, nil
		}
		r.Close()
		if err := snap.Close(); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, errors.New("replication: log keeps changing its id")
}

// transfer writes +FULLRESYNC and the image: framed by a mark when the follower can, else by its length.
func (l *link) transfer(ctx context.Context, snap Snapshot) (size int64, err error) {
	pos := snap.Position()
	head := fmt.Sprintf("+FULLRESYNC %s %d\r\n", pos.ID, pos.Offset)
	if l.info.PlainSync {
		head = ""
	}
	if !l.info.CapaEOF {
		if _, err := l.out.Write([]byte(head)); err != nil {
			return 0, err
		}
		var spool bytes.Buffer
		if err := l.during(func() error { _, err := snap.WriteTo(ctxWriter{ctx, &spool}); return err }); err != nil {
			return 0, err
		}
		if _, err := fmt.Fprintf(l.out, "$%d\r\n", spool.Len()); err != nil {
			return 0, err
		}
		return spool.WriteTo(l.out)
	}
	mark, err := NewID(l.feeder.cfg.Random)
	if err != nil {
		return 0, err
	}
	if _, err := l.out.Write([]byte(head + "$EOF:" + mark + "\r\n")); err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(l.out, transferSize)
	if size, err = snap.WriteTo(w); err != nil {
		return size, err
	}
	if _, err := w.WriteString(mark); err != nil {
		return size, err
	}
	return size, w.Flush()
}

// ctxWriter fails once ctx has ended, so that an image written to memory stops with its link.
type ctxWriter struct {
	ctx context.Context
	to  *bytes.Buffer
}

func (w ctxWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.to.Write(p)
}

// during runs work and meanwhile sends the newlines by which a waiting follower knows that it is not forgotten.
func (l *link) during(work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	tick := time.NewTicker(keepalive)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if _, err := l.out.Write([]byte("\n")); err != nil {
				l.cancel(fmt.Errorf("replication: follower went away: %w", err))
				return errors.Join(err, <-done)
			}
		}
	}
}

// readAcks reads what the follower sends until the connection ends, or, of a port, has that begin.
func (l *link) readAcks(buffered []byte) {
	n := copy(l.in.Space(len(buffered)), buffered)
	l.in.Fill(n)
	err := l.parseAcks()
	if err == nil && l.port != nil {
		l.port.Serve(l.hear)
		return
	}
	for err == nil {
		if err = l.boundRead(); err == nil {
			n, err = l.conn.Read(l.in.Space(0))
			err = errors.Join(l.read(n), err)
		}
	}
	l.cancel(fmt.Errorf("replication: from follower: %w", err))
}

// hear reads what the follower has sent, of a port.
func (l *link) hear() (more bool) {
	for range portReads {
		n, drained, err := l.port.TryRead(l.in.Space(0))
		if err = errors.Join(l.read(n), err); err != nil {
			l.cancel(fmt.Errorf("replication: from follower: %w", err))
			return false
		}
		if drained {
			return false
		}
	}
	return true
}

// read takes n bytes that were read.
func (l *link) read(n int) error {
	l.in.Fill(n)
	l.feeder.cfg.Traffic.Answered.Add(int64(n))
	l.heard.Store(int64(time.Since(l.since)))
	return l.parseAcks()
}

func (l *link) parseAcks() error {
	for {
		args, err := l.in.Next()
		if args == nil || err != nil {
			return err
		}
		if a, ok := parseAck(args); ok {
			l.acked(a)
		}
	}
}

// boundRead sets how long the follower may stay silent: without limit while it loads a copy.
func (l *link) boundRead() error {
	l.feeder.mu.Lock()
	defer l.feeder.mu.Unlock()
	if l.state != LinkOnline || l.port != nil {
		return nil
	}
	return l.conn.SetReadDeadline(time.Now().Add(timeoutOf(l.out.timeout)))
}

// acked takes an acknowledgement: for the commit point when it is a member's, and for WAIT and INFO.
func (l *link) acked(a ack) {
	f := l.feeder
	f.mu.Lock()
	first := l.ackedAt.IsZero()
	rose := a.offset > l.ack.offset || first
	l.ack, l.ackedAt = a, time.Now()
	f.mu.Unlock()
	if first {
		close(l.firstAck)
	}
	if a.chain && l.info.IsMember {
		f.cfg.Log.Ack(a.epoch, l.info.Member, a.commit)
	}
	if rose && f.cfg.OnAck != nil {
		f.cfg.OnAck()
	}
}

func (l *link) setState(s LinkState) {
	l.feeder.mu.Lock()
	l.state = s
	l.feeder.mu.Unlock()
	if s == LinkOnline {
		l.heard.Store(int64(time.Since(l.since)))
		// The reader may have begun its read without a limit. Its connection closing is an error it meets by itself.
		_ = l.boundRead()
	}
	l.feeder.changed()
}

// oneLine is an error's text as it can stand in a reply.
func oneLine(err error) string {
	text := "ERR " + err.Error()
	if e := resp.Error(""); errors.As(err, &e) {
		text = e.Error()
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
}
