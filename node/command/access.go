package command

import (
	"holdfast/node/engine"
	"holdfast/node/store"
)

// usedAgain is what a key that carries access carries after it was used once more, under the policy that noteTime has
// seen.
func (e *Env) usedAgain(access uint32, nowMs int64) uint32 {
	if !e.Store.KeepAccess {
		return engine.AccessClock(nowMs)
	}
	count := engine.UseCount(access, nowMs, e.Config.LFUDecayTime())
	if count < engine.CounterMax {
		above := max(count-engine.CounterStart, 0)
		if e.Rand.Float64() < 1/float64(above*e.Config.LFULogFactor()+1) {
			count++
		}
	}
	return engine.PackUses(count, nowMs)
}

// noteTime tells the store what keys that are made from now on carry.
func (e *Env) noteTime(nowMs int64) {
	p := e.policy()
	e.Store.NewAccess, e.Store.KeepAccess = p.Fresh(nowMs), p.Rank == engine.RankUse
}

// touch records the access, unless the client asked for none.
func (c *Context) touch(it *store.Item) {
	if c.S.NoTouch && c.Cmd.Name != "touch" {
		return
	}
	if access := c.usedAgain(it.Access(), c.Now); it.Access() != access {
		c.DB.SetAccess(it, access)
	}
}
