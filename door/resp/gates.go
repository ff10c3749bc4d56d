package resp

import (
	"holdfast/node/command"
	"holdfast/node/engine"
	"holdfast/server/session"
)

// Committed is told whenever the commit point has moved. Where a follower's acknowledgement has moved it, the replies
// leave at once: whoever has read it has nothing more urgent to do.
func (o *Door) Committed(commit int64, acked bool) {
	free := o.gates.Open(commit)
	switch {
	case len(free) == 0:
	case acked:
		flushAll(free)
	default:
		o.writers.Go(func() { flushAll(free) })
	}
}

// flushAll writes what clients' connections take at once.
func flushAll(drivers []*driver) {
	for _, d := range drivers {
		if d.flush(false) {
			d.signal()
		}
	}
}

// gateOf is the offset that must be committed before the replies of this turn may leave.
func (o *Door) gateOf(c *command.Context, s *session.Session, wrote bool) int64 {
	gate := c.Gate()
	if wrote {
		gate = max(gate, s.WriteEnd)
	}
	if o.engine.Master() && (c.Confirms() || c.Revealed() && !o.replication.LeadsForSure()) {
		// Without a lease another master may be at work already: a marker must make it through the chain first. A
		// replica that asks is not helped by this node's lease: the chain may go on without that one.
		gate = max(gate, o.engine.AppendMarker())
	}
	return gate
}

// What the engine asks: engine.Clients.

// ServeBlocked answers clients whose keys have become ready, after the execution that changed them. Each is an
// execution of its own, whose reply waits for the commit point like any other's. Where data is being loaded they wait
// until that has ended: what is there meanwhile may have been taken long ago.
func (o *Door) ServeBlocked() {
	for o.env.Ready() && !o.engine.Loading() {
		c := o.env.ServeNext(o.engine.Now().UnixMilli())
		changed := !o.env.Effects.Empty()
		if changed {
			end := o.engine.Append()
			if c != nil {
				c.S.WriteEnd = end
			}
		}
		if c != nil {
			c.S.Gate = max(c.S.Gate, o.gateOf(c, c.S, changed))
		}
	}
}

// Stage moves replies, and what clients were sent by others, to their outputs.
func (o *Door) Stage(woken []engine.Waker) []engine.Waker {
	o.env.Broadcast()
	for _, d := range o.served {
		o.stageReplies(d)
	}
	o.served = nil
	for _, s := range o.env.TakePushed() {
		o.stagePushed(s)
		woken = append(woken, s)
	}
	return woken
}
