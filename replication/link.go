package replication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/netloop"
	"holdfast/resp"
)

// link is one follower on its connection. The loops read its acknowledgements. Its own goroutine (ServeFollower's)
// writes what has to wait: answers, full copies, and what the connection doesn't take at once. Once the follower has
// caught up, whoever has the log grow sends what goes at once.
type link struct {
	feeder *Feeder
	conn   *netloop.Conn
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
	waits   waitAge

	in      resp.Parser
	heard   atomic.Int64 // when something was last read: nanoseconds since the link began
	pushing single

	takenBack chan struct{} // a token: there is something to do for the link's own goroutine again
	turn      sync.Mutex    // guards the rest
	delegated *Reader       // what is pushed; nil: the link's own goroutine sends
	rest      [][]byte      // what the connection didn't take at once
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
	for {
		if chunks, err := r.Poll(); len(chunks) > 0 || err != nil {
			return chunks, err
		}
		rest, err := l.delegate(ctx, r)
		if len(rest) > 0 || err != nil {
			return rest, err
		}
	}
}

// delegate has others send what the log gets, until the connection doesn't take it at once: then it returns what is
// left.
func (l *link) delegate(ctx context.Context, r *Reader) (rest [][]byte, err error) {
	l.turn.Lock()
	l.delegated = r
	l.turn.Unlock()
	r.push(true)
	l.push() // what came before they knew
	look := time.NewTimer(0)
	defer look.Stop()
	for waiting := true; waiting; {
		select {
		case <-l.takenBack:
			waiting = false
		case <-r.wake: // it has come to its end
			l.push()
		case <-look.C:
			left := l.patience()
			if look.Reset(nextLook(left)); left <= 0 {
				waiting, err = false, errSilentFollower
			}
		case <-ctx.Done():
			waiting, err = false, ErrStopped
		}
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	r.push(false)
	rest, l.delegated, l.rest = l.rest, nil, nil
	return rest, err
}

// silenceLook is how often, at least, it is looked whether the other end of a link has been silent for too long: the
// setting may change.
const silenceLook = time.Second

// nextLook is in what time to look again at a link whose other end may be silent for left.
func nextLook(left time.Duration) time.Duration {
	return min(left, cluster.Tick(time.Now(), silenceLook))
}

// patience is for how much longer the follower may be silent.
func (l *link) patience() time.Duration {
	return timeoutOf(l.out.timeout) - time.Since(l.since) + time.Duration(l.heard.Load())
}

var errSilentFollower = fmt.Errorf("replication: from follower: %w", os.ErrDeadlineExceeded)

// push sends what the log has as far as the connection takes it at once, while that is not for the link's own
// goroutine.
func (l *link) push() {
	l.pushing.do(func() {
		l.turn.Lock()
		defer l.turn.Unlock()
		for l.delegated != nil && l.pushNext() {
		}
	})
}

// pushNext reports whether there may be more to send. It needs turn.
func (l *link) pushNext() bool {
	r := l.delegated
	if !r.inMemory() { // to read files is for the link's own goroutine
		l.takeBack(nil)
		return false
	}
	chunks, err := r.Poll()
	if err != nil {
		l.cancel(err)
		return false
	}
	for i, c := range chunks {
		n, err := l.conn.TryWrite(c)
		l.out.sent.Add(int64(n))
		if err != nil {
			l.cancel(fmt.Errorf("replication: send to follower: %w", err))
			return false
		}
		if n < len(c) {
			l.takeBack(append([][]byte{c[n:]}, chunks[i+1:]...))
			return false
		}
	}
	if len(chunks) == 0 {
		return false
	}
	l.sent.Store(r.Offset())
	return true
}

// takeBack leaves the sending to the link's own goroutine. It needs turn.
func (l *link) takeBack(rest [][]byte) {
	l.delegated, l.rest = nil, rest
	wake(l.takenBack)
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
	n, err := pieces.WriteTo(l.conn.Conn)                   // which may take them all at once
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
	f.cfg.Steps.At(steps.Resumed)
	f.cfg.Logger.Info("follower resumes", "follower", l.addr, "offset", ask.Offset, "behind",
		f.cfg.Log.End()-ask.Offset)
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

// maxReads is how often a link is read before others get their turn.
const maxReads = 4

// readAcks has what the follower sends read from here on.
func (l *link) readAcks(buffered []byte) {
	l.in.Fill(copy(l.in.Space(len(buffered)), buffered))
	if err := l.parseAcks(); err != nil {
		l.cancel(fmt.Errorf("replication: from follower: %w", err))
		return
	}
	l.conn.Start(l.hear)
}

// hear reads what the follower has sent.
func (l *link) hear() (more bool) {
	for range maxReads {
		n, drained, err := l.conn.TryRead(l.in.Space(0))
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
		switch a, ok := parseAck(args); {
		case ok:
			l.acked(a)
		case resp.IsHTTP(args):
			return errHTTP
		}
	}
}

var errHTTP = errors.New("it speaks HTTP")

// acked takes an acknowledgement: for the commit point when it is a member's, and for WAIT and INFO.
func (l *link) acked(a ack) {
	f := l.feeder
	f.mu.Lock()
	first := l.ackedAt.IsZero()
	rose := a.offset > l.ack.offset || first
	moved := a.progress - l.ack.progress
	l.ack, l.ackedAt = a, time.Now()
	f.mu.Unlock()
	if first {
		close(l.firstAck)
	}
	if a.chain && l.info.IsMember {
		if f.cfg.Log.Ack(a.epoch, l.info.Member, a.commit) && moved > 0 && !first {
			f.cfg.Log.progress.behind.Add(moved)
		}
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
