package cluster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

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
}

// GossipConfig is what a Gossip is made with.
type GossipConfig struct {
	Network   transport.Network
	Self      Node
	Bind      string   // host:port to listen on, streams and datagrams
	Advertise string   // host:port that others are told; the host may be a name, resolved once
	Join      []string // gossip addresses of anybody who may be there; one's own is no mistake
	Key       []byte   // encrypts gossip with AES-256 under the SHA-256 of these bytes; empty: plain text
	Logger    *slog.Logger
}

// Gossip finds the other members and is found by them.
type Gossip struct {
	config GossipConfig
	list   *memberlist.Memberlist
	events *gossipEvents
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

const (
	joinRetryMin = 100 * time.Millisecond
	joinRetryMax = 5 * time.Second
	gossipEvery  = 200 * time.Millisecond
	probeEvery   = time.Second
	probeWithin  = 300 * time.Millisecond
	gossipStream = 2 * time.Second // bound on one exchange over a stream
	maxMeta      = memberlist.MetaMaxSize
)

// NewGossip opens the port and begins to look for the others in the background.
func NewGossip(c GossipConfig) (*Gossip, error) {
	meta, err := json.Marshal(c.Self)
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	if len(meta) > maxMeta {
		return nil, fmt.Errorf("gossip: the names and addresses of this member take %d bytes, more than %d: shorten its name", len(meta), maxMeta)
	}
	host, portText, err := net.SplitHostPort(c.Advertise)
	if err != nil {
		return nil, fmt.Errorf("gossip: the announced address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("gossip: the announced port %q: %w", portText, err)
	}
	wire, err := newGossipTransport(c.Network, c.Bind)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		_, bound, _ := net.SplitHostPort(wire.listener.Addr().String())
		port, _ = strconv.Atoi(bound)
	}
	g := &Gossip{config: c, events: &gossipEvents{meta: meta, changed: make(chan struct{}, 1)}}
	m := memberlist.DefaultLocalConfig()
	m.Name = c.Self.Kind + "/" + c.Self.Name
	m.Transport, m.Events, m.Delegate = wire, g.events, g.events
	m.AdvertiseAddr, m.AdvertisePort = host, port
	m.BindPort = port
	m.GossipInterval, m.ProbeInterval, m.ProbeTimeout, m.TCPTimeout = gossipEvery, probeEvery, probeWithin, gossipStream
	m.DeadNodeReclaimTime = probeEvery // a member may come back at another address
	m.LogOutput, m.Logger = nil, slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug)
	if len(c.Key) > 0 {
		key := sha256.Sum256(c.Key)
		m.SecretKey = key[:]
	}
	if g.list, err = memberlist.Create(m); err != nil {
		return nil, errors.Join(fmt.Errorf("gossip: %w", err), wire.Shutdown())
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.work.Go(g.join)
	g.work.Go(g.tell)
	return g, nil
}

// Addr is the gossip address that others are told.
func (g *Gossip) Addr() string { return g.list.LocalNode().Address() }

// Members lists who is alive, itself included, by kind and name.
func (g *Gossip) Members() []Node {
	var all []Node
	for _, m := range g.list.Members() {
		var n Node
		if err := json.Unmarshal(m.Meta, &n); err == nil { // a stranger's meta is none of ours
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// OnChange has f called, from a goroutine of the gossip, when somebody came, went or changed, and once at the beginning.
// Changes that come while f runs are told together.
func (g *Gossip) OnChange(f func()) {
	g.events.mu.Lock()
	g.events.hooks = append(g.events.hooks, f)
	g.events.mu.Unlock()
	g.events.wake()
}

// Leave tells the others that this member goes, so that they need not find out.
func (g *Gossip) Leave(timeout time.Duration) error { return g.list.Leave(timeout) }

// Close ends the gossip without a word and waits for all that ran for it.
func (g *Gossip) Close() error {
	g.cancel()
	err := g.list.Shutdown()
	g.work.Wait()
	return err
}

// join asks the seeds until somebody else is there, and again whenever the member finds itself alone.
func (g *Gossip) join() {
	pause := joinRetryMin
	for {
		if len(g.config.Join) > 0 && g.list.NumMembers() < 2 {
			// Seeds that don't answer are expected: they may not be up yet.
			if _, err := g.list.Join(g.config.Join); err != nil {
				g.config.Logger.Debug("gossip: nobody answered yet", "join", g.config.Join, "err", err)
			}
			pause = min(2*pause, joinRetryMax)
		} else {
			pause = joinRetryMin
		}
		timer := time.NewTimer(max(pause, joinRetryMin))
		select {
		case <-timer.C:
		case <-g.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// tell calls the hooks.
func (g *Gossip) tell() {
	for {
		select {
		case <-g.events.changed:
			g.events.mu.Lock()
			hooks := slices.Clone(g.events.hooks)
			g.events.mu.Unlock()
			for _, f := range hooks {
				f()
			}
		case <-g.ctx.Done():
			return
		}
	}
}

// gossipEvents is memberlist's delegate. Its methods are called under memberlist's locks: they never wait.
type gossipEvents struct {
	meta    []byte
	changed chan struct{} // a token

	mu    sync.Mutex
	hooks []func()
}

func (e *gossipEvents) wake() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

func (e *gossipEvents) NotifyJoin(*memberlist.Node)     { e.wake() }
func (e *gossipEvents) NotifyLeave(*memberlist.Node)    { e.wake() }
func (e *gossipEvents) NotifyUpdate(*memberlist.Node)   { e.wake() }
func (e *gossipEvents) NodeMeta(int) []byte             { return e.meta }
func (e *gossipEvents) NotifyMsg([]byte)                {}
func (e *gossipEvents) GetBroadcasts(int, int) [][]byte { return nil }
func (e *gossipEvents) LocalState(bool) []byte          { return nil }
func (e *gossipEvents) MergeRemoteState([]byte, bool)   {}
