package member

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/node/config"
	"holdfast/node/identity"
	"holdfast/replication"
	"holdfast/transport"
)

// Locker is a lock that can be tried.
type Locker interface {
	sync.Locker
	TryLock() bool
}

// Config is what an agent is made with.
type Config struct {
	Self     cluster.Member // Name and Addr come with Introduce
	Settings *config.Config
	Identity *identity.Identity
	Features *identity.Features
	Lease    *Lease
	Network  transport.Network
	Logger   *slog.Logger

	Lock   Locker // the execution lock
	Log    *replication.Log
	Feeder *replication.Feeder

	// Replication knows the links, the log and the data, of which heartbeats tell; nil: there is none.
	Replication *Replication
	Version     string        // the node's
	Resident    *atomic.Int64 // bytes that the process has in memory; nil: nobody knows
}

// Agent is a node's membership of its group. It knows where the node stands and makes the log and those who follow do
// as that says; it keeps in touch with the group's sentinels, which it finds by gossip and by what they say of each
// other, and hands what was agreed to the node, see Next. A node without a group has one that has nothing to do.
type Agent struct {
	cfg     Config
	self    cluster.Member
	proof   *membership.Member // nil: members prove nothing
	network transport.Network  // for lines on which there is little to say
	gossip  *cluster.Gossip

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	// beat is when the node shows the sentinels, and its predecessor, that it and the line are there, for that to be
	// noticed within down-after.
	beat *cluster.Beat

	standing standing
	learners learners

	mu        sync.Mutex // guards the rest
	joined    bool
	links     map[string]*sentinelLink
	downAfter time.Duration // as the sentinels say; decides how often to heartbeat
	told      []string      // the addresses of sentinels, as one of them said last
	left      chan struct{} // closed when the node was let go
	gone      bool
	closed    bool
	drain     Order
	offered   map[string]bool // installations that sentinels named while the node had none
	torn      string          // what was said last of several of them
	newest    *cluster.Group  // to be adopted; nil: none is
	due       chan struct{}   // a token: there is an order to carry out
	looked    bool            // Next has still to see whether to drain; its own
	sought    time.Time       // when it last looked for lost sentinels
}

// beatsPerDownAfter is how many heartbeats fit into one down-after period.
const beatsPerDownAfter = 5

// New makes an agent that knows nobody yet, and ends with ctx.
func New(ctx context.Context, c Config) *Agent {
	a := &Agent{
		cfg: c, self: c.Self, network: transport.Raw{Network: c.Network},
		links: map[string]*sentinelLink{}, downAfter: time.Second,
		left: make(chan struct{}), due: make(chan struct{}, 1), offered: map[string]bool{},
		beat: cluster.NewBeat(c.Lease.Now, time.Second/beatsPerDownAfter),
	}
	a.ctx, a.cancel = context.WithCancel(ctx)
	c.Log.Watch(a.chainMoved)
	return a
}

// Introduce says under which name and address the node is known, and how it proves that. It comes before all else.
func (a *Agent) Introduce(self cluster.Member, proof *membership.Member) {
	a.self, a.proof = self, proof
}

// Join joins the gossip, and begins to look for sentinels. g says where the node gossips, and whom it asks first; the
// rest of it is the agent's.
func (a *Agent) Join(g cluster.GossipConfig) error {
	g.Network, g.Self, g.Logger = a.network, a.gossipSelf(), a.cfg.Logger
	gossip, err := cluster.NewGossip(g)
	if err != nil {
		return err
	}
	a.gossip = gossip
	a.mu.Lock()
	a.joined = true
	a.mu.Unlock()
	gossip.OnChange(a.lookForSentinels)
	return nil
}

// lookForSentinels opens a link to each sentinel that gossip knows.
func (a *Agent) lookForSentinels() {
	if !a.mayJoin() {
		return
	}
	for _, m := range append(a.gossip.Members(), a.gossip.Moved()...) {
		if m.Kind == "sentinel" {
			a.Link(m.Addr)
		}
	}
}

// Link opens a link to the sentinel at addr, unless there is one.
func (a *Agent) Link(addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone || a.links[addr] != nil {
		return
	}
	l := &sentinelLink{a: a, addr: addr, poke: make(chan struct{}, 1)}
	a.links[addr] = l
	a.work.Go(l.run)
}

// unlink ends the link to an address at which there is no sentinel any more: the others don't name it, and gossip
// doesn't know it.
func (a *Agent) unlink(addr string) bool {
	present := slices.ContainsFunc(a.gossip.Members(),
		func(m cluster.Node) bool { return m.Kind == "sentinel" && m.Addr == addr })
	a.mu.Lock()
	defer a.mu.Unlock()
	if present || len(a.told) == 0 || slices.Contains(a.told, addr) {
		return false
	}
	delete(a.links, addr)
	return true
}

// seekEvery is how often at most a node that has no sentinel left asks where they are.
const seekEvery = time.Second

// seek looks for sentinels where there may be others by now, if there is a link to none: the gossip takes longer to
// miss them.
func (a *Agent) seek() {
	a.mu.Lock()
	now := a.cfg.Lease.Now()
	lost := now.Sub(a.sought) >= seekEvery
	for _, l := range a.links {
		lost = lost && !l.up
	}
	if lost {
		a.sought = now
	}
	a.mu.Unlock()
	if lost {
		a.gossip.Seek()
	}
}

// Nudge heartbeats at once: something changed that sentinels should know.
func (a *Agent) Nudge() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.links {
		select {
		case l.poke <- struct{}{}:
		default:
		}
	}
}

// tellPlace tells the sentinels at once where the node stands, and notes when it was let go.
func (a *Agent) tellPlace(p *Place) {
	a.mu.Lock()
	if a.cfg.Lease.Leaving() && p.Dispensable() && !a.gone {
		a.gone = true
		close(a.left)
	}
	a.mu.Unlock()
	a.Nudge()
}

func (a *Agent) interval() time.Duration { return a.beat.Interval() }

// heard takes in what a sentinel answered to a heartbeat sent at sent.
func (a *Agent) heard(l *sentinelLink, r cluster.HeartbeatReply, sent time.Time) {
	if !a.belongs(l, r) {
		return
	}
	a.cfg.Features.Hear(r.Features)
	downAfter := time.Duration(r.DownAfterMs) * time.Millisecond
	if a.cfg.Lease.Forget(r.Removed); len(r.Removed) > 0 {
		l.mu.Lock()
		l.gone = len(r.Removed)
		l.mu.Unlock()
	}
	if r.Refused != "" && r.Refused != l.told {
		l.told = r.Refused
		a.cfg.Logger.Warn("this node gets no place in the group; it asks again all the time", "sentinel", l.addr,
			"because", r.Refused)
	}
	if r.Accepted {
		a.cfg.Lease.Grant(r.Sentinel, sent, downAfter, r.Voters)
	}
	a.mu.Lock()
	l.answered = sent
	if downAfter > 0 {
		a.downAfter = downAfter
		a.beat.Set(downAfter / beatsPerDownAfter)
	}
	if len(r.Sentinels) > 0 {
		a.told = r.Sentinels
	}
	a.mu.Unlock()
	if r.Drain != 0 {
		a.ordered(r.Drain)
	}
	if r.Group != nil || a.orderedDrain() != 0 {
		a.order(r.Group)
	}
	for _, addr := range r.Sentinels {
		a.Link(addr)
	}
}

// DownAfter is how long a member may be silent, as the sentinels say; 0 where there are none.
func (a *Agent) DownAfter() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.joined {
		return 0
	}
	return a.downAfter
}

// Hears reports whether the sentinel at addr has answered a heartbeat.
func (a *Agent) Hears(addr string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.links[addr]
	return l != nil && !l.answered.IsZero()
}

// spawn has a goroutine do something that the agent's end waits for, unless that has come.
func (a *Agent) spawn(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.work.Go(f)
	}
}

// Gone reports whether the node was let go, or the agent closed.
func (a *Agent) Gone() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone
}

// Leave asks the sentinels to let the node go: a master's place is handed over first, without an error or a loss. It
// returns when the chain goes on without the node, or with an error when ctx ends before.
func (a *Agent) Leave(ctx context.Context) error {
	if a.DownAfter() == 0 {
		return nil
	}
	a.cfg.Lease.Leave()
	a.tellPlace(a.Standing())
	select {
	case <-a.left:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("leaving the group: %w", ctx.Err())
	}
}

// Close ends all links and leaves the gossip without a word.
func (a *Agent) Close() error {
	a.mu.Lock()
	a.gone, a.closed = true, true
	a.mu.Unlock()
	a.cancel()
	a.work.Wait()
	if a.gossip == nil {
		return nil
	}
	return a.gossip.Close()
}
