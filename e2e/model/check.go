package main

import "fmt"

// settle does what happens by itself after each step: acknowledgements and heartbeats leave, replies reach clients.
// Everything that leaves may arrive at any later time, or never. It then checks the promises, and names the one that is
// broken.
func (w *world) settle(s *state) (bad string) {
	for i := range uint8(names) {
		n := &s.nodes[i]
		if !n.up || n.epoch == 0 {
			continue
		}
		if n.link == linkLive && n.peer == w.seats.of(s, i).upstream {
			held := n.len
			if !w.off.ack {
				t := n.tracker()
				held = uint8(t.Upstream(int64(n.len)))
			}
			n.said[n.epoch] = max(n.said[n.epoch], held)
		}
		if n.epoch == s.epoch && n.link == linkLive && s.groups[s.epoch].position(n.peer) >= 0 {
			n.followed = true
		}
	}
	w.inform(s)
	for i := range uint8(names) {
		s.reply(i)
	}
	s.acked &^= s.void
	s.must &^= s.void
	if bad = s.check(); bad == "" {
		w.forget(s)
	}
	return bad
}

// inform has head and tail of the newest epoch tell the sentinels what an epoch may depend on.
func (w *world) inform(s *state) {
	g := &s.groups[s.epoch]
	for i := range uint8(names) {
		if n := &s.nodes[i]; n.draining {
			n.setDrain(n.drain().Committed(&w.seats.of(s, i).place, int64(n.commit), int64(n.len)))
			s.drained = s.drained || n.drained && n.epoch == s.epoch
		}
	}
	if t := s.process(g.tail()); t != nil && t.epoch == s.epoch && t.joining != nobody {
		if log := t.tracker(); log.HeldBy(uint64(t.epoch), t.joining.real()) {
			s.joining = t.joining
		}
	}
}

// reply lets out what the commit point of a member has passed: acknowledgements of writes on the master, reads on all
// that may hold a lease, and reads that had begun to wait while they did.
func (s *state) reply(i uint8) {
	n := &s.nodes[i]
	if !n.up {
		return
	}
	master, leased := s.master(i), s.mayHaveLease(i)
	for k := range n.len {
		switch w := n.log[k]; {
		case k < n.commit && (master || leased):
			s.must |= 1 << w
			if master {
				s.acked |= 1 << w
			}
		case k >= n.commit && leased:
			n.pend[k] = w
		}
	}
	for k := range n.commit {
		if w := n.pend[k]; w != 0 {
			s.must |= 1 << w
			n.pend[k] = 0
		}
	}
}

// acknowledged notes that the master of an epoch moved its commit point.
func (s *state) acknowledged(i uint8) (bad string) {
	n := &s.nodes[i]
	if !s.master(i) {
		return ""
	}
	me := makeStart(i, n.start)
	switch by := &s.acker[n.epoch]; *by {
	case nobody:
		*by = me
	case me:
	default:
		return fmt.Sprintf("rule 4: %v and %v both acknowledged in epoch %d", *by, me, n.epoch)
	}
	return ""
}

// check tests the promises in a state.
func (s *state) check() string {
	for i := range uint8(names) {
		n := &s.nodes[i]
		if !n.up || s.position(i) < 0 {
			continue
		}
		if lost := s.must &^ n.writes(); lost != 0 {
			switch {
			case n.epoch == s.epoch && s.position(i) == 0:
				return fmt.Sprintf("lost: %v leads epoch %d without %s, which a client was told of", n.member(i),
					n.epoch, writesText(lost))
			case s.mayHaveLease(i):
				return fmt.Sprintf("stale read: %v answers by its lease, and lacks %s, which a client was told of",
					n.member(i), writesText(lost))
			}
		}
		for j := range i {
			o := &s.nodes[j]
			if !o.up || s.position(j) < 0 {
				continue
			}
			at := common(n, o)
			if at < min(n.commit, o.commit) && s.void&(1<<n.log[at]|1<<o.log[at]) == 0 {
				return fmt.Sprintf("forked: %v and %v hold different writes below their commit points", o.member(j),
					n.member(i))
			}
		}
	}
	return ""
}

// forget drops what can play no part any more, so that states which differ in it only are one.
func (w *world) forget(s *state) {
	low := s.epoch
	for i := range s.nodes {
		if n := &s.nodes[i]; n.up && n.epoch > 0 {
			low = min(low, n.epoch)
		}
	}
	for e := range low {
		s.groups[e], s.acker[e] = noGroup, nobody
	}
	for i := range uint8(names) {
		n := &s.nodes[i]
		for e := range n.said {
			if n.said[e] != 0 && !w.counts(s, i, uint8(e), low) {
				n.said[e] = 0
			}
		}
	}
}

// counts says whether anybody may still count what the node of that name said in an epoch.
func (w *world) counts(s *state, i, e, low uint8) bool {
	if n := &s.nodes[i]; e < low {
		return n.up && e == n.epoch
	}
	g := &s.groups[e]
	for _, list := range [][names]start{g.chain, g.learners} {
		for _, m := range list {
			if m == nobody || m.name() != i {
				continue
			}
			p := s.process(w.seats.in(s, e, m, nobody).upstream)
			if p != nil && p.epoch <= e || m == s.nodes[i].member(i) {
				return true
			}
		}
	}
	return false
}

func writesText(set uint8) (text string) {
	for w := range 8 {
		if set&(1<<w) != 0 {
			text += fmt.Sprintf(" w%d", w)
		}
	}
	return text[1:]
}
