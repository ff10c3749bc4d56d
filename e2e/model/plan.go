package main

import (
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/node/member"
	"holdfast/replication"
	"holdfast/sentinel/plan"
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
	seats seats
	known map[string][]proposal // by what the sentinels can see
	key   []byte
}

// proposals are the different things that the planner may do about the state. Any members may have been fenced by a
// majority just now: had they been before, they would only have had no lease for longer. Whoever is alive may be heard
// or not, what was said once in this epoch may have been taken back meanwhile, any handover may be asked for, the grace
// period may be over or not.
func (p *planner) proposals(s *state) []proposal {
	p.key = p.describe(p.key[:0], s)
	if list, ok := p.known[string(p.key)]; ok {
		return list
	}
	var list []proposal
	add := func(v plan.View, fenced uint8) {
		a := plan.Next(v)
		if a.Kind != plan.Propose && a.Kind != plan.Drain {
			return
		}
		one := proposal{drain: a.Kind == plan.Drain, reason: a.Reason, fenced: fenced}
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
	g := s.groups[s.epoch].real(s.epoch)
	asked := []*plan.Handover{nil}
	if p.handovers > 0 {
		for _, m := range g.Chain[1:] {
			asked = append(asked, &plan.Handover{Target: m.Name})
		}
	}
	later := *s
	later.drained = false // what was said last
	seen := [][names]plan.Sighting{p.sightings(s)}
	if s.drained {
		seen = append(seen, p.sightings(&later))
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
		case g.position(m) > 0:
			key = append(key, n.id, byte(n.peer))
			flag(n.link != linkDown)
		case g.tail() == m:
			key = append(key, n.id)
		}
	}
	return key
}

const downAfter = 1000

// sightings are what the sentinels heard last of each node, by name; in a node that is down nothing.
func (p *planner) sightings(s *state) (all [names]plan.Sighting) {
	g := &s.groups[s.epoch]
	for i := range uint8(names) {
		n := &s.nodes[i]
		m := n.member(i)
		f := member.Facts{
			Now: now, Self: m.real(), Place: p.seats.of(s, i).place, LogEpoch: uint64(n.logEpoch),
			Position: replication.Position{ID: ids[n.id], Offset: int64(n.len)}, Leaving: n.leaving,
		}
		if n.link != linkDown {
			f.Link = &replication.FollowStatus{Upstream: n.peer.real()}
		}
		if s.drained {
			f.Drained = uint64(s.epoch)
		}
		if g.tail() == m {
			f.JoiningHeld, f.Place.Joining = true, s.joining.real()
			for j, l := range g.learners {
				if p.off.joining && l != nobody && s.nodes[j].link == linkLive {
					f.Place.Joining = l.real()
				}
			}
		}
		hb := f.Heartbeat()
		if p.off.coldStart {
			hb.LogEpoch, hb.Offset = 1, 1
		}
		all[i] = plan.Sighting{Heartbeat: hb, For: time.Hour, Followed: n.followed}
	}
	return all
}

// view is what the sentinels have if a majority fenced those members, and they hear those nodes.
func (s *state) view(g cluster.Group, all [names]plan.Sighting, fenced, heard uint8) plan.View {
	v := plan.View{Group: g, Voters: 3, Fenced: map[string]int{}, Back: map[string]bool{}}
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

// change is the group that an action proposes.
func (p *planner) change(s *state, a plan.Action) group {
	g := noGroup
	for i, m := range a.Group.Chain {
		g.chain[i] = startOf(m)
	}
	if n := len(a.Group.Chain); p.off.promotion && n > 1 && strings.HasPrefix(a.Reason, "down: ") {
		g.chain[0], g.chain[n-1] = g.chain[n-1], g.chain[0]
	}
	for _, m := range a.Group.Learners {
		l := startOf(m)
		g.learners[l.name()] = l
	}
	return g
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

// waive gives up what a cold start does not promise to keep. When all of the chain have lost their disks nobody has
// anything. And when it goes on without a member that has not come back, only what the master acknowledged is safe:
// that is on the disk of each member; what a read on that member saw may not have been on the others' when they died.
func (s *state) waive(old, now *group) {
	missing, kept := false, false
	for _, m := range old.chain {
		if m == nobody {
			continue
		}
		n := &s.nodes[m.name()]
		back := n.up && n.inc != m.count()
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
