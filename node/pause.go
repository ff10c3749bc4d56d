package node

import (
	"time"

	"holdfast/node/engine"
	"holdfast/server/session"
)

// pause holds clients' commands back: CLIENT PAUSE. So does the drain before a planned handover, which the agent knows.
// Guarded by the execution lock.
type pause struct {
	until      time.Time // zero: none
	writesOnly bool
	timer      *time.Timer
}

// Pause holds back clients' commands until the deadline. Of two pauses the later end and the stricter kind hold. The
// zero time ends CLIENT PAUSE; a handover's drain goes on.
func (n *Node) Pause(until time.Time, writesOnly bool) {
	if until.IsZero() {
		n.pause.until = until
		n.env.Push(n.endPause()...)
		return
	}
	if n.pause.until.IsZero() {
		n.pause.until, n.pause.writesOnly = until, writesOnly
	} else {
		n.pause.writesOnly = n.pause.writesOnly && writesOnly
		if until.After(n.pause.until) {
			n.pause.until = until
		}
	}
	n.armPause()
}

// pauseKind is what is held back now.
func (n *Node) pauseKind() engine.Pause {
	switch {
	case n.agent.Holds():
		return engine.PauseDrain
	case n.pause.until.IsZero():
		return engine.NoPause
	case n.pause.writesOnly:
		return engine.PauseWrites
	}
	return engine.PauseAll
}

// armPause has the pause looked at when it ends.
func (n *Node) armPause() {
	n.engine.NoteRole()
	until := n.pause.until
	if n.agent.Holds() {
		until = n.agent.Drain().Until
	}
	if n.pause.timer != nil {
		n.pause.timer.Stop()
	}
	n.pause.timer = time.AfterFunc(until.Sub(n.now()), func() { n.do(func(now time.Time) { n.pauseOver(now) }) })
}

func (n *Node) pauseOver(now time.Time) {
	if !n.pause.until.IsZero() && !now.Before(n.pause.until) {
		n.pause.until = time.Time{}
	}
	n.agent.ExpireDrain(now)
	if n.pauseKind() != engine.NoPause {
		n.armPause()
		return
	}
	n.env.Push(n.endPause()...)
}

// endPause lets the clients go that were held back; the caller wakes them.
func (n *Node) endPause() (woken []*session.Session) {
	n.engine.NoteRole()
	if n.pauseKind() != engine.NoPause {
		return nil
	}
	for d := range n.deferred {
		d.s.Postponed = false
		woken = append(woken, d.s)
	}
	clear(n.deferred)
	return woken
}

// drain answers a sentinel's order to get ready for a handover in this epoch: clients part from it, who is left is held
// back, and once everything is committed the heartbeats say so, see member.Drain.
func (n *Node) drain(epoch uint64, hold time.Duration) {
	n.do(func(now time.Time) {
		until := now.Add(hold)
		switch {
		case !n.place().MayDrain(epoch):
		case n.agent.Holds():
			n.holdBack(until)
		case n.clientDrain.awaited != nil:
			n.clientDrain.hold = until
		default:
			n.drainClients(now, until)
		}
	})
}

// holdBack holds everything back for a handover.
func (n *Node) holdBack(until time.Time) {
	n.agent.HoldBack(until)
	n.armPause()
}

// stop ends the timer.
func (p *pause) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
