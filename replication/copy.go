package replication

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/steps"
)

const (
	keepalive    = time.Second // a newline this often while a follower waits for its snapshot
	snapshotTry  = 3           // how often a snapshot is taken again because the log was renamed meanwhile
	transferSize = 64 << 10
)

// errMemberFirst ends a stranger's full copy.
var errMemberFirst = errors.New("replication: a member of the group needs a full copy")

// copies has one full copy run at a time, as each holds the data as it was when it began. Members of the group come
// before strangers, whoever came first, and one that comes while a stranger's copy runs has that one ended: a stranger
// may take as long as it likes to read.
type copies struct {
	mu      sync.Mutex
	running *copyTurn
	waiting []*copyTurn
}

// copyTurn is one link's wish for a full copy.
type copyTurn struct {
	member bool
	cancel context.CancelCauseFunc // ends the link
	come   chan struct{}           // closed when it may run
}

// begin waits for t's turn. Without an error end has to follow.
func (c *copies) begin(ctx context.Context, t *copyTurn) error {
	c.mu.Lock()
	c.waiting = append(c.waiting, t)
	if r := c.running; t.member && r != nil && !r.member {
		r.cancel(errMemberFirst)
	}
	c.next()
	c.mu.Unlock()
	select {
	case <-t.come:
		return nil
	case <-ctx.Done():
		c.end(t)
		return context.Cause(ctx)
	}
}

// end gives up t's turn, whether it has come or not. Once is enough, more do no harm.
func (c *copies) end(t *copyTurn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == t {
		c.running = nil
	}
	c.waiting = slices.DeleteFunc(c.waiting, func(w *copyTurn) bool { return w == t })
	c.next()
}

// next needs mu.
func (c *copies) next() {
	if c.running != nil || len(c.waiting) == 0 {
		return
	}
	i := max(slices.IndexFunc(c.waiting, func(t *copyTurn) bool { return t.member }), 0)
	c.running = c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	close(c.running.come)
}

// fullSync sends an image of the data and returns a reader of what follows it.
func (l *link) fullSync(ctx context.Context) (*Reader, error) {
	f := l.feeder
	f.cfg.Traffic.Full.Add(1)
	var r *Reader
	var snap Snapshot
	turn := &copyTurn{member: l.info.IsMember, cancel: l.cancel, come: make(chan struct{})}
	defer f.copies.end(turn)
	err := l.during(func() (err error) {
		if err = f.copies.begin(ctx, turn); err == nil {
			r, snap, err = l.snapshot(ctx)
		}
		return err
	})
	if err != nil {
		if snap.Image != nil { // it came, but the follower had gone
			r.Close()
			err = errors.Join(err, snap.Image.Close())
		}
		return nil, fmt.Errorf("replication: snapshot for follower: %w", err)
	}
	l.setState(LinkTransfer)
	began, pos := time.Now(), snap.Position
	size, err := l.transfer(ctx, snap.Image, pos)
	if closeErr := snap.Image.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("replication: transfer to follower: %w", err)
	}
	f.cfg.Steps.At(steps.Copied)
	f.cfg.Logger.Info("follower got a full copy", "follower", l.addr, "bytes", size, "position", pos, "took",
		time.Since(began))
	if !l.info.CapaEOF {
		return r, nil
	}
	// A Redis replica finds the mark only as the last bytes of what it reads: the stream waits until it has said so.
	f.copies.end(turn)
	if err := l.awaitAck(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// awaitAck waits until the follower has loaded its copy; meanwhile it sends newlines.
func (l *link) awaitAck(ctx context.Context) error {
	l.heard.Store(int64(time.Since(l.since)))
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-l.firstAck:
			return nil
		case <-look.C:
			left := l.patience()
			if look.Reset(nextLook(left)); left <= 0 {
				return errSilentFollower
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// snapshot pins the log and then takes an image, so that no byte between the two is missed.
func (l *link) snapshot(ctx context.Context) (*Reader, Snapshot, error) {
	for range snapshotTry {
		r := l.feeder.cfg.Log.OpenEnd(l.cancel)
		snap, err := l.feeder.cfg.Snapshots.Snapshot(ctx)
		if err != nil {
			r.Close()
			return nil, Snapshot{}, err
		}
		if r.StartAt(snap.Position) {
			return r, snap, nil
		}
		r.Close()
		if err := snap.Image.Close(); err != nil {
			return nil, Snapshot{}, err
		}
	}
	return nil, Snapshot{}, errors.New("replication: log keeps changing its id")
}

// transfer writes +FULLRESYNC and the image: framed by a mark when the follower can, else by its length.
func (l *link) transfer(ctx context.Context, image Image, pos Position) (size int64, err error) {
	out := &copyWriter{conn: l.conn, timeout: l.out.timeout, sent: l.out.sent}
	head := fmt.Sprintf("+FULLRESYNC %s %d\r\n", pos.ID, pos.Offset)
	if l.info.PlainSync {
		head = ""
	}
	if !l.info.CapaEOF {
		if _, err := out.Write([]byte(head)); err != nil {
			return 0, err
		}
		var spool bytes.Buffer
		if err := l.during(func() error { _, err := image.WriteTo(ctxWriter{ctx, &spool}); return err }); err != nil {
			return 0, err
		}
		if _, err := fmt.Fprintf(out, "$%d\r\n", spool.Len()); err != nil {
			return 0, err
		}
		return spool.WriteTo(out)
	}
	mark, err := NewID(l.feeder.cfg.Random)
	if err != nil {
		return 0, err
	}
	if _, err := out.Write([]byte(head + "$EOF:" + mark + "\r\n")); err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(out, transferSize)
	if size, err = image.WriteTo(w); err != nil {
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

// copyStep is how much of a full copy a follower has to take within each repl-timeout: who takes a byte now and then
// gets nowhere.
const copyStep = 1 << 20

// copyWriter writes a full copy. Only the time that the connection takes counts, not that in which the copy is made.
type copyWriter struct {
	conn    net.Conn
	timeout func() time.Duration
	sent    *atomic.Int64 // counts the bytes

	left  int           // of the present step
	spent time.Duration // on it
}

// Write writes all of p, or fails with os.ErrDeadlineExceeded where the follower takes too little.
func (w *copyWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if w.left == 0 {
			w.left, w.spent = copyStep, 0
		}
		began := time.Now()
		if err := w.conn.SetWriteDeadline(began.Add(timeoutOf(w.timeout) - w.spent)); err != nil {
			return n, err
		}
		k, err := w.conn.Write(p[n:min(len(p), n+w.left)])
		n, w.left, w.spent = n+k, w.left-k, w.spent+time.Since(began)
		w.sent.Add(int64(k))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
