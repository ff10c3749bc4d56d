package store

import "math/bits"

// A store that shrinks leaves chunks with few entries scattered over them. They are evacuated: when more
// than a quarter of a class's slots, and more than a chunk's worth, is free, the sparsest of a few
// sampled chunks is chosen and its entries move, a few with each operation that frees a slot
// and more when the node is idle, until it is empty and released. Merely waiting for chunks to run
// empty would hold nearly everything: after deleting 90 % of the keys at random, a chunk of
// 1600 entries is never empty. A victim is at most 7/8 full and 3/4 on average, so
// four moves for each freed slot keep up with any rate of deletion.
const (
	movesPerFree    = 4
	sampledChunks   = 8
	slotsLookedAt   = 16 // a move: how many slots, mostly free ones, may be skipped to find an entry
	victimMaxEighth = 7
)

// tidy does the evacuation that the slots freed by the finished operation call for. It moves
// entries: nothing that refers to them may be kept across it.
func (sp *space) tidy() {
	for sp.slabs.freed != 0 {
		class := uint8(bits.TrailingZeros64(sp.slabs.freed))
		sp.slabs.freed &^= 1 << class
		pending := sp.slabs.freed
		sp.evacuate(class, movesPerFree)
		sp.slabs.freed = pending
	}
}

// evacuate moves up to that many entries out of the class's sparsest chunks and reports whether there is more to do.
func (sp *space) evacuate(class uint8, moves int) bool {
	s := &sp.slabs
	c := &s.classes[class]
	if c.victim == 0 && !s.chooseVictim(class) {
		return false
	}
	for looks := moves * slotsLookedAt; moves > 0 && looks > 0 && c.victim != 0; looks-- {
		if c.victimAt >= s.info[c.victim].bump {
			panic("store: an evacuated chunk is not empty")
		}
		ref := makeRef(c.victim, class, c.victimAt)
		c.victimAt++
		if s.bytes(ref)[0] == freeMark {
			continue
		}
		sp.moveEntry(ref, class)
		moves--
	}
	return true
}

// moveEntry gives an entry another slot of its class.
func (sp *space) moveEntry(ref uint64, class uint8) {
	hash := sp.hashAt(ref)
	slot := sp.table.findRef(hash, ref)
	size := int(slotSizes[class])
	to := sp.slabs.alloc(size)
	copy(sp.slabs.bytes(to)[:size], sp.slabs.bytes(ref)[:size])
	*slot = *slot&^refMask | to
	sp.slabs.free(ref)
}

// chooseVictim picks a chunk of the class to evacuate if it has become sparse.
func (s *slabs) chooseVictim(class uint8) bool {
	c := &s.classes[class]
	perChunk := slotsPerChunk(class)
	capacity := len(c.all) * perChunk
	if capacity-c.used <= capacity/4+perChunk {
		return false
	}
	var best uint32
	for range min(sampledChunks, len(c.all)) {
		c.sample++
		id := c.all[c.sample%uint32(len(c.all))]
		if best == 0 || s.info[id].used < s.info[best].used {
			best = id
		}
	}
	if int(s.info[best].used)*8 > perChunk*victimMaxEighth {
		return false
	}
	s.closeChunk(best)
	s.info[best].victim = true
	c.victim, c.victimAt = best, 0
	return true
}
