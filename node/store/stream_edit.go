package store

import "holdfast/node/listpack"

// Append puts an entry at the end. Its id must be behind the last one.
func (s *Stream) Append(id StreamID, pairs [][]byte) {
	var scratch [256]byte
	fields := appendFields(scratch[:0], pairs)
	last := s.blocks.last()
	if last.leaf < 0 || s.full(s.blocks.at(last), pairs) {
		if last.leaf >= 0 {
			s.resize(last, (*streamBlock).trim)
		}
		last = s.open(id, fields, pairs)
	}
	b := s.blocks.change(last)
	held := cap(b.data)
	b.add(id, fields, pairs)
	s.held += int64(cap(b.data) - held)
	s.length++
	s.added++
	s.last = id
	if s.length == 1 {
		s.first = id
	}
}

// full reports whether an entry has to begin a block of its own: as Redis, which goes by the bytes of the texts, and by
// what its listpack has already.
func (s *Stream) full(b *streamBlock, pairs [][]byte) bool {
	most := s.limits.StreamBytes
	if most <= 0 || most > maxBlock {
		most = maxBlock
	}
	size := b.listpackSize()
	for _, p := range pairs {
		size += len(p)
	}
	return size >= most || s.limits.StreamEntries > 0 && int(b.live+b.dead) >= s.limits.StreamEntries
}

// open begins a block at the end.
func (s *Stream) open(id StreamID, fields []byte, pairs [][]byte) idPlace {
	size := 0
	for i := 1; i < len(pairs); i += 2 {
		size += listpack.Size(pairs[i])
	}
	if s.blocks.count > 0 { // many are, and this one will be full
		size = max(size, openBlock/2)
	}
	s.insertBlock(s.blocks.seek(id), newStreamBlock(id, fields, size+2))
	return s.blocks.last()
}

// insertBlock puts a block where it belongs.
func (s *Stream) insertBlock(p idPlace, b streamBlock) {
	s.nodes += s.nodesFor(p, b.id)
	s.blocks.insert(p, b)
	s.held += int64(cap(b.data))
}

// removeBlock takes out a block with all its entries.
func (s *Stream) removeBlock(p idPlace) {
	b := *s.blocks.at(p)
	s.held -= int64(cap(b.data))
	s.length -= uint64(b.live)
	s.blocks.remove(p)
	s.nodes -= s.nodesFor(s.blocks.seek(b.id), b.id)
}

// resize does something to a block that changes what it holds.
func (s *Stream) resize(p idPlace, f func(b *streamBlock)) {
	b := s.blocks.change(p)
	held, live := cap(b.data), b.live
	f(b)
	s.held += int64(cap(b.data) - held)
	s.length -= uint64(live - b.live)
}

// Delete removes an entry, and reports whether it was there. FirstID and MaxDeletedID stay as they were: see Deleted.
func (s *Stream) Delete(id StreamID) bool {
	r := s.Range(id, id, false)
	if !r.Next() {
		return false
	}
	if r.block.live == 1 {
		s.removeBlock(r.place)
		return true
	}
	s.resize(r.place, func(b *streamBlock) { b.kill(&r.entry) })
	return true
}

// Deleted notes that entries were deleted, of which this was the last one.
func (s *Stream) Deleted(last StreamID) {
	if s.deleted.Before(last) {
		s.deleted = last
	}
	s.findFirst()
}

// findFirst finds the first entry again, after some were removed.
func (s *Stream) findFirst() {
	s.first = StreamID{}
	if p := (idPlace{}); s.blocks.valid(p) {
		s.first, _ = s.blocks.at(p).edge(false)
	}
}

// Trimming says which entries at the front of a stream are to go.
type Trimming struct {
	ByID   bool
	Length uint64   // how many may stay
	ID     StreamID // ByID: those before go
	Whole  bool     // only blocks as a whole
	Limit  int64    // most entries that go, in whole blocks; 0: any
}

// Trim removes entries from the front, and returns how many.
func (s *Stream) Trim(t Trimming) (removed int64) {
	for first := (idPlace{}); s.blocks.valid(first); {
		if !t.ByID && s.length <= t.Length {
			break
		}
		b := s.blocks.at(first)
		live := int64(b.live)
		if t.Limit > 0 && removed+live > t.Limit {
			break
		}
		if t.takes(s, b) {
			s.removeBlock(first)
			removed += live
			continue
		}
		if !t.Whole {
			removed += s.trimBlock(first, t)
		}
		break
	}
	if removed > 0 {
		s.findFirst()
	}
	return removed
}

// takes reports whether all of the first block goes.
func (t *Trimming) takes(s *Stream, b *streamBlock) bool {
	if t.ByID {
		return b.final.Before(t.ID)
	}
	return s.length-uint64(b.live) >= t.Length
}

// trimBlock removes entries from the front of a block of which some stay.
func (s *Stream) trimBlock(p idPlace, t Trimming) (removed int64) {
	length := s.length
	s.resize(p, func(b *streamBlock) {
		b.each(func(e *entryAt) bool {
			if t.ByID && !e.id.Before(t.ID) || !t.ByID && length <= t.Length {
				return false
			}
			if e.flags&entryDeleted == 0 {
				b.kill(e)
				removed++
				length--
			}
			return true
		})
	})
	return removed
}

// SetLastID sets the last id. It must not be before that of the last entry.
func (s *Stream) SetLastID(id StreamID) { s.last = id }

// SetAdded sets how many entries there have ever been.
func (s *Stream) SetAdded(n int64) { s.added = uint64(n) }

// SetMaxDeletedID sets the greatest id of an entry that was deleted.
func (s *Stream) SetMaxDeletedID(id StreamID) { s.deleted = id }

// EntriesUnknown is the number of entries before an id if it can't be told.
const EntriesUnknown = -1

// EntriesUpTo is how many entries were ever added up to an id, if that can be told without counting them.
func (s *Stream) EntriesUpTo(id StreamID) int64 {
	switch {
	case s.added == 0:
		return 0
	case s.length == 0 && !s.last.Before(id), id == s.last:
		return int64(s.added)
	case s.last.Before(id), !s.deleted.IsZero() && !s.deleted.Before(s.first):
		return EntriesUnknown
	case id.Before(s.first):
		return int64(s.added - s.length)
	case id == s.first:
		return int64(s.added - s.length + 1)
	}
	return EntriesUnknown
}

// hasDeleted reports whether an entry that was deleted may be missing from an id on.
func (s *Stream) hasDeleted(from StreamID) bool {
	return s.length > 0 && !s.deleted.IsZero() && !s.deleted.Before(s.first) && !s.deleted.Before(from)
}
