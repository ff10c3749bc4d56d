package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/resp"
)

// sentinelLink is the connection to one sentinel.
type sentinelLink struct {
	a    *Agent
	addr string
	poke chan struct{}
	told string // the refusal that was logged last

	up       bool      // connected; the agent's mutex guards it
	ours     bool      // its sentinel is of the node's installation, or neither has one; likewise
	answered time.Time // when the newest heartbeat was sent that was answered; likewise

	mu   sync.Mutex // guards the rest
	seq  uint64
	sent map[uint64]time.Time // heartbeats without an answer yet
	gone int                  // removed sentinels that this one has named over the connection
}

const sentinelDialTimeout = time.Second

// run keeps the link up until the agent ends.
func (l *sentinelLink) run() {
	for l.a.ctx.Err() == nil {
		err := l.session()
		if l.a.ctx.Err() != nil {
			return
		}
		l.a.cfg.Logger.Log(l.a.ctx, l.level(err), "link to a sentinel ended", "sentinel", l.addr, "err", err)
		l.a.seek()
		if l.a.unlink(l.addr) {
			return
		}
		pause := time.NewTimer(l.a.interval())
		select {
		case <-pause.C:
		case <-l.a.ctx.Done():
			pause.Stop()
		}
	}
}

// level is how loudly to tell of the end of a link: a refusal needs an operator, and is told once.
func (l *sentinelLink) level(err error) slog.Level {
	var refused refusal
	var unproven *membership.ProofError
	reason := ""
	switch {
	case errors.As(err, &refused):
		reason = string(refused)
	case errors.As(err, &unproven):
		reason = unproven.Reason
	}
	if reason == "" || reason == l.told {
		return slog.LevelDebug
	}
	l.told = reason
	return slog.LevelWarn
}

// refusal is a sentinel's error reply.
type refusal string

func (r refusal) Error() string {
	text := "the sentinel refuses: " + string(r)
	if strings.HasPrefix(string(r), "NOPROOF") || strings.HasPrefix(string(r), "NOAUTH") {
		text += " (group-key must be that of the sentinels)"
	}
	return text
}

// session dials, and heartbeats until the connection ends.
func (l *sentinelLink) session() error {
	if !l.a.mayJoin() {
		return errTorn
	}
	ctx, cancel := context.WithTimeout(l.a.ctx, sentinelDialTimeout)
	conn, err := l.a.network.Dial(ctx, l.addr)
	if err != nil {
		cancel()
		return fmt.Errorf("dialing sentinel %s: %w", l.addr, err)
	}
	conn, peer, err := l.a.proof.Client(ctx, conn, membership.Quorum, membership.Peer{Kind: membership.Sentinel})
	cancel()
	if err != nil {
		return err
	}
	ctx, cancel = context.WithCancel(l.a.ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		<-ctx.Done()
		_ = conn.Close()
	})
	l.mu.Lock()
	l.sent, l.gone = map[uint64]time.Time{}, 0
	l.mu.Unlock()
	l.setUp(true)
	defer l.setUp(false)
	wg.Go(func() {
		defer cancel()
		if err := l.beat(ctx, conn); err != nil {
			// The sentinel may have said why before it closed the connection: receive has its time to read that.
			lastWords := time.NewTimer(l.a.interval())
			defer lastWords.Stop()
			select {
			case <-lastWords.C:
			case <-ctx.Done():
			}
		}
	})
	return l.receive(conn, peer.Name)
}

func (l *sentinelLink) setUp(up bool) {
	l.a.mu.Lock()
	l.up = up
	l.a.mu.Unlock()
}

// beat sends heartbeats, by the clock and when poked. An error says that one could not be sent.
func (l *sentinelLink) beat(ctx context.Context, conn net.Conn) error {
	for l.a.mayJoin() {
		interval := l.a.interval()
		now := l.a.cfg.Lease.Now()
		l.mu.Lock()
		l.seq++
		seq := l.seq
		l.sent[seq] = now
		gone := l.gone
		l.mu.Unlock()
		h := l.a.Heartbeat()
		h.Seq, h.Removed = seq, gone
		text, err := json.Marshal(h)
		if err != nil {
			return err
		}
		_ = conn.SetWriteDeadline(time.Now().Add(beatsPerDownAfter * interval))
		if _, err := conn.Write(resp.AppendCommandStrings(nil, "HOLDFAST", "HEARTBEAT", string(text))); err != nil {
			return err
		}
		timer := time.NewTimer(cluster.Tick(l.a.cfg.Lease.Now(), interval))
		select {
		case <-timer.C:
		case <-l.poke:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
	return nil
}

var errSilent = errors.New("the sentinel does not answer")

// receive takes in replies and pushes until the connection ends. A sentinel that stays silent for long is dialed anew.
// id is that of the sentinel that has proven itself; empty where nobody does.
func (l *sentinelLink) receive(conn net.Conn, id string) error {
	r := resp.NewReader(conn)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(3*beatsPerDownAfter*l.a.interval() + sentinelDialTimeout))
		v, err := r.ReadValue()
		if err != nil {
			return errors.Join(errSilent, err)
		}
		switch {
		case v.Kind == '$':
			var reply cluster.HeartbeatReply
			if err := json.Unmarshal(v.Str, &reply); err != nil {
				return fmt.Errorf("sentinel %s: reading its reply: %w", l.addr, err)
			}
			if id != "" && reply.Sentinel != id {
				return fmt.Errorf("sentinel %s answers as another, %s", id, reply.Sentinel)
			}
			l.mu.Lock()
			sent, known := l.sent[reply.Seq]
			delete(l.sent, reply.Seq)
			l.mu.Unlock()
			if known {
				l.a.heard(l, reply, sent)
			}
		case v.Kind == '>' && len(v.Elems) == 3 && string(v.Elems[1].Str) == "group":
			var g cluster.Group
			if err := json.Unmarshal(v.Elems[2].Str, &g); err != nil {
				return fmt.Errorf("sentinel %s: reading a group: %w", l.addr, err)
			}
			switch {
			case l.a.cfg.Identity.Installation() == "":
				// whose group it is the next reply says, which has to be written down first
				select {
				case l.poke <- struct{}{}:
				default:
				}
			case !l.a.isOurs(l):
			default:
				l.a.order(&g)
			}
		case v.Kind == '-':
			return refusal(v.Str)
		}
	}
}
