package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
)

// settleMin is the least time to let the nodes of a new group show up before the first chain is made.
const settleMin = 300 * time.Millisecond

// create makes the first chain of a group: the best node alone, the others learn from it. When nodes report epochs,
// there was a chain that the sentinels know nothing of any more; then more time is given for all to come back.
func (v View) create() Action {
	var nodes []Sighting
	v.Group.Features = v.remembered()
	heard, epoch := time.Duration(0), v.Group.Epoch
	for _, s := range v.Nodes {
		if v.mayLead(s) && v.TooOld(s) == nil {
			nodes = append(nodes, s)
			heard, epoch = max(heard, s.For), max(epoch, s.Heartbeat.Epoch, s.Heartbeat.LogEpoch)
		}
	}
	settle := max(v.downAfter()/2, settleMin)
	if epoch > 0 {
		settle = graceFactor * v.downAfter()
	}
	if len(nodes) == 0 || heard < settle {
		return Action{}
	}
	slices.SortFunc(nodes, ByData)
	var learners []cluster.Member
	needed := v.needed([]cluster.Member{nodes[0].Heartbeat.Member})
	for _, s := range nodes[1:] {
		if s.TooOld(needed) == nil {
			learners = append(learners, s.Heartbeat.Member)
		}
	}
	g := v.Group
	g.Epoch = epoch
	g = g.Restarted(nodes[0].Heartbeat.Member, learners)
	a := Action{Kind: Propose, Group: g, Reason: "first chain: " + nodes[0].Heartbeat.Member.Label()}
	if epoch > 0 {
		a.Reason = fmt.Sprintf("chain after the sentinels lost theirs: %s has %s", nodes[0].Heartbeat.Member.Label(),
			position(nodes[0].Heartbeat))
		a.Cost = "writes that only a node which is not back holds"
	}
	return a
}

// revive is for a group whose whole chain a majority has fenced. Members that are heard again under the same
// incarnation were only out of reach, and the first of them is as good as any first survivor. If there is none, all
// have died: coldStart.
func (v View) revive() Action {
	var gone, back []cluster.Member
	for _, m := range v.Group.Chain {
		if _, ok := v.Alive(m); ok {
			back = append(back, m)
		} else {
			gone = append(gone, m)
		}
	}
	if len(back) == 0 {
		return v.coldStart()
	}
	for _, l := range v.Group.Learners {
		if v.Odown(l) {
			gone = append(gone, l)
		}
	}
	if len(gone) == 0 {
		return Action{Kind: Propose, Group: v.Group.Refreshed(), Reason: "all of the chain is back"}
	}
	return Action{Kind: Propose, Group: v.Group.Without(gone...), Reason: "back: " + Labels(back) + "; down: " +
		Labels(gone)}
}

// coldStart chooses a master after every member of the chain has died.
//
// A member that comes back with its data has everything that was ever acknowledged, since members hand bytes to the
// operating system before they acknowledge. What a loss of power takes from them is not alike: then the longest log has
// all that any of them has, as each was a prefix of its predecessor's. Its epoch says nothing, for a member may have
// died before it learned of the last ones. So the choice is among the members that have come back, by the length of
// their logs, once all have or the grace period is over. A node outside the chain, a learner or one that was taken out,
// lacks what was acknowledged without it. It leads only when it has a longer piece of the best one's history; or when
// all that have come back have lost everything, as they must not wipe what is left.
//
// What the sentinels have heard that all of the chain had acknowledged must not be missing, as it is when a backup was
// put back, or when a loss of power took it: as long as a member that may have it is not back, nobody leads without it.
// A person can decide otherwise.
//
// If no member comes back nothing is done: a member that is only cut off, alone in its chain, may go on committing. Nor
// if those who come back have lost their data, until all are there: the others have it, and may only be cut off.
func (v View) coldStart() Action {
	returned, missing := v.returned()
	if !rules.MembersLead {
		returned, missing = v.Nodes, nil
	}
	inGrace := rules.ColdStartWaits && v.Dead < graceFactor*v.downAfter()
	if len(returned) == 0 || len(missing) > 0 && inGrace {
		return Action{Kind: Wait}
	}
	best := v.fullest(returned)
	if len(missing) > 0 && (isEmpty(longest(returned)) || rules.ColdStartWaits && v.lacks(best) > 0) {
		return Action{Kind: Wait} // those who are missing have the rest, and may be alive
	}
	return Action{
		Kind: Propose, Group: v.restartedWith(best.Heartbeat.Member),
		Reason: fmt.Sprintf("cold start: %s is back with %s", best.Heartbeat.Member.Label(), position(best.Heartbeat)),
		Cost:   v.coldCost(best, returned, missing),
	}
}

// lacks is how many bytes of what all of the chain had acknowledged a node has not, as far as sentinels heard of it.
func (v View) lacks(s Sighting) int64 {
	if v.Reached.Epoch < v.Group.Began {
		return 0
	}
	return max(v.Reached.Offset-s.Heartbeat.Offset, 0)
}

// longest is the first of those who have returned that have the longest log.
func longest(returned []Sighting) Sighting {
	best := returned[0]
	for _, s := range returned[1:] {
		if rules.LongestLogLeads && s.Heartbeat.Offset > best.Heartbeat.Offset {
			best = s
		}
	}
	return best
}

// fullest is the one of those who have returned that has most, or a node outside the chain that has more.
func (v View) fullest(returned []Sighting) Sighting {
	best := longest(returned)
	more := longerThan
	if isEmpty(best) {
		more = byPosition
	}
	for _, s := range v.Nodes {
		if v.isOutside(s) && more(s, best) > 0 {
			best = s
		}
	}
	return best
}

// returned are the present starts of the chain's nodes in chain order, and the members that have none.
func (v View) returned() (back []Sighting, missing []cluster.Member) {
	for _, m := range v.Group.Chain {
		s, ok := v.sighting(m.Name)
		if ok && !s.Heartbeat.Member.Is(m) && v.mayLead(s) {
			back = append(back, s)
		} else {
			missing = append(missing, m)
		}
	}
	return back, missing
}

// byPosition compares by (epoch, offset).
func byPosition(a, b Sighting) int {
	return cmp.Or(cmp.Compare(a.Heartbeat.LogEpoch, b.Heartbeat.LogEpoch),
		cmp.Compare(a.Heartbeat.Offset, b.Heartbeat.Offset))
}

// isEmpty says that a node has come back without its data: it is not what it was as a member.
func isEmpty(s Sighting) bool { return s.Heartbeat.Offset == 0 && s.Heartbeat.LogEpoch == 0 }

// isOutside says that a node is there and its name is not in the chain.
func (v View) isOutside(s Sighting) bool {
	m := s.Heartbeat.Member
	inChain := slices.ContainsFunc(v.Group.Chain, func(c cluster.Member) bool { return c.Name == m.Name })
	return !inChain && v.mayLead(s) && v.Fenced[m.Incarnation] < Majority(v.Voters)
}

// longerThan compares a node from outside the chain with a member that is back: it has more if it was seen following
// the chain and has a longer piece of the same history. An id is of one master, so two logs under it are pieces of one.
func longerThan(outside, m Sighting) int {
	if !outside.Followed || outside.Heartbeat.ReplID != m.Heartbeat.ReplID {
		return -1
	}
	return cmp.Compare(outside.Heartbeat.Offset, m.Heartbeat.Offset)
}

// restartedWith is the group with a chain of one and every other node that is there, and can read its data, as a
// learner.
func (v View) restartedWith(head cluster.Member) cluster.Group {
	var learners []cluster.Member
	needed := v.needed([]cluster.Member{head})
	for _, s := range v.Nodes {
		if m := s.Heartbeat.Member; m.Name != head.Name && v.isFresh(s) && !s.Heartbeat.Leaving &&
			s.TooOld(needed) == nil {
			learners = append(learners, m)
		}
	}
	return v.Group.Restarted(head, learners)
}

// coldCost says what the choice could lose.
func (v View) coldCost(best Sighting, returned []Sighting, missing []cluster.Member) string {
	var costs []string
	for _, s := range returned {
		hb := s.Heartbeat
		if !hb.Member.Is(best.Heartbeat.Member) && hb.Offset > best.Heartbeat.Offset {
			costs = append(costs, fmt.Sprintf("%s has %s, beyond the chosen one", hb.Member.Label(), position(hb)))
		}
	}
	for _, m := range missing {
		costs = append(costs, m.Label()+
			" has not come back; the others may have lost what they had not written to disk")
	}
	if n := v.lacks(best); n > 0 {
		costs = append(costs, fmt.Sprintf("%d bytes of acknowledged writes: the chain had offset %d", n,
			v.Reached.Offset))
	}
	if best.Heartbeat.Offset == 0 {
		costs = append(costs, "the chosen one is empty")
	}
	return strings.Join(costs, "; ")
}
