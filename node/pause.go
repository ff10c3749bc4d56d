package node

import (
	"time"

	"holdfast/node/command"
	"holdfast/node/session"
)

// pause holds clients' commands back: CLIENT PAUSE, or the drain before a planned handover. Guarded by the execution lock.
type pause struct {
	until      time.Time // zero: none
	writesOnly bool
	drain      time.Time // a handover holds everything until then
	drained    uint64    // the epoch in which the sentinels were told that everything is committed: they may act on it at any time
	timer      *time.Timer
}

// Pause holds back clients' commands until the deadline. Of two pauses the later end and the stricter kind hold.
func (n *Node) Pause(until time.Time, writesOnly bool) {
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

// Unpause ends CLIENT PAUSE; a handover's drain goes on.
func (n *Node) Unpause() {
	n.pause.until = time.Time{}
	n.env.Pushed = append(n.env.Pushed, n.endPause()...)
}

// PauseState is the pause in force: none when until is zero.
func (n *Node) PauseState() (until time.Time, kind command.PauseKind) {
	switch {
	case !n.pause.drain.IsZero():
		return n.pause.drain, command.PauseDrain
	case n.pause.writesOnly:
		return n.pause.until, command.PauseWrites
	}
	return n.pause.until, command.PauseAll
}

// armPause has the pause looked at when it ends.
func (n *Node) armPause() {
	until, _ := n.PauseState()
	if n.pause.timer != nil {
		n.pause.timer.Stop()
	}
	n.pause.timer = time.AfterFunc(until.Sub(n.now()), func() { n.do(func(now time.Time) { n.pauseOver(now) }) })
}

func (n *Node) pauseOver(now time.Time) {
	if !n.pause.until.IsZero() && !now.Before(n.pause.until) {
		n.pause.until = time.Time{}
	}
	if !n.pause.drain.IsZero() && !now.Before(n.pause.drain) {
		if n.pause.drained == n.place.group.Epoch {
			n.pause.drain = now.Add(drainedHold)
		} else {
			n.pause.drain = time.Time{}
			n.draining.Store(false)
		}
	}
	if until, _ := n.PauseState(); !until.IsZero() {
		n.armPause()
		return
	}
	n.env.Pushed = append(n.env.Pushed, n.endPause()...)
}

// endPause lets the clients go that were held back; the caller wakes them.
func (n *Node) endPause() (woken []*session.Session) {
	if until, _ := n.PauseState(); !until.IsZero() {
		return nil
	}
	for d := range n.deferred {
		d.s.Postponed = false
		woken = append(woken, d.s)
	}
	clear(n.deferred)
	return woken
}

// drain answers a sentinel's order to get ready for a handover in this epoch: clients part from it, who is left is held back, and
// once everything is committed the heartbeats say so. The order is repeated while it stands; when it stops, the node goes on by itself, unless
// it has said so: who hears that may make another member the master however late, and that one must have all that this one ever
// executed. Then only another epoch ends it, and the sentinels agree on one when nothing comes of the handover.
func (n *Node) drain(epoch uint64, hold time.Duration) {
	n.do(func(now time.Time) {
		until := now.Add(hold)
		switch {
		case !n.place.master || n.place.group.Epoch != epoch:
		case !n.pause.drain.IsZero():
			n.holdBack(until)
		case n.parting.awaited != nil:
			n.parting.hold = until
		default:
			n.part(now, until)
		}
	})
}

// holdBack holds everything back for a handover.
func (n *Node) holdBack(until time.Time) {
	n.pause.drain = until
	n.draining.Store(true)
	n.armPause()
}

// drainedHold is how often a master that has drained looks whether it still has to hold back its clients.
const drainedHold = 100 * time.Millisecond

// drained is the epoch in which everything is committed and nothing new can come; 0 otherwise. Who asks will tell the sentinels.
func (n *Node) drained() uint64 {
	if n.place.master && !n.pause.drain.IsZero() && n.log.Commit() == n.log.End() {
		n.pause.drained = n.place.group.Epoch
		return n.pause.drained
	}
	return 0
}

// stop ends the timer.
func (p *pause) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
