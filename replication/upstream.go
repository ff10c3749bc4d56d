package replication

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/internal/bulk"
	"holdfast/internal/steps"
	"holdfast/netloop"
	"holdfast/resp"
)

// streamRead is how much of the stream one read takes at most, and so the size of a batch.
const streamRead = 64 << 10

// upstream is one connection to a predecessor. Run's goroutine reads it up to the end of a full copy, and until then
// writes too; from then on the loops read it. What comes is applied, and acknowledged, by whoever reads it; only what
// the connection doesn't take at once is left to acknowledge.
type upstream struct {
	f       *Follower
	conn    *netloop.Conn
	in      *bufio.Reader
	out     deadlineWriter
	loading atomic.Bool   // a full copy is being received: newlines instead of acknowledgements
	due     chan struct{} // a token: acknowledge now
	cancel  context.CancelCauseFunc

	stream resp.Parser // of the log
	batch  batcher

	sending    single      // sendAck
	repeat     atomic.Bool // acknowledge also what is no news
	lastAck    ack         // that was sent
	buf        []byte      // it
	outputFull atomic.Bool // the connection didn't take all of it at once
	rest       []byte      // what it didn't take; acknowledge's, while outputFull
}

func newUpstream(f *Follower, conn net.Conn, cancel context.CancelCauseFunc) *upstream {
	c := f.cfg.Loops.Open(conn)
	u := &upstream{f: f, conn: c, cancel: cancel, out: deadlineWriter{c, f.cfg.Timeout, &f.cfg.Traffic.Asked},
		due: make(chan struct{}, 1)}
	u.in = bufio.NewReaderSize(u, streamRead)
	u.loading.Store(true)
	return u
}

// Read reads from the connection, within the timeout.
func (u *upstream) Read(p []byte) (int, error) {
	if err := u.conn.SetReadDeadline(time.Now().Add(timeoutOf(u.f.cfg.Timeout))); err != nil {
		return 0, err
	}
	n, err := u.conn.Read(p)
	if n > 0 {
		u.f.sawBytes(n)
	}
	return n, err
}

// line reads one line, without its end.
func (u *upstream) line() (string, error) {
	b, err := u.in.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return "", fmt.Errorf("replication: from master: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// question is a command of the handshake.
type question struct {
	words  []string
	needed bool // the handshake ends unless the reply says yes; the others are courtesies, that a master may not know
}

// ask sends commands together and reads one reply line for each.
func (u *upstream) ask(questions ...question) (replies []string, err error) {
	var buf []byte
	for _, q := range questions {
		buf = resp.AppendCommandStrings(buf, q.words...)
	}
	if _, err := u.out.Write(buf); err != nil {
		// A connection that is broken has nothing to wait for, but perhaps the reason.
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			if l, _ := u.line(); strings.HasPrefix(l, "-") {
				return nil, refusal(l)
			}
		}
		return nil, fmt.Errorf("replication: to master: %w", err)
	}
	// the last refusal of a courtesy: a master that takes nobody says why to whatever it is sent first, and closes
	told := ""
	for _, q := range questions {
		l, err := u.line()
		if err != nil && told != "" {
			return nil, refusal(told)
		}
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(l, "-") {
			told = l
		}
		if q.needed && !strings.HasPrefix(l, "+") {
			return nil, refusal(l)
		}
		replies = append(replies, l)
	}
	return replies, nil
}

// handshake introduces this node and asks for the log; it returns the answer to PSYNC. A member of a chain is told all
// at once: it takes no command behind a hello that it refuses.
func (u *upstream) handshake() (answer string, err error) {
	introduction, err := u.introduction()
	if err != nil {
		return "", err
	}
	id, offset := psyncArgs(u.f.wanted())
	psync := question{words: []string{"PSYNC", id, offset}}
	if u.f.cfg.Chain {
		return u.granted(u.ask(append(introduction, psync)...))
	}
	pong, err := u.ask(question{words: []string{"PING"}})
	if err != nil {
		return "", err
	}
	if p := pong[0]; !strings.HasPrefix(p, "+") && !strings.HasPrefix(p, "-NOAUTH") &&
		!strings.HasPrefix(p, "-NOPERM") {
		return "", refusal(p)
	}
	if _, err := u.ask(introduction...); err != nil {
		return "", err
	}
	return u.granted(u.ask(psync))
}

// introduction is what comes before PSYNC.
func (u *upstream) introduction() (list []question, err error) {
	cfg := &u.f.cfg
	tell := func(needed bool, words ...string) { list = append(list, question{words, needed}) }
	switch {
	case cfg.Password == "":
	case cfg.User == "":
		tell(true, "AUTH", cfg.Password)
	default:
		tell(true, "AUTH", cfg.User, cfg.Password)
	}
	tell(false, "REPLCONF", "listening-port", strconv.Itoa(cfg.AnnouncePort))
	if cfg.AnnounceIP != "" {
		tell(false, "REPLCONF", "ip-address", cfg.AnnounceIP)
	}
	tell(false, "REPLCONF", "capa", "eof", "capa", "psync2")
	if cfg.Chain {
		hello, err := json.Marshal(Hello{Group: cfg.Group, Epoch: u.f.currentEpoch(), Member: cfg.Member,
			To: cfg.Upstream, Installation: cfg.Installation,
			Level: cfg.Level})
		if err != nil {
			return nil, fmt.Errorf("replication: hello: %w", err)
		}
		tell(true, "REPLCONF", "holdfast", string(hello))
	}
	return list, nil
}

// granted takes PSYNC's answer from the last of some replies. A master may send newlines before it.
func (u *upstream) granted(replies []string, err error) (answer string, _ error) {
	if err != nil {
		return "", err
	}
	answer = replies[len(replies)-1]
	for answer == "" {
		if answer, err = u.line(); err != nil {
			return "", err
		}
	}
	if strings.HasPrefix(answer, "-") {
		return "", u.f.rewind(answer)
	}
	return answer, nil
}

// follow goes on after the answer to PSYNC, until the link ends.
func (u *upstream) follow(ctx context.Context, answer string) (linked bool, err error) {
	words := strings.Fields(answer)
	switch {
	case len(words) >= 3 && words[0] == "+FULLRESYNC" && validID(words[1]):
		offset, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil || offset < 0 {
			return false, fmt.Errorf("replication: bad offset in %q", answer)
		}
		if err := u.load(Position{ID: words[1], Offset: offset}); err != nil {
			return false, err
		}
	case len(words) >= 1 && words[0] == "+CONTINUE":
		if len(words) >= 2 {
			if !validID(words[1]) {
				return false, fmt.Errorf("replication: bad id in %q", answer)
			}
			if err := u.f.cfg.Applier.Continue(words[1]); err != nil {
				return false, fmt.Errorf("replication: go on: %w", err)
			}
		}
	default:
		return false, fmt.Errorf("replication: unexpected answer to PSYNC: %q", answer)
	}
	u.loading.Store(false)
	u.f.setState(FollowConnected, nil)
	u.repeat.Store(true)
	wake(u.due)
	return true, u.receive(ctx)
}

// load receives a full copy and hands it to the Applier.
func (u *upstream) load(pos Position) error {
	u.f.setState(FollowSync, nil)
	head := ""
	for head == "" { // newlines: the master is still preparing it
		var err error
		if head, err = u.line(); err != nil {
			return err
		}
	}
	p, size, err := newPayload(u.in, head)
	if err != nil {
		return err
	}
	u.f.mu.Lock()
	u.f.status.SyncTotal, u.f.status.SyncRead = size, int64(u.in.Buffered())
	u.f.mu.Unlock()
	u.f.cfg.Steps.At(steps.Copying)
	u.f.cfg.Logger.Info("receiving a full copy", "master", u.f.cfg.Addr, "position", pos, "bytes", size)
	if err := u.f.cfg.Applier.Load(p, pos); err != nil {
		return fmt.Errorf("replication: load full copy: %w", err)
	}
	u.f.setForceFull(false)
	if _, err := io.Copy(io.Discard, p); err != nil { // the loader may stop at the image's own end
		return fmt.Errorf("replication: end of full copy: %w", err)
	}
	return nil
}

// receive applies the log as it comes, until the link ends.
func (u *upstream) receive(ctx context.Context) error {
	const unbounded = 1 << 62 // the master has judged its clients' input already
	u.stream.SetLimits(resp.Limits{MaxBulk: unbounded, MaxQuery: unbounded})
	for u.in.Buffered() > 0 {
		p := u.stream.Space(streamRead)
		n, err := u.in.Read(p[:min(len(p), u.in.Buffered())])
		if e := u.apply(n); e != nil {
			return e
		}
		if err != nil {
			return fmt.Errorf("replication: from master: %w", err)
		}
	}
	if err := u.conn.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("replication: from master: %w", err)
	}
	u.conn.Start(u.hear)
	defer u.conn.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			left := timeoutOf(u.f.cfg.Timeout) - time.Since(u.f.lastHeard())
			if look.Reset(nextLook(left)); left <= 0 {
				return fmt.Errorf("replication: from master: %w", os.ErrDeadlineExceeded)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// hear applies what has come, and acknowledges it.
func (u *upstream) hear() (more bool) {
	for range maxReads {
		n, drained, err := u.conn.TryRead(u.stream.Space(streamRead))
		if n > 0 {
			u.f.sawBytes(n)
		}
		if e := u.apply(n); e != nil {
			err = e
		} else if err != nil {
			err = fmt.Errorf("replication: from master: %w", err)
		}
		if err != nil {
			u.cancel(err)
			return false
		}
		if drained {
			return false
		}
	}
	return true
}

// apply applies n bytes that were read into stream, as far as they are whole.
func (u *upstream) apply(n int) error {
	u.stream.Fill(n)
	if err := u.batch.cut(&u.stream); err != nil {
		return fmt.Errorf("replication: from master: %w", err)
	}
	if u.batch.held+u.stream.Buffered() > giant {
		u.f.cfg.Log.progress.taken.Add(int64(n))
	}
	if len(u.batch.ready) == 0 {
		return nil
	}
	if err := u.f.cfg.Applier.Apply(u.batch.ready); err != nil {
		u.f.setForceFull(true)
		return fmt.Errorf("replication: apply: %w", err)
	}
	u.moved()
	return nil
}

// batcher gathers the entries of a batch. The beginning of a transaction waits until its end has come: otherwise a
// link that breaks in between would leave half of it in the log.
type batcher struct {
	ready []Entry // for the Applier, valid until the next cut
	open  []Entry // from MULTI on, owned
	held  int     // their bytes
	multi bool
}

// cut takes all whole commands from p.
func (b *batcher) cut(p *resp.Parser) error {
	b.ready = b.ready[:0]
	start := -1 // where the open transaction begins in ready
	if b.multi {
		start = 0
		b.ready = append(b.ready, b.open...)
		b.open = b.open[:0]
	}
	b.held = 0
	kept := len(b.ready)
	for {
		args, err := p.Next()
		if err != nil {
			return err
		}
		if args == nil {
			break
		}
		switch {
		case !b.multi && isWord(args[0], "multi"):
			b.multi, start = true, len(b.ready)
		case b.multi && (isWord(args[0], "exec") || isWord(args[0], "discard")):
			b.multi = false
		}
		b.ready = append(b.ready, Entry{Args: args, Raw: p.LastRaw()})
	}
	if b.multi {
		for i, e := range b.ready[start:] {
			b.held += len(e.Raw)
			if start == 0 && i < kept {
				b.open = append(b.open, e) // owned since an earlier cut
			} else {
				b.open = append(b.open, e.clone())
			}
		}
		b.ready = b.ready[:start]
	}
	return nil
}

func (e Entry) clone() Entry {
	c := Entry{Args: make([][]byte, len(e.Args)), Raw: bulk.Clone(e.Raw)}
	for i, a := range e.Args {
		c.Args[i] = bulk.Clone(a)
	}
	return c
}

// moved has acknowledged what changed. Anybody may call it: it doesn't wait.
func (u *upstream) moved() {
	if u.outputFull.Load() {
		wake(u.due)
		return
	}
	u.sending.do(u.sendAck)
}

// acknowledge sends what the connection didn't take at once, and now and then what is no news.
func (u *upstream) acknowledge(ctx context.Context) {
	defer u.f.cfg.Log.Watch(u.moved)()
	tick := time.NewTimer(u.f.cfg.ackEvery())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.due:
		case <-u.f.poke:
			u.repeat.Store(true)
		case <-tick.C:
			tick.Reset(u.f.cfg.ackEvery())
			u.repeat.Store(true)
		}
		if u.outputFull.Load() {
			if _, err := u.out.Write(u.rest); err != nil {
				u.cancel(fmt.Errorf("replication: acknowledge to master: %w", err))
				return
			}
			u.outputFull.Store(false)
		}
		u.sending.do(u.sendAck)
	}
}

// sendAck acknowledges, if there is anything new: in a chain what this member and those behind it hold, else how far
// the log reaches. What becomes due while the connection takes no more goes with the next one.
func (u *upstream) sendAck() {
	if u.outputFull.Load() {
		return // acknowledge will come back to it
	}
	repeat := u.repeat.Swap(false)
	a := ack{chain: u.f.cfg.Chain}
	switch {
	case !u.loading.Load():
		a.epoch, a.commit = u.f.cfg.Log.UpstreamAck()
		a.offset, a.progress = u.f.cfg.Log.End(), u.f.cfg.Log.progress.all()
		if !repeat && !a.isNews(u.lastAck) {
			return
		}
		u.lastAck = a
		u.buf = appendAck(u.buf[:0], a)
	case repeat:
		u.buf = append(u.buf[:0], '\n')
	default:
		return
	}
	n, err := u.conn.TryWrite(u.buf)
	if err != nil {
		u.cancel(fmt.Errorf("replication: acknowledge to master: %w", err))
		return
	}
	u.f.cfg.Traffic.Asked.Add(int64(n))
	if u.rest = u.buf[n:]; len(u.rest) > 0 {
		u.outputFull.Store(true)
		wake(u.due)
	}
}

// isNews says whether a has to be told to who was told last.
func (a ack) isNews(last ack) bool {
	if !a.chain {
		return a.offset != last.offset
	}
	// how far this member alone has come is told with the next news
	a.offset, a.progress = last.offset, last.progress
	return a != last
}
