package sentinel

import (
	"context"
	"fmt"
	"time"

	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// When all of a chain are gone and some of them never return, no rule says who may lead: whoever is missing may hold
// writes that were acknowledged, or be alive and acknowledge more. A person can know better. The sentinels say whom
// they wait for (waits), and do what they are told (forced), unless they see that it is not so.

// knockPatience bounds the look for each missing member.
const knockPatience = time.Second

// force does what forced says, on the leader, after a knock at the missing members' doors. It returns what may be lost.
func (s *Sentinel) force(ctx context.Context, name, target string) (cost string, err error) {
	view := func() plan.View {
		voters, now := s.quorum.voters(), s.now()
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.viewOf(name, voters, now)
	}
	a, missing, err := plan.Forced(view(), target)
	if err != nil {
		return "", err
	}
	for _, m := range missing {
		if m.Addr != a.Group.Chain[0].Addr && s.answers(ctx, m.Addr) {
			return "", resp.Error("ERR " + m.Label() + " answers at its address, so it may be alive and take writes, " +
				"only cut off from the sentinels: stop it first")
		}
	}
	v := view() // time has passed
	if a, _, err = plan.Forced(v, target); err != nil {
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
