package member

import (
	"strings"
	"time"

	"holdfast/node/engine"
	"holdfast/server"
	"holdfast/server/session"
)

// Handover is the beginning of a drain. Clients are still served, and the connection of each is ended behind its next
// reply: one that finds its connection closed when it wants to use it connects anew at once, one whose command gets no
// answer fails, or tries again after a pause. The execution lock guards it.
type Handover struct {
	engine  *engine.Engine
	clients *server.Server
	agent   *Agent
	pauses  *Pauses

	hold    time.Time                     // until when the order to drain stands
	awaited map[*session.Session]struct{} // whose next command is about to come; nil: none is under way
	timer   *time.Timer
}

const (
	// ClientDrainMax bounds it: clients that have gone wait for its end, too.
	ClientDrainMax = 4 * time.Millisecond
	// BusyClient is for how long after its last command a client's next one is waited for. Others' can be expected to
	// come later.
	BusyClient = 4 * ClientDrainMax
)

// Drain answers a sentinel's order to get ready for a handover in this epoch: clients leave, who is left is held back,
// and once everything is committed the heartbeats say so, see Drain. It needs no lock.
func (r *Replication) Drain(epoch uint64, hold time.Duration) {
	r.engine.Do(func(now time.Time) {
		until := now.Add(hold)
		switch {
		case !r.Place().MayDrain(epoch):
		case r.agent.Holds():
			r.Pauses.holdBack(until)
		case r.Handover.awaited != nil:
			r.Handover.hold = until
		default:
			r.Handover.begin(now, until)
		}
	})
}

// Under reports whether clients are being drained.
func (p *Handover) Under() bool { return p.awaited != nil }

// begin begins it.
func (p *Handover) begin(now, hold time.Time) {
	p.hold, p.awaited = hold, map[*session.Session]struct{}{}
	for _, s := range p.clients.Clients.All() {
		switch {
		case !dismissible(s):
		case s.Out.Idle() && now.Sub(s.LastActive) < BusyClient, s.QueryBuffer > 0:
			p.awaited[s] = struct{}{}
		default: // nothing is to be expected before its reply has left, or for long
			p.dismiss(s)
		}
	}
	if len(p.awaited) == 0 {
		p.end()
		return
	}
	p.timer = time.AfterFunc(ClientDrainMax, func() {
		p.engine.Do(func(time.Time) {
			if p.awaited != nil {
				p.end()
			}
		})
	})
}

// Served ends a connection whose commands have all been executed, behind their replies.
func (p *Handover) Served(s *session.Session) {
	if s.QueryBuffer > 0 || s.Tx != nil || len(s.Watched) > 0 || !dismissible(s) || introduces(s.LastCommand) {
		return
	}
	s.Close(handedOver)
	p.Without(s)
}

// Without awaits a client no more: it has gone, or will. Behind the last one the drain of clients ends.
func (p *Handover) Without(s *session.Session) {
	if _, awaited := p.awaited[s]; !awaited {
		return
	}
	if delete(p.awaited, s); len(p.awaited) == 0 {
		p.timer.Reset(0)
	}
}

// end ends all other connections, and holds back who comes nevertheless.
func (p *Handover) end() {
	hold := p.hold
	p.stop()
	for _, s := range p.clients.Clients.All() {
		if dismissible(s) {
			p.dismiss(s)
		}
	}
	p.pauses.holdBack(hold)
	p.agent.Nudge() // all may be committed already
}

// stop ends it at once.
func (p *Handover) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.hold, p.awaited, p.timer = time.Time{}, nil, nil
}

const handedOver = "the master's place is being handed over"

// dismiss ends a connection behind the replies that are on their way.
func (p *Handover) dismiss(s *session.Session) {
	s.Close(handedOver)
	p.clients.Push(s)
}

// dismissible reports whether a session is a client's that has nothing to wait for here.
func dismissible(s *session.Session) bool {
	if s.Class() != session.ClassNormal || s.Blocked() != nil || s.Hijacked() != nil || s.Monitor || s.Pushed {
		return false
	}
	if closing, _ := s.Closing(); closing {
		return false
	}
	switch s.LastCommand {
	case "", "ping", "auth", "replconf":
		return false // it may be a member that links: without its acknowledgement the drain would not end
	}
	return true
}

// introduces reports whether a client that has sent this is about to send what it came for.
func introduces(command string) bool {
	return command == "hello" || command == "select" || strings.HasPrefix(command, "client|")
}
