package replication

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"holdfast/resp"
)

const (
	keepalive    = time.Second // a newline this often while a follower waits for its snapshot
	snapshotTry  = 3           // how often a snapshot is taken again because the log was renamed meanwhile
	transferSize = 64 << 10
)

// link is one follower on its connection. One goroutine (ServeFollower's) writes, one reads acknowledgements.
type link struct {
	feeder *Feeder
	conn   net.Conn
	out    deadlineWriter
	info   FollowerInfo
	cancel context.CancelCauseFunc
	id     uint64
	addr   string
	since  time.Time

	firstAck chan struct{} // closed by the first acknowledgement

	// Guarded by feeder.mu.
	state   LinkState
	ack     ack
	ackedAt time.Time
	sent    int64
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
		chunks, err := r.Next(ctx.Done())
		if err != nil {
			return err
		}
		if err := l.send(chunks); err != nil {
			return fmt.Errorf("replication: send to follower: %w", err)
		}
		l.setSent(r.Offset())
	}
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
	_, err := pieces.WriteTo(l.conn)
	return err
}

// resume answers +CONTINUE when the log allows it; no reader means that it does not.
func (l *link) resume(ask Position) (*Reader, error) {
	f := l.feeder
	r, id, err := f.cfg.Log.Open(ask, l.cancel)
	if err != nil {
		if ask.ID != "" && ask.ID != "?" {
			f.count(&f.refused)
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
	f.count(&f.partial)
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
	case adviceWait:
		line = behind + " this member has not got as far yet, ask again"
	case adviceRewind:
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
	f.count(&f.full)
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

// readAcks reads what the follower sends until the connection ends.
func (l *link) readAcks(buffered []byte) {
	var p resp.Parser
	n := copy(p.Space(len(buffered)), buffered)
	p.Fill(n)
	for {
		args, err := p.Next()
		if err != nil {
			l.cancel(fmt.Errorf("replication: from follower: %w", err))
			return
		}
		if args != nil {
			if a, ok := parseAck(args); ok {
				l.acked(a)
			}
			continue
		}
		if err := l.boundRead(); err != nil {
			l.cancel(fmt.Errorf("replication: from follower: %w", err))
			return
		}
		n, err := l.conn.Read(p.Space(0))
		p.Fill(n)
		if n == 0 && err != nil {
			l.cancel(fmt.Errorf("replication: from follower: %w", err))
			return
		}
	}
}

// boundRead sets how long the follower may stay silent: without limit while it loads a copy.
func (l *link) boundRead() error {
	l.feeder.mu.Lock()
	defer l.feeder.mu.Unlock()
	if l.state != LinkOnline {
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
		// The reader may have begun its read without a limit. Its connection closing is an error it meets by itself.
		_ = l.boundRead()
	}
	l.feeder.changed()
}

func (l *link) setSent(offset int64) {
	l.feeder.mu.Lock()
	l.sent = offset
	l.feeder.mu.Unlock()
}

// oneLine is an error's text as it can stand in a reply.
func oneLine(err error) string {
	text := "ERR " + err.Error()
	if e := resp.Error(""); errors.As(err, &e) {
		text = e.Error()
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
}
