package cron

import (
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/server/session"
)

// upkeepUnits is how much of the upkeep that deletions have left over is done in a tick.
const upkeepUnits = 500

// quietTick is how long a slave that is asked nothing, and told nothing, may sleep: it then has nothing to do by the
// clock, as it expires no keys.
const quietTick = time.Second / 5

// Cron is what happens by the clock, and what it is done with.
type Cron struct {
	Env         *command.Env
	Engine      *engine.Engine
	Replication *member.Replication
	Persist     *persist.Persistence
	Settings    *config.Config
	Resident    *atomic.Int64   // bytes that the process has in memory, as of a second ago at most
	Go          func(f func())  // runs f in a goroutine that the node waits for when it ends
	Stopped     <-chan struct{} // closed when the node begins to end

	reclaimer reclaimer // guarded by the execution lock
}

// Run does what happens by the clock, hz times a second, until the node ends.
func (c *Cron) Run() {
	quiet, commands, end := false, int64(0), int64(0)
	lastPing, lastSecond := time.Now(), time.Now()
	var before command.Stats
	var held member.Stalled
	for {
		tick := time.Second / time.Duration(max(c.Settings.Hz(), 1))
		pause := tick
		if quiet {
			pause = max(tick, quietTick)
		}
		if !c.sleep(cluster.Tick(time.Now(), pause)) {
			return
		}
		paused := false
		c.Engine.Do(func(time.Time) {
			c.Replication.LetWaitingGo(&held, time.Now())
			if paused = c.Env.CronPaused(); !paused {
				c.Env.LimitTracking()
				more := c.Env.Store.Step(upkeepUnits)
				c.Persist.StartScheduled()
				quiet = !more && !c.Engine.Master() && c.Env.Stats.Commands == commands && c.Engine.Log.End() == end
				commands, end = c.Env.Stats.Commands, c.Engine.Log.End()
			}
		})
		if paused {
			continue
		}
		c.expire(tick)
		now := time.Now()
		if now.Sub(lastSecond) >= time.Second {
			c.Engine.Do(func(t time.Time) {
				c.Env.CountLinks()
				c.Env.Stats.Rates(before, now.Sub(lastSecond))
				before = *c.Env.Stats
				c.Env.NoteMemory()
				c.Resident.Store(c.Env.Process.RSS())
				c.reclaim()
				c.endIdle(t)
				c.Env.ReleaseIdle(t)
				c.Env.LimitClients()
				c.Env.Clients.Each(c.Env.LimitOutput) // it may be over the soft one for too long
				c.Persist.EverySecond(t)
			})
			lastSecond = now
		}
		if now.Sub(lastPing) >= time.Duration(c.Settings.ReplPingPeriod())*time.Second {
			c.Engine.Do(func(time.Time) {
				if c.Replication.KeepAlive() {
					lastPing = now
				}
			})
		}
	}
}

// endIdle closes clients that were silent for longer than the directive timeout. Those that listen, or wait for what
// they have asked for, are not silent.
func (c *Cron) endIdle(now time.Time) {
	limit := time.Duration(c.Settings.Timeout()) * time.Second
	if limit == 0 {
		return
	}
	for _, s := range c.Env.Clients.All() {
		waits := s.Blocked() != nil || s.Postponed
		if !waits && !s.Monitor && s.Class() == session.ClassNormal && now.Sub(s.LastActive) > limit {
			s.Abort("idle for longer than the directive timeout")
		}
	}
}
