package node

import (
	"strings"
	"time"

	"holdfast/node/session"
)

// handover is the beginning of a planned one. Before a master holds its clients back, each sentinel hears that it is about to: from then on
// they keep whoever asks them for the master waiting for the new one.
type handover struct {
	epoch uint64    // in which it was ordered; 0: none was
	since time.Time // the sentinels are told
	until time.Time // they are told, unless the order is repeated
}

// ordered takes in a sentinel's order to drain. It is repeated while it stands.
func (a *agent) ordered(epoch uint64) {
	now, hold := a.n.lease.now(), drainHold*a.interval()
	a.mu.Lock()
	h := &a.handover
	begun := h.epoch != epoch || now.After(h.until)
	if begun {
		h.epoch, h.since = epoch, now
	}
	h.until = now.Add(hold)
	a.mu.Unlock()
	if begun {
		a.nudge()
	}
}

// draining is the epoch in which the node says that it is about to drain; 0: none. A nil agent says nothing.
func (a *agent) draining() uint64 {
	if a == nil {
		return 0
	}
	now := a.n.lease.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.After(a.handover.until) {
		return 0
	}
	return a.handover.epoch
}

// proceed drains as it was ordered to, once all sentinels that are there have heard of it, or had the time to.
func (a *agent) proceed() {
	epoch := a.draining()
	if epoch == 0 {
		return
	}
	now, patience := a.n.lease.now(), a.interval()
	a.mu.Lock()
	since, hold := a.handover.since, a.handover.until.Sub(now)
	ready := now.Sub(since) >= patience
	if !ready {
		ready = true
		for _, l := range a.links {
			ready = ready && (!l.up || !l.answered.Before(since))
		}
	}
	a.mu.Unlock()
	if ready {
		a.n.drain(epoch, hold)
	}
}

// parting is the beginning of a drain. Clients are still served, and the connection of each is ended behind its next reply: one that finds its
// connection closed when it wants to use it connects anew at once, one whose command gets no answer fails, or tries again after a pause.
// Guarded by the execution lock.
type parting struct {
	hold    time.Time                     // until when the order to drain stands
	awaited map[*session.Session]struct{} // whose next command is about to come; nil: no parting is under way
	timer   *time.Timer
}

const (
	// partingMax bounds the parting: clients that have gone wait for its end, too.
	partingMax = 4 * time.Millisecond
	// busyClient is for how long after its last command a client's next one is waited for. Others' can be expected to come later.
	busyClient = 4 * partingMax
)

// part begins the parting. It needs the execution lock, as all here does.
func (n *Node) part(now, hold time.Time) {
	p := &n.parting
	*p = parting{hold: hold, awaited: map[*session.Session]struct{}{}}
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
		n.endParting()
		return
	}
	p.timer = time.AfterFunc(partingMax, func() {
		n.do(func(time.Time) {
			if n.parting.awaited != nil {
				n.endParting()
			}
		})
	})
}

// partFrom ends a connection whose commands have all been executed, behind their replies.
func (n *Node) partFrom(s *session.Session) {
	if s.QueryBuffer > 0 || s.Tx != nil || len(s.Watched) > 0 || !dismissible(s) || introduces(s.LastCommand) {
		return
	}
	s.Close(handedOver)
	n.parting.without(s)
}

// without awaits a client no more: it has gone, or will. Behind the last one the parting ends.
func (p *parting) without(s *session.Session) {
	if _, awaited := p.awaited[s]; !awaited {
		return
	}
	if delete(p.awaited, s); len(p.awaited) == 0 {
		p.timer.Reset(0)
	}
}

// endParting ends all other connections, and holds back who comes nevertheless.
func (n *Node) endParting() {
	hold := n.parting.hold
	n.parting.stop()
	for _, s := range n.env.Clients.All() {
		if dismissible(s) {
			n.dismiss(s)
		}
	}
	n.holdBack(hold)
	n.agent.nudge() // all may be committed already
}

// stop ends the parting without more ado.
func (p *parting) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	*p = parting{}
}

const handedOver = "the master's place is being handed over"

// dismiss ends a connection behind the replies that are on their way.
func (n *Node) dismiss(s *session.Session) {
	s.Close(handedOver)
	n.env.Pushed = append(n.env.Pushed, s)
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

// formingMax is for how long at most a new master has clients wait for the chain behind it to link: they could do nothing but wait with
// their writes, and all coming at once they would keep it from linking.
const formingMax = 8 * time.Millisecond

// formed tells the sentinels that clients may come.
func (n *Node) formed() {
	if n.forming.CompareAndSwap(true, false) {
		n.agent.nudge()
	}
}

// chainMoved is called whenever what the successor has acknowledged has changed.
func (n *Node) chainMoved() {
	if n.forming.Load() && n.log.HeldBySuccessor() {
		n.formed()
	}
}
