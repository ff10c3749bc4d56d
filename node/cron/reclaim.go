package cron

import (
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
func (c *Cron) reclaim() {
	held := c.Env.Store.Memory()
	r := &c.reclaimer
	r.peak = max(r.peak, held)
	if gone := r.peak - held; r.running || gone < reclaimLeast || gone < r.peak/reclaimShare {
		return
	}
	r.peak, r.running = held, true
	c.Go(func() {
		runtime.GC()
		runtime.GC() // only the second sees how small the heap has become, and sets its goal by that
		c.Engine.Do(func(time.Time) { c.reclaimer.running = false })
	})
}
