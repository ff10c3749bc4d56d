package sentinel

import (
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// transferLead has another sentinel lead, if that one hears members that this one does not hear. Who is cut off from a
// part of a chain also is from the sentinels beside it: it may never gather a majority's word on who is down, and yet
// have the followers that a leader needs. It reports whether it tried; what came of it shows in Raft.
func (s *Sentinel) transferLead() bool {
	voters, now := s.quorum.voters(), s.now()
	s.mu.Lock()
	to, group := s.betterPlaced(voters, now)
	if to != nil {
		s.transferTried = now
	}
	s.mu.Unlock()
	if to == nil {
		return false
	}
	s.log.Info("having another sentinel lead, which hears members that this one does not hear", "sentinel", to.ID,
		"group", group)
	if err := s.quorum.transferTo(*to); err != nil {
		s.log.Warn("the lead stays here", "error", err)
	}
	return true
}

// betterPlaced finds the voter that hears the most members of a chain, and more than this sentinel does. The caller
// holds mu.
func (s *Sentinel) betterPlaced(voters []plan.Voter, now time.Time) (to *plan.Voter, group string) {
	for name, w := range s.watches {
		g := s.group(name)
		after := plan.DownAfter(g.Settings)
		if now.Sub(s.transferTried) < transferPause*after {
			continue
		}
		unheard := map[string]bool{}
		for _, m := range g.Chain {
			// Of one that is dead the others have heard as long ago; of one that is only cut off they hear all the
			// time.
			if now.Sub(w.heard(m)) >= after+after/2 {
				unheard[m.Incarnation] = true
			}
		}
		most := len(g.Chain) - len(unheard)
		for i, v := range voters {
			got, ok := s.reports[v.ID]
			if !ok || v.ID == s.id || len(unheard) == 0 {
				continue
			}
			if n := got.hears(g, now.Sub(got.at), after/2); n > most {
				to, group, most = &voters[i], name, n
			}
		}
	}
	return to, group
}

// transferPause times down-after lies between two attempts to have another lead.
const transferPause = 4

// hears counts the members of a chain that a report shows as heard within limit.
func (r received) hears(g cluster.Group, age, limit time.Duration) (n int) {
	for _, node := range r.report.Groups[g.Name].Nodes {
		if g.Position(node.Heartbeat.Member) >= 0 && time.Duration(node.AgeMs)*time.Millisecond+age < limit {
			n++
		}
	}
	return n
}
