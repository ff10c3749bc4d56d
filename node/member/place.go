package member

import (
	"holdfast/cluster"
	"holdfast/replication"
	"holdfast/resp"
)

// Place is where a node stands: in the chain of the epoch that it has adopted, or, outside a group, whose replica it
// is. It is a value; whoever gets one may keep it.
type Place struct {
	Master   bool
	Group    cluster.Group // adopted; epoch 0: none yet
	Position int           // in the chain, 0 is the head; -1: not in it
	Learner  bool
	Upstream cluster.Member // whom it follows; Addr is empty for nobody
	Joining  cluster.Member // tail only: the learner whose acknowledgements count already
}

// At is the place that a group has for a node.
func At(g cluster.Group, self cluster.Member) Place {
	p := Place{Group: g, Position: g.Position(self), Learner: g.IsLearner(self)}
	p.Master = p.Position == 0
	p.Upstream, _ = g.Predecessor(self)
	return p
}

// Alone is the place of a node that no sentinels govern, and of one that has not adopted an epoch yet.
func Alone(master bool) Place { return Place{Master: master, Position: -1} }

// Following is the place of a node outside a group that replicates another server.
func Following(addr string) Place { return Place{Position: -1, Upstream: cluster.Member{Addr: addr}} }

// Epoch is the one that was adopted.
func (p *Place) Epoch() uint64 { return p.Group.Epoch }

// InChain reports whether the chain has this incarnation.
func (p *Place) InChain() bool { return p.Position >= 0 }

// InGroup reports whether the adopted group knows this incarnation.
func (p *Place) InGroup() bool { return p.InChain() || p.Learner }

// Tail reports whether the node is the last of its chain.
func (p *Place) Tail() bool { return p.InChain() && p.Position == len(p.Group.Chain)-1 }

// Dispensable reports that a node that wants to leave may: nobody counts on it, or nobody could take over.
func (p *Place) Dispensable() bool { return !p.InGroup() || p.Master && len(p.Group.Chain) == 1 }

// Role is the place in the word that the sentinels know.
func (p *Place) Role() cluster.Role {
	switch {
	case p.Master:
		return cluster.RoleMaster
	case p.Position > 0:
		return cluster.RoleReplica
	case p.Learner:
		return cluster.RoleLearner
	}
	return cluster.RoleNone
}

// Awaited is whose acknowledgement the node waits for before anything is committed: its successor's, or that of the
// learner that it lets join.
func (p *Place) Awaited(self cluster.Member) (m cluster.Member, ok bool) {
	if p.Joining != (cluster.Member{}) {
		return p.Joining, true
	}
	return p.Group.Successor(self)
}

// Feeds reports whether m follows this node.
func (p *Place) Feeds(m, self cluster.Member) bool {
	before, ok := p.Group.Predecessor(m)
	return ok && before.Is(self)
}

// ErrNotSuccessor refuses a member that would follow a node which is not its predecessor.
const ErrNotSuccessor = resp.Error("STALEEPOCH this node is not your predecessor in the present epoch")

// MayFollow judges a member that wants to follow this node, by its hello: both are in one epoch, and its chain has this
// node before it (rule 4). asked is of which feature level it must be.
func (p *Place) MayFollow(h replication.Hello, installation string, asked cluster.Level, self cluster.Member) error {
	if err := h.Check(installation, p.Group, asked, self); err != nil {
		return err
	}
	if !p.Feeds(h.Member, self) {
		return ErrNotSuccessor
	}
	return nil
}

// MayAnswer says whether a member of the chain may answer a read with what it has: it holds a lease, or the chain has
// confirmed, since the read came, the epoch in which the node stands (rule 5).
func (p *Place) MayAnswer(leased bool, confirmed uint64) bool {
	return p.InChain() && (leased || confirmed == p.Epoch())
}
