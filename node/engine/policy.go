package engine

import (
	"math"
	"strings"

	"holdfast/node/config"
	"holdfast/node/store"
)

// Ranking is what decides which of two keys is evicted first.
type Ranking uint8

// The rankings of maxmemory-policy.
const (
	RankNone   Ranking = iota // nothing is evicted
	RankRandom                // chance
	RankIdle                  // LRU: the time since the last use
	RankUse                   // LFU: how rarely it is used
	RankExpiry                // TTL: how soon it expires
)

// Policy is what maxmemory-policy says.
type Policy struct {
	Name string
	Keys store.Keys // among which it chooses
	Rank Ranking
}

// PolicyOf is the policy of a name.
func PolicyOf(name string) Policy {
	from, how, _ := strings.Cut(name, "-")
	p := Policy{Name: name, Keys: store.Keys(from == "volatile")}
	switch how {
	case "random":
		p.Rank = RankRandom
	case "lru":
		p.Rank = RankIdle
	case "lfu":
		p.Rank = RankUse
	case "ttl":
		p.Rank = RankExpiry
	}
	return p
}

// The 24 bits of access statistics that each key carries are, as in Redis, the clock of its last use in seconds; or,
// under an LFU policy, the minute of the last use in the upper 16 bits and a logarithmic counter of uses in the lower
// 8.
const (
	accessMask   = 1<<24 - 1
	minuteMask   = 1<<16 - 1
	counterBits  = 8
	CounterMax   = 1<<counterBits - 1 // the highest count of uses
	CounterStart = 5                  // of a new key, so that it is not the first to go
)

// AccessClock is Redis's LRU clock: seconds, 24 bits.
func AccessClock(nowMs int64) uint32 { return uint32(nowMs/1000) & accessMask }

// IdleSeconds is for how long a key wasn't used.
func IdleSeconds(access uint32, nowMs int64) int64 {
	return int64((AccessClock(nowMs) - access) & accessMask)
}

// PackUses is what a key carries that was used so often, just now for the last time.
func PackUses(count, nowMs int64) uint32 {
	return uint32(nowMs/60000&minuteMask)<<counterBits | uint32(count)
}

// UseCount is the access counter of an LFU policy as of now: it has lost one for every decay period since it was
// touched.
func UseCount(access uint32, nowMs, decayMinutes int64) int64 {
	count := int64(access & CounterMax)
	if decayMinutes <= 0 {
		return count
	}
	since, now := int64(access>>counterBits), nowMs/60000&minuteMask
	if now < since {
		now += math.MaxUint16
	}
	return max(count-(now-since)/decayMinutes, 0)
}

// Fresh is what a key carries that was made just now.
func (p Policy) Fresh(nowMs int64) uint32 {
	if p.Rank == RankUse {
		return PackUses(CounterStart, nowMs)
	}
	return AccessClock(nowMs)
}

// Data is what a snapshot says of a key's use: for how many seconds it was not used, or how often it was used, as the
// policy goes by; -1 for what it doesn't.
func (p Policy) Data(access uint32, nowMs int64) (idle int64, freq int) {
	switch p.Rank {
	case RankIdle:
		return IdleSeconds(access, nowMs), -1
	case RankUse:
		return -1, int(access & CounterMax)
	}
	return -1, -1
}

// Access is what a key carries of which a snapshot says for how many seconds it was not used, or how often it was used;
// as a new key when it says nothing that the policy goes by.
func (p Policy) Access(idle, freq, nowMs int64) uint32 {
	switch {
	case p.Rank == RankUse && freq >= 0:
		return PackUses(freq, nowMs)
	case p.Rank != RankUse && idle >= 0:
		return AccessClock(nowMs - 1000*min(idle, accessMask))
	}
	return p.Fresh(nowMs)
}

// Limits are the settings' limits of compact encodings.
func Limits(c *config.Config) *store.Limits {
	number := func(name string) int { return int(min(c.Int(name), math.MaxInt32)) }
	return &store.Limits{
		HashEntries: number("hash-max-listpack-entries"), HashValue: number("hash-max-listpack-value"),
		ListSize: number("list-max-listpack-size"), SetIntset: number("set-max-intset-entries"),
		ZSetEntries: number("zset-max-listpack-entries"), ZSetValue: number("zset-max-listpack-value"),
		StreamBytes: number("stream-node-max-bytes"), StreamEntries: number("stream-node-max-entries"),
	}
}
