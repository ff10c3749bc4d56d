package node

import (
	"time"

	"holdfast/node/command"
	"holdfast/node/session"
)

const (
	expireBudget = 2000 // entries that one turn of the active expiry looks at, per database
	expireTurns  = 4    // turns in a row while a quarter or more of what was looked at had expired
)

// cron does what happens by the clock, hz times a second.
func (n *Node) cron() {
	lastPing, lastSecond := time.Now(), time.Now()
	var before command.Stats
	for {
		pause := time.NewTimer(time.Second / time.Duration(max(n.settings.Hz(), 1)))
		select {
		case <-pause.C:
		case <-n.stopped:
			pause.Stop()
			return
		}
		paused := false
		n.do(func(time.Time) {
			if paused = n.env.CronPaused(); !paused {
				n.env.LimitTracking()
			}
		})
		if paused {
			continue
		}
		n.expire()
		now := time.Now()
		if now.Sub(lastSecond) >= time.Second {
			n.do(func(t time.Time) {
				n.env.Stats.Rates(before, now.Sub(lastSecond))
				before = *n.env.Stats
				n.env.NoteMemory()
				n.endIdle(t)
				n.env.ReleaseIdle(t)
				n.saveIfDue(t)
			})
			lastSecond = now
		}
		if now.Sub(lastPing) >= time.Duration(n.settings.ReplPingPeriod())*time.Second {
			lastPing = now
			n.do(func(time.Time) {
				if n.logging() {
					n.appendMarker() // so that a replica knows that a silent master is there
				}
			})
		}
	}
}

// expire deletes keys whose time has passed; only a master does, and its log says so. It works in turns, so that the
// execution lock is never held for long, and goes on while many keys turn out to have expired.
func (n *Node) expire() {
	for turn := 0; turn < expireTurns; turn++ {
		visited, expired := 0, 0
		n.do(func(now time.Time) {
			if !n.place.master || n.env.ActiveExpireOff() || n.pausedWrites() {
				return
			}
			n.env.Timed("expire-cycle", func() {
				for i := range n.env.Store.Databases() {
					v, e := n.env.ExpireSweep(i, now.UnixMilli(), expireBudget)
					visited, expired = visited+v, expired+e
				}
			})
		})
		if expired == 0 || expired*4 < visited {
			return
		}
	}
}

// pausedWrites: while writes are paused nothing may change, expiry included.
func (n *Node) pausedWrites() bool {
	until, _ := n.PauseState()
	return !until.IsZero()
}

// endIdle closes clients that were silent for longer than the directive timeout.
func (n *Node) endIdle(now time.Time) {
	limit := time.Duration(n.settings.Timeout()) * time.Second
	if limit == 0 {
		return
	}
	for _, s := range n.env.Clients.All() {
		if s.Blocked() == nil && s.Class() == session.ClassNormal && now.Sub(s.LastActive) > limit {
			s.Abort("idle for longer than the directive timeout")
		}
	}
}
