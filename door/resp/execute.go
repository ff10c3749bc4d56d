package resp

import (
	"time"

	"holdfast/internal/rules"
	"holdfast/netloop"
	"holdfast/node/command"
	"holdfast/node/engine"
	"holdfast/node/member"
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

// RunBatch executes what the loops have read.
func (o *Door) RunBatch(batch []netloop.Batched) (yield bool) {
	drivers := o.batch[:0]
	for _, b := range batch {
		drivers = append(drivers, b.(*driver))
	}
	o.batch = drivers
	yield = o.run(drivers)
	clear(drivers)
	return yield
}

// run executes the pipelines of some sessions, one after the other: the one place where clients' commands run. Each
// turn takes as many as it has time for. It reports whether the scheduler should be made to look at other sockets.
func (o *Door) run(drivers []*driver) (yield bool) {
	for len(drivers) > 0 {
		var ran int
		ran, yield = o.runTurn(drivers)
		drivers = drivers[ran:]
	}
	return yield && o.yields
}

// runTurn runs as many of the drivers as one turn has time for, at least one. After maxTurn others get the lock, and
// what is left of a pipeline is left to its driver's next turn.
func (o *Door) runTurn(drivers []*driver) (ran int, yield bool) {
	if o.engine.Guests() {
		o.runGuests(drivers)
		return len(drivers), false
	}
	turn := o.engine.Begin()
	o.turn = turnInHand{drivers: drivers}
	for ran < len(drivers) && (ran == 0 || o.env.TurnTook(turn.Began) <= maxTurn) {
		o.turn.at = ran
		o.execute(drivers[ran], turn.Now, turn.Began)
		ran++
		if o.turn.alone { // the others are not this turn's any more
			o.turn = turnInHand{}
			o.served = drivers[ran-1 : ran]
			turn.Commit()
			return len(drivers), false
		}
	}
	o.turn = turnInHand{}
	o.served = drivers[:ran]
	end := turn.Commit()
	if yield = end-o.yielded.Load() > int64(yieldEvery); yield {
		o.yielded.Store(end)
	}
	return ran, yield
}

// execute executes a pipeline, as far as the turn's time allows. Of a driver without commands, or without room for what
// they would add to the log, only the state is of interest: it was woken.
func (o *Door) execute(d *driver, now time.Time, begun int64) {
	c, s := d.ctx, d.s
	d.count(o.env.Stats)
	d.appended, d.deferred = false, false
	c.Begin()
	if d.next == len(d.cmds) || d.lacksRoom() {
		return
	}
	if o.engine.Stopping() { // what would be executed now might be in no log, nor in the dump that was saved last
		d.deferred = true
		return
	}
	c.Now = now.UnixMilli()
	s.LastActive, s.Postponed = now, false
	s.QueryBuffer = int(s.In.Consumed()-d.from) + s.In.Buffered()
	s.NetInput = s.In.Consumed() + int64(s.In.Buffered())
	s.QueryFree = max(s.In.Free()-s.QueryBuffer, 0)
	o.env.Admit(c)
	held, commit, room := !o.engine.Gated(), o.log.Commit(), o.engine.HasRoom()
	for first := d.next; d.next < len(d.cmds); {
		if closing, _ := s.Closing(); closing || s.Blocked() != nil || s.Hijacked() != nil {
			break
		}
		if d.next > first && (o.env.TurnTook(begun) > maxTurn || !room && d.lacksRoom()) {
			break
		}
		if (d.next-first)%store.WarmKeys == 0 {
			o.env.Warm(s.DB, d.cmds[d.next:])
		}
		args, before := d.cmds[d.next], s.W.Len()
		if outcome := o.env.Execute(c, args); outcome != command.Done {
			if outcome == command.Deferred {
				o.replication.Pauses.Defer(s)
			} else {
				o.replication.Confirmations.Await(s, &c.Confirmation)
			}
			s.Postponed, d.deferred = true, true
			break
		}
		d.next++
		if !o.env.Effects.Empty() {
			s.WriteEnd = o.engine.Append()
			d.appended = true
		}
		if !held && (c.Gate() > commit || d.appended) {
			held = true
			o.releaseUngated(d, before, commit)
		}
		o.ServeBlocked()
	}
	if s.Blocked() != nil {
		c.Confirmation = member.Confirmation{} // it has grown old when the rest of the pipeline runs
	}
	s.QueryBuffer, s.QueryFree = s.In.Buffered(), s.In.Free()
	if o.replication.Handover.Under() && d.next == len(d.cmds) {
		o.replication.Handover.Served(s)
	}
}

// releaseUngated lets the replies before the first that has to wait leave at once: nothing that they reveal waits.
func (o *Door) releaseUngated(d *driver, before int, commit int64) {
	s := d.s
	switch {
	case before == 0, s.Gate > 0, s.Invalidated, d.ctx.Confirms():
	case o.engine.Master() && !o.replication.LeadsForSure(): // all that was read waits for a marker
	default:
		s.StageFirst(before, commit)
	}
}

// stageReplies moves the replies to the gated output.
func (o *Door) stageReplies(d *driver) {
	s := d.s
	o.limitInput(d)
	gate := max(o.gateOf(d.ctx, s, d.appended), s.Gate, o.invalidationGate(s))
	if s.Gate = 0; s.Blocked() != nil {
		s.Gate = gate // what it waits for, it will wait for with what it has seen
	}
	if d.state = stateOf(s); d.deferred && d.state == stateReady {
		d.state = stateParked
	}
	if !rules.GateReplies {
		gate = 0
	}
	s.Stage(gate, o.log.Commit())
	o.env.LimitOutput(s)
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

// stagePushed moves the messages that a session got from others in this turn to its output.
func (o *Door) stagePushed(s *session.Session) {
	s.Stage(max(s.Gate, o.invalidationGate(s)), o.log.Commit())
	if s.Blocked() == nil {
		s.Gate = 0
	}
	o.env.LimitOutput(s)
}

// invalidationGate is the gate of an invalidation that a session got in this turn: the write that caused it.
func (o *Door) invalidationGate(s *session.Session) int64 {
	if !s.Invalidated {
		return 0
	}
	if s.Invalidated = false; !o.engine.Gated() {
		return 0
	}
	return o.log.End()
}

// roomFrom is the commit point from which on clients' commands may add to the log as it is.
func (o *Door) roomFrom() int64 { return o.log.End() - engine.MaxUncommitted }
