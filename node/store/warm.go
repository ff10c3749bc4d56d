package store

// WarmKeys is how many keys one call of Warm takes at most: about as many lines as a processor fetches side by side.
const WarmKeys = 16

// Warm looks at what the index and the slabs hold of some keys that are about to be looked up, and has no other effect. A
// lookup in a large store waits for memory twice, for the key's bucket and then for its entry. Warm asks
// for all buckets before it uses any, and then for all entries, so that the waits are one.
func (d *DB) Warm(keys [][]byte) {
	sp := d.space
	t := &sp.table
	if t.count < warmFrom {
		return
	}
	var hashes [WarmKeys]uint64
	var buckets [WarmKeys]*bucket
	sum := uint64(0)
	keys = keys[:min(len(keys), WarmKeys)]
	for i, key := range keys {
		hash := d.store.hasher.sum(key)
		b := t.main.at(t.home(hash))
		hashes[i], buckets[i] = hash, b
		sum ^= b[0]
	}
	for i := range keys {
		want := tagOf(hashes[i])
		for _, slot := range buckets[i] {
			if (slot^want)&(tagMask|linkBit) == 0 && slot != 0 {
				e := sp.slabs.bytes(slot & refMask)
				sum ^= uint64(e[0])
				break
			}
		}
	}
	sp.warmed = sum
}

// warmFrom is the number of keys from which on it is likely that they are not all in the processor's cache.
const warmFrom = 4096
