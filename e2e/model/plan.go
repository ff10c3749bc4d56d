package main

import (
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel"
)

// proposal is what the product's planner wants to do about a group.
type proposal struct {
	drain  bool
	group  group
	fenced uint8 // names of members that a majority has fenced before
	reason string
}

// planner asks sentinel.Next what it would do, for everything that the sentinels may have seen of a state.
type planner struct {
	bounds
	off   rules
	known map[string][]proposal // by what the sentinels can see
	key   []byte
}

// proposals are the different things that the planner may do about the state. Any members may have been fenced by a majority just
// now: had they been before, they would only have had no lease for longer. Whoever is alive may be heard or not, what was said
// once in this epoch may have been taken back meanwhile, any handover may be asked for, the grace period may be over or not.
func (p *planner) proposals(s *state) []proposal {
	p.key = p.describe(p.key[:0], s)
	if list, ok := p.known[string(p.key)]; ok {
		return list
	}
	var list []proposal
	add := func(v sentinel.View, fenced uint8) {
		a := sentinel.Next(v)
		if a.Kind != sentinel.Propose && a.Kind != sentinel.Drain {
			return
		}
		one := proposal{drain: a.Kind == sentinel.Drain, reason: a.Reason, fenced: fenced}
		if !one.drain {
			one.group = p.change(s, a)
		}
		for _, o := range list {
			if o.drain == one.drain && o.group == one.group && o.fenced&^one.fenced == 0 {
				return // less is fenced there
			}
		}
		list = append(list, one)
	}
	g := s.agreed()
	asked := []*sentinel.Handover{nil}
	if p.handovers > 0 {
		for _, m := range g.Chain[1:] {
			asked = append(asked, &sentinel.Handover{Target: m.Name})
		}
	}
	later := *s
	later.drained = false // what was said last
	seen := [][names]sentinel.Sighting{s.sightings(p.off)}
	if s.drained {
		seen = append(seen, later.sightings(p.off))
	}
	for fenced := range uint8(1 << names) {
		if fenced&^s.inGroup() != 0 {
			continue
		}
		for k := range len(seen) << names {
			heard, all := uint8(k)&(1<<names-1), seen[k>>names]
			if heard&s.silent() != 0 {
				continue
			}
			v := s.view(g, all, fenced, heard)
			for _, v.Dead = range []time.Duration{0, time.Hour} {
				for _, v.Asked = range asked {
					add(v, fenced)
				}
			}
			if p.refresh && fenced == 0 {
				v.Fenced[g.Chain[0].Incarnation], v.Back[g.Chain[0].Incarnation] = 1, true
				add(v, fenced)
			}
		}
	}
	p.known[string(p.key)] = list
	return list
}

// silent are the names of nodes that nothing can be heard of.
func (s *state) silent() (mask uint8) {
	for i := range s.nodes {
		if !s.nodes[i].up {
			mask |= 1 << i
		}
	}
	return mask
}

// inGroup are the names that the newest group has.
func (s *state) inGroup() (mask uint8) {
	g := &s.groups[s.epoch]
	for i := range uint8(names) {
		if g.member(i) != nobody {
			mask |= 1 << i
		}
	}
	return mask
}

// describe is all of a state that the planner looks at.
func (p *planner) describe(key []byte, s *state) []byte {
	flag := func(b bool) {
		if b {
			key = append(key, 1)
		} else {
			key = append(key, 0)
		}
	}
	g := &s.groups[s.epoch]
	key = append(key, s.epoch, byte(s.joining))
	flag(s.drained)
	for i := range uint8(names) {
		n := &s.nodes[i]
		m := n.member(i)
		key = append(key, byte(g.chain[i]), byte(g.learners[i]), n.inc, n.epoch)
		flag(n.up)
		flag(n.leaving)
		switch {
		case g.position(m) < 0:
			key = append(key, n.logEpoch, n.id, n.len, byte(n.peer))
			flag(n.link != linkDown)
			flag(n.followed)
		case g.tail() == m:
			key = append(key, n.id)
		}
	}
	return key
}

const downAfter = 1000

// sightings are what the sentinels heard last of each node, by name; in a node that is down nothing.
func (s *state) sightings(off rules) (all [names]sentinel.Sighting) {
	g := &s.groups[s.epoch]
	for i := range uint8(names) {
		n := &s.nodes[i]
		m := n.member(i)
		hb := cluster.Heartbeat{
			Member: m.real(), Epoch: uint64(n.epoch), LogEpoch: uint64(n.logEpoch), ReplID: ids[n.id], Offset: int64(n.len),
			LinkUp: n.link != linkDown, Upstream: realMembers[n.peer], Leaving: n.leaving,
		}
		if off.coldStart {
			hb.LogEpoch, hb.Offset = 1, 1
		}
		if s.drained && g.chain[0] == m {
			hb.Drained = uint64(s.epoch)
		}
		if g.tail() == m {
			hb.Joining = realMembers[s.joining]
			for j, l := range g.learners {
				if off.joining && l != nobody && s.nodes[j].link == linkLive {
					hb.Joining = l.real()
				}
			}
		}
		all[i] = sentinel.Sighting{Heartbeat: hb, For: time.Hour, Followed: n.followed}
	}
	return all
}

// view is what the sentinels have if a majority fenced those members, and they hear those nodes.
func (s *state) view(g cluster.Group, all [names]sentinel.Sighting, fenced, heard uint8) sentinel.View {
	v := sentinel.View{Group: g, Voters: 3, Fenced: map[string]int{}, Back: map[string]bool{}}
	for i := range uint8(names) {
		if fenced&(1<<i) != 0 {
			v.Fenced[s.groups[s.epoch].member(i).real().Incarnation] = 2
		}
		if heard&(1<<i) != 0 {
			v.Nodes = append(v.Nodes, all[i])
		}
	}
	return v
}

// agreed is the newest group as the product's code has it.
func (s *state) agreed() cluster.Group {
	g := &s.groups[s.epoch]
	out := cluster.Group{Name: "model", Epoch: uint64(s.epoch), Settings: cluster.Settings{DownAfterMs: downAfter}}
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

// change is the group that an action proposes.
func (p *planner) change(s *state, a sentinel.Action) group {
	g := noGroup
	for i, m := range a.Group.Chain {
		g.chain[i] = memberOf(m)
	}
	if n := len(a.Group.Chain); p.off.promotion && n > 1 && strings.HasPrefix(a.Reason, "down: ") {
		g.chain[0], g.chain[n-1] = g.chain[n-1], g.chain[0]
	}
	for _, m := range a.Group.Learners {
		l := memberOf(m)
		g.learners[l.name()] = l
	}
	return g
}

func memberOf(m cluster.Member) member {
	return makeMember(m.Name[0]-'A', m.Incarnation[len(m.Incarnation)-1]-'0')
}

// agree makes a proposal the next epoch.
func (s *state) agree(p proposal, off rules) {
	old := s.groups[s.epoch]
	for i := range uint8(names) {
		if n := s.process(old.member(i)); n != nil && p.fenced&(1<<i) != 0 && !off.lease {
			n.over = s.epoch
		}
	}
	coldStart := true
	for _, m := range p.group.chain {
		coldStart = coldStart && old.position(m) < 0
	}
	s.epoch++
	s.groups[s.epoch] = p.group
	s.drained, s.joining = false, nobody
	if coldStart {
		s.waive(&old, &p.group)
	}
	for i := range uint8(names) {
		if n := &s.nodes[i]; n.up && p.group.position(n.member(i)) >= 0 {
			n.wiped = false
		}
	}
}

// waive gives up what a cold start does not promise to keep. When all of the chain have lost their disks nobody has anything. And
// when it goes on without a member that has not come back, only what the master acknowledged is safe: that is on the disk of
// each member; what a read on that member saw may not have been on the others' when they died.
func (s *state) waive(old, now *group) {
	missing, kept := false, false
	for _, m := range old.chain {
		if m == nobody {
			continue
		}
		n := &s.nodes[m.name()]
		back := n.up && n.inc != m.start()
		missing = missing || !back
		kept = kept || back && !n.wiped
	}
	safe := s.nodes[now.chain[0].name()].writes()
	if kept {
		safe |= s.acked
	}
	if !kept || missing {
		s.void |= (1<<(s.writes+1) - 1) &^ safe
	}
}

// writes is the set of the entries in the node's log.
func (n *node) writes() (set uint8) {
	for _, w := range n.log[:n.len] {
		set |= 1 << w
	}
	return set
}
