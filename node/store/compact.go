package store

// A dict whose cells are removed or replaced leaves dead bytes in its arena. When more than a fifth of the arena is
// dead, the sparsest of a few sampled chunks is emptied: its cells move, one behind the other, to the open chunk, a
// piece with each change of the dict, in proportion to the bytes that died since. A victim is at most 7/8 alive, so
// eight bytes moved for each that died keep up with any change; the limit keeps each piece short.
const (
	compactDeadShare = 5 // begins when a 1/5 is dead
	compactRatio     = 8
	compactMin       = 64
	compactMax       = 8 << 10
	compactPerCell   = 16 // what it costs to look at a cell, in bytes moved
)

// compact does the piece of compaction that the last changes call for. It moves cells.
func (d *dict) compact() {
	a := &d.arena
	if a.owed == 0 || a.victim == 0 && !a.chooseVictim() {
		return
	}
	work := min(compactMin+compactRatio*a.owed, compactMax)
	for work > 0 && a.victim != 0 {
		work -= d.compactCell()
	}
	a.owed = 0 // also what died because it was moved
}

// compactCell moves the next cell of the victim, and returns what that cost.
func (d *dict) compactCell() int {
	a := &d.arena
	id := a.victim - 1
	from := uint64(id)<<arenaShift | uint64(a.victimAt)
	b := a.bytes(from)
	size, dead := sizeAt(b)
	a.victimAt += size
	if dead {
		return compactPerCell
	}
	hash := d.hashAt(from)
	slot := d.table.findRef(hash, from)
	to, dst := a.alloc(size)
	copy(dst, b[:size])
	*slot = *slot&^refMask | to
	if word, ok := d.word(to); ok && d.moved != nil {
		d.moved(d.name(to), word, from, to)
	}
	a.free(from)
	return compactPerCell + size
}

// chooseVictim picks a chunk to empty if enough of the arena is dead.
func (a *arena) chooseVictim() bool {
	if a.dead*compactDeadShare <= a.used || a.dead < arenaMinChunk {
		a.owed = 0
		return false
	}
	best := -1
	for range min(sampledChunks, len(a.chunks)) {
		a.sample = (a.sample + 1) % uint32(len(a.chunks))
		c := &a.chunks[a.sample]
		if len(c.data) == 0 {
			continue
		}
		if best < 0 || int(c.dead)*len(a.chunks[best].data) > int(a.chunks[best].dead)*len(c.data) {
			best = int(a.sample)
		}
	}
	if best < 0 || int(a.chunks[best].dead)*8 < len(a.chunks[best].data) {
		a.owed = 0
		return false
	}
	if a.open == uint32(best)+1 {
		a.open = 0
	}
	a.victim, a.victimAt = uint32(best)+1, 0
	return true
}
