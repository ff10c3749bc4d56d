package sentinel

import (
	"time"

	"holdfast/cluster"
)

// subject is what a sentinel knows of one member of the current epoch when it judges it.
type subject struct {
	Heard    time.Time // last heartbeat, or when this sentinel began to listen for the member, whichever is later
	Promised time.Time // heartbeats were answered with the promise not to fence before this
	Replaced bool      // a later start of the same node has shown itself: this one is dead
	Stuck    bool      // it can't follow its predecessor, though that one is alive
	Slow     bool      // it holds up the chain
}

// judge says whether a member is subjectively down and thus to be fenced. Three criteria, in this order:
//
//  1. The node was started again. A process that is gone holds no lease, so there is nothing to wait for.
//  2. Silence for down-after. A promise made when down-after was longer is kept.
//  3. It talks but is stuck, slow or cut off from its predecessor: the chain cannot commit past it. Its heartbeats are no longer accepted
//     once that is seen, so when the last promise has run out its lease has too.
func judge(s subject, downAfter time.Duration, now time.Time) (down bool) {
	switch {
	case s.Replaced:
		return true
	case now.Before(s.Promised):
		return false
	case now.Sub(s.Heard) >= downAfter:
		return true
	}
	return s.Stuck || s.Slow
}

// stuckFactor times down-after is how long a member may be without its predecessor before it counts as stuck: long enough
// for the fault to show elsewhere first (a dead predecessor is removed) and for a relink after a change of the chain.
const stuckFactor = 3

// isStuck reports whether a heartbeat shows a chain member that has lost its predecessor for too long.
func isStuck(g cluster.Group, hb cluster.Heartbeat, downAfter time.Duration) bool {
	lost := time.Duration(hb.LinkDownMs) * time.Millisecond
	return hb.Epoch == g.Epoch && g.Position(hb.Member) > 0 && !hb.LinkUp && lost >= stuckFactor*downAfter
}

// slowAfter is how long a byte may wait before somebody is held to be slow: short enough that after it a promise can run out
// and an epoch begin within chain-slow-timeout, if that is not shorter than two and a half times down-after.
func slowAfter(s cluster.Settings) time.Duration {
	after := downAfter(s)
	return max(s.ChainSlow()-3*after/2, after)
}

// unheardFactor times down-after is how long the line between two neighbours may be silent, while a byte waits, before it counts as
// broken: long enough for the fault to show elsewhere first, and for a relink after a change of the chain.
const unheardFactor = 2

// slowest finds the one that holds up the chain, by what every member says of itself. Looking from the tail, the first whose own
// disk lets a byte wait for too long, or whose predecessor has waited for its word for too long: what lies behind it did not,
// so it is that member or its line. If nothing at all came over the line, that is too long sooner. The learner that the tail waits for
// counts as behind it. As long as a member is not heard in this epoch nothing can be said. A chain is not made shorter than a master
// with as many replicas as min-replicas-to-write.
func slowest(g cluster.Group, heard func(cluster.Member) (cluster.Heartbeat, bool)) (m cluster.Member, ok bool) {
	if len(g.Chain) == 0 {
		return m, false
	}
	limit, silence := slowAfter(g.Settings).Milliseconds(), (unheardFactor * downAfter(g.Settings)).Milliseconds()
	slow := func(delay int64) bool { return g.Settings.ChainSlowMs > 0 && delay >= limit }
	for i := len(g.Chain) - 1; i >= 0; i-- {
		hb, fresh := heard(g.Chain[i])
		held := slow(hb.AckDelay) || hb.Unheard >= silence
		switch {
		case !fresh || hb.Epoch != g.Epoch:
			return cluster.Member{}, false
		case ok:
		case held && i+1 < len(g.Chain):
			m, ok = g.Chain[i+1], true
		case held && g.IsLearner(hb.Joining):
			m, ok = hb.Joining, true
		case slow(hb.StoreDelay):
			m, ok = g.Chain[i], true
		}
	}
	head, _ := heard(g.Chain[0])
	replicasLeft := len(g.Chain) - 2
	if !g.IsLearner(m) && replicasLeft < head.Floor {
		return cluster.Member{}, false
	}
	return m, ok
}

// acceptance is what the answer to a heartbeat depends on.
type acceptance struct {
	Voter  bool   // this sentinel's vote counts, as of the state it has applied
	Epoch  uint64 // the newest epoch that this sentinel knows or has known before a restart
	Member bool   // the sender is in that epoch
	Fenced bool   // the sender is fenced in the epoch of the heartbeat
	Stuck  bool   // or slow
}

// accepts says whether a heartbeat sent in epoch hb extends the sender's lease.
//
// An epoch older than the newest known is refused, as its chain is not in force any more. A newer one is accepted: this
// sentinel is behind, and those who decided that epoch are not. Why that cannot keep a lease alive that was taken away: who
// takes it away are a majority that refuse. The node must count with the largest number of voters it was told along with
// the acceptances it counts. Voters come and go one at a time, so each majority meets the next one; and a sentinel starts
// to measure silence anew when the voters change, so none that has just come fences what the others still let live.
func (a acceptance) accepts(hb uint64) bool {
	switch {
	case !a.Voter || a.Fenced || a.Stuck || hb == 0:
		return false
	case hb == a.Epoch:
		return a.Member
	}
	return hb > a.Epoch
}

// majority of n voters.
func majority(n int) int { return n/2 + 1 }
