package replication

import (
	"context"
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
)

// Tracker decides what is committed. It is pure: no lock, no time, no I/O; the Log holds one under its mutex.
//
// Invariants: Commit <= end, and with a disk <= Stored; Commit never falls except in Reset; Acked is what the successor
// of Epoch said in Epoch.
type Tracker struct {
	Chain     bool // false: alone (standalone, asynchronous, or the tail): whatever is appended is committed
	Epoch     uint64
	Successor cluster.Member // whose word counts, while Chain
	Acked     int64          // the most that successor acknowledged in Epoch
	Disk      bool           // the log is kept on disk: what is not there counts for nothing
	Stored    int64          // it reaches to here there
	Restored  int64          // what this process found on disk: an earlier one may have committed all of it
	Commit    int64
}

// Set adopts an epoch. An older one than the present is refused. The word of another epoch or of another successor is
// forgotten; what was committed stays so.
func (t *Tracker) Set(epoch uint64, successor cluster.Member, ok bool, end int64) bool {
	if epoch < t.Epoch {
		return false
	}
	if !ok {
		successor = cluster.Member{}
	}
	if epoch != t.Epoch || ok != t.Chain || !successor.Is(t.Successor) {
		t.Acked = 0
	}
	t.Epoch, t.Chain, t.Successor = epoch, ok, successor
	t.Settle(end)
	return true
}

// held is how much of a log that reaches to end this member may count as its own.
func (t *Tracker) held(end int64) int64 {
	if t.waitsForDisk() {
		return min(end, t.Stored)
	}
	return end
}

// waitsForDisk says whether bytes are passed on and counted only once they are stored.
func (t *Tracker) waitsForDisk() bool { return rules.StoreFirst && t.Disk }

// Settle raises the commit point to what is known of a log that reaches to end.
func (t *Tracker) Settle(end int64) {
	t.Commit = max(t.Commit, t.Upstream(end))
}

// Ack is the word of a follower; counted tells whether it came from the successor in this epoch.
func (t *Tracker) Ack(epoch uint64, from cluster.Member, offset, end int64) (counted bool) {
	if !t.counts(epoch, from) {
		return false
	}
	t.Acked = max(t.Acked, min(offset, end))
	t.Settle(end)
	return true
}

// counts says whether an acknowledgement counts: it is the successor's, in this epoch.
func (t *Tracker) counts(epoch uint64, from cluster.Member) bool {
	if !t.Chain || !rules.CheckAcks {
		return t.Chain
	}
	return (!rules.FenceOldEpochs || epoch == t.Epoch) && from.Is(t.Successor)
}

// Upstream is what this member may acknowledge to its predecessor in Epoch.
func (t *Tracker) Upstream(end int64) int64 {
	if !t.Chain || !rules.AckWithSuccessor {
		return t.held(end)
	}
	return min(t.held(end), t.Acked)
}

// HeldBy is Log.HeldBy.
func (t *Tracker) HeldBy(epoch uint64, m cluster.Member) bool {
	return t.Epoch == epoch && (!t.Chain || t.Successor.Is(m) && t.heldBySuccessor())
}

// heldBySuccessor says whether the successor has acknowledged all that is committed, or may have been before this
// process began. That may be more than Commit as long as the disk takes nothing: then it is not sure that what was
// read there would survive a loss of power.
func (t *Tracker) heldBySuccessor() bool { return t.Acked >= max(t.Commit, t.Restored) }

// Reset begins another log that reaches to end: of its bytes nothing is known yet, unless this member is alone.
func (t *Tracker) Reset(end int64) {
	t.Acked, t.Stored, t.Restored, t.Commit = 0, 0, 0, 0
	t.Settle(end)
}

// HeldBySuccessor reports whether the successor has acknowledged all that is committed. Without one it does, in a way.
func (l *Log) HeldBySuccessor() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.tracker.Chain || l.tracker.heldBySuccessor()
}

// HeldBy reports whether m is the one whose word counts in that epoch, and has acknowledged all that is committed.
// Where nobody's word does, it has, in a way.
func (l *Log) HeldBy(epoch uint64, m cluster.Member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tracker.HeldBy(epoch, m)
}

// SetChain adopts an epoch: with ok, acknowledgements of successor in that epoch move the commit point; without,
// what is appended is committed at once (a tail, a standalone server, ack-mode async). It answers false, and changes
// nothing, when the log has already adopted a newer epoch. Call it before Feeder.SetEpoch, under the execution lock,
// so that no write is judged by the wrong epoch.
func (l *Log) SetChain(epoch uint64, successor cluster.Member, ok bool) bool {
	l.mu.Lock()
	if epoch != l.tracker.Epoch || ok != l.tracker.Chain || !successor.Is(l.tracker.Successor) {
		l.unacknowledged.reset()
		l.unstored.reset()
	}
	adopted := l.tracker.Set(epoch, successor, ok, l.published)
	watchers, moved := l.watchers, l.commitMoved()
	l.mu.Unlock()
	tell(watchers)
	l.tellCommit(moved, false)
	return adopted
}

// Ack is the acknowledgement of a follower: it holds the log up to offset, and so do those behind it, as it knew in
// epoch. It counts only from the successor in the present epoch; counted tells.
func (l *Log) Ack(epoch uint64, from cluster.Member, offset int64) (counted bool) {
	l.mu.Lock()
	before := l.tracker.Acked
	counted = l.tracker.Ack(epoch, from, offset, l.published)
	if counted {
		l.ackedAt = time.Now()
	}
	var watchers []*func()
	if l.tracker.Acked != before {
		watchers = l.watchers
	}
	moved := l.commitMoved()
	l.mu.Unlock()
	tell(watchers) // first: more than one member waits for it
	l.tellCommit(moved, true)
	return counted
}

// Commit is the commit point: everything before it will survive. It takes no lock.
func (l *Log) Commit() int64 { return l.commit.Load() }

// UpstreamAck is what this member may tell its predecessor, and the epoch in which that holds, read together.
func (l *Log) UpstreamAck() (epoch uint64, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tracker.Epoch, l.tracker.Upstream(l.published)
}

// AckedAt is when the last acknowledgement that counted arrived; zero when there was none.
func (l *Log) AckedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ackedAt
}

// WaitCommit waits until everything before offset is committed, or ctx ends.
func (l *Log) WaitCommit(ctx context.Context, offset int64) error {
	return l.WaitCommitOr(ctx, offset, nil)
}

// WaitCommitOr is WaitCommit, but ends without an error, too, when something comes over stop.
func (l *Log) WaitCommitOr(ctx context.Context, offset int64, stop <-chan struct{}) error {
	for {
		l.mu.Lock()
		if l.tracker.Commit >= offset {
			l.mu.Unlock()
			return nil
		}
		if l.advanced == nil {
			l.advanced = make(chan struct{})
		}
		advanced := l.advanced
		l.mu.Unlock()
		select {
		case <-advanced:
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Watch has told called when UpstreamAck may have changed for another reason than Flush. It is called outside the log's
// lock, by whoever changed it, and must not wait. stop ends it.
func (l *Log) Watch(told func()) (stop func()) {
	w := &told
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers = append(slices.Clip(l.watchers), w)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		i := slices.Index(l.watchers, w)
		l.watchers = slices.Concat(l.watchers[:i], l.watchers[i+1:])
	}
}

func tell(watchers []*func()) {
	for _, w := range watchers {
		(*w)()
	}
}

// commitMoved publishes the Tracker's commit point and wakes WaitCommit; it needs mu. It answers whether the point
// rose.
func (l *Log) commitMoved() bool {
	now := l.tracker.Commit
	before := l.commit.Swap(now)
	if now == before {
		return false
	}
	if l.advanced != nil {
		close(l.advanced)
		l.advanced = nil
	}
	return now > before
}

// tellCommit calls the node, outside the lock.
func (l *Log) tellCommit(moved, acked bool) {
	if moved && l.cfg.OnCommit != nil {
		l.cfg.OnCommit(l.commit.Load(), acked)
	}
}

// wake leaves a token in a channel of capacity one, without ever waiting.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
