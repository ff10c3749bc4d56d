package plan

import (
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
)

// MinDownAfter keeps the fractions of it that timers run at above the noise of a busy machine.
const MinDownAfter = 50 * time.Millisecond

// Subject is what a sentinel knows of one member of the current epoch when it judges it.
type Subject struct {
	Heard    time.Time // last heartbeat, or when this sentinel began to listen for the member, whichever is later
	Promised time.Time // heartbeats were answered with the promise not to fence before this
	Replaced bool      // a later start of the same node has shown itself: this one is dead
	Stuck    bool      // it can't follow its predecessor, though that one is alive
	Slow     bool      // it holds up the chain
	Busy     bool      // one command of its has been running for longer than busy-command-timeout
	Broken   bool      // its data is not what its log says
}

// IsDown says whether a member is subjectively down and thus to be fenced. Three criteria, in this order:
//
//  1. The node was started again. A process that is gone holds no lease, so there is nothing to wait for.
//  2. Silence for down-after. A promise made when down-after was longer is kept.
//  3. It talks but is stuck, slow, busy or cut off from its predecessor, so that the chain cannot commit past it, or
//     is broken, so that it could not lead. Its heartbeats are no longer accepted once that is seen, so when the last
//     promise has run out its lease has too.
func IsDown(s Subject, downAfter time.Duration, now time.Time) (down bool) {
	switch {
	case s.Replaced:
		return true
	case now.Before(s.Promised):
		return false
	case now.Sub(s.Heard) >= downAfter:
		return true
	}
	return s.Stuck || s.Slow || s.Busy || s.Broken
}

// stuckFactor times down-after is how long a member may be without its predecessor before it counts as stuck: long
// enough for the fault to show elsewhere first (a dead predecessor is removed) and for a relink after a change of the
// chain.
const stuckFactor = 3

// busyShare of down-after is from when on a command that runs explains why its member does not do what it should.
const busyShare = 4

// IsBusy reports whether a heartbeat says that a command has been running for long. Links go on meanwhile, but new ones
// have to wait, and so has an epoch to be adopted.
func IsBusy(hb cluster.Heartbeat, downAfter time.Duration) bool {
	return rules.ExcuseBusy && time.Duration(hb.Busy)*time.Millisecond >= downAfter/busyShare
}

// IsBusyTooLong reports whether a heartbeat shows a member that one command has kept from all else for longer than is
// allowed.
func IsBusyTooLong(g cluster.Group, hb cluster.Heartbeat) bool {
	return rules.LimitBusy && g.Settings.BusyCommandMs > 0 && hb.Busy >= g.Settings.BusyCommandMs
}

// IsStuck reports whether a heartbeat shows a chain member that has lost its predecessor for too long.
func IsStuck(g cluster.Group, hb cluster.Heartbeat, downAfter time.Duration) bool {
	lost := time.Duration(hb.LinkDownMs) * time.Millisecond
	return hb.Epoch == g.Epoch && g.Position(hb.Member) > 0 && !hb.LinkUp && lost >= stuckFactor*downAfter
}

// slowAfter is how long a byte may wait before somebody is held to be slow: short enough that after it a promise can
// run out and an epoch begin within chain-slow-timeout, if that is not shorter than two and a half times down-after.
func slowAfter(s cluster.Settings) time.Duration {
	after := DownAfter(s)
	return max(s.ChainSlow()-3*after/2, after)
}

// unheardFactor times down-after is how long the line between two neighbours may be silent, while a byte waits, before
// it counts as broken: long enough for the fault to show elsewhere first, and for a relink after a change of the chain.
const unheardFactor = 2

// Slowest finds the one that holds up the chain, by what every member says of itself. Looking from the tail, the first
// whose own disk lets a byte wait for too long, or whose predecessor has waited for its word for too long: what lies
// behind it did not, so it is that member or its line. If nothing at all came over the line, that is too long sooner.
// The learner that the tail waits for counts as behind it. As long as a member is not heard in this epoch nothing can
// be said. A chain is not made shorter than a master with as many replicas as min-replicas-to-write. As long as a
// command runs on who waits, or on whom it waits for, that is why; a line is silent because of one at its ends. Who
// waits for one that is itself about to have waited for too long waits for the same byte: of a giant command all
// members see at once that it comes no further, and it is the one further back that shows a little later.
func Slowest(g cluster.Group, heard func(cluster.Member) (cluster.Heartbeat, bool)) (m cluster.Member, ok bool) {
	if len(g.Chain) == 0 {
		return m, false
	}
	limit, silence := slowAfter(g.Settings).Milliseconds(), (unheardFactor * DownAfter(g.Settings)).Milliseconds()
	slow := func(delay int64) bool { return g.Settings.ChainSlowMs > 0 && delay >= limit }
	busy, next := false, false // somebody from here on executes; the next one does
	nearly := false            // somebody further back is about to have waited for too long
	for i := len(g.Chain) - 1; i >= 0; i-- {
		hb, fresh := heard(g.Chain[i])
		joining, _ := heard(hb.Joining)
		self := IsBusy(hb, DownAfter(g.Settings))
		near := self || next || IsBusy(joining, DownAfter(g.Settings))
		busy, next = busy || near, self
		held := !busy && !nearly && slow(hb.AckDelay) || !near && hb.Unheard >= silence
		nearly = nearly || !slow(hb.AckDelay) && slow(hb.AckDelay+DownAfter(g.Settings).Milliseconds()/2)
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

// Acceptance is what the answer to a heartbeat depends on.
type Acceptance struct {
	Voter  bool   // this sentinel's vote counts, as of the state it has applied
	Epoch  uint64 // the newest epoch that this sentinel knows or has known before a restart
	Member bool   // the sender is in that epoch
	Fenced bool   // the sender is fenced in the epoch of the heartbeat
	Stuck  bool   // or slow, busy for too long, or broken
}

// Accepts says whether a heartbeat sent in epoch hb extends the sender's lease.
//
// An epoch older than the newest known is refused, as its chain is not in force any more. A newer one is accepted: this
// sentinel is behind, and those who decided that epoch are not. Why that cannot keep a lease alive that was taken away:
// who takes it away are a majority that refuse. The node must count with the largest number of voters it was told along
// with the acceptances it counts. Voters come and go one at a time, so each majority meets the next one; and a sentinel
// starts to measure silence anew when the voters change, so none that has just come fences what the others still let
// live.
func (a Acceptance) Accepts(hb uint64) bool {
	switch {
	case !a.Voter || rules.FenceEndsLease && a.Fenced || a.Stuck || hb == 0:
		return false
	case hb == a.Epoch:
		return a.Member
	}
	return hb > a.Epoch
}

// Majority of n voters.
func Majority(n int) int { return n/2 + 1 }

func DownAfter(s cluster.Settings) time.Duration {
	return max(time.Duration(s.DownAfterMs)*time.Millisecond, MinDownAfter)
}
