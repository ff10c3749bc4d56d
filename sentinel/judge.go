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
}

// judge says whether a member is subjectively down and thus to be fenced. Three criteria, in this order:
//
//  1. The node was started again. A process that is gone holds no lease, so there is nothing to wait for.
//  2. Silence for down-after. A promise made when down-after was longer is kept.
//  3. It talks but is stuck: the chain cannot commit past it. Its heartbeats are no longer accepted once that is seen, so
//     when the last promise has run out its lease has too.
func judge(s subject, downAfter time.Duration, now time.Time) (down bool) {
	switch {
	case s.Replaced:
		return true
	case now.Before(s.Promised):
		return false
	case now.Sub(s.Heard) >= downAfter:
		return true
	}
	return s.Stuck
}

// stuckFactor times down-after is how long a member may be without its predecessor before it counts as stuck: long enough
// for the fault to show elsewhere first (a dead predecessor is removed) and for a relink after a change of the chain.
const stuckFactor = 3

// isStuck reports whether a heartbeat shows a chain member that has lost its predecessor for too long.
func isStuck(g cluster.Group, hb cluster.Heartbeat, downAfter time.Duration) bool {
	lost := time.Duration(hb.LinkDownMs) * time.Millisecond
	return hb.Epoch == g.Epoch && g.Position(hb.Member) > 0 && !hb.LinkUp && lost >= stuckFactor*downAfter
}

// acceptance is what the answer to a heartbeat depends on.
type acceptance struct {
	Voter  bool   // this sentinel's vote counts, as of the state it has applied
	Epoch  uint64 // the newest epoch that this sentinel knows or has known before a restart
	Member bool   // the sender is in that epoch
	Fenced bool   // the sender is fenced in the epoch of the heartbeat
	Stuck  bool
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
