package plan

import "slices"

// See takes in what one sentinel has seen of a node, and keeps the newest. Where sentinels hear two that have the same
// name, a living member goes first.
func (v *View) See(s Sighting) {
	i := slices.IndexFunc(v.Nodes, func(o Sighting) bool { return o.Heartbeat.Member.Name == s.Heartbeat.Member.Name })
	if i < 0 {
		v.Nodes = append(v.Nodes, s)
		return
	}
	o := v.Nodes[i]
	if same := o.Heartbeat.Member.Is(s.Heartbeat.Member); same {
		s.Followed = s.Followed || o.Followed
		o.Followed = s.Followed
	}
	if v.prefers(s, o) {
		o = s
	}
	v.Nodes[i] = o
}

// prefers says whether sighting a tells more of a node than b.
func (v *View) prefers(a, b Sighting) bool {
	if x, y := v.keepsName(a), v.keepsName(b); x != y {
		return x
	}
	return a.Age < b.Age
}

// keepsName says whether a node is a member that nobody holds for down.
func (v *View) keepsName(s Sighting) bool {
	m := s.Heartbeat.Member
	return IsIn(v.Group, m) && v.isFresh(s) && v.Fenced[m.Incarnation] == 0
}
