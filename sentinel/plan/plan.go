package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
)

// Members are all of a group, the chain first.
func Members(g cluster.Group) []cluster.Member {
	return slices.Concat(g.Chain, g.Learners)
}

// IsIn says whether this incarnation is in the chain or a learner.
func IsIn(g cluster.Group, m cluster.Member) bool { return g.Position(m) >= 0 || g.IsLearner(m) }

// View is one group as its decider sees it: what was agreed, and what the sentinels reported. It holds ages, not times.
type View struct {
	Group   cluster.Group
	Voters  int             // of the newest Raft configuration
	Fenced  map[string]int  // how many voters have fenced an incarnation in the group's epoch
	Back    map[string]bool // fenced incarnations that all who fenced them have been hearing again for a while
	Slow    map[string]bool // fenced incarnations that somebody fenced for holding up the chain
	Calm    time.Duration   // for how long the decider has seen this epoch in force
	Nodes   []Sighting      // one for each node, of its present start
	Asked   *Handover       // a planned handover that was asked for
	Dead    time.Duration   // for how long no member of the chain has been left
	Reached Reached         // the most that any sentinel heard of
	Level   cluster.Level   // of the sentinels
}

// Reached is the furthest commit point that was heard of, and the newest epoch in which it was.
type Reached struct {
	Epoch  uint64 `json:"epoch"`
	Offset int64  `json:"offset"`
}

// Sighting is the newest heartbeat of a node that any sentinel reported.
type Sighting struct {
	Heartbeat cluster.Heartbeat
	Age       time.Duration // since it was received
	For       time.Duration // the node has been heard for so long without a gap
	Followed  bool          // this start has been seen following the chain
}

// Handover is a wish to make another member the master.
type Handover struct {
	Target string // name of the member; empty for the next in the chain
}

// Action is one thing to do about a group.
type Action struct {
	Kind   Kind
	Group  cluster.Group // what to propose
	Reason string
	Cost   string // what the change may lose; empty when it loses nothing
}

// Kind is the kind of an action.
type Kind int

// The kinds of actions.
const (
	Nothing Kind = iota
	Wait         // nothing may be done now
	Propose      // Group is to replace the group
	Drain        // the head is to drain in the group's epoch
)

// graceFactor times down-after is how long to wait for members that may still come back before doing without them.
const graceFactor = 5

// Next is the one change that the group needs most, if any. It depends on its argument alone.
//
// The order: first what is down, as everything else needs a chain that works; then what shortens the chain by wish;
// then the handover, or its end; then what makes it longer.
func Next(v View) Action {
	if v.Group.Epoch == 0 || len(v.Group.Chain) == 0 {
		return v.create()
	}
	for _, step := range []func(View) Action{
		View.removeDown, View.removeLeaving, View.handOver, View.giveUp, View.appendLearner, View.refresh, View.admit,
	} {
		if a := step(v); a.Kind != Nothing {
			a.Group.Epoch = max(a.Group.Epoch, v.newest()+1)
			return a
		}
	}
	return Action{}
}

// newest is the newest epoch that a node of the group has adopted. It is beyond the agreed one only if the sentinels
// lost their log; then the next epoch must be newer than what the nodes have, or they would not follow it.
func (v View) newest() uint64 {
	var epoch uint64
	for _, s := range v.Nodes {
		if _, in := v.Group.Lookup(s.Heartbeat.Member.Name); in && v.isFresh(s) {
			epoch = max(epoch, s.Heartbeat.Epoch)
		}
	}
	return epoch
}

func (v View) downAfter() time.Duration {
	return time.Duration(v.Group.Settings.DownAfterMs) * time.Millisecond
}

// Odown says whether m is objectively down.
func (v View) Odown(m cluster.Member) bool {
	if !rules.FenceByMajority {
		return v.Fenced[m.Incarnation] > 0
	}
	return v.Fenced[m.Incarnation] >= Majority(v.Voters)
}

// sighting is the newest of the node's present start.
func (v View) sighting(name string) (Sighting, bool) {
	i := slices.IndexFunc(v.Nodes, func(s Sighting) bool { return s.Heartbeat.Member.Name == name })
	if i < 0 {
		return Sighting{}, false
	}
	return v.Nodes[i], true
}

// Alive is the sighting of exactly this incarnation, if it was heard just now. One that is broken is there, but of no
// use as a member.
func (v View) Alive(m cluster.Member) (Sighting, bool) {
	s, ok := v.sighting(m.Name)
	return s, ok && s.Heartbeat.Member.Is(m) && v.isFresh(s) && s.Heartbeat.Broken == ""
}

// mayLead says whether a node is there and could be the master.
func (v View) mayLead(s Sighting) bool {
	return v.isFresh(s) && !s.Heartbeat.Leaving && s.Heartbeat.Broken == ""
}

func (v View) isFresh(s Sighting) bool { return s.Age < v.downAfter()/2 }

// removeDown takes all that is objectively down out of the group at once. The others keep their order, so the first
// survivor is the master (rule 3): by the prefix property it has everything that was ever committed.
func (v View) removeDown() Action {
	var down, left []cluster.Member
	for _, m := range Members(v.Group) {
		if v.Odown(m) {
			down = append(down, m)
		}
	}
	if len(down) == 0 {
		return Action{}
	}
	for _, m := range v.Group.Chain {
		if !v.Odown(m) {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		return v.revive()
	}
	if head, ok := v.Alive(left[0]); !ok || head.Age >= v.restart(down) {
		// It is either heard soon or down as well. Making a silent node the master would help nobody, and when all die
		// together and come back, the more of the chain is still in it the better is the choice (see coldStart).
		return Action{Kind: Wait}
	}
	return v.without(down)
}

// calmFactor times chain-slow-timeout is how long a chain must have stood for who was slow before to be forgotten.
const calmFactor = 64

// without is the group without those who are down, and a note of who was only slow.
func (v View) without(down []cluster.Member) Action {
	var slow, dead []cluster.Member
	for _, m := range down {
		if s, ok := v.Alive(m); ok && v.Slow[m.Incarnation] && !s.Heartbeat.Leaving {
			slow = append(slow, m)
		} else {
			dead = append(dead, m)
		}
	}
	g := v.Group.Without(down...)
	if !rules.PromoteFirst {
		slices.Reverse(g.Chain)
	}
	if len(slow) == 0 {
		return Action{Kind: Propose, Group: g, Reason: "down: " + Labels(dead)}
	}
	reason := "slow: " + Labels(slow)
	if len(dead) > 0 {
		reason = "down: " + Labels(dead) + "; " + reason
	}
	anew := v.Calm > calmFactor*v.Group.Settings.ChainSlow()
	return Action{Kind: Propose, Group: g.WithSlow(anew, slow...), Reason: reason}
}

// restart is how long ago the last restart of one of these members showed. Whoever was not heard since may have died
// with it.
func (v View) restart(down []cluster.Member) time.Duration {
	ago := time.Duration(math.MaxInt64)
	for _, m := range down {
		if s, ok := v.sighting(m.Name); ok && !s.Heartbeat.Member.Is(m) {
			ago = min(ago, s.For)
		}
	}
	return ago
}

// removeLeaving removes members that were told to stop. A head drains first, and stays as long as nothing can take
// over.
func (v View) removeLeaving() Action {
	for _, m := range Members(v.Group) {
		s, ok := v.Alive(m)
		if !ok || !s.Heartbeat.Leaving {
			continue
		}
		head := v.Group.Position(m) == 0
		switch {
		case head && !v.hasSuccessor():
			continue
		case head && s.Heartbeat.Drained != v.Group.Epoch:
			return Action{Kind: Drain, Reason: "leaving: " + m.Label()}
		}
		return Action{Kind: Propose, Group: v.Group.Without(m), Reason: "left: " + m.Label()}
	}
	return Action{}
}

// hasSuccessor says whether the second of the chain is there to take over.
func (v View) hasSuccessor() bool {
	if len(v.Group.Chain) < 2 {
		return false
	}
	_, ok := v.Alive(v.Group.Chain[1])
	return ok
}

// handOver moves the head to the end of the chain, or another member to its front, once the head has drained: then all
// members have the same log and any of them can lead.
func (v View) handOver() Action {
	if v.Asked == nil || len(v.Group.Chain) < 2 {
		return Action{}
	}
	head := v.Group.Chain[0]
	s, ok := v.Alive(head)
	if !ok {
		return Action{}
	}
	target := v.Group.Chain[1]
	if v.Asked.Target != "" {
		i := slices.IndexFunc(v.Group.Chain, func(m cluster.Member) bool { return m.Name == v.Asked.Target })
		if i <= 0 {
			return Action{}
		}
		target = v.Group.Chain[i]
	}
	if _, ok := v.Alive(target); !ok {
		return Action{}
	}
	if s.Heartbeat.Drained != v.Group.Epoch {
		return Action{Kind: Drain, Reason: "handover to " + target.Label()}
	}
	chain := []cluster.Member{target}
	for _, m := range v.Group.Chain[1:] {
		if !m.Is(target) {
			chain = append(chain, m)
		}
	}
	return Action{Kind: Propose, Group: v.Group.WithChain(append(chain, head)), Reason: "handover to " + target.Label()}
}

// giveUp begins a new epoch for a head that has drained for a handover that will not be: until then it lets no client
// in.
func (v View) giveUp() Action {
	head, _ := v.Group.Head()
	if s, ok := v.Alive(head); !ok || s.Heartbeat.Drained != v.Group.Epoch {
		return Action{}
	}
	return Action{Kind: Propose, Group: v.Group.Refreshed(), Reason: "no handover: " + head.Label() + " goes on"}
}

// appendLearner makes a member of the learner without which the tail commits nothing more in this epoch: it holds all
// that was ever committed, and goes on to hold it until the members adopt the next epoch. A chain that is not whole is
// not made longer: its tail gets nothing that a learner could get from it, and another epoch would only put off that it
// is mended.
func (v View) appendLearner() Action {
	tail, _ := v.Group.Tail()
	end, ok := v.Alive(tail)
	if !ok || !v.linked() {
		return Action{}
	}
	for _, l := range v.Group.Learners {
		s, ok := v.Alive(l)
		waits := !rules.TailWaitsFirst || end.Heartbeat.Joining.Is(l)
		if ok && waits && v.caughtUp(s.Heartbeat, end.Heartbeat) {
			return Action{Kind: Propose, Group: v.Group.WithTail(l), Reason: "caught up: " + l.Label()}
		}
	}
	return Action{}
}

// linked says whether each member of the chain is in touch with the one before it.
func (v View) linked() bool {
	for i, m := range v.Group.Chain[1:] {
		if s, ok := v.Alive(m); !ok || !s.Heartbeat.LinkUp || !s.Heartbeat.Upstream.Is(v.Group.Chain[i]) {
			return false
		}
	}
	return true
}

func (v View) caughtUp(l, tail cluster.Heartbeat) bool {
	return l.Epoch == v.Group.Epoch && tail.Epoch == v.Group.Epoch && l.LinkUp && !l.Leaving &&
		l.Upstream.Is(tail.Member) && l.ReplID == tail.ReplID
}

// refresh begins a new epoch for a chain member that a minority fenced and that is back, which lifts the fences.
func (v View) refresh() Action {
	if v.newest() > v.Group.Epoch {
		return Action{Kind: Propose, Group: v.Group.Refreshed(), Reason: "the nodes know a newer epoch"}
	}
	for _, m := range v.Group.Chain {
		if v.Fenced[m.Incarnation] > 0 && v.Back[m.Incarnation] {
			return Action{Kind: Propose, Group: v.Group.Refreshed(), Reason: "back: " + m.Label()}
		}
	}
	return Action{}
}

// admit makes nodes that are not in the group learners, all at once. They need a tail to follow; and a node whose older
// start is still in the chain must wait until that one is out.
func (v View) admit() Action {
	tail, _ := v.Group.Tail()
	if _, ok := v.Alive(tail); !ok {
		return Action{}
	}
	g := v.Group
	var added []cluster.Member
	for _, s := range v.Nodes {
		m := s.Heartbeat.Member
		inChain := slices.ContainsFunc(g.Chain, func(c cluster.Member) bool { return c.Name == m.Name })
		if inChain || v.isTaken(m) || g.IsLearner(m) || s.Heartbeat.Leaving || !v.isFresh(s) || v.TooOld(s) != nil {
			continue
		}
		g = g.WithLearner(m)
		added = append(added, m)
	}
	if len(added) == 0 {
		return Action{}
	}
	g.Epoch = v.Group.Epoch + 1
	return Action{Kind: Propose, Group: g, Reason: "joins: " + Labels(added)}
}

// isTaken says whether another member, which is there, has the address that a node claims: a sentinel that was started
// just now may have heard the copy first.
func (v View) isTaken(m cluster.Member) bool {
	return slices.ContainsFunc(Members(v.Group), func(o cluster.Member) bool {
		_, there := v.Alive(o)
		return there && o.Addr == m.Addr && o.Name != m.Name
	})
}

// names lists members for people.
func Labels(list []cluster.Member) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.Label()
	}
	return strings.Join(texts, ", ")
}

// ByData orders sightings by who is the better holder of the data: newer epoch, longer log, then smaller priority
// number (0 is last, as in Redis), then label.
func ByData(a, b Sighting) int {
	x, y := a.Heartbeat, b.Heartbeat
	return cmp.Or(
		cmp.Compare(y.LogEpoch, x.LogEpoch),
		cmp.Compare(y.Offset, x.Offset),
		cmp.Compare(uint(x.Priority-1), uint(y.Priority-1)),
		cmp.Compare(len(x.Member.Label()), len(y.Member.Label())),
		cmp.Compare(x.Member.Label(), y.Member.Label()),
	)
}

func position(hb cluster.Heartbeat) string {
	return fmt.Sprintf("epoch %d offset %d", hb.LogEpoch, hb.Offset)
}
