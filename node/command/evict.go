package command

import (
	"math"
	"time"

	"holdfast/node/engine"
	"holdfast/node/store"
)

// Memory is limited as Redis does it: before each command, while more than maxmemory is in use, keys are evicted, for a
// bounded time; the node goes on in the background where that was not enough. Only when there is nothing to evict are
// commands that would take more memory refused.

// eviction is its state.
type eviction struct {
	policy engine.Policy
	pool   evictionPool
	nextDB int    // random policies go round the databases
	key    []byte // the victim's name
	since  int64  // when the limit was exceeded, by Env.clock; 0: it is not
}

// memoryState is the outcome of an attempt to keep to the limit.
type memoryState int

const (
	memoryOK       memoryState = iota
	memoryEvicting             // over the limit, and more can be evicted
	memoryFull                 // over the limit, and nothing can be evicted
)

// evictionsPerLook is how many keys are evicted between two looks at the clock.
const evictionsPerLook = 16

// UsedMemory is the data, the buffers of clients, and what the process needs for itself. The log is not counted.
func (e *Env) UsedMemory() int64 {
	return e.Process.Startup + e.evictable() + e.Clients.Memory() + e.scripts.memory()
}

// limitedMemory is the part of UsedMemory that the limit is held against: not what waits for clients. Evictions make it
// more, as they are told to those who track keys, listen for events or monitor, and each of these messages would cost
// another key.
func (e *Env) limitedMemory() int64 { return e.UsedMemory() - e.Clients.Waiting() }

// evictable is what evictions make less: the data, and what is remembered of those who were shown it.
func (e *Env) evictable() int64 { return e.Store.Used() + e.Tracking.Memory() }

// Evict evicts keys until the memory in use is within maxmemory, or no longer than maxmemory-eviction-tenacity allows.
// Only a master evicts: replicas learn it from its log. While clients are paused the data stays as it is.
func (e *Env) Evict(nowMs int64) memoryState {
	e.Engine.EvictionDue = false
	limit := e.Config.MaxMemory()
	if limit == 0 || !e.Engine.Master() || e.Engine.Loading() || e.Engine.Pause() != engine.NoPause {
		return memoryOK
	}
	state := memoryOK
	if over := e.limitedMemory() - limit; over > 0 {
		e.Timed("eviction-cycle", func() { state = e.evictBytes(over, nowMs) })
	}
	e.noteExceeded(state != memoryOK)
	e.Engine.EvictionDue = state == memoryEvicting
	return state
}

// evictBytes evicts keys until that is less by so much.
func (e *Env) evictBytes(over, nowMs int64) memoryState {
	if e.policy().Rank == engine.RankNone {
		return memoryFull
	}
	target := e.evictable() - over
	deadline := e.clock() + e.evictionTime()
	defer e.Effects.Loosen()
	for n := 1; ; n++ {
		db, ok := e.victim(nowMs)
		if !ok {
			return memoryFull
		}
		e.evictKey(db, nowMs)
		if e.evictable() <= target {
			return memoryOK
		}
		if n%evictionsPerLook == 0 && e.clock() > deadline {
			return memoryEvicting
		}
	}
}

// evictionTime is what one attempt may take in nanoseconds: half a millisecond at a tenacity of 10, from there 15 %
// more with each step, at 100 without end.
func (e *Env) evictionTime() int64 {
	const atTen = float64(500 * time.Microsecond)
	switch tenacity := float64(e.Config.EvictionTenacity()); {
	case tenacity <= 10:
		return int64(atTen / 10 * tenacity)
	case tenacity < 100:
		return int64(atTen * math.Pow(1.15, tenacity-10))
	}
	return math.MaxInt64 / 2
}

// victim chooses the key to evict, eviction.key.
func (e *Env) victim(nowMs int64) (db *store.DB, ok bool) {
	if e.policy().Rank == engine.RankRandom {
		return e.randomVictim()
	}
	pool := &e.eviction.pool
	for {
		if !e.sample(nowMs) {
			return nil, false
		}
		for c, more := pool.best(); more; c, more = pool.best() {
			db := e.Store.DB(c.db)
			it, found := db.Get(c.key)
			// It may be gone, or was used, or has lost its expiry since it was sampled.
			if found && (e.policy().Keys == store.AllKeys || it.ExpireAt() >= 0) && e.score(it, nowMs) >= c.score {
				e.eviction.key = append(e.eviction.key[:0], c.key...)
				return db, true
			}
		}
	}
}

// sample offers keys of every database to the pool, and reports whether there are any.
func (e *Env) sample(nowMs int64) (any bool) {
	keys, count := e.policy().Keys, e.Config.MaxMemorySamples()
	for i := range e.Store.Databases() {
		db := e.Store.DB(i)
		if db.Count(keys) == 0 {
			continue
		}
		any = true
		db.Sample(e.Rand, keys, count, func(it store.Item) { e.eviction.pool.offer(e.score(it, nowMs), i, it.Key()) })
	}
	return any
}

func (e *Env) randomVictim() (*store.DB, bool) {
	for range e.Store.Databases() {
		e.eviction.nextDB = (e.eviction.nextDB + 1) % e.Store.Databases()
		db := e.Store.DB(e.eviction.nextDB)
		if it, ok := db.RandomKey(e.Rand, e.policy().Keys); ok {
			e.eviction.key = append(e.eviction.key[:0], it.Key()...)
			return db, true
		}
	}
	return nil, false
}

// evictKey deletes the victim.
func (e *Env) evictKey(db *store.DB, nowMs int64) {
	key := e.eviction.key
	e.Timed("eviction-del", func() { db.Delete(key) })
	e.Stats.EvictedKeys++
	c := Context{Env: e, DB: db, Now: nowMs}
	c.Notify(NotifyEvicted, "evicted", key)
	e.Effects.Add(db.Index(), deleteWord(e.Config.Bool("lazyfree-lazy-eviction")), key)
}

// noteExceeded keeps account of how long the limit was exceeded.
func (e *Env) noteExceeded(exceeded bool) {
	switch since := e.eviction.since; {
	case exceeded && since == 0:
		e.eviction.since = e.clock()
	case !exceeded && since != 0:
		e.Stats.MemoryExceeded += e.clock() - since
		e.eviction.since = 0
	}
}

// memoryExceeded is for how long the limit was exceeded in all, and for how long it is now, in nanoseconds.
func (e *Env) memoryExceeded() (total, current int64) {
	if e.eviction.since != 0 {
		current = e.clock() - e.eviction.since
	}
	return e.Stats.MemoryExceeded + current, current
}
