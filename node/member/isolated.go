package member

import "time"

// Stalled notes since when the commit point has not moved though something waits for it. It is the cron's own.
type Stalled struct {
	commit int64
	since  time.Time // zero: nothing waits
}

// noticed is how long nothing has been committed though there is something to commit.
func (s *Stalled) noticed(commit, end int64, now time.Time) time.Duration {
	if commit >= end || commit != s.commit || s.since.IsZero() {
		s.commit, s.since = commit, time.Time{}
		if commit < end {
			s.since = now
		}
		return 0
	}
	return now.Sub(s.since)
}

// LetWaitingGo sends clients away from a master that is cut off from the group: it has no lease, and its writes have
// not been committed for as long as it takes the sentinels to call it down. Their outcome stays unknown, but they can
// ask where the master is now, instead of waiting here until they lose their patience, or for ever. Those who come back
// are sent away after a tick.
func (r *Replication) LetWaitingGo(s *Stalled, now time.Time) {
	waits := s.noticed(r.Log.Commit(), r.Log.End(), now)
	downAfter := r.agent.DownAfter() // 0: the node is of no group
	if r.Place().Master && downAfter > 0 && waits >= downAfter && !r.Lease.Valid() {
		r.dropHeld("this node is cut off from its group")
	}
}
