package command

import (
	"slices"

	"holdfast/node/engine"
	"holdfast/node/store"
)

// policy is the one in force.
func (e *Env) policy() engine.Policy {
	if name := e.Config.MaxmemoryPolicy(); name != e.eviction.policy.Name {
		e.eviction.policy = engine.PolicyOf(name)
		e.eviction.pool.candidates = e.eviction.pool.candidates[:0]
	}
	return e.eviction.policy
}

// score ranks a key: the highest is evicted first.
func (e *Env) score(it store.Item, nowMs int64) int64 {
	switch e.policy().Rank {
	case engine.RankIdle:
		return engine.IdleSeconds(it.Access(), nowMs)
	case engine.RankUse:
		return engine.CounterMax - engine.UseCount(it.Access(), nowMs, e.Config.LFUDecayTime())
	case engine.RankExpiry:
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
