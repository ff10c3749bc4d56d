package node

import (
	"math"
	"runtime"
	"time"
)

// Go's collector runs when the heap has grown, so after much was deleted from an idle store nothing would be collected,
// and given back, for minutes. A collection while the others go on is cheap, as the data holds few pointers; what it
// finds, the runtime gives back to the system piece by piece in the background.
const (
	reclaimShare = 4        // collect when a quarter of the data is gone
	reclaimLeast = 16 << 20 // and it was so much
)

// reclaimer knows how large the data was.
type reclaimer struct {
	peak    int64
	running bool
}

// reclaim collects garbage after the data has shrunk. It needs the execution lock, and is called once a second.
func (n *Node) reclaim() {
	held := n.env.Store.Memory()
	r := &n.reclaimer
	r.peak = max(r.peak, held)
	if gone := r.peak - held; r.running || gone < reclaimLeast || gone < r.peak/reclaimShare {
		return
	}
	r.peak, r.running = held, true
	n.work.Go(func() {
		runtime.GC()
		runtime.GC() // only the second sees how small the heap has become, and sets its goal by that
		n.do(func(time.Time) { n.reclaimer.running = false })
	})
}

// heapLimit is what the runtime is told not to let the heap grow over by garbage, for a limit on data: more than data
// and the room between entries can take, so that the collector never works in vain. 0: no limit.
func heapLimit(maxmemory int64) int64 {
	const spare = 64 << 20
	if maxmemory <= 0 || maxmemory > math.MaxInt64/2-spare {
		return math.MaxInt64
	}
	return maxmemory + maxmemory/2 + spare
}

// limitHeap has the runtime follow maxmemory.
func (n *Node) limitHeap() {
	if set := n.env.Process.LimitHeap; set != nil {
		set(heapLimit(n.settings.MaxMemory()))
	}
}
