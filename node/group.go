package node

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"holdfast/cluster"
)

// joinGroup joins the gossip and begins to do as sentinels say.
func (n *Node) joinGroup() error {
	host, _, err := net.SplitHostPort(n.self.Addr)
	if err != nil {
		return fmt.Errorf("reading the announced address %s: %w", n.self.Addr, err)
	}
	port := strconv.Itoa(n.settings.GossipPort())
	err = n.agent.Join(cluster.GossipConfig{
		Bind:      net.JoinHostPort(listenHost(n.settings.Bind()[0]), port),
		Advertise: net.JoinHostPort(host, port),
		Join:      n.settings.Join(),
		Key:       n.proof.Keys.Gossip(),
	})
	if err != nil {
		return fmt.Errorf("joining the gossip on port %s: %w", port, err)
	}
	n.work.Go(n.replication.Obey)
	return nil
}

// level is what the node may use: all that it understands, unless others have to understand it as well.
func (n *Node) level() int {
	if !n.grouped {
		return int(n.features.Understood())
	}
	return int(n.features.Heard().Level.OrBase())
}

// Leave asks the sentinels to let the node go: a master's place is handed over first, without an error or a loss. It
// returns when the chain goes on without the node, or with an error when ctx ends before. A script that goes on for
// long meanwhile is ended, by shutdown-timeout at the latest. If it had written, the node has nothing to hand over any
// more: its chain goes on as after its death.
func (n *Node) Leave(ctx context.Context) error {
	n.engine.StopWithin(n.settings.ShutdownTimeout())
	return n.agent.Leave(ctx)
}
