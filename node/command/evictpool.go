package command

import (
	"slices"
	"strings"

	"holdfast/node/store"
)

// ranking is what decides which of two keys is evicted first.
type ranking uint8

const (
	rankNone   ranking = iota // nothing is evicted
	rankRandom                // chance
	rankIdle                  // LRU: the time since the last use
	rankUse                   // LFU: how rarely it is used
	rankExpiry                // TTL: how soon it expires
)

// policy is what maxmemory-policy says.
type policy struct {
	name string
	keys store.Keys // among which it chooses
	rank ranking
}

func policyOf(name string) policy {
	from, how, _ := strings.Cut(name, "-")
	p := policy{name: name, keys: store.Keys(from == "volatile")}
	switch how {
	case "random":
		p.rank = rankRandom
	case "lru":
		p.rank = rankIdle
	case "lfu":
		p.rank = rankUse
	case "ttl":
		p.rank = rankExpiry
	}
	return p
}

// policy is the one in force.
func (e *Env) policy() policy {
	if name := e.Config.MaxmemoryPolicy(); name != e.eviction.policy.name {
		e.eviction.policy = policyOf(name)
		e.eviction.pool.candidates = e.eviction.pool.candidates[:0]
	}
	return e.eviction.policy
}

// score ranks a key: the highest is evicted first.
func (e *Env) score(it store.Item, nowMs int64) int64 {
	switch e.policy().rank {
	case rankIdle:
		return idleSeconds(it.Access(), nowMs)
	case rankUse:
		return counterMax - useCount(it.Access(), nowMs, e.Config.LFUDecayTime())
	case rankExpiry:
		return -it.ExpireAt()
	}
	return 0
}

const poolSize = 16

// candidate is a key that a sample has found worth evicting.
type candidate struct {
	score int64
	db    int
	key   []byte
}

// evictionPool remembers the best candidates of past samples, by ascending score: so a few samples for each eviction
// find nearly what a look at all keys would.
type evictionPool struct {
	candidates []candidate // at most poolSize
}

// offer takes a key in if it is better than the worst that is there, or there is room.
func (p *evictionPool) offer(score int64, db int, key []byte) {
	at, _ := slices.BinarySearchFunc(p.candidates, score, func(c candidate, score int64) int {
		if c.score < score {
			return -1
		}
		return 1
	})
	full := len(p.candidates) == poolSize
	if full && at == 0 || p.knows(db, key) {
		return
	}
	if !full {
		p.candidates = append(p.candidates, candidate{})
		copy(p.candidates[at+1:], p.candidates[at:])
		p.candidates[at] = candidate{score, db, append([]byte(nil), key...)}
		return
	}
	buf := p.candidates[0].key
	copy(p.candidates, p.candidates[1:at])
	p.candidates[at-1] = candidate{score, db, append(buf[:0], key...)}
}

func (p *evictionPool) knows(db int, key []byte) bool {
	return slices.ContainsFunc(p.candidates,
		func(c candidate) bool { return c.db == db && string(c.key) == string(key) })
}

// best takes the best candidate out. Its key is valid until the next offer.
func (p *evictionPool) best() (candidate, bool) {
	last := len(p.candidates) - 1
	if last < 0 {
		return candidate{}, false
	}
	c := p.candidates[last]
	p.candidates = p.candidates[:last]
	return c, true
}
