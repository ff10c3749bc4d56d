package replication

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/resp"
)

// streamRead is how much of the stream one read takes at most, and so the size of a batch.
const streamRead = 64 << 10

// upstream is one connection to a predecessor. Run's goroutine reads it; during the handshake it writes too, from
// then on only acknowledge does.
type upstream struct {
	f       *Follower
	conn    net.Conn
	in      *bufio.Reader
	out     deadlineWriter
	loading atomic.Bool   // a full copy is being received: newlines instead of acknowledgements
	due     chan struct{} // a token: acknowledge now
}

func newUpstream(f *Follower, conn net.Conn) *upstream {
	u := &upstream{f: f, conn: conn, out: deadlineWriter{conn, f.cfg.Timeout}, due: make(chan struct{}, 1)}
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

// ask sends commands together and reads one reply line for each.
func (u *upstream) ask(commands ...[]string) ([]string, error) {
	var buf []byte
	for _, c := range commands {
		buf = resp.AppendCommandStrings(buf, c...)
	}
	if _, err := u.out.Write(buf); err != nil {
		return nil, fmt.Errorf("replication: to master: %w", err)
	}
	replies := make([]string, 0, len(commands))
	for range commands {
		l, err := u.line()
		if err != nil {
			return nil, err
		}
		replies = append(replies, l)
	}
	return replies, nil
}

// handshake introduces this node and asks for the log; it returns the answer to PSYNC.
func (u *upstream) handshake() (answer string, err error) {
	pong, err := u.ask([]string{"PING"})
	if err != nil {
		return "", err
	}
	if p := pong[0]; !strings.HasPrefix(p, "+") && !strings.HasPrefix(p, "-NOAUTH") && !strings.HasPrefix(p, "-NOPERM") {
		return "", refusal(p)
	}
	cfg := &u.f.cfg
	var commands [][]string
	required := map[int]bool{} // the others are courtesies, that a master may not know
	if cfg.Password != "" {
		required[0] = true
		if cfg.User != "" {
			commands = append(commands, []string{"AUTH", cfg.User, cfg.Password})
		} else {
			commands = append(commands, []string{"AUTH", cfg.Password})
		}
	}
	commands = append(commands, []string{"REPLCONF", "listening-port", strconv.Itoa(cfg.AnnouncePort)})
	if cfg.AnnounceIP != "" {
		commands = append(commands, []string{"REPLCONF", "ip-address", cfg.AnnounceIP})
	}
	commands = append(commands, []string{"REPLCONF", "capa", "eof", "capa", "psync2"})
	if cfg.Chain {
		hello, err := json.Marshal(Hello{Group: cfg.Group, Epoch: u.f.currentEpoch(), Member: cfg.Member, To: cfg.Upstream})
		if err != nil {
			return "", fmt.Errorf("replication: hello: %w", err)
		}
		required[len(commands)] = true
		commands = append(commands, []string{"REPLCONF", "holdfast", string(hello)})
	}
	replies, err := u.ask(commands...)
	if err != nil {
		return "", err
	}
	for i, r := range replies {
		if required[i] && !strings.HasPrefix(r, "+") {
			return "", refusal(r)
		}
	}
	return u.psync()
}

// psync asks for what is wanted. A master may send newlines before it answers.
func (u *upstream) psync() (answer string, err error) {
	id, offset := psyncArgs(u.f.wanted())
	replies, err := u.ask([]string{"PSYNC", id, offset})
	if err != nil {
		return "", err
	}
	answer = replies[0]
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
func (u *upstream) follow(answer string) (linked bool, err error) {
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
			u.f.cfg.Log.ContinueAs(words[1])
		}
	default:
		return false, fmt.Errorf("replication: unexpected answer to PSYNC: %q", answer)
	}
	u.loading.Store(false)
	u.f.setState(FollowConnected, nil)
	wake(u.due)
	return true, u.stream()
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

// stream applies the log as it comes.
func (u *upstream) stream() error {
	var p resp.Parser
	const unbounded = 1 << 62 // the master has judged its clients' input already
	p.SetLimits(resp.Limits{MaxBulk: unbounded, MaxQuery: unbounded})
	var b batcher
	for {
		n, err := u.in.Read(p.Space(streamRead))
		p.Fill(n)
		if err != nil && n == 0 {
			return fmt.Errorf("replication: from master: %w", err)
		}
		if err := b.cut(&p); err != nil {
			return fmt.Errorf("replication: from master: %w", err)
		}
		if len(b.ready) == 0 {
			continue
		}
		if err := u.f.cfg.Applier.Apply(b.ready); err != nil {
			u.f.setForceFull(true)
			return fmt.Errorf("replication: apply: %w", err)
		}
		wake(u.due)
	}
}

// batcher gathers the entries of a batch. The beginning of a transaction waits until its end has come: otherwise a
// link that breaks in between would leave half of it in the log.
type batcher struct {
	ready []Entry // for the Applier, valid until the next cut
	open  []Entry // from MULTI on, owned
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
	c := Entry{Args: make([][]byte, len(e.Args)), Raw: bytes.Clone(e.Raw)}
	for i, a := range e.Args {
		c.Args[i] = bytes.Clone(a)
	}
	return c
}

// acknowledge writes acknowledgements: after a batch, when the successor's word or the epoch changed, and every
// second. What became due while one was being written is answered by the next.
func (u *upstream) acknowledge(ctx context.Context, cancel context.CancelCauseFunc) {
	changed, stop := u.f.cfg.Log.Watch()
	defer stop()
	tick := time.NewTicker(ackEvery)
	defer tick.Stop()
	var buf []byte
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.due:
		case <-u.f.poke:
		case <-changed:
		case <-tick.C:
		}
		if u.loading.Load() {
			buf = append(buf[:0], '\n')
		} else {
			epoch, held := u.f.cfg.Log.UpstreamAck()
			buf = appendAck(buf[:0], u.f.cfg.Log.End(), u.f.cfg.Chain, epoch, held)
		}
		if _, err := u.out.Write(buf); err != nil {
			cancel(fmt.Errorf("replication: acknowledge to master: %w", err))
			return
		}
	}
}
