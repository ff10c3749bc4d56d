package store

import (
	"encoding/binary"
	"math/rand/v2"
)

// bucketsPerVisit bounds the buckets that one ExpireScan looks at, for each key of its budget.
const bucketsPerVisit = 16

// Scan calls fn for the items from cursor on, and returns the cursor at which to go on, 0 at the end; a
// scan begins at 0. An item present from the begin of a scan to its end is returned at least once,
// whatever happens to the others (table.go says why). count is about how many items one call
// returns; the time it takes is bounded too. fn must not change the store.
func (d *DB) Scan(cursor uint64, count int, fn func(Item)) uint64 {
	sp := d.space
	return sp.table.scan(cursor, count, func(ref uint64) { fn(sp.item(ref)) })
}

// Each calls fn for every item, in no particular order, until it returns false. fn must not change the store.
func (d *DB) Each(fn func(Item) bool) {
	sp := d.space
	sp.table.each(func(ref uint64) bool { return fn(sp.item(ref)) })
}

// Random returns an item, each with the same probability; false if there is none.
func (d *DB) Random(rng *rand.Rand) (Item, bool) {
	if d.Len() == 0 {
		return Item{}, false
	}
	return d.space.item(d.space.table.random(rng)), true
}

// ExpireScan looks at keys that have an expiry, goes on where the last call on this database stopped, and
// calls fn for each whose time has come (expireAt <= now). It stops after budget such keys, or a
// number of buckets in proportion to the budget, or one whole round. Parts of the index in which no key has
// an expiry are skipped by their count. fn may do anything with the store; typically it deletes the key, which
// is a copy valid during the call.
func (d *DB) ExpireScan(now int64, budget int, fn func(key []byte)) (visited, expired int) {
	sp := d.space
	if sp.expires == 0 {
		return 0, 0
	}
	round := sp.table.main.n
	for buckets := 0; visited < budget && buckets/bucketsPerVisit < budget && round > 0; buckets++ {
		t := &sp.table
		if sp.expires == 0 || d.space != sp {
			break
		}
		if sp.sweep >= t.main.n {
			sp.sweep = 0
		}
		if t.ttls[sp.sweep/segmentBuckets] == 0 {
			skipped := min(segmentBuckets-sp.sweep%segmentBuckets, round)
			sp.sweep += skipped
			round -= skipped
			continue
		}
		visited += sp.collectDue(sp.sweep, now)
		sp.sweep++
		round--
		expired += len(sp.dueEnds)
		start := 0
		for _, end := range sp.dueEnds {
			fn(sp.dueKeys[start:end:end])
			start = end
		}
	}
	return visited, expired
}

// collectDue copies the keys of a bucket whose time has come and returns how many have an expiry at all.
func (sp *space) collectDue(home uint64, now int64) (visited int) {
	sp.dueKeys, sp.dueEnds = sp.dueKeys[:0], sp.dueEnds[:0]
	for b := sp.table.main.at(home); b != nil; b = sp.table.next(b) {
		for _, slot := range b {
			if slot&ttlBit == 0 || slot&linkBit != 0 {
				continue
			}
			visited++
			e := sp.slabs.bytes(slot & refMask)
			at := largeTTLAt
			if e[1]&flagLarge == 0 {
				at = parse(e).ttl
			}
			if int64(binary.LittleEndian.Uint64(e[at:])) <= now {
				sp.dueKeys = append(sp.dueKeys, sp.keyAt(e)...)
				sp.dueEnds = append(sp.dueEnds, len(sp.dueKeys))
			}
		}
	}
	return visited
}
