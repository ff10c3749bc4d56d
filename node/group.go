package node

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"holdfast/cluster"
	"holdfast/node/member"
)

// grouped reports whether the node belongs to a group that sentinels govern.
func (n *Node) grouped() bool { return n.joins }

// place is where the node stands. It needs the execution lock.
func (n *Node) place() *member.Place { return n.agent.Place() }

// joinGroup joins the gossip and begins to do as sentinels say.
func (n *Node) joinGroup() error {
	host, _ := splitAddr(n.self.Addr)
	port := strconv.Itoa(n.settings.GossipPort())
	err := n.agent.Join(n.self, n.proof, cluster.GossipConfig{
		Bind:      net.JoinHostPort(listenHost(n.settings.Bind()[0]), port),
		Advertise: net.JoinHostPort(host, port),
		Join:      n.settings.Join(),
		Key:       n.keys.Gossip(),
	})
	if err != nil {
		return fmt.Errorf("joining the gossip on port %s: %w", port, err)
	}
	n.work.Go(n.obey)
	return nil
}

// describe adds to a heartbeat what the agent does not know: about the link to the predecessor, the data, and what is
// being executed.
func (n *Node) describe(f *member.Facts) {
	f.LogEpoch, f.Memory, f.Version = n.epochs.Log.Load(), n.resident.Load(), n.env.Version
	if followed := n.followed.Load(); followed != nil {
		s := followed.Status()
		f.Link = &s
	}
	f.FaultSince, f.Fault = n.engine.Fault()
	f.Busy, f.Command = n.engine.Busy()
	n.engine.NoteLong(f.DownAfter)
}

// obey does as the sentinels say, until the agent ends.
func (n *Node) obey() {
	for {
		switch o, ok := n.agent.Next(); {
		case !ok:
			return
		case o.Adopt != nil:
			n.adopt(*o.Adopt)
		default:
			n.drain(o.Drain, o.Hold)
		}
	}
}

// level is what the node may use: all that it understands, unless others have to understand it as well.
func (n *Node) level() int {
	if !n.grouped() {
		return int(n.features.Understood())
	}
	return int(n.features.Heard().Level.OrBase())
}

// Leave asks the sentinels to let the node go: a master's place is handed over first, without an error or a loss. It
// returns when the chain goes on without the node, or with an error when ctx ends before.
func (n *Node) Leave(ctx context.Context) error { return n.agent.Leave(ctx) }
