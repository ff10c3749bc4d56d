package node

import (
	"context"

	"holdfast/node/engine"
	"holdfast/replication"
)

// host is what the engine, and persistence, ask of the node around them.
type host struct {
	n      *Node
	served []*driver // whose replies the turn in hand has to stage
}

// ServeBlocked answers clients whose keys have become ready.
func (h *host) ServeBlocked() { h.n.serveBlocked() }

// Stage moves replies, and what clients were sent by others, to their outputs.
func (h *host) Stage(woken []engine.Waker) []engine.Waker {
	n := h.n
	n.env.Broadcast()
	for _, d := range h.served {
		n.stageReplies(d)
	}
	h.served = nil
	for _, s := range n.env.TakePushed() {
		n.stagePushed(s)
		woken = append(woken, s)
	}
	return woken
}

// Write brings the log to disk, if it is kept there.
func (h *host) Write() (kept bool) { return h.n.persist.Write() }

// Role is what the engine has to know of the node.
func (h *host) Role() engine.Role {
	n := h.n
	kept := n.persist.Kept()
	return engine.Role{Master: n.place().Master, Logs: n.logging(), Gated: n.gated(), Gates: n.grouped() || kept,
		Pause: n.pauseKind()}
}

// Spoilt has the sentinels told that the data is not what the log says.
func (h *host) Spoilt(error) { h.n.agent.Nudge() }

// CopyAnew has the predecessor send a full copy.
func (h *host) CopyAnew(err error) {
	if f := h.n.follower; f != nil {
		f.CopyAnew(err)
	}
}

// Refuses says for what else than its role the node does not answer now.
func (h *host) Refuses(write bool) error { return h.n.env.Refuses(write, h.n.now().UnixMilli()) }

// LeadsForSure reports that no other master can be at work.
func (h *host) LeadsForSure() bool { return !h.n.chained() || h.n.lease.Valid() }

// EvictSoon has keys evicted in the background, if that is due.
func (h *host) EvictSoon() { h.n.evictSoon() }

// Snapshot fixes an image of the data, for a follower.
func (h *host) Snapshot(ctx context.Context) (replication.Snapshot, error) {
	return h.n.persist.Snapshot(ctx)
}

// Unlink ends the link to the predecessor, so that nothing is appended, until relink is called.
func (h *host) Unlink() (relink func()) {
	n := h.n
	f := n.follower
	if f == nil {
		return func() {}
	}
	n.stopFollowing()
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.follower == nil && !n.place().Master && n.ctx.Err() == nil {
			n.follow(f.config)
			n.follower.SetEpoch(n.place().Epoch())
		}
	}
}
