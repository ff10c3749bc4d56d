package cron

import "time"

// evictPause between two turns lets clients have the execution lock, and the scheduler look at their sockets.
const evictPause = 500 * time.Microsecond

// Evict goes on, slice by slice, where commands have stopped evicting as it took too long, until the node ends. Each
// turn under the execution lock says whether more is due.
func (c *Cron) Evict() {
	for {
		select {
		case <-c.Engine.Evictions():
			c.Engine.Do(func(now time.Time) { c.Env.Evict(now.UnixMilli()) })
			c.sleep(evictPause)
		case <-c.Stopped:
			return
		}
	}
}
