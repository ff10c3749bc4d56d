package node

import (
	"strings"
	"time"

	"holdfast/server/session"
)

// clientDrain is the beginning of a drain. Clients are still served, and the connection of each is ended behind its
// next reply: one that finds its connection closed when it wants to use it connects anew at once, one whose command
// gets no answer fails, or tries again after a pause. Guarded by the execution lock.
type clientDrain struct {
	hold    time.Time                     // until when the order to drain stands
	awaited map[*session.Session]struct{} // whose next command is about to come; nil: none is under way
	timer   *time.Timer
}

const (
	// clientDrainMax bounds it: clients that have gone wait for its end, too.
	clientDrainMax = 4 * time.Millisecond
	// busyClient is for how long after its last command a client's next one is waited for. Others' can be expected to
	// come later.
	busyClient = 4 * clientDrainMax
)

// drainClients begins it. It needs the execution lock, as all here does.
func (n *Node) drainClients(now, hold time.Time) {
	p := &n.clientDrain
	*p = clientDrain{hold: hold, awaited: map[*session.Session]struct{}{}}
	for _, s := range n.env.Clients.All() {
		switch {
		case !dismissible(s):
		case s.Out.Idle() && now.Sub(s.LastActive) < busyClient, s.QueryBuffer > 0:
			p.awaited[s] = struct{}{}
		default: // nothing is to be expected before its reply has left, or for long
			n.dismiss(s)
		}
	}
	if len(p.awaited) == 0 {
		n.endClientDrain()
		return
	}
	p.timer = time.AfterFunc(clientDrainMax, func() {
		n.do(func(time.Time) {
			if n.clientDrain.awaited != nil {
				n.endClientDrain()
			}
		})
	})
}

// drainClient ends a connection whose commands have all been executed, behind their replies.
func (n *Node) drainClient(s *session.Session) {
	if s.QueryBuffer > 0 || s.Tx != nil || len(s.Watched) > 0 || !dismissible(s) || introduces(s.LastCommand) {
		return
	}
	s.Close(handedOver)
	n.clientDrain.without(s)
}

// without awaits a client no more: it has gone, or will. Behind the last one the drain of clients ends.
func (p *clientDrain) without(s *session.Session) {
	if _, awaited := p.awaited[s]; !awaited {
		return
	}
	if delete(p.awaited, s); len(p.awaited) == 0 {
		p.timer.Reset(0)
	}
}

// endClientDrain ends all other connections, and holds back who comes nevertheless.
func (n *Node) endClientDrain() {
	hold := n.clientDrain.hold
	n.clientDrain.stop()
	for _, s := range n.env.Clients.All() {
		if dismissible(s) {
			n.dismiss(s)
		}
	}
	n.holdBack(hold)
	n.agent.Nudge() // all may be committed already
}

// stop ends it at once.
func (p *clientDrain) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	*p = clientDrain{}
}

const handedOver = "the master's place is being handed over"

// dismiss ends a connection behind the replies that are on their way.
func (n *Node) dismiss(s *session.Session) {
	s.Close(handedOver)
	n.env.Push(s)
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
