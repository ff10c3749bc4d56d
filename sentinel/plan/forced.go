package plan

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster"
	"holdfast/resp"
)

// Waits says in plain words for whom a group without a living member waits, and what a person can do; empty when it
// waits for nobody.
func (v View) Waits() string {
	if len(v.Group.Chain) == 0 {
		return ""
	}
	for _, m := range v.Group.Chain {
		if _, ok := v.Alive(m); ok || !v.Odown(m) {
			return ""
		}
	}
	back, missing := v.returned()
	if len(missing) == 0 {
		return ""
	}
	text := "no member of the chain is left; waiting for " + Labels(missing) + " to come back"
	withData, short := false, int64(0)
	for _, s := range back {
		hb := s.Heartbeat
		if isEmpty(s) {
			text += "; " + hb.Member.Label() + " is back without its data"
		} else {
			text += "; " + hb.Member.Label() + " is back with " + position(hb)
			withData = true
		}
	}
	for _, m := range missing {
		if s, ok := v.sighting(m.Name); ok && v.isFresh(s) && s.Heartbeat.Broken != "" {
			text += "; " + m.Label() + " is there, but broken: " + s.Heartbeat.Broken
		}
	}
	if len(back) > 0 {
		short = v.lacks(v.fullest(back))
	}
	switch best, ok := v.forceable(); {
	case withData && short > 0:
		return text + fmt.Sprintf(
			", but the chain had acknowledged writes up to offset %d: %d bytes of them would be lost. "+
				"If the missing are gone for good: holdfast failover %s --to %s --force", v.Reached.Offset, short,
			v.Group.Name, best)
	case withData:
		return text + "; goes on without the missing soon"
	case ok:
		return text + fmt.Sprintf(". If they are gone for good: holdfast failover %s --to %s --force", v.Group.Name,
			best)
	}
	return text + ". If they are gone for good: start another node, and choose it with holdfast failover --force"
}

// forceable is the node that holds most of those that could be made to lead.
func (v View) forceable() (name string, ok bool) {
	nodes := slices.DeleteFunc(slices.Clone(v.Nodes), func(s Sighting) bool { return !v.mayLead(s) })
	if len(nodes) == 0 {
		return "", false
	}
	return slices.MinFunc(nodes, ByData).Heartbeat.Member.Label(), true
}

// Forced makes the node that a person names, by name or address, lead a group of whose chain nobody is left. missing
// are the members that have not come back: that they are gone for good is what that person says.
func Forced(v View, target string) (a Action, missing []cluster.Member, err error) {
	if len(v.Group.Chain) == 0 {
		return a, nil, resp.Error("ERR The group has no chain yet, which it begins by itself")
	}
	for _, m := range v.Group.Chain {
		if _, ok := v.Alive(m); ok {
			return a, nil, resp.Error("ERR " + m.Label() +
				" of the chain is alive: SENTINEL FAILOVER without FORCE loses nothing")
		}
		if !v.Odown(m) {
			return a, nil, resp.Error("ERR " + m.Label() + " of the chain is not known to be down yet, ask again")
		}
	}
	i := slices.IndexFunc(v.Nodes, func(s Sighting) bool {
		m := s.Heartbeat.Member
		return (m.Name == target || m.Addr == target) && v.isFresh(s) && !s.Heartbeat.Leaving
	})
	if i >= 0 && v.Nodes[i].Heartbeat.Broken != "" {
		return a, nil, resp.Error("ERR " + target + " is broken, and can't lead: " + v.Nodes[i].Heartbeat.Broken)
	}
	if i < 0 {
		return a, nil, resp.Error("ERR No node '" + target + "' is there to lead; holdfast status shows who is")
	}
	chosen := v.Nodes[i].Heartbeat
	if err := v.Nodes[i].TooOld(v.Group.Features.Level); err != nil {
		return a, nil, resp.Error("ERR " + err.Error())
	}
	_, missing = v.returned()
	g := v.restartedWith(chosen.Member)
	g.Epoch = max(g.Epoch, v.newest()+1)
	return Action{
		Kind: Propose, Group: g, Cost: v.forcedCost(v.Nodes[i], missing),
		Reason: fmt.Sprintf("forced by an operator: %s leads with %s", chosen.Member.Label(), position(chosen)),
	}, missing, nil
}

// forcedCost says what may be lost for good.
func (v View) forcedCost(chosen Sighting, missing []cluster.Member) string {
	var costs []string
	if isEmpty(chosen) {
		costs = append(costs, "all data, as the chosen one is empty")
	}
	for _, s := range v.Nodes {
		if v.isFresh(s) && byPosition(s, chosen) > 0 {
			costs = append(costs, fmt.Sprintf("what %s has beyond the chosen one, with %s", s.Heartbeat.Member.Label(),
				position(s.Heartbeat)))
		}
	}
	if n := v.lacks(chosen); n > 0 && !isEmpty(chosen) {
		costs = append(costs, fmt.Sprintf("%d bytes of acknowledged writes, as the chain had offset %d", n,
			v.Reached.Offset))
	}
	if len(missing) > 0 {
		costs = append(costs, "writes that only "+Labels(missing)+" had")
	}
	return strings.Join(costs, "; ")
}
