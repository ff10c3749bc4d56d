package member

import (
	"time"

	"holdfast/node/engine"
	"holdfast/server"
	"holdfast/server/session"
)

// Pauses hold clients' commands back: CLIENT PAUSE does, and the drain before a planned handover, which the agent
// knows. The execution lock guards them.
type Pauses struct {
	engine  *engine.Engine
	clients *server.Server
	agent   *Agent

	until      time.Time // of CLIENT PAUSE; zero: there is none
	writesOnly bool
	timer      *time.Timer
	deferred   map[*session.Session]struct{} // clients whose next command is held back
}

// Pause holds back clients' commands until the deadline. Of two pauses the later end and the stricter kind hold. The
// zero time ends CLIENT PAUSE; a handover's drain goes on.
func (p *Pauses) Pause(until time.Time, writesOnly bool) {
	if until.IsZero() {
		p.until = until
		p.clients.Push(p.end()...)
		return
	}
	if p.until.IsZero() {
		p.until, p.writesOnly = until, writesOnly
	} else {
		p.writesOnly = p.writesOnly && writesOnly
		if until.After(p.until) {
			p.until = until
		}
	}
	p.arm()
}

// Kind is what is held back now.
func (p *Pauses) Kind() engine.Pause {
	switch {
	case p.agent.Holds():
		return engine.PauseDrain
	case p.until.IsZero():
		return engine.NoPause
	case p.writesOnly:
		return engine.PauseWrites
	}
	return engine.PauseAll
}

// Defer notes a client whose next command is held back.
func (p *Pauses) Defer(s *session.Session) { p.deferred[s] = struct{}{} }

// Forget takes out a client that has gone.
func (p *Pauses) Forget(s *session.Session) { delete(p.deferred, s) }

func (p *Pauses) forgetAll() { clear(p.deferred) }

// arm has the pause looked at when it ends.
func (p *Pauses) arm() {
	p.engine.NoteRole()
	until := p.until
	if p.agent.Holds() {
		until = p.agent.Drain().Until
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.timer = time.AfterFunc(until.Sub(p.engine.Now()), func() { p.engine.Do(p.over) })
}

func (p *Pauses) over(now time.Time) {
	if !p.until.IsZero() && !now.Before(p.until) {
		p.until = time.Time{}
	}
	p.agent.ExpireDrain(now)
	if p.Kind() != engine.NoPause {
		p.arm()
		return
	}
	p.clients.Push(p.end()...)
}

// end lets the clients go that were held back, if nothing holds them back any more; the caller wakes them.
func (p *Pauses) end() (woken []*session.Session) {
	p.engine.NoteRole()
	if p.Kind() != engine.NoPause {
		return nil
	}
	for s := range p.deferred {
		s.Postponed = false
		woken = append(woken, s)
	}
	clear(p.deferred)
	return woken
}

// holdBack holds everything back for a handover.
func (p *Pauses) holdBack(until time.Time) {
	p.agent.HoldBack(until)
	p.arm()
}

// stop ends the timer.
func (p *Pauses) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// Pause is CLIENT PAUSE, see Pauses.
func (r *Replication) Pause(until time.Time, writesOnly bool) { r.Pauses.Pause(until, writesOnly) }
