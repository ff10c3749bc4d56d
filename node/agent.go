package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// agent keeps the node in touch with its group's sentinels: it finds them by gossip and by what they say of each other,
// heartbeats to each on a connection of its own, and hands what was agreed to the node.
type agent struct {
	n      *Node
	gossip *cluster.Gossip

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu        sync.Mutex // guards the rest
	links     map[string]*sentinelLink
	downAfter time.Duration // as the sentinels say; decides how often to heartbeat
	told      []string      // the addresses of sentinels, as one of them said last
	left      chan struct{} // closed when the node was let go
	gone      bool
	handover  handover
}

// beatsPerDownAfter is how many heartbeats fit into one down-after period.
const beatsPerDownAfter = 10

// drainHold is for how many heartbeats clients are held back after the last order to drain: it is repeated while it stands.
const drainHold = 3

// startAgent joins the gossip and begins to look for sentinels.
func (n *Node) startAgent() error {
	host, port := splitAddr(n.self.Addr)
	gossipPort := n.settings.GossipPort()
	g, err := cluster.NewGossip(cluster.GossipConfig{
		Network: n.network,
		Self: cluster.Node{Kind: "node", Name: n.self.Name, Addr: net.JoinHostPort(host, strconv.Itoa(port)),
			Group: n.settings.Group(), Incarnation: n.self.Incarnation},
		Bind:      net.JoinHostPort(listenHost(n.settings.Bind()[0]), strconv.Itoa(gossipPort)),
		Advertise: net.JoinHostPort(host, strconv.Itoa(gossipPort)),
		Join:      n.settings.Join(),
		Key:       []byte(n.settings.GossipKey()),
		Logger:    n.logger,
	})
	if err != nil {
		return fmt.Errorf("joining the gossip on port %d: %w", gossipPort, err)
	}
	a := &agent{n: n, gossip: g, links: map[string]*sentinelLink{}, downAfter: time.Second, left: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(n.ctx)
	n.agent = a
	g.OnChange(a.look)
	return nil
}

// look opens a link to each sentinel that gossip knows.
func (a *agent) look() {
	for _, m := range a.gossip.Members() {
		if m.Kind == "sentinel" {
			a.link(m.Addr)
		}
	}
}

// link opens a link to the sentinel at addr, unless there is one.
func (a *agent) link(addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone || a.links[addr] != nil {
		return
	}
	l := &sentinelLink{a: a, addr: addr, poke: make(chan struct{}, 1)}
	a.links[addr] = l
	a.work.Go(l.run)
}

// unlink ends the link to an address at which there is no sentinel any more: the others don't name it, and gossip doesn't know it.
func (a *agent) unlink(addr string) bool {
	present := slices.ContainsFunc(a.gossip.Members(), func(m cluster.Node) bool { return m.Kind == "sentinel" && m.Addr == addr })
	a.mu.Lock()
	defer a.mu.Unlock()
	if present || len(a.told) == 0 || slices.Contains(a.told, addr) {
		return false
	}
	delete(a.links, addr)
	return true
}

// nudge heartbeats at once: something changed that sentinels should know. A nil agent has nobody to tell.
func (a *agent) nudge() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.links {
		select {
		case l.poke <- struct{}{}:
		default:
		}
	}
}

// adopted tells the sentinels at once, and notes when the node was let go.
func (a *agent) adopted(p place) {
	a.mu.Lock()
	if a.n.leaving.Load() && p.dispensable() && !a.gone {
		a.gone = true
		close(a.left)
	}
	a.mu.Unlock()
	a.nudge()
}

func (a *agent) interval() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return max(a.downAfter/beatsPerDownAfter, time.Millisecond)
}

// ackEvery is how often a member shows its predecessor that it and the line are there, for that to be noticed within down-after.
func (a *agent) ackEvery() time.Duration { return 2 * a.interval() }

// heard takes in what a sentinel answered to a heartbeat sent at sent.
func (a *agent) heard(l *sentinelLink, r cluster.HeartbeatReply, sent time.Time) {
	downAfter := time.Duration(r.DownAfterMs) * time.Millisecond
	a.n.lease.forget(r.Removed)
	if r.Accepted {
		a.n.lease.grant(r.Sentinel, sent, downAfter, r.Voters)
	}
	a.mu.Lock()
	l.answered = sent
	if downAfter > 0 {
		a.downAfter = downAfter
	}
	if len(r.Sentinels) > 0 {
		a.told = r.Sentinels
	}
	a.mu.Unlock()
	if r.Group != nil {
		a.n.adopt(*r.Group)
	}
	if r.Drain != 0 {
		a.ordered(r.Drain)
	}
	a.proceed()
	for _, addr := range r.Sentinels {
		a.link(addr)
	}
}

// close ends all links and leaves the gossip without a word.
func (a *agent) close() error {
	a.mu.Lock()
	if !a.gone {
		a.gone = true
	}
	a.mu.Unlock()
	a.cancel()
	a.work.Wait()
	return a.gossip.Close()
}

// sentinelLink is the connection to one sentinel.
type sentinelLink struct {
	a    *agent
	addr string
	poke chan struct{}
	told string // the refusal that was logged last

	up       bool      // connected; the agent's mutex guards it
	answered time.Time // when the newest heartbeat was sent that was answered; likewise

	mu   sync.Mutex // guards the rest
	seq  uint64
	sent map[uint64]time.Time // heartbeats without an answer yet
}

const sentinelDialTimeout = time.Second

// run keeps the link up until the agent ends.
func (l *sentinelLink) run() {
	for l.a.ctx.Err() == nil {
		err := l.session()
		if l.a.ctx.Err() != nil {
			return
		}
		l.a.n.logger.Log(l.a.ctx, l.level(err), "link to a sentinel ended", "sentinel", l.addr, "err", err)
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
	if !errors.As(err, &refused) || string(refused) == l.told {
		return slog.LevelDebug
	}
	l.told = string(refused)
	return slog.LevelWarn
}

// refusal is a sentinel's error reply.
type refusal string

func (r refusal) Error() string {
	return "the sentinel refuses: " + string(r) + " (sentinel-auth-pass must be its requirepass)"
}

// session dials, and heartbeats until the connection ends.
func (l *sentinelLink) session() error {
	ctx, cancel := context.WithTimeout(l.a.ctx, sentinelDialTimeout)
	conn, err := l.a.n.network.Dial(ctx, l.addr)
	cancel()
	if err != nil {
		return fmt.Errorf("dialing sentinel %s: %w", l.addr, err)
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
	l.sent = map[uint64]time.Time{}
	l.mu.Unlock()
	l.setUp(true)
	defer l.setUp(false)
	wg.Go(func() {
		defer cancel()
		l.beat(ctx, conn)
	})
	return l.receive(conn)
}

func (l *sentinelLink) setUp(up bool) {
	l.a.mu.Lock()
	l.up = up
	l.a.mu.Unlock()
}

// beat sends heartbeats, by the clock and when poked.
func (l *sentinelLink) beat(ctx context.Context, conn net.Conn) {
	if pass := l.a.n.settings.SentinelAuthPass(); pass != "" {
		if _, err := conn.Write(resp.AppendCommandStrings(nil, "AUTH", pass)); err != nil {
			return
		}
	}
	for {
		interval := l.a.interval()
		now := l.a.n.lease.now()
		l.mu.Lock()
		l.seq++
		seq := l.seq
		l.sent[seq] = now
		l.mu.Unlock()
		text, err := json.Marshal(l.a.n.heartbeat(seq))
		if err != nil {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(beatsPerDownAfter * interval))
		if _, err := conn.Write(resp.AppendCommandStrings(nil, "HOLDFAST", "HEARTBEAT", string(text))); err != nil {
			return
		}
		timer := time.NewTimer(interval)
		select {
		case <-timer.C:
		case <-l.poke:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

var errSilent = errors.New("the sentinel does not answer")

// receive takes in replies and pushes until the connection ends. A sentinel that stays silent for long is dialed anew.
func (l *sentinelLink) receive(conn net.Conn) error {
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
			l.a.n.adopt(g)
		case v.Kind == '-':
			return refusal(v.Str)
		}
	}
}

// heartbeat is what the node says of itself. It takes the execution lock: a node whose lock is stuck falls silent.
func (n *Node) heartbeat(seq uint64) cluster.Heartbeat {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.letJoin()
	p := n.place
	pos := n.log.Position()
	h := cluster.Heartbeat{
		Group: n.settings.Group(), Member: n.self, Seq: seq, Epoch: p.group.Epoch, LogEpoch: n.logEpoch.Load(), Role: p.role(),
		ReplID: pos.ID, Offset: pos.Offset, Commit: n.log.Commit(), Lease: n.lease.valid(),
		Forming: n.forming.Load(), Leaving: n.leaving.Load(), Draining: n.agent.draining(), Drained: n.drained(), Memory: n.resident, Priority: int(n.settings.Int("replica-priority")), Version: n.env.Version,
	}
	if n.follower != nil {
		s := n.follower.Status()
		h.LinkUp, h.Upstream = s.DownSince.IsZero(), s.Upstream
		if !h.LinkUp {
			h.LinkDownMs = time.Since(s.DownSince).Milliseconds()
		}
	}
	acked, stored := n.log.Delays(time.Now())
	h.AckDelay, h.StoreDelay, h.Floor = acked.Milliseconds(), stored.Milliseconds(), n.settings.MinReplicasToWrite()
	if n.log.HeldBySuccessor() {
		h.Joining = p.joining
	}
	h.Unheard = n.unheard(acked).Milliseconds()
	h.Committing = p.master && (len(p.group.Chain) == 1 || h.Commit == h.Offset && h.Lease || time.Since(n.log.AckedAt()) < n.agent.downAfterNow())
	return h
}

func (a *agent) downAfterNow() time.Duration {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.downAfter
}

// Leave asks the sentinels to let the node go: a master's place is handed over first, without an error or a loss. It
// returns when the chain goes on without the node, or with an error when ctx ends before.
func (n *Node) Leave(ctx context.Context) error {
	if n.agent == nil {
		return nil
	}
	n.leaving.Store(true)
	n.lease.leaving.Store(true)
	n.mu.Lock()
	p := n.place
	n.mu.Unlock()
	n.agent.adopted(p)
	select {
	case <-n.agent.left:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("leaving the group: %w", ctx.Err())
	}
}
