package member

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/rules"
)

// Grants are what the sentinels have promised a node, and with that its lease (rule 5): the node may answer reads alone
// only while a majority of the sentinels has acknowledged heartbeats that it *sent* less than down-after ago. A
// sentinel that acknowledged one promised not to fence the node within down-after of receiving it, and a chain without
// the node needs the fences of a majority: one of those two majorities' members is in both.
//
// Times are durations since an origin that the caller chooses, of a clock that only goes forward.
type Grants struct {
	bySentinel map[string]grant
	removed    map[string]bool // sentinels that were removed for good
	until      time.Duration
}

// grant is what one sentinel promised.
type grant struct {
	end    time.Duration
	voters int // how many sentinels there are, as it knew
}

// driftShare of a lease is given away, for clocks that don't run equally fast.
const driftShare = 16

// Add counts a sentinel's acknowledgement of a heartbeat sent at sent, and answers until when there is a lease. While
// sentinels are being added they may not agree on how many they are: the largest number counts.
func (s *Grants) Add(sentinel string, sent, downAfter time.Duration, voters int) (until time.Duration) {
	if s.removed[sentinel] {
		return s.until
	}
	if s.bySentinel == nil {
		s.bySentinel = map[string]grant{}
	}
	end := sent + downAfter - downAfter/driftShare
	s.bySentinel[sentinel] = grant{end: max(s.bySentinel[sentinel].end, end), voters: voters}
	ends := make([]time.Duration, 0, len(s.bySentinel))
	most := 0
	for _, g := range s.bySentinel {
		ends = append(ends, g.end)
		most = max(most, g.voters)
	}
	if majority := most/2 + 1; len(ends) >= majority {
		slices.Sort(ends)
		s.until = max(s.until, ends[len(ends)-majority])
	}
	return s.until
}

// Forget counts the word of these sentinels no more: they have been removed for good, and may not know it.
func (s *Grants) Forget(sentinels []string) {
	if s.removed == nil {
		s.removed = map[string]bool{}
	}
	for _, id := range sentinels {
		s.removed[id] = true
		delete(s.bySentinel, id)
	}
}

// Lease is a node's, for all who have to do with it.
type Lease struct {
	now  func() time.Time // monotonic
	base time.Time        // its origin

	until   atomic.Int64 // nanoseconds after base
	inChain atomic.Bool
	leaving atomic.Bool // the node asked to be let go: a slave is then removed without anybody fencing it

	mu     sync.Mutex
	grants Grants
}

// NewLease is a lease that nobody has granted yet. now is a clock that only goes forward.
func NewLease(now func() time.Time) *Lease { return &Lease{now: now, base: now()} }

// Now is the lease's clock.
func (l *Lease) Now() time.Time { return l.now() }

// Valid reports whether the node may answer reads alone. It takes no lock.
func (l *Lease) Valid() bool {
	if !l.inChain.Load() || l.leaving.Load() {
		return false
	}
	until := l.until.Load()
	if !rules.LeaseEnds {
		return until > 0
	}
	return int64(l.now().Sub(l.base)) < until
}

// SetInChain says whether the node is a member of the chain: nobody else has a lease.
func (l *Lease) SetInChain(in bool) { l.inChain.Store(in) }

// Leave gives the lease up for good.
func (l *Lease) Leave() { l.leaving.Store(true) }

// Leaving reports whether the node wants to be let go.
func (l *Lease) Leaving() bool { return l.leaving.Load() }

// Grant counts a sentinel's acknowledgement of a heartbeat sent at sent.
func (l *Lease) Grant(sentinel string, sent time.Time, downAfter time.Duration, voters int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until.Store(int64(l.grants.Add(sentinel, sent.Sub(l.base), downAfter, voters)))
}

// Forget counts the word of these sentinels no more.
func (l *Lease) Forget(sentinels []string) {
	if len(sentinels) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grants.Forget(sentinels)
}
