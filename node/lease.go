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
	base    time.Time    // monotonic origin
	until   atomic.Int64 // nanoseconds after base

	mu      sync.Mutex
	granted map[string]int64 // by sentinel: the end of its promise, nanoseconds after base
}

// driftShare of a lease is given away, for clocks that don't run equally fast.
const driftShare = 16

// valid takes no lock.
func (l *lease) valid() bool {
	return l.inChain.Load() && int64(time.Since(l.base)) < l.until.Load()
}

// grant counts a sentinel's acknowledgement of a heartbeat sent at sent.
func (l *lease) grant(sentinel string, sent time.Time, downAfter time.Duration, voters int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.granted == nil {
		l.granted = map[string]int64{}
	}
	end := int64(sent.Sub(l.base) + downAfter - downAfter/driftShare)
	l.granted[sentinel] = max(l.granted[sentinel], end)
	ends := make([]int64, 0, len(l.granted))
	for _, e := range l.granted {
		ends = append(ends, e)
	}
	majority := voters/2 + 1
	if len(ends) < majority {
		return
	}
	slices.Sort(ends)
	l.until.Store(max(l.until.Load(), ends[len(ends)-majority]))
}
