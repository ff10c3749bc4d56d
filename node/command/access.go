package command

import (
	"math"

	"holdfast/node/config"
	"holdfast/node/store"
)

// The 24 bits of access statistics that each key carries are, as in Redis, the clock of its last use in seconds; or,
// under an LFU policy, the minute of the last use in the upper 16 bits and a logarithmic counter of uses in the lower
// 8.
const (
	accessMask   = 1<<24 - 1
	minuteMask   = 1<<16 - 1
	counterBits  = 8
	counterMax   = 1<<counterBits - 1
	counterStart = 5 // of a new key, so that it is not the first to go
)

// AccessClock is Redis's LRU clock: seconds, 24 bits.
func AccessClock(nowMs int64) uint32 { return uint32(nowMs/1000) & accessMask }

// idleSeconds is for how long a key wasn't used.
func idleSeconds(access uint32, nowMs int64) int64 {
	return int64((AccessClock(nowMs) - access) & accessMask)
}

func packUses(count, nowMs int64) uint32 {
	return uint32(nowMs/60000&minuteMask)<<counterBits | uint32(count)
}

// useCount is the access counter of an LFU policy as of now: it has lost one for every decay period since it was
// touched.
func useCount(access uint32, nowMs, decayMinutes int64) int64 {
	count := int64(access & counterMax)
	if decayMinutes <= 0 {
		return count
	}
	since, now := int64(access>>counterBits), nowMs/60000&minuteMask
	if now < since {
		now += math.MaxUint16
	}
	return max(count-(now-since)/decayMinutes, 0)
}

// NewAccess is what a key carries that was made just now.
func NewAccess(c *config.Config, nowMs int64) uint32 {
	return policyOf(c.MaxmemoryPolicy()).fresh(nowMs)
}

func (p policy) fresh(nowMs int64) uint32 {
	if p.rank == rankUse {
		return packUses(counterStart, nowMs)
	}
	return AccessClock(nowMs)
}

// usedAgain is what a key that carries access carries after it was used once more, under the policy that noteTime has
// seen.
func (e *Env) usedAgain(access uint32, nowMs int64) uint32 {
	if !e.Store.KeepAccess {
		return AccessClock(nowMs)
	}
	count := useCount(access, nowMs, e.Config.LFUDecayTime())
	if count < counterMax {
		above := max(count-counterStart, 0)
		if e.Rand.Float64() < 1/float64(above*e.Config.LFULogFactor()+1) {
			count++
		}
	}
	return packUses(count, nowMs)
}

// noteTime tells the store what keys that are made from now on carry.
func (e *Env) noteTime(nowMs int64) {
	p := e.policy()
	e.Store.NewAccess, e.Store.KeepAccess = p.fresh(nowMs), p.rank == rankUse
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

// AccessData is what a snapshot says of a key's use: for how many seconds it was not used, or how often it was used, as
// the policy goes by; -1 for what it doesn't.
func (e *Env) AccessData(access uint32, nowMs int64) (idle int64, freq int) {
	switch e.policy().rank {
	case rankIdle:
		return idleSeconds(access, nowMs), -1
	case rankUse:
		return -1, int(access & counterMax)
	}
	return -1, -1
}

// AccessFrom tells what keys carry of which a snapshot says for how many seconds they were not used, or how often they
// were used; as a new key when it says nothing that the policy goes by.
func AccessFrom(c *config.Config, nowMs int64) func(idle, freq int64) uint32 {
	p := policyOf(c.MaxmemoryPolicy())
	return func(idle, freq int64) uint32 {
		switch {
		case p.rank == rankUse && freq >= 0:
			return packUses(freq, nowMs)
		case p.rank != rankUse && idle >= 0:
			return AccessClock(nowMs - 1000*min(idle, accessMask))
		}
		return p.fresh(nowMs)
	}
}
