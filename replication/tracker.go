package replication

import (
	"context"
	"time"

	"holdfast/cluster"
)

// tracker decides what is committed. It is pure: no lock, no time, no I/O; the Log holds one under its mutex.
//
// Invariants: commit <= end, and with a disk <= stored; commit never falls except in reset; acked is what the successor of
// epoch said in epoch.
type tracker struct {
	chain     bool // false: alone (standalone, asynchronous, or the tail): whatever is appended is committed
	epoch     uint64
	successor cluster.Member // whose word counts, while chain
	acked     int64          // the most that successor acknowledged in epoch
	disk      bool           // the log is kept on disk: what is not there counts for nothing
	stored    int64          // it reaches to here there
	commit    int64
}

// set adopts an epoch. An older one than the present is refused. The word of another epoch or of another successor is
// forgotten; what was committed stays so.
func (t *tracker) set(epoch uint64, successor cluster.Member, ok bool, end int64) bool {
	if epoch < t.epoch {
		return false
	}
	if !ok {
		successor = cluster.Member{}
	}
	if epoch != t.epoch || ok != t.chain || !successor.Is(t.successor) {
		t.acked = 0
	}
	t.epoch, t.chain, t.successor = epoch, ok, successor
	t.settle(end)
	return true
}

// held is how much of a log that reaches to end this member may count as its own.
func (t *tracker) held(end int64) int64 {
	if t.disk {
		return min(end, t.stored)
	}
	return end
}

// settle raises the commit point to what is known of a log that reaches to end.
func (t *tracker) settle(end int64) {
	t.commit = max(t.commit, t.upstream(end))
}

// ack is the word of a follower; counted tells whether it came from the successor in this epoch.
func (t *tracker) ack(epoch uint64, from cluster.Member, offset, end int64) (counted bool) {
	if !t.chain || epoch != t.epoch || !from.Is(t.successor) {
		return false
	}
	t.acked = max(t.acked, min(offset, end))
	t.settle(end)
	return true
}

// upstream is what this member may acknowledge to its predecessor in t.epoch.
func (t *tracker) upstream(end int64) int64 {
	if !t.chain {
		return t.held(end)
	}
	return min(t.held(end), t.acked)
}

// reset begins another log that reaches to end: of its bytes nothing is known yet, unless this member is alone.
func (t *tracker) reset(end int64) {
	t.acked, t.stored, t.commit = 0, 0, 0
	t.settle(end)
}

// HeldBySuccessor reports whether the successor has acknowledged all that is committed. Without one it does, in a way.
func (l *Log) HeldBySuccessor() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.tracker.chain || l.tracker.acked >= l.tracker.commit
}

// SetChain adopts an epoch: with ok, acknowledgements of successor in that epoch move the commit point; without,
// what is appended is committed at once (a tail, a standalone server, ack-mode async). It answers false, and changes
// nothing, when the log has already adopted a newer epoch. Call it before Feeder.SetEpoch, under the execution lock,
// so that no write is judged by the wrong epoch.
func (l *Log) SetChain(epoch uint64, successor cluster.Member, ok bool) bool {
	l.mu.Lock()
	adopted := l.tracker.set(epoch, successor, ok, l.published)
	moved := l.commitMoved()
	l.signalWatchers()
	l.mu.Unlock()
	l.tellCommit(moved)
	return adopted
}

// Ack is the acknowledgement of a follower: it holds the log up to offset, and so do those behind it, as it knew in
// epoch. It counts only from the successor in the present epoch; counted tells.
func (l *Log) Ack(epoch uint64, from cluster.Member, offset int64) (counted bool) {
	l.mu.Lock()
	before := l.tracker.acked
	counted = l.tracker.ack(epoch, from, offset, l.published)
	if counted {
		l.ackedAt = time.Now()
	}
	if l.tracker.acked != before {
		l.signalWatchers()
	}
	moved := l.commitMoved()
	l.mu.Unlock()
	l.tellCommit(moved)
	return counted
}

// Commit is the commit point: everything before it will survive. It takes no lock.
func (l *Log) Commit() int64 { return l.commit.Load() }

// UpstreamAck is what this member may tell its predecessor, and the epoch in which that holds, read together.
func (l *Log) UpstreamAck() (epoch uint64, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tracker.epoch, l.tracker.upstream(l.published)
}

// AckedAt is when the last acknowledgement that counted arrived; zero when there was none.
func (l *Log) AckedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ackedAt
}

// WaitCommit waits until everything before offset is committed, or ctx ends.
func (l *Log) WaitCommit(ctx context.Context, offset int64) error {
	for {
		l.mu.Lock()
		if l.tracker.commit >= offset {
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
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Watch returns a channel that gets a token when UpstreamAck may have changed for another reason than Flush. Tokens
// coalesce. stop ends it.
func (l *Log) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers[c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, c)
	}
}

// signalWatchers needs mu; sending to a full channel is skipped, so it never waits.
func (l *Log) signalWatchers() {
	for c := range l.watchers {
		wake(c)
	}
}

// commitMoved publishes the tracker's commit point and wakes WaitCommit; it needs mu. It answers whether the point rose.
func (l *Log) commitMoved() bool {
	now := l.tracker.commit
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
func (l *Log) tellCommit(moved bool) {
	if moved && l.cfg.OnCommit != nil {
		l.cfg.OnCommit(l.commit.Load())
	}
}

// wake leaves a token in a channel of capacity one, without ever waiting.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
