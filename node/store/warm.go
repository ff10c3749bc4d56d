package store

// WarmKeys is how many keys, or names, one call of Warm takes at most: about as many lines as a processor fetches side
// by side.
const WarmKeys = 16

// warmFrom is the number of entries from which on it is likely that they are not all in the processor's cache.
const warmFrom = 4096

// Warm looks at what the index and the slabs hold of some keys that are about to be looked up, and has no other effect.
// A lookup in a large store waits for memory twice, for the key's bucket and then for its entry. Warm asks for all
// buckets before it uses any, and then for all entries, so that the waits are one.
func (d *DB) Warm(keys [][]byte) {
	d.space.table.warm(d.store.hasher, keys)
}

// Warm is DB.Warm for names that are about to be looked up in a large set, hash or sorted set.
func (it Item) Warm(names [][]byte) {
	if d := it.names(); d != nil {
		d.warm(names)
	}
}

// Warm is DB.Warm for names that are about to be added.
func (b *SetBuilder) Warm(names [][]byte) {
	if b.dict != nil {
		b.dict.warm(names)
	}
}

// Warm is DB.Warm for fields that are about to be set.
func (b *HashBuilder) Warm(fields [][]byte) {
	if b.table != nil {
		b.table.warm(fields)
	}
}

// warm looks at the buckets of names, and at the entries to which they seem to lead.
func (t *table) warm(h hasher, names [][]byte) {
	if t.count < warmFrom {
		return
	}
	var hashes [WarmKeys]uint64
	var buckets [WarmKeys]*bucket
	sum := uint64(0)
	names = names[:min(len(names), WarmKeys)]
	for i, name := range names {
		hash := h.sum(name)
		b := t.main.at(t.home(hash))
		hashes[i], buckets[i] = hash, b
		sum ^= b[0]
	}
	for i := range names {
		want := tagOf(hashes[i])
		for _, slot := range buckets[i] {
			if (slot^want)&(tagMask|linkBit) == 0 && slot != 0 {
				sum ^= uint64(t.entries.peekAt(slot & refMask))
				break
			}
		}
	}
	t.warmed = sum
}

// warmCells looks at cells whose names are about to be read.
func (d *dict) warmCells(refs []uint64) {
	sum := byte(0)
	for _, ref := range refs {
		sum ^= d.peekAt(ref)
	}
	d.table.warmed = uint64(sum)
}

// warmBuckets looks at the buckets of hashes that are about to be looked up, or entered.
func (t *table) warmBuckets(hashes []uint64) {
	sum := uint64(0)
	for _, hash := range hashes {
		sum ^= t.main.at(t.home(hash))[0]
	}
	t.warmed = sum
}
