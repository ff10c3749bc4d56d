package store

import "fmt"

// Check verifies the invariants of the whole store (doc.go lists them) and describes the first that is broken. It reads
// everything.
func (s *Store) Check() error {
	for _, d := range s.dbs {
		if err := d.space.check(); err != nil {
			return fmt.Errorf("database %d: %w", d.index, err)
		}
	}
	return nil
}

func (sp *space) check() error {
	c := checker{sp: sp, live: make(map[uint64]bool), records: make(map[uint32]bool)}
	for _, f := range []func() error{c.index, c.entries, c.slabs, c.large, sp.checkFields} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// checker collects what the index refers to and compares everything else with that.
type checker struct {
	sp      *space
	live    map[uint64]bool // references in the index
	records map[uint32]bool // large records of live entries
}

// index verifies the index by itself, and that it leads to every entry by its key.
func (c *checker) index() error {
	sp := c.sp
	if err := sp.table.check(); err != nil {
		return err
	}
	expires := 0
	var err error
	sp.table.each(func(ref uint64) bool {
		c.live[ref] = true
		it := sp.item(ref)
		slot := sp.find(sp.hashAt(ref), it.key)
		switch has := it.expireAt >= 0; {
		case slot == nil || *slot&refMask != ref:
			err = fmt.Errorf("key %q is there twice", it.key)
		case has != (*slot&ttlBit != 0):
			err = fmt.Errorf("key %q: the index disagrees on its having an expiry", it.key)
		case has:
			expires++
		}
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case len(c.live) != sp.table.count:
		return fmt.Errorf("%d slots of the index lead to %d entries", sp.table.count, len(c.live))
	case expires != sp.expires:
		return fmt.Errorf("%d entries have an expiry, %d are counted", expires, sp.expires)
	}
	return nil
}

// entries checks that each entry is in a slot of the class for its size.
func (c *checker) entries() error {
	sp := c.sp
	unfinished, gen := sp.store.unfinished, sp.store.gen
	for ref := range c.live {
		b := sp.slabs.bytes(ref)
		size := largeSize
		if b[1]&flagLarge != 0 {
			rec := largeRec(b)
			if rec >= sp.large.n || c.records[rec] {
				return fmt.Errorf("entry %#x: large record %d is missing or taken", ref, rec)
			}
			c.records[rec] = true
		} else {
			size = parse(b).end
		}
		if err := sp.item(ref).check(); err != nil {
			return fmt.Errorf("key %q: %w", sp.keyAt(b), err)
		}
		if got := sp.slabs.classAt(ref); got != classFor(size) {
			return fmt.Errorf("entry %#x of %d bytes is in size class %d", ref, size, got)
		}
		if unfinished == 0 && b[1]>>genShift != gen {
			return fmt.Errorf("entry %#x has generation %d, all should have %d", ref, b[1]>>genShift, gen)
		}
	}
	return nil
}

// slabs checks the counts and lists of chunks and classes.
func (c *checker) slabs() error {
	s := &c.sp.slabs
	used := make([]int, len(s.chunks))
	for ref := range c.live {
		used[ref>>chunkShift]++
	}
	held, live := 0, int64(0)
	for class := range s.classes {
		sc := &s.classes[class]
		total := 0
		held += len(sc.all)
		for i, id := range sc.all {
			in := &s.info[id]
			if int(in.class) != class || int(in.all) != i || s.chunks[id] == nil || in.victim != (sc.victim == id) {
				return fmt.Errorf("chunk %d is misfiled in size class %d", id, class)
			}
			if used[id] != int(in.used) || in.used == 0 {
				return fmt.Errorf("chunk %d has %d entries and counts %d", id, used[id], in.used)
			}
			total += used[id]
			room := int(in.used) < slotsPerChunk(uint8(class)) && !in.victim
			if room != (in.open >= 0) || room && sc.open[in.open] != id {
				return fmt.Errorf("chunk %d: having room is %v, its place among those with room %d", id, room, in.open)
			}
			if err := s.checkFree(id); err != nil {
				return err
			}
		}
		if total != sc.used {
			return fmt.Errorf("size class %d has %d entries and counts %d", class, total, sc.used)
		}
		live += int64(total) * int64(slotSizes[class])
	}
	if live != s.live {
		return fmt.Errorf("%d bytes of slots are in use, %d are counted", live, s.live)
	}
	if held != s.held {
		return fmt.Errorf("%d chunks are in classes, %d are counted", held, s.held)
	}
	return nil
}

// checkFree checks that a chunk's free list and its used slots make up all slots below bump.
func (s *slabs) checkFree(id uint32) error {
	in := &s.info[id]
	n := int(in.used)
	for at := in.free; at != 0; n++ {
		b := s.bytes(makeRef(id, in.class, at-1))
		if at > in.bump || b[0] != freeMark || n > int(in.bump) {
			return fmt.Errorf("chunk %d: the free list is damaged at slot %d", id, at-1)
		}
		at = uint16(b[2]) | uint16(b[3])<<8
	}
	if n != int(in.bump) {
		return fmt.Errorf("chunk %d: %d of %d slots are accounted for", id, n, in.bump)
	}
	return nil
}

// large checks that the records are those of live entries, and their bytes.
func (c *checker) large() error {
	l := &c.sp.large
	if len(c.records) != int(l.n) {
		return fmt.Errorf("%d large entries, %d records", len(c.records), l.n)
	}
	var bytes int64
	for i := range l.n {
		r := l.at(i)
		bytes += r.memory()
		if r.obj == nil {
			continue
		}
		if held := r.obj.memory(); held != r.held || r.val != nil {
			return fmt.Errorf("key %q: the object holds %d bytes and counts %d, or has bytes beside it", r.key, held,
				r.held)
		}
		if err := r.obj.check(); err != nil {
			return fmt.Errorf("key %q: %w", r.key, err)
		}
	}
	if bytes != l.bytes {
		return fmt.Errorf("large values hold %d bytes and count %d", bytes, l.bytes)
	}
	return nil
}
