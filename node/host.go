package node

import (
	"context"

	"holdfast/node/command"
	"holdfast/node/engine"
	"holdfast/replication"
)

// host is what the engine, and persistence, ask of the node around them.
type host struct {
	n      *Node
	log    *command.Context // in which the log's commands run; nil: none has yet
	served []*driver        // whose replies the turn in hand has to stage
}

// Began has the commands' clock go on from where a turn begins.
func (h *host) Began(at int64) { h.n.env.BeginTurn(at) }

// Apply executes one command of the predecessor's log, at a time in unix milliseconds.
func (h *host) Apply(args [][]byte, now int64, onlyQuick bool) error {
	n := h.n
	if h.log == nil {
		h.log = n.env.NewLogContext()
		h.log.Input = n.engine.Input()
	}
	c := h.log
	c.Now, c.S.DB = now, n.data.StreamDB
	err := n.env.ApplyEffect(c, args, onlyQuick)
	if err == nil {
		n.data.StreamDB = c.S.DB
	}
	return err
}

// Accept says why a command of the log can't be executed here, and notes first what the data need once it is in the
// log.
func (h *host) Accept(args [][]byte) error {
	level, err := h.n.env.Knows(args)
	if err != nil {
		return err
	}
	return h.n.features.Need(level)
}

// Running names the command that is running, if it is one that may take long.
func (h *host) Running() string { return h.n.env.Running() }

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
		Loading: n.data.Loading, Pause: n.pauseKind()}
}

// Spoilt has clients wait, and the sentinels told, as the data is not what the log says.
func (h *host) Spoilt(error) {
	h.n.data.Loading, h.n.data.Partial = true, true
	h.n.agent.Nudge()
}

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
