package node

import (
	"time"

	"holdfast/internal/rules"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/store"
	"holdfast/server/session"
)

// sessionState is what the driver has to do after a turn.
type sessionState int

const (
	stateReady sessionState = iota
	stateParked
	stateClosing
	stateHijacked
)

const (
	// maxTurn is how long the commands of one pipeline may hold the execution lock before others get a turn.
	maxTurn = time.Millisecond
	// yieldEvery is how long clients that always have more to say may keep the scheduler from looking at other sockets.
	yieldEvery = 500 * time.Microsecond
)

// run executes the pipelines of some sessions, one after the other: the one place where clients' commands run. Each
// turn takes as many as it has time for. It reports whether the scheduler should be made to look at other sockets.
func (n *Node) run(drivers []*driver) (yield bool) {
	for len(drivers) > 0 {
		var ran int
		ran, yield = n.runTurn(drivers)
		drivers = drivers[ran:]
	}
	return yield && n.yield != nil
}

// runTurn runs as many of the drivers as one turn has time for, at least one. After maxTurn others get the lock, and
// what is left of a pipeline is left to its driver's next turn.
func (n *Node) runTurn(drivers []*driver) (ran int, yield bool) {
	turn := n.engine.Begin()
	for ran < len(drivers) && (ran == 0 || n.env.TurnTook(turn.Began) <= maxTurn) {
		n.execute(drivers[ran], turn.Now, turn.Began)
		ran++
	}
	n.host.served = drivers[:ran]
	end := turn.Commit()
	if yield = end-n.yielded.Load() > int64(yieldEvery); yield {
		n.yielded.Store(end)
	}
	return ran, yield
}

// execute executes a pipeline, as far as the turn's time allows. Of a driver without commands, or without room for what
// they would add to the log, only the state is of interest: it was woken.
func (n *Node) execute(d *driver, now time.Time, begun int64) {
	c, s := d.ctx, d.s
	d.count(n.env.Stats)
	d.appended, d.deferred = false, false
	c.Begin()
	if d.next == len(d.cmds) || !n.hasRoom() {
		return
	}
	c.Now = now.UnixMilli()
	s.LastActive, s.Postponed = now, false
	s.QueryBuffer = int(s.In.Consumed()-d.from) + s.In.Buffered()
	s.QueryFree = max(s.In.Free()-s.QueryBuffer, 0)
	n.env.Admit(c)
	held, commit := !n.engine.Gated(), n.log.Commit()
	for first := d.next; d.next < len(d.cmds); {
		if closing, _ := s.Closing(); closing || s.Blocked() != nil || s.Hijacked() != nil {
			break
		}
		if d.next > first && n.env.TurnTook(begun) > maxTurn {
			break
		}
		if (d.next-first)%store.WarmKeys == 0 {
			n.warm(n.env.Store.DB(s.DB), d.cmds[d.next:])
		}
		args, before := d.cmds[d.next], s.W.Len()
		if outcome := n.env.Execute(c, args); outcome != command.Done {
			if outcome == command.Deferred {
				n.deferred[d] = struct{}{}
			} else {
				n.awaitConfirmation(d)
			}
			s.Postponed, d.deferred = true, true
			break
		}
		d.next++
		if !n.env.Effects.Empty() {
			s.WriteEnd = n.engine.Append()
			d.appended = true
		}
		if !held && (c.Gate() > commit || d.appended) {
			held = true
			n.releaseUngated(d, before, commit)
		}
		n.serveBlocked()
	}
	if s.Blocked() != nil {
		c.Confirmation = command.Confirmation{} // it has grown old when the rest of the pipeline runs
	}
	s.QueryBuffer, s.QueryFree = s.In.Buffered(), s.In.Free()
	if n.clientDrain.awaited != nil && d.next == len(d.cmds) {
		n.drainClient(s)
	}
}

// releaseUngated lets the replies before the first that has to wait leave at once: nothing that they reveal waits.
func (n *Node) releaseUngated(d *driver, before int, commit int64) {
	s := d.s
	switch {
	case before == 0, s.Gate > 0, s.Invalidated, d.ctx.Confirms():
	case n.place().Master && n.chained() && !n.lease.Valid(): // all that was read waits for a marker
	default:
		s.StageFirst(before, commit)
	}
}

// stageReplies moves the replies to the gated output.
func (n *Node) stageReplies(d *driver) {
	s := d.s
	n.limitInput(d)
	gate := max(n.gateOf(d.ctx, s, d.appended), s.Gate, n.invalidationGate(s))
	if s.Gate = 0; s.Blocked() != nil {
		s.Gate = gate // what it waits for, it will wait for with what it has seen
	}
	if d.state = stateOf(s); d.deferred && d.state == stateReady {
		d.state = stateParked
	}
	if !rules.GateReplies {
		gate = 0
	}
	s.Stage(gate, n.log.Commit())
	n.checkOutputLimit(s)
}

func stateOf(s *session.Session) sessionState {
	switch closing, _ := s.Closing(); {
	case closing:
		return stateClosing
	case s.Hijacked() != nil:
		return stateHijacked
	case s.Blocked() != nil:
		return stateParked
	}
	return stateReady
}

// logging reports whether effects go to the log: always in a group, otherwise once a replica has been here. A replica's
// log is written by its predecessor's bytes alone.
func (n *Node) logging() bool {
	return n.place().Master && (n.grouped() || n.backlog || n.persist.Kept())
}

// gateOf is the offset that must be committed before the replies of this turn may leave.
func (n *Node) gateOf(c *command.Context, s *session.Session, wrote bool) int64 {
	gate := c.Gate()
	if wrote {
		gate = max(gate, s.WriteEnd)
	}
	if n.chained() && n.place().Master && (c.Confirms() || c.Revealed() && !n.lease.Valid()) {
		// Without a lease another master may be at work already: a marker must make it through the chain first. A
		// replica that asks is not helped by this node's lease: the chain may go on without that one.
		gate = max(gate, n.engine.AppendMarker())
	}
	return gate
}

// stagePushed moves the messages that a session got from others in this turn to its output.
func (n *Node) stagePushed(s *session.Session) {
	s.Stage(max(s.Gate, n.invalidationGate(s)), n.log.Commit())
	if s.Blocked() == nil {
		s.Gate = 0
	}
	n.checkOutputLimit(s)
}

// invalidationGate is the gate of an invalidation that a session got in this turn: the write that caused it.
func (n *Node) invalidationGate(s *session.Session) int64 {
	if !s.Invalidated {
		return 0
	}
	if s.Invalidated = false; !n.engine.Gated() {
		return 0
	}
	return n.log.End()
}

// checkOutputLimit ends a client that doesn't take its replies.
func (n *Node) checkOutputLimit(s *session.Session) {
	class := config.ClassNormal
	if s.Class() == session.ClassPubSub {
		class = config.ClassPubSub
	}
	limit := n.settings.ClientOutputBufferLimit(class)
	if s.OverLimit(limit.Hard, limit.Soft, time.Duration(limit.SoftSeconds)*time.Second, n.now) {
		n.logger.Warn("closing a client: its output is over the limit",
			"client", s.ID, "addr", s.Addr, "bytes", s.Out.Len(), "hard", limit.Hard, "soft", limit.Soft,
			"directive", "client-output-buffer-limit "+s.Class().String())
		s.Abort("output buffer limit")
	}
}

// hasRoom reports whether clients' commands may add to what is uncommitted, of which maxUncommitted is the bound.
func (n *Node) hasRoom() bool { return n.log.End()-maxUncommitted <= n.log.Commit() }

const maxUncommitted = 64 << 20 // bytes

// do is a turn in which f executes alone.
func (n *Node) do(f func(now time.Time)) { n.engine.Do(f) }
