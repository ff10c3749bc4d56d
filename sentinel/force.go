package sentinel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// When all of a chain are gone and some of them never return, no rule says who may lead: whoever is missing may hold writes that were
// acknowledged, or be alive and acknowledge more. A person can know better. The sentinels say whom they wait for (waits), and do
// what they are told (forced), unless they see that it is not so.

// waits says in plain words for whom a group without a living member waits, and what a person can do; empty when it waits for nobody.
func (v View) waits() string {
	if len(v.Group.Chain) == 0 {
		return ""
	}
	for _, m := range v.Group.Chain {
		if _, ok := v.alive(m); ok || !v.odown(m) {
			return ""
		}
	}
	back, missing := v.returned()
	if len(missing) == 0 {
		return ""
	}
	text := "no member of the chain is left; waiting for " + names(missing) + " to come back"
	withData := false
	for _, s := range back {
		hb := s.Heartbeat
		if isEmpty(s) {
			text += "; " + hb.Member.Name + " is back without its data"
		} else {
			text += "; " + hb.Member.Name + " is back with " + position(hb)
			withData = true
		}
	}
	switch best, ok := v.forceable(); {
	case withData:
		return text + "; goes on without the missing soon"
	case ok:
		return text + fmt.Sprintf(". If they are gone for good: holdfast failover %s --to %s --force", v.Group.Name, best)
	}
	return text + ". If they are gone for good: start another node, and choose it with holdfast failover --force"
}

// forceable is the node that holds most of those that could be made to lead.
func (v View) forceable() (name string, ok bool) {
	nodes := slices.DeleteFunc(slices.Clone(v.Nodes), func(s Sighting) bool { return !v.isFresh(s) || s.Heartbeat.Leaving })
	if len(nodes) == 0 {
		return "", false
	}
	return slices.MinFunc(nodes, byData).Heartbeat.Member.Name, true
}

// forced makes the node that a person names, by name or address, lead a group of whose chain nobody is left. missing are the
// members that have not come back: that they are gone for good is what that person says.
func forced(v View, target string) (a Action, missing []cluster.Member, err error) {
	if len(v.Group.Chain) == 0 {
		return a, nil, resp.Error("ERR The group has no chain yet, which it begins by itself")
	}
	for _, m := range v.Group.Chain {
		if _, ok := v.alive(m); ok {
			return a, nil, resp.Error("ERR " + m.Name + " of the chain is alive: SENTINEL FAILOVER without FORCE loses nothing")
		}
		if !v.odown(m) {
			return a, nil, resp.Error("ERR " + m.Name + " of the chain is not known to be down yet, ask again")
		}
	}
	i := slices.IndexFunc(v.Nodes, func(s Sighting) bool {
		m := s.Heartbeat.Member
		return (m.Name == target || m.Addr == target) && v.isFresh(s) && !s.Heartbeat.Leaving
	})
	if i < 0 {
		return a, nil, resp.Error("ERR No node '" + target + "' is there to lead; holdfast status shows who is")
	}
	chosen := v.Nodes[i].Heartbeat
	_, missing = v.returned()
	g := v.restartedWith(chosen.Member)
	g.Epoch = max(g.Epoch, v.newest()+1)
	return Action{
		Kind: Propose, Group: g, Cost: v.forcedCost(v.Nodes[i], missing),
		Reason: fmt.Sprintf("forced by an operator: %s leads with %s", chosen.Member.Name, position(chosen)),
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
			costs = append(costs, fmt.Sprintf("what %s has beyond the chosen one, with %s", s.Heartbeat.Member.Name, position(s.Heartbeat)))
		}
	}
	if len(missing) > 0 {
		costs = append(costs, "writes that only "+names(missing)+" had")
	}
	return strings.Join(costs, "; ")
}

// knockPatience bounds the look for each missing member.
const knockPatience = time.Second

// force does what forced says, on the leader, after a knock at the missing members' doors. It returns what may be lost.
func (s *Sentinel) force(ctx context.Context, name, target string) (cost string, err error) {
	view := func() View {
		voters, now := s.quorum.voters(), s.now()
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.viewOf(name, voters, now)
	}
	a, missing, err := forced(view(), target)
	if err != nil {
		return "", err
	}
	for _, m := range missing {
		if m.Addr != a.Group.Chain[0].Addr && s.answers(ctx, m.Addr) {
			return "", resp.Error("ERR " + m.Name + " answers at its address, so it may be alive and take writes, only cut off from the sentinels: stop it first")
		}
	}
	v := view() // time has passed
	if a, _, err = forced(v, target); err != nil {
		return "", err
	}
	result, err := s.decide(v, a)
	switch {
	case err != nil:
		return "", fmt.Errorf("not confirmed: %w; look at holdfast status", err)
	case result.Conflict:
		return "", resp.Error("ERR The group has changed meanwhile, look at holdfast status")
	}
	return a.Cost, nil
}

// answers says whether anybody listens at an address.
func (s *Sentinel) answers(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, knockPatience)
	defer cancel()
	conn, err := s.cfg.Network.Dial(ctx, addr)
	if err != nil {
		return false
	}
	_ = conn.Close() // that it was opened is all that was wanted
	return true
}
