package cluster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"holdfast/internal/rules"
	"holdfast/transport"
)

// Node is what gossip says of one program: where it is and what it is for.
type Node struct {
	Kind        string `json:"k"`           // "node" or "sentinel"
	Name        string `json:"n"`           // stable across restarts
	Addr        string `json:"a"`           // host:port announced to clients
	RaftAddr    string `json:"r,omitempty"` // a sentinel's address for Raft
	Group       string `json:"g,omitempty"` // a node's group
	Incarnation string `json:"i"`
	DiskFull    bool   `json:"f,omitempty"` // its disk takes no writes

	Installation string `json:"x,omitempty"` // which it belongs to; empty: it is new
	Tentative    bool   `json:"t,omitempty"` // a sentinel's installation has no group yet
}

// id is the name under which memberlist knows the node. A restarted one has the same, so that it takes the place of the
// old.
func (n Node) id() string { return n.Kind + "/" + n.Name }

// GossipConfig is what a Gossip is made with.
type GossipConfig struct {
	Network transport.Network
	Self    Node
	Bind    string // host:port to listen on, streams and datagrams
	// host:port that others are told; the host may be a name, resolved once; port 0: the bound one
	Advertise string
	Join      []string      // gossip addresses of anybody who may be there; one's own is no mistake
	Key       []byte        // encrypts gossip with AES-256 under the SHA-256 of these bytes; empty: plain text
	DownAfter time.Duration // how soon somebody's absence should be seen, roughly; 0 means a few seconds
	Logger    *slog.Logger
	// Refused, if set, is told of members of other installations that are not let in, again every few seconds while
	// they try, from the goroutine that calls OnChange's hooks.
	Refused func(Node)
}

// Gossip finds the other members and is found by them.
type Gossip struct {
	config GossipConfig
	addr   string
	list   *memberlist.Memberlist
	wire   *gossipTransport
	events *gossipEvents
	log    *gossipLog
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	joined  atomic.Bool          // see Joined
	refused map[string]time.Time // when somebody of an installation was last refused; of tell alone

	ending           chan struct{} // held by Leave and Close: memberlist must not leave after it was shut down
	leaving, closing atomic.Bool
	closed           chan struct{} // when Close is through
	closeErr         error         // valid once closed
}

const maxMeta = memberlist.MetaMaxSize // bytes of a Node as JSON

// GossipLinger bounds how long a probe that memberlist had in flight at Close waits for its answer before it ends. It
// can reach neither the network, nor a hook, nor the logger any more, so only a synctest bubble, which must be left
// empty, has to sleep so long after the last Close.
const GossipLinger = awarenessMax*probeIntervalMax + time.Millisecond

// refuseQuiet is after how long without a try it is told of anew that members of an installation try to get in.
const refuseQuiet = 10 * time.Minute

const (
	probeIntervalMax = time.Second
	awarenessMax     = 2 // by how much a member that may be slow itself stretches its probes
)

// ErrGossipClosed is returned by what comes after Close.
var ErrGossipClosed = errors.New("gossip: closed")

// NewGossip opens the port and begins to look for the others in the background.
func NewGossip(c GossipConfig) (*Gossip, error) {
	meta, err := encodeMeta(c.Self)
	if err != nil {
		return nil, err
	}
	host, portText, err := net.SplitHostPort(c.Advertise)
	if err != nil {
		return nil, fmt.Errorf("gossip: the announced address: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("gossip: the announced port %q: %w", portText, err)
	}
	ip, err := resolveOne(c.Network, host)
	if err != nil {
		return nil, fmt.Errorf("gossip: the announced address %q: %w", host, err)
	}
	wire, err := newGossipTransport(c.Network, c.Bind, ip, int(port))
	if err != nil {
		return nil, err
	}
	g := &Gossip{
		config: c, addr: wire.advertised(), wire: wire, events: newGossipEvents(c.Self, wire.advertised(), meta),
		log: &gossipLog{logger: c.Logger}, ending: make(chan struct{}, 1), closed: make(chan struct{}),
		refused: map[string]time.Time{},
	}
	if g.list, err = memberlist.Create(g.settings(wire)); err != nil {
		return nil, errors.Join(fmt.Errorf("gossip: %w", err), wire.Shutdown())
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.work.Go(g.join)
	g.work.Go(g.tell)
	g.work.Go(g.announce)
	return g, nil
}

// settings scales memberlist's defaults for a handful of members on a local network.
func (g *Gossip) settings(wire *gossipTransport) *memberlist.Config {
	downAfter := cmp.Or(g.config.DownAfter, 2*time.Second)
	m := memberlist.DefaultLocalConfig()
	m.Name = g.config.Self.id()
	m.Transport, m.Events, m.Delegate, m.Conflict, m.Alive = wire, g.events, g.events, g.events, g.events
	m.AdvertiseAddr, m.AdvertisePort = wire.ip.String(), wire.port
	m.BindPort = wire.port
	m.ProbeInterval = min(max(downAfter/2, 100*time.Millisecond), probeIntervalMax)
	m.ProbeTimeout = m.ProbeInterval / 3
	// it wakes also who has nothing to tell
	m.GossipInterval = min(max(downAfter/4, 20*time.Millisecond), 500*time.Millisecond)
	m.TCPTimeout = 2 * time.Second
	m.PushPullInterval = 10 * time.Second
	m.IndirectChecks, m.RetransmitMult = 3, 4
	m.AwarenessMaxMultiplier = awarenessMax
	// a member may come back at another address
	m.DeadNodeReclaimTime = min(max(downAfter/10, 20*time.Millisecond), 200*time.Millisecond)
	// Who suspects somebody waits for another's word, but not for long: it may be the only one left to suspect, and the
	// others' words are dropped from memberlist's queues as soon as they themselves have the member at another address.
	m.SuspicionMaxTimeoutMult = 2
	m.QueueCheckInterval = 30 * time.Second
	m.EnableCompression = false // what is said fits into a packet anyway
	m.LogOutput, m.Logger = nil, log.New(g.log, "", 0)
	if rules.SealGossip && len(g.config.Key) > 0 {
		key := sha256.Sum256(g.config.Key)
		m.SecretKey = key[:]
	}
	return m
}

func encodeMeta(n Node) ([]byte, error) {
	meta, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	if len(meta) > maxMeta {
		return nil, fmt.Errorf("gossip: the names and addresses of this member take %d bytes, more than %d: shorten "+
			"its name", len(meta), maxMeta)
	}
	return meta, nil
}

// Addr is the gossip address that others are told.
func (g *Gossip) Addr() string { return g.addr }

// Members lists who is alive, itself included, by kind and name.
func (g *Gossip) Members() []Node {
	all := g.events.nodes()
	slices.SortFunc(all, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Moved lists, in no order, members who say to be elsewhere than Members has them: they were started again, or are
// copies.
func (g *Gossip) Moved() []Node {
	g.events.mu.Lock()
	defer g.events.mu.Unlock()
	return slices.Collect(maps.Values(g.events.moved))
}

// OnChange has f called, from a goroutine of the gossip, when somebody came, went or changed, and once at the
// beginning. Changes that come while f runs are told together. f must not call Close.
func (g *Gossip) OnChange(f func()) {
	g.events.mu.Lock()
	g.events.hooks = append(g.events.hooks, f)
	g.events.changed = true
	g.events.mu.Unlock()
	wake(g.events.news)
}

// OnMessage has f called, from the goroutine that OnChange's hooks are called from, with every message that others
// Broadcast. payload is f's own.
func (g *Gossip) OnMessage(f func(kind string, payload []byte)) {
	g.events.mu.Lock()
	g.events.listeners = append(g.events.listeners, f)
	g.events.mu.Unlock()
}

// Broadcast spreads a small message: at once to everybody known, and by gossip to those whom that missed. It may be
// lost, it comes at most once, and messages may overtake each other.
func (g *Gossip) Broadcast(kind string, payload []byte) error {
	if g.closing.Load() {
		return ErrGossipClosed
	}
	msg, err := newMessage(kind, payload)
	if err != nil {
		return err
	}
	g.events.spread(msg)
	for _, to := range g.events.others() {
		// A datagram that can't be sent is as good as one lost on the way.
		_ = g.list.SendToAddress(to, msg)
	}
	return nil
}

// Update replaces what the others are told of this member. Kind and name must stay.
func (g *Gossip) Update(self Node) error {
	if self.id() != g.config.Self.id() {
		return fmt.Errorf("gossip: %s can't become %s", g.config.Self.id(), self.id())
	}
	meta, err := encodeMeta(self)
	if err != nil {
		return err
	}
	g.events.become(self, meta)
	wake(g.events.renewed)
	return nil
}

// announce tells memberlist of each Update. Being one goroutine it keeps their order.
func (g *Gossip) announce() {
	for {
		select {
		case <-g.events.renewed:
			// The announcement is queued at once; only waiting for it to be sent can fail, and nobody needs to wait.
			_ = g.list.UpdateNode(time.Nanosecond)
		case <-g.ctx.Done():
			return
		}
	}
}

// Leave tells the others that this member goes, so that they need not find out. The second call does nothing.
func (g *Gossip) Leave(timeout time.Duration) error {
	select {
	case g.ending <- struct{}{}:
		defer func() { <-g.ending }()
	case <-g.ctx.Done():
		return ErrGossipClosed
	}
	if g.closing.Load() {
		return ErrGossipClosed
	}
	if g.leaving.Swap(true) {
		return nil
	}
	if err := g.list.Leave(timeout); err != nil {
		return fmt.Errorf("gossip: leaving: %w", err)
	}
	return nil
}

// Close ends the gossip without a word and waits for all that ran for it, and for a Leave under way. What memberlist
// itself was doing can't be waited for: see GossipLinger.
func (g *Gossip) Close() error {
	if g.closing.Swap(true) {
		<-g.closed
		return g.closeErr
	}
	g.log.silent.Store(true)
	g.cancel()
	g.ending <- struct{}{} // for good
	g.closeErr = g.list.Shutdown()
	g.work.Wait()
	close(g.closed)
	return g.closeErr
}

// refuse tells of a member of another installation: whoever told either of the two to join the other has to know.
func (g *Gossip) refuse(n Node) {
	self := g.events.node()
	if last := g.refused[n.Installation]; time.Since(last) < refuseQuiet {
		g.config.Logger.Debug("gossip: still not let in", "member", n.Addr, "installation", n.Installation)
	} else {
		g.config.Logger.Error("gossip: a member of another installation is not let in", "kind", n.Kind, "member",
			n.Addr, "installation", n.Installation,
			"ours", self.Installation, "do", "correct --join, here or there")
	}
	g.refused[n.Installation] = time.Now()
	if g.config.Refused != nil {
		g.config.Refused(n)
	}
}

// tell calls the hooks.
func (g *Gossip) tell() {
	for {
		select {
		case <-g.events.news:
			hooks, listeners, messages, strangers := g.events.takeNews()
			for _, n := range strangers {
				g.refuse(n)
			}
			for _, f := range hooks {
				f()
			}
			for _, m := range messages {
				for _, f := range listeners {
					f(m.kind, slices.Clone(m.payload))
				}
			}
		case <-g.ctx.Done():
			return
		}
	}
}
