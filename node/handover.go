package node

import (
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

// dismiss ends clients' connections behind the replies that are on their way, before they send more: who finds its connection closed when it
// wants to use it connects anew at once, who does while it waits for a reply only after a pause. It needs the execution lock.
func (n *Node) dismiss() {
	for _, s := range n.env.Clients.All() {
		if s.Class() != session.ClassNormal || s.Blocked() != nil || s.Hijacked() != nil || s.Monitor || s.Pushed {
			continue
		}
		switch s.LastCommand {
		case "", "ping", "auth", "replconf":
			continue // it may be a member that links: without its acknowledgement the drain would not end
		}
		s.Close("the master's place is being handed over")
		n.env.Pushed = append(n.env.Pushed, s)
	}
}

// formingMax is for how long at most a new master has clients wait for the chain behind it to link: they could do nothing but wait with
// their writes, and all coming at once they would keep it from linking.
const formingMax = 20 * time.Millisecond

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
