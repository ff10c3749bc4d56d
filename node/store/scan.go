package store

import (
	"encoding/binary"
	"math/rand/v2"
)

// Bounds on the work of one call.
const (
	emptyVisitsPerItem = 10 // Scan: buckets for each item asked for
	bucketsPerVisit    = 16 // ExpireScan: buckets for each key of the budget
	randomSlots        = 32 // Random: longest chain in which every entry is equally likely
	randomTries        = 500
)

// Scan calls fn for the items from cursor on, and returns the cursor at which to go on, 0 at the end; a
// scan begins at 0. An item present from the begin of a scan to its end is returned at least once,
// whatever happens to the others (table.go says why). count is about how many items one call
// returns; the time it takes is bounded too. fn must not change the store.
func (d *DB) Scan(cursor uint64, count int, fn func(Item)) uint64 {
	t := &d.space.table
	if t.count == 0 {
		return 0
	}
	count = max(count, 1)
	for visits, items := 0, 0; items < count && visits/emptyVisitsPerItem < count; visits++ {
		var home uint64
		home, cursor = t.visit(cursor)
		for b := t.main.at(home); b != nil; b = t.next(b) {
			for _, slot := range b {
				if slot != 0 && slot&linkBit == 0 {
					fn(d.space.item(slot & refMask))
					items++
				}
			}
		}
		if cursor == 0 {
			break
		}
	}
	return cursor
}

// Each calls fn for every item, in no particular order, until it returns false. fn must not change the store.
func (d *DB) Each(fn func(Item) bool) {
	t := &d.space.table
	for home := range t.main.n {
		for b := t.main.at(home); b != nil; b = t.next(b) {
			for _, slot := range b {
				if slot != 0 && slot&linkBit == 0 && !fn(d.space.item(slot&refMask)) {
					return
				}
			}
		}
	}
}

// Random returns an item, each with the same probability; false if there is none. It draws a place (a bucket
// and a position in its chain) and rejects places that are empty.
func (d *DB) Random(rng *rand.Rand) (Item, bool) {
	t := &d.space.table
	if t.count == 0 {
		return Item{}, false
	}
	for range randomTries {
		b := t.main.at(rng.Uint64N(t.main.n))
		place := rng.IntN(randomSlots)
		for ; b != nil && place >= bucketSlots-1 && t.next(b) != nil; place -= bucketSlots - 1 {
			b = t.next(b)
		}
		if place < bucketSlots && b[place] != 0 && b[place]&linkBit == 0 {
			return d.space.item(b[place] & refMask), true
		}
	}
	// Nearly all places are empty: take the first entry behind a random point.
	var found Item
	for cursor, ok := rng.Uint64(), false; !ok; {
		var home uint64
		home, cursor = t.visit(cursor)
		if slot := t.main.at(home)[0]; slot != 0 {
			found, ok = d.space.item(slot&refMask), true
		}
	}
	return found, true
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
