package node

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lease is rule 5: the node may answer reads alone only while a majority of the sentinels has acknowledged heartbeats
// that it *sent* less than down-after ago. A sentinel that acknowledged one promised not to fence the node within
// down-after of receiving it, and a chain without the node needs the fences of a majority: one of those two majorities'
// members is in both.
type lease struct {
	inChain atomic.Bool
	now     func() time.Time // monotonic
	base    time.Time        // its origin
	until   atomic.Int64     // nanoseconds after base

	leaving atomic.Bool // the node asked to be let go: a slave is then removed without anybody fencing it

	mu      sync.Mutex
	granted map[string]grant // by sentinel
	removed map[string]bool  // sentinels that were removed for good
}

// grant is what one sentinel promised.
type grant struct {
	end    int64 // nanoseconds after base
	voters int   // how many sentinels there are, as it knew
}

// driftShare of a lease is given away, for clocks that don't run equally fast.
const driftShare = 16

// valid takes no lock.
func (l *lease) valid() bool {
	return l.inChain.Load() && !l.leaving.Load() && int64(l.now().Sub(l.base)) < l.until.Load()
}

// grant counts a sentinel's acknowledgement of a heartbeat sent at sent. While sentinels are being added they may not
// agree on how many they are: the largest number counts.
func (l *lease) grant(sentinel string, sent time.Time, downAfter time.Duration, voters int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.removed[sentinel] {
		return
	}
	if l.granted == nil {
		l.granted = map[string]grant{}
	}
	end := int64(sent.Sub(l.base) + downAfter - downAfter/driftShare)
	l.granted[sentinel] = grant{end: max(l.granted[sentinel].end, end), voters: voters}
	ends := make([]int64, 0, len(l.granted))
	most := 0
	for _, g := range l.granted {
		ends = append(ends, g.end)
		most = max(most, g.voters)
	}
	majority := most/2 + 1
	if len(ends) < majority {
		return
	}
	slices.Sort(ends)
	l.until.Store(max(l.until.Load(), ends[len(ends)-majority]))
}

// forget counts the word of these sentinels no more: they have been removed for good, and may not know it.
func (l *lease) forget(sentinels []string) {
	if len(sentinels) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.removed == nil {
		l.removed = map[string]bool{}
	}
	for _, id := range sentinels {
		l.removed[id] = true
		delete(l.granted, id)
	}
}
