package sentinel

import (
	"slices"
	"sync"
	"time"

	"holdfast/cluster"
)

// peer is another sentinel as gossip shows it.
type peer struct {
	ID       string
	Addr     string // for clients, nodes and sentinels
	RaftAddr string
	DiskFull bool // its disk takes no writes: it can agree to nothing

	Installation string // empty: it is new, or its installation has no group yet
}

// roster tells which other sentinels are there now.
type roster interface {
	Peers() []peer
	// Elsewhere is a peer as it says to be that Peers has at another address; without an id: there is none.
	Elsewhere(id string) peer
	// SayDisk tells the others whether this one's disk takes writes.
	SayDisk(full bool)
	// Brought are the installations that the nodes which are there belong to, in order.
	Brought() []string
	// Installations are those of all who are there.
	Installations() []string
	// Joined says whether all who were to be joined have been asked.
	Joined() bool
	// Announce tells the others which installation this sentinel is of, and whether that may still change.
	Announce(installation string, tentative bool) error
	Leave(timeout time.Duration) error
	Close() error
}

// gossipKind is what a sentinel is in the gossip.
const gossipKind = "sentinel"

// gossipRoster is the roster of the gossip.
type gossipRoster struct {
	*cluster.Gossip
	id string

	mu   sync.Mutex
	self cluster.Node
}

func openGossip(cfg Config, key []byte, self cluster.Node, changed func(), refused func(cluster.Node)) (roster, error) {
	g, err := cluster.NewGossip(cluster.GossipConfig{
		Network:   cfg.Network,
		Self:      self,
		Bind:      cfg.listenAddr(cfg.GossipPort),
		Advertise: cfg.announce(cfg.GossipPort),
		Join:      cfg.Join,
		Key:       key,
		Logger:    cfg.Logger,
		Refused:   refused,
	})
	if err != nil {
		return nil, err
	}
	g.OnChange(changed)
	return &gossipRoster{Gossip: g, id: self.Name, self: self}, nil
}

// say changes what the gossip says of this sentinel.
func (g *gossipRoster) say(edit func(*cluster.Node)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	edit(&g.self)
	return g.Update(g.self)
}

// SayDisk puts it into what the gossip says of this one.
func (g *gossipRoster) SayDisk(full bool) {
	// it differs by a few bytes from what was encoded at the start
	_ = g.say(func(n *cluster.Node) { n.DiskFull = full })
}

// Peers lists the other sentinels that are alive.
func (g *gossipRoster) Peers() []peer {
	var list []peer
	for _, n := range g.Members() {
		if n.Kind == gossipKind && n.Name != g.id {
			list = append(list, peerOf(n))
		}
	}
	return list
}

func peerOf(n cluster.Node) peer {
	return peer{ID: n.Name, Addr: n.Addr, RaftAddr: n.RaftAddr, DiskFull: n.DiskFull, Installation: firm(n)}
}

// Elsewhere looks among those of whom the gossip has heard that they moved.
func (g *gossipRoster) Elsewhere(id string) peer {
	for _, n := range g.Moved() {
		if n.Kind == gossipKind && n.Name == id {
			return peerOf(n)
		}
	}
	return peer{}
}

// firm is the installation that a member belongs to for good.
func firm(n cluster.Node) string {
	if n.Tentative {
		return ""
	}
	return n.Installation
}

// Brought are the nodes' installations.
func (g *gossipRoster) Brought() []string {
	var ids []string
	for _, n := range g.Members() {
		if n.Kind != gossipKind && n.Installation != "" {
			ids = append(ids, n.Installation)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Announce changes what the others are told of this sentinel.
func (g *gossipRoster) Announce(installation string, tentative bool) error {
	return g.say(func(n *cluster.Node) { n.Installation, n.Tentative = installation, tentative })
}
