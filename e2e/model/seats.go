package main

import (
	"time"

	"holdfast/cluster"
	"holdfast/node/member"
)

// seat is a member's place, as the product's code knows it, and whom it names.
type seat struct {
	place    member.Place
	upstream start
	awaited  start
}

// seats are the places that were looked up: the same few come up in all states.
type seats map[seatKey]*seat

// seatKey is what a place depends on.
type seatKey struct {
	epoch   uint8 // adopted; 0: none
	group   group
	self    start
	joining start
}

// alone is where a node stands that has adopted no epoch.
var alone = &seat{place: member.Alone(false), upstream: nobody, awaited: nobody}

// of is where the node of that name stands.
func (t seats) of(s *state, i uint8) *seat {
	n := &s.nodes[i]
	return t.in(s, n.epoch, n.member(i), n.joining)
}

// in is where a member stands once it has adopted an epoch.
func (t seats) in(s *state, epoch uint8, self, joining start) *seat {
	if epoch == 0 {
		return alone
	}
	key := seatKey{epoch, s.groups[epoch], self, joining}
	if found := t[key]; found != nil {
		return found
	}
	p := member.At(s.groups[epoch].real(epoch), self.real())
	p.Joining = joining.real()
	awaited, _ := p.Awaited(self.real())
	found := &seat{place: p, upstream: startOf(p.Upstream), awaited: startOf(awaited)}
	t[key] = found
	return found
}

// real is the group as the product's code has it.
func (g *group) real(epoch uint8) cluster.Group {
	out := cluster.Group{Name: "model", Epoch: uint64(epoch), Settings: cluster.Settings{DownAfterMs: downAfter}}
	for _, m := range g.chain {
		if m != nobody {
			out.Chain = append(out.Chain, m.real())
		}
	}
	for _, m := range g.learners {
		if m != nobody {
			out.Learners = append(out.Learners, m.real())
		}
	}
	return out
}

// startOf is a member in a byte.
func startOf(m cluster.Member) start {
	if m.Name == "" {
		return nobody
	}
	return makeStart(m.Name[0]-'A', m.Incarnation[len(m.Incarnation)-1]-'0')
}

// now is a time, for what the product's code wants to know one; later is when what it holds back until a time is over.
var (
	now   = time.Unix(1, 0)
	later = now.Add(time.Hour)
)

// drain is how far the node has got with a drain, as the product's code has it.
func (n *node) drain() (d member.Drain) {
	if n.draining {
		d.Until = now
	}
	if n.drained {
		d.Told = uint64(n.epoch)
	}
	return d
}

func (n *node) setDrain(d member.Drain) {
	n.draining, n.drained = d.Holds(), n.epoch > 0 && d.Told == uint64(n.epoch)
}
