package sentinel

import (
	"fmt"
	"slices"
	"time"

	"holdfast/sentinel/plan"
)

// A sentinel that lost its directory comes back as another one, at an address that one of the voters had. The leader
// puts it into that one's place by itself: the old id goes first, by the same rules as when a person removes it, then
// the new one gets its vote. Not the other way round: a sentinel whose directory is lost at every start would leave a
// voter behind each time that it dies in between, and three of them could never agree on anything again.

// replaced finds the voter whose place another sentinel has, which is there: it had the same address for clients, of
// those in addrs, or has died before that was published. So its process is not there any more, but if it has been heard
// of late, that is to be waited for.
func replaced(p peer, self string, voters []plan.Voter, addrs map[string]string, present []peer,
	reports map[string]received, now time.Time) (id string, heard, ok bool) {
	for _, v := range voters {
		at, published := addrs[v.ID]
		if v.ID == self || v.ID == p.ID || published && at != p.Addr || !published && v.Addr != p.RaftAddr {
			continue
		}
		if moved := slices.ContainsFunc(present, func(o peer) bool { return o.ID == v.ID && o.Addr != p.Addr }); moved {
			continue
		}
		r, reported := reports[v.ID]
		return v.ID, reported && now.Sub(r.at) < reportLife, true
	}
	return "", false, false
}

// blocked is a voter whose place is claimed, and that cannot be removed.
type blocked struct {
	id    string
	since time.Time
}

// blockedPatience is for how long that is no news: another may just have been removed.
const blockedPatience = 3 * reportLife

// replace removes the voter whose place p has, if there is one. It reports whether p may have a vote now.
func (s *Sentinel) replace(p peer, voters []plan.Voter) bool {
	present, now := s.gossip.Peers(), s.now()
	s.mu.Lock()
	id, heard, ok := replaced(p, s.id, voters, s.state.Sentinels, present, s.reports, now)
	may := mayAdd(voters, s.id, s.reports, len(s.state.Removed))
	s.mu.Unlock()
	if !ok || heard {
		return may && !ok
	}
	if err := s.mayRemove(id, true, false); err != nil {
		s.mu.Lock()
		if s.blocked.id != id {
			s.blocked = blocked{id: id, since: now}
		}
		lasts := now.Sub(s.blocked.since) > blockedPatience
		s.mu.Unlock()
		if !lasts {
			return false
		}
		s.sayOnce(fmt.Sprintf("sentinel %s at %s has lost its directory and is sentinel %s now, but cannot take its "+
			"place yet: %v. If %s is gone for good: holdfast sentinel-remove %s --sentinel %s, with --force if need be",
			plan.ShortID(id), p.Addr, plan.ShortID(p.ID), err, plan.ShortID(id), id, s.addr))
		return false
	}
	s.log.Warn("a sentinel came back without its directory: it takes its own place as a new one", "addr", p.Addr, "was",
		id, "is", p.ID)
	if err := s.quorum.removeVoter(id); err != nil {
		s.log.Warn("the sentinel without its directory has to wait", "error", err)
		return false
	}
	if _, err := s.quorum.propose(plan.Entry{Remove: &plan.Removal{ID: id}}); err != nil {
		s.log.Warn("not all have forgotten a sentinel that has no vote any more", "id", id, "error", err)
	}
	return false
}

// lostMajority says what to do where so many voters have come back without their directories that nothing can be agreed
// on any more; empty otherwise. It goes by where they were, which only who has kept its directory knows. The caller
// holds mu.
func (s *Sentinel) lostMajority(voters []plan.Voter, present []peer) string {
	lost := map[string]bool{}
	for _, p := range present {
		if slices.ContainsFunc(voters, func(v plan.Voter) bool { return v.ID == p.ID }) {
			continue
		}
		if id, _, ok := replaced(p, s.id, voters, s.state.Sentinels, present, nil, s.now()); ok {
			lost[id] = true
		}
	}
	if len(lost) == 0 || len(voters)-len(lost) >= plan.Majority(len(voters)) {
		return ""
	}
	return fmt.Sprintf("%d of %d sentinels have lost their directories, and nothing can be agreed on any more: "+
		"stop all sentinels, empty the --dir of each, and start them; the nodes tell them of the group", len(lost),
		len(voters))
}

// tellOfLostMajority is for who does not lead.
func (s *Sentinel) tellOfLostMajority() {
	if s.quorum.inTouch() {
		return
	}
	voters, present := s.quorum.voters(), s.gossip.Peers()
	s.mu.Lock()
	text := s.lostMajority(voters, present)
	s.mu.Unlock()
	if text != "" {
		s.sayOnce(text)
	}
}

// forget has everybody forget a sentinel that lost its vote to a leader which could not go on to say so. It is the
// leader's work.
func (s *Sentinel) forget(voters []plan.Voter) {
	s.mu.Lock()
	var lost []string
	for id := range s.state.Sentinels {
		if !slices.ContainsFunc(voters, func(v plan.Voter) bool { return v.ID == id }) {
			lost = append(lost, id)
		}
	}
	s.mu.Unlock()
	present := s.gossip.Peers()
	for _, id := range lost {
		if id == s.id || slices.ContainsFunc(present, func(p peer) bool { return p.ID == id }) {
			continue // it is about to get its vote
		}
		if _, err := s.quorum.propose(plan.Entry{Remove: &plan.Removal{ID: id}}); err != nil {
			s.log.Debug("cannot forget a sentinel", "id", id, "error", err)
			return
		}
		s.log.Info("a sentinel without a vote that is there no more is forgotten", "id", id)
	}
}

// mayAdd says whether one more may vote. Voters who may not know yet of the last removal could, with the removed one,
// which may live, accept heartbeats of a node that the others fence: a majority of the present voters meets every
// majority of those before the removal, not of those before both changes. So until all but too few of them know of it,
// nobody is added. self is the leader, who knows.
func mayAdd(voters []plan.Voter, self string, reports map[string]received, removed int) bool {
	unaware := 0
	for _, v := range voters {
		if r, ok := reports[v.ID]; v.ID != self && (!ok || r.report.Removed < removed) {
			unaware++
		}
	}
	return removed == 0 || unaware == 0 || unaware+1 < plan.Majority(len(voters)+1)
}
