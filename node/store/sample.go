package store

import "math/rand/v2"

// Keys says which keys of a database are meant.
type Keys bool

// The two answers.
const (
	AllKeys      Keys = false
	VolatileKeys Keys = true // those that have an expiry
)

// Count returns how many such keys there are.
func (d *DB) Count(which Keys) int {
	if which == VolatileKeys {
		return d.space.expires
	}
	return d.space.table.count
}

// IndexMemory returns the bytes of the index of all keys.
func (d *DB) IndexMemory() int64 {
	if d.space.table.count == 0 {
		return 0
	}
	return d.space.table.used()
}

// Sample calls fn for count keys or a few more, fewer if there are not so many; one may come twice. It draws buckets
// and takes each whole, so every key is about as likely as any other: keys of one bucket are neighbours by their hash
// alone, which says nothing of their use. fn must not change the store.
func (d *DB) Sample(rng *rand.Rand, which Keys, count int, fn func(Item)) {
	t := &d.space.table
	for left := min(count, d.Count(which)); left > 0; {
		first, n := uint64(0), t.main.n
		if which == VolatileKeys {
			first, n = t.volatileSegment(rng.IntN(d.space.expires))
		}
		found := 0
		for tries := uint64(0); found == 0 && tries < n; tries++ {
			found = d.sampleBucket(first+rng.Uint64N(n), which, fn)
		}
		for home := first; found == 0; home++ {
			found = d.sampleBucket(home, which, fn)
		}
		left -= found
	}
}

// volatileSegment returns the buckets of the segment of the index in which the i-th key with an expiry stands: where
// few keys have one, most of the index need not be looked at.
func (t *table) volatileSegment(i int) (first, n uint64) {
	segment := 0
	for i >= int(t.ttls[segment]) {
		i -= int(t.ttls[segment])
		segment++
	}
	first = uint64(segment) * segmentBuckets
	return first, min(segmentBuckets, t.main.n-first)
}

func (d *DB) sampleBucket(home uint64, which Keys, fn func(Item)) (n int) {
	t := &d.space.table
	for b := t.main.at(home); b != nil; b = t.next(b) {
		for _, slot := range b {
			if slot == 0 || slot&linkBit != 0 || which == VolatileKeys && slot&ttlBit == 0 {
				continue
			}
			fn(d.space.item(slot & refMask))
			n++
		}
	}
	return n
}

// RandomKey returns one key, false if there is none such. Of all keys each is equally likely.
func (d *DB) RandomKey(rng *rand.Rand, which Keys) (found Item, ok bool) {
	if which == AllKeys {
		return d.Random(rng)
	}
	seen := 0
	d.Sample(rng, which, 1, func(it Item) {
		if seen++; rng.IntN(seen) == 0 {
			found, ok = it, true
		}
	})
	return found, ok
}
