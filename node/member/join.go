package member

import (
	"time"

	"holdfast/cluster"
	"holdfast/replication"
)

// lagMax is how many bytes a learner may be behind for the chain to wait for it: about a millisecond of writes.
const lagMax = 1 << 20

// paceShare of chain-slow-timeout is the longest that a learner on probation may leave a byte unacknowledged.
const paceShare = 8

// MayLetJoin reports whether the node is who lets a learner join: the tail, which waits for none yet.
func (p *Place) MayLetJoin() bool {
	return p.Tail() && p.Joining == (cluster.Member{}) && len(p.Group.Learners) > 0
}

// LetJoin finds the learner without which the tail commits nothing more from here on: the first that has nearly caught
// up in this epoch, and that admit lets in. Only then may an epoch append it to the chain (rule 6): were it appended
// first, the members before it could go on committing without it until they learn of the epoch, and if they died then,
// it would be promoted and lack what they had confirmed. There is no way back within the epoch: a learner that dies is
// taken out by another one. end is where the tail's log ends.
func (p *Place) LetJoin(followers []replication.FollowerStatus, end int64,
	admit func(cluster.Member) bool) (joined Place,
	ok bool) {
	joined = *p
	if !p.MayLetJoin() {
		return joined, false
	}
	for _, f := range followers {
		m := f.Info.Member
		behind := f.State != replication.LinkOnline || f.AckEpoch != p.Epoch() || end-f.Held > lagMax
		if !behind && p.Group.IsLearner(m) && admit(m) {
			joined.Joining = m
			return joined, true
		}
	}
	return joined, false
}

// Steady says since when each learner on probation has kept pace, by incarnation: what it lacks has never been there
// for long.
type Steady map[string]time.Time

// Look takes in how the followers are doing, and forgets who has fallen behind.
func (s Steady) Look(g cluster.Group, followers []replication.FollowerStatus, now time.Time) Steady {
	since := Steady{}
	for _, f := range followers {
		m := f.Info.Member
		if g.Probation(m.Name) == 0 || f.State != replication.LinkOnline || f.Delay > g.Settings.ChainSlow()/paceShare {
			continue
		}
		since[m.Incarnation] = now
		if old, ok := s[m.Incarnation]; ok {
			since[m.Incarnation] = old
		}
	}
	return since
}

// Proven says whether a learner was never slow, or has kept pace for long enough since.
func (s Steady) Proven(g cluster.Group, m cluster.Member, now time.Time) bool {
	need := g.Probation(m.Name)
	since, ok := s[m.Incarnation]
	return need == 0 || ok && now.Sub(since) >= need
}
