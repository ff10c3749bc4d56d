package main

import "fmt"

// This file is what confirm.go of the node does: a member that has no lease, or doesn't look, has its chain confirm a
// read. Who confirms, and when, is in any order here; the product's marker and its acknowledgements are some of them.

// reading is a read that a client has sent to a member, in the epoch that the member has adopted.
type reading struct {
	waits bool
	told  uint8 // what clients had been told of when it was sent
	heard uint8 // names of those who were in that epoch since
	need  uint8 // names of those who must have been
}

// ask sends a read to the node.
func (s *state) ask(i uint8) {
	n := &s.nodes[i]
	n.read = reading{waits: true, told: s.must}
	for _, m := range s.groups[n.epoch].chain {
		if m != nobody {
			n.read.need |= 1 << m.name()
		}
	}
	s.reads++
}

// confirm has a node, which may be the asking one, confirm the read that waits on node i.
func (w *world) confirm(s *state, i, by uint8) bool {
	n, o := &s.nodes[i], &s.nodes[by]
	r, g := &n.read, &s.groups[n.epoch]
	m := o.member(by)
	if r.heard&(1<<by) != 0 || r.need&(1<<by) == 0 || !o.up || o.epoch != n.epoch || g.member(by) != m {
		return false
	}
	if at := w.seats.of(s, by); at.place.Master && at.place.MayConfirm(n.member(i).real(), true, o.drain()) != nil {
		return false
	}
	r.heard |= 1 << by
	if m == g.tail() && o.joining != nobody && !w.off.readJoining {
		r.need |= 1 << o.joining.name()
	}
	if m == g.chain[0] && s.mayHaveLease(by) && w.off.readLease {
		r.heard |= r.need
	}
	return true
}

// confirmed reports whether enough have confirmed.
func (r *reading) confirmed(off rules) bool {
	if off.readMajority {
		return 2*bits(r.heard&r.need) > bits(r.need)
	}
	return r.heard&r.need == r.need
}

// answer executes the read: what is committed is shown at once, the rest when it is.
func (s *state) answer(i uint8) (bad string) {
	n := &s.nodes[i]
	if lacks := n.read.told &^ s.void &^ n.writes(); lacks != 0 {
		return fmt.Sprintf(
			"stale read: %v answers what epoch %d's chain has confirmed, and lacks %s, which a client had been told of",
			n.member(i), n.epoch, writesText(lacks))
	}
	for k, w := range n.log[:n.len] {
		if uint8(k) < n.commit {
			s.must |= 1 << w
		} else {
			n.pend[k] = w
		}
	}
	n.read = reading{}
	return ""
}

// readSteps are what becomes of reads on a node.
func (w *world) readSteps(s *state, i uint8, t *step, try tryFunc) {
	n := &s.nodes[i]
	if !n.up || s.position(i) < 0 {
		return
	}
	me := n.member(i)
	if !n.read.waits {
		if s.reads < w.reads && !n.draining {
			try(func() (bool, string) { t.to.ask(i); return true, "" },
				func() string {
					return fmt.Sprintf("a client reads on %v, which has the chain of epoch %d confirm it", me, n.epoch)
				})
		}
		return
	}
	if n.read.confirmed(w.off) && w.seats.of(s, i).place.MayAnswer(false, uint64(n.epoch)) {
		try(func() (bool, string) { return true, t.to.answer(i) },
			func() string { return fmt.Sprintf("%v answers the read", me) })
		return
	}
	for by := range uint8(names) {
		try(func() (bool, string) { return w.confirm(&t.to, i, by), "" },
			func() string {
				return fmt.Sprintf("%v confirms the read on %v", s.nodes[by].member(by), me)
			})
	}
}

func bits(mask uint8) (n int) {
	for ; mask != 0; mask &= mask - 1 {
		n++
	}
	return n
}
