package node

import (
	"context"
	"time"

	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/session"
	"holdfast/node/store"
	"holdfast/resp"
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

// run executes the pipelines of some sessions, one after the other: the one place where clients' commands run. Under the
// execution lock the commands change the store and append their effects to the log, so the order of the store is the order
// of the log; then
//
//  1. what they appended is shown to the log's readers, at once for all,
//  2. the replies move to the gated outputs: they leave when everything that they reveal is committed,
//  3. and, outside the lock, sessions that got a message or were unblocked are woken.
//
// After maxTurn others get the lock, and what is left of a pipeline is left to its driver's next turn. It reports whether
// the scheduler should be made to look at other sockets.
func (n *Node) run(drivers []*driver) (yield bool) {
	for len(drivers) > 0 {
		var ran int
		var woken []*session.Session
		ran, woken, yield = n.runTurn(drivers)
		drivers = drivers[ran:]
		n.publish()
		for _, w := range woken {
			w.Wake()
		}
	}
	return yield && n.yield != nil
}

// runTurn runs as many of the drivers as one turn under the lock has time for, at least one.
func (n *Node) runTurn(drivers []*driver) (ran int, woken []*session.Session, yield bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	begun := n.env.BeginTurn()
	n.env.Effects.Off = !n.logging()
	changed := false
	for ran < len(drivers) && (ran == 0 || n.env.TurnTook(begun) <= maxTurn) {
		changed = n.execute(drivers[ran], now, begun) || changed
		ran++
	}
	if changed {
		n.log.Flush()
	}
	n.env.Broadcast()
	for _, d := range drivers[:ran] {
		n.stageReplies(d)
	}
	woken = n.stagePushed()
	n.evictSoon()
	end := n.env.EndTurn(begun)
	if yield = end-n.yielded > int64(yieldEvery); yield {
		n.yielded = end
	}
	return ran, woken, yield
}

// execute executes a pipeline, as far as the turn's time allows. It reports whether the log has grown. A driver without
// commands was woken: only its state is of interest.
func (n *Node) execute(d *driver, now time.Time, begun int64) (changed bool) {
	c, s := d.ctx, d.s
	d.count(n.env.Stats)
	d.appended, d.deferred = false, false
	c.Begin()
	if d.next == len(d.cmds) {
		return false
	}
	c.Now = now.UnixMilli()
	s.LastActive, s.Postponed = now, false
	s.QueryBuffer = int(s.In.Consumed()-d.from) + s.In.Buffered()
	s.QueryFree = max(s.In.Free()-s.QueryBuffer, 0)
	n.env.Admit(c)
	served, held, commit := false, !n.Gated(), n.log.Commit()
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
		args, before := d.cmds[d.next], len(s.W.Buf)
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
			s.WriteEnd = n.appendEffects()
			d.appended = true
		}
		if !held && (c.Gate() > commit || d.appended) {
			held = true
			n.letGo(d, before, commit)
		}
		served = n.serveBlocked() || served
	}
	if s.Blocked() != nil {
		c.Confirmation = command.Confirmation{} // it has grown old when the rest of the pipeline runs
	}
	s.QueryBuffer, s.QueryFree = s.In.Buffered(), s.In.Free()
	if n.parting.awaited != nil && d.next == len(d.cmds) {
		n.partFrom(s)
	}
	return d.appended || served
}

// letGo lets the replies before the first that has to wait leave at once: nothing that they reveal waits.
func (n *Node) letGo(d *driver, before int, commit int64) {
	s := d.s
	switch {
	case before == 0, s.Gate > 0, s.Invalidated, d.ctx.Confirms():
	case n.place.master && n.chained() && !n.lease.valid(): // all that was read waits for a marker
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

// appendEffects moves what was just executed into the log, if anybody is to read it, and answers the log's new end.
func (n *Node) appendEffects() int64 {
	log := n.log
	n.saves.changes += int64(n.env.Effects.Count())
	if n.env.Effects.Off {
		n.env.Effects.Drop()
		n.changed, n.changedAll = n.changed[:0], false
		return log.End()
	}
	var end int64
	n.env.Effects.Flush(func(p []byte) { end = log.Append(p) })
	n.markChanged(end)
	return end
}

// logging reports whether effects go to the log: always in a group, otherwise once a replica has been here. A replica's
// log is written by its predecessor's bytes alone.
func (n *Node) logging() bool {
	return n.place.master && (n.grouped() || n.backlog || n.disk() != nil)
}

// gateOf is the offset that must be committed before the replies of this turn may leave.
func (n *Node) gateOf(c *command.Context, s *session.Session, wrote bool) int64 {
	gate := c.Gate()
	if wrote {
		gate = max(gate, s.WriteEnd)
	}
	if n.chained() && n.place.master && (c.Confirms() || c.Revealed() && !n.lease.valid()) {
		// Without a lease another master may be at work already: a marker must make it through the chain first. A replica that asks
		// is not helped by this node's lease: the chain may go on without that one.
		gate = max(gate, n.appendMarker())
	}
	return gate
}

// appendMarker appends a PING to the log: once it is committed, this node was still the master when it was appended.
func (n *Node) appendMarker() int64 {
	log := n.log
	end := log.Append(pingWire)
	log.Flush()
	return end
}

var pingWire = []byte("*1\r\n$4\r\nPING\r\n")

// stagePushed moves the messages that other sessions got in this turn into their outputs.
func (n *Node) stagePushed() []*session.Session {
	pushed := n.env.TakePushed()
	for _, p := range pushed {
		p.Stage(max(p.Gate, n.invalidationGate(p)), n.log.Commit())
		if p.Blocked() == nil {
			p.Gate = 0
		}
		n.checkOutputLimit(p)
	}
	return pushed
}

// invalidationGate is the gate of an invalidation that a session got in this turn: the write that caused it.
func (n *Node) invalidationGate(s *session.Session) int64 {
	if !s.Invalidated {
		return 0
	}
	if s.Invalidated = false; !n.Gated() {
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
	limit, waiting := n.settings.ClientOutputBufferLimit(class), uint64(s.Out.Len())
	if limit.Soft == 0 || waiting < limit.Soft {
		s.OverSoft = time.Time{}
	} else if s.OverSoft.IsZero() {
		s.OverSoft = n.now()
	}
	tooLong := !s.OverSoft.IsZero() && n.now().Sub(s.OverSoft) > time.Duration(limit.SoftSeconds)*time.Second
	if limit.Hard > 0 && waiting >= limit.Hard || tooLong {
		n.logger.Warn("closing a client: its output is over the limit",
			"client", s.ID, "addr", s.Addr, "bytes", waiting, "hard", limit.Hard, "soft", limit.Soft,
			"directive", "client-output-buffer-limit "+s.Class().String())
		s.Abort("output buffer limit")
	}
}

// makeRoom holds a client back while too much is waiting for the chain, so that a stuck successor can't grow the log
// without bound.
func (n *Node) makeRoom(ctx context.Context) error {
	log := n.log
	if over := log.End() - maxUncommitted; over > log.Commit() {
		return log.WaitCommit(ctx, over)
	}
	return nil
}

// hasRoom reports whether makeRoom would go on at once.
func (n *Node) hasRoom() bool { return n.log.End()-maxUncommitted <= n.log.Commit() }

// maxUncommitted bounds the bytes that were executed and are not committed yet.
const maxUncommitted = 64 << 20

// do runs f under the execution lock, then passes on the effects it had and wakes whoever it pushed to or unblocked.
func (n *Node) do(f func(now time.Time)) {
	n.mu.Lock()
	turn := n.env.BeginTurn()
	n.env.Effects.Off = !n.logging()
	f(n.now())
	wrote := !n.env.Effects.Empty()
	if wrote {
		n.appendEffects()
	}
	if n.serveBlocked() || wrote {
		n.log.Flush()
	}
	n.env.Broadcast()
	woken := n.stagePushed()
	n.evictSoon()
	n.env.EndTurn(turn)
	n.mu.Unlock()
	n.publish()
	for _, w := range woken {
		w.Wake()
	}
}

// publish brings what was appended to the log to those who are to have it: the disk, and, once it is there, the followers.
func (n *Node) publish() {
	if d := n.disk(); d != nil {
		d.write()
	} else {
		n.feeder.Push()
	}
}

// unblock answers a parked session and lets it go on. It needs the execution lock.
func (n *Node) unblock(s *session.Session, reply func(w *resp.Writer)) {
	s.Answer(reply)
	n.env.Pushed = append(n.env.Pushed, s)
}
