package node

import (
	"time"

	"holdfast/cluster"
	"holdfast/node/command"
	"holdfast/server/session"
)

// upkeepUnits is how much of the upkeep that deletions have left over is done in a tick.
const upkeepUnits = 500

// quietTick is how long a slave that is asked nothing, and told nothing, may sleep: it then has nothing to do by the
// clock, as it expires no keys.
const quietTick = time.Second / 5

// cron does what happens by the clock, hz times a second.
func (n *Node) cron() {
	quiet, commands, end := false, int64(0), int64(0)
	lastPing, lastSecond := time.Now(), time.Now()
	var before command.Stats
	var held stuck
	for {
		tick := time.Second / time.Duration(max(n.settings.Hz(), 1))
		pause := tick
		if quiet {
			pause = max(tick, quietTick)
		}
		if !n.sleep(cluster.Tick(time.Now(), pause)) {
			return
		}
		paused := false
		n.do(func(time.Time) {
			n.letWaitingGo(&held, time.Now())
			if paused = n.env.CronPaused(); !paused {
				n.env.LimitTracking()
				more := n.env.Store.Step(upkeepUnits)
				n.persist.StartScheduled()
				quiet = !more && !n.place().Master && n.env.Stats.Commands == commands && n.log.End() == end
				commands, end = n.env.Stats.Commands, n.log.End()
			}
		})
		if paused {
			continue
		}
		n.expire(tick)
		now := time.Now()
		if now.Sub(lastSecond) >= time.Second {
			n.do(func(t time.Time) {
				n.countLinks()
				n.env.Stats.Rates(before, now.Sub(lastSecond))
				before = *n.env.Stats
				n.env.NoteMemory()
				n.resident.Store(n.env.Process.RSS())
				n.reclaim()
				n.endIdle(t)
				n.env.ReleaseIdle(t)
				n.env.LimitClients()
				n.env.Clients.Each(n.checkOutputLimit) // it may be over the soft one for too long
				n.persist.EverySecond(t)
			})
			lastSecond = now
		}
		if now.Sub(lastPing) >= time.Duration(n.settings.ReplPingPeriod())*time.Second {
			n.do(func(time.Time) {
				if n.agent.Holds() {
					return // the log that the sentinels were told of as complete must stay so
				}
				if lastPing = now; n.logging() {
					n.engine.AppendMarker() // so that a replica knows that a silent master is there
				}
			})
		}
	}
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
