package cron

import (
	"time"

	"holdfast/node/engine"
)

// The active expiry deletes keys whose time has passed though nobody asks for them. It works in short turns with pauses
// between them: in a turn nobody else has the execution lock, and without a pause a node that runs on a single
// processor would not look at its sockets.
const (
	expireBudget = 128 // entries of one database looked at between two looks at the clock
	expireTurn   = 500 * time.Microsecond
	expirePause  = 500 * time.Microsecond
	expireLeast  = 2000 // entries looked at in a tick whether or not many of them have expired
)

// expireEffort is what active-expire-effort, 1 to 10, allows, as in Redis.
func expireEffort(effort int) (share float64, stale int) {
	return 0.25 + 0.02*float64(effort-1), 11 - effort
}

// expire works for one tick: until fewer keys than an accepted per cent turn out to have expired, or its share of the
// tick is over.
func (c *Cron) expire(tick time.Duration) {
	share, stale := expireEffort(int(c.Settings.Int("active-expire-effort")))
	limit := time.Duration(share * float64(tick))
	visited, expired, spent := 0, 0, time.Duration(0)
	for began := time.Now(); time.Since(began) < tick; {
		v, e, took := c.expireSlice()
		visited, expired, spent = visited+v, expired+e, spent+took
		if v == 0 || visited >= expireLeast && expired*100 <= visited*stale {
			break
		}
		if spent >= limit {
			c.Engine.Do(func(time.Time) { c.Env.Stats.ExpireCapped++ })
			break
		}
		if !c.sleep(expirePause) {
			return
		}
	}
	if visited > 0 {
		c.Engine.Do(func(time.Time) { c.Env.Stats.NoteExpiry(visited, expired, spent) })
	}
}

// sleep reports false when the node ends.
func (c *Cron) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.Stopped:
		return false
	}
}

// expireSlice is one turn under the execution lock. Only a master expires keys: its log says so. Of data that is being
// loaded nothing expires: what it holds has yet to become what the log says.
func (c *Cron) expireSlice() (visited, expired int, took time.Duration) {
	c.Engine.Do(func(now time.Time) {
		if !c.Engine.Master() || c.Engine.Loading() || c.Env.ActiveExpireOff() || c.Engine.Pause() != engine.NoPause {
			return
		}
		began := time.Now()
		c.Env.Timed("expire-cycle", func() {
			looked := 0
			for more := true; more && time.Since(began) < expireTurn; {
				before := expired
				for i := range c.Env.Store.Databases() {
					v, e := c.Env.ExpireSweep(i, now.UnixMilli(), expireBudget)
					visited, expired = visited+v, expired+e
				}
				more = expired > before || visited > looked && visited < expireLeast
				looked = visited
			}
		})
		took = time.Since(began)
	})
	return visited, expired, took
}
