package sentinel

import (
	"time"

	"holdfast/cluster"
)

// peer is another sentinel as gossip shows it.
type peer struct {
	ID       string
	Addr     string // for clients, nodes and sentinels
	RaftAddr string
}

// roster tells which other sentinels are there now.
type roster interface {
	Peers() []peer
	Leave(timeout time.Duration) error
	Close() error
}

// gossipKind is what a sentinel is in the gossip.
const gossipKind = "sentinel"

// gossipRoster is the roster of the gossip.
type gossipRoster struct {
	*cluster.Gossip
	self string
}

func openGossip(cfg Config, id, incarnation, addr, raftAddr string, changed func()) (roster, error) {
	g, err := cluster.NewGossip(cluster.GossipConfig{
		Network:   cfg.Network,
		Self:      cluster.Node{Kind: gossipKind, Name: id, Addr: addr, RaftAddr: raftAddr, Incarnation: incarnation},
		Bind:      cfg.listenAddr(cfg.GossipPort),
		Advertise: cfg.announce(cfg.GossipPort),
		Join:      cfg.Join,
		Key:       cfg.GossipKey,
		Logger:    cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	g.OnChange(changed)
	return gossipRoster{Gossip: g, self: id}, nil
}

// Peers lists the other sentinels that are alive.
func (g gossipRoster) Peers() []peer {
	var list []peer
	for _, n := range g.Members() {
		if n.Kind == gossipKind && n.Name != g.self {
			list = append(list, peer{ID: n.Name, Addr: n.Addr, RaftAddr: n.RaftAddr})
		}
	}
	return list
}
