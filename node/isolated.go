package node

import "time"

// stuck notes since when the commit point has not moved though something waits for it. It is the cron's own.
type stuck struct {
	commit int64
	since  time.Time // zero: nothing waits
}

// noticed is how long nothing has been committed though there is something to commit.
func (s *stuck) noticed(commit, end int64, now time.Time) time.Duration {
	if commit >= end || commit != s.commit || s.since.IsZero() {
		s.commit, s.since = commit, time.Time{}
		if commit < end {
			s.since = now
		}
		return 0
	}
	return now.Sub(s.since)
}

// letWaitingGo sends clients away from a master that is cut off from the group: it has no lease, and its writes have
// not been committed for as long as it takes the sentinels to call it down. Their outcome stays unknown, but they can
// ask where the master is now, instead of waiting here until they lose their patience, or for ever. Those who come back
// are sent away after a tick.
func (n *Node) letWaitingGo(s *stuck, now time.Time) {
	waits := s.noticed(n.log.Commit(), n.log.End(), now)
	downAfter := n.agent.DownAfter() // 0: the node is of no group
	if n.place().Master && downAfter > 0 && waits >= downAfter && !n.lease.Valid() {
		n.dropHeld("this node is cut off from its group")
	}
}
