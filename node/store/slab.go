package store

// Entries live in slots of fixed size classes, cut from chunks of 64 KiB that hold no pointers: the
// garbage collector sees one object a chunk and scans none of it. A reference is the
// chunk's number and the slot's offset in units of eight bytes; 0 refers to nothing.
//
// A freed slot goes on its chunk's free list (inside the slot) and is the next to be reused in
// its class. An empty chunk is released at once, except for two that are kept for whichever class
// needs one next. Chunks that have become sparse are emptied by evacuate.go.
const (
	chunkSize  = 64 << 10
	chunkShift = 13 // bits of a reference that address the slot in its chunk
	granule    = 8
	spareLimit = 2

	minSlot    = 16
	maxSlot    = 4096
	classSteps = 8 // size classes a doubling, above 128 bytes
	classCount = 15 + 5*classSteps

	freeMark = 0xff // first byte of a slot on a free list
)

type chunk [chunkSize]byte

type chunkInfo struct {
	class  uint8
	used   uint16 // slots in use
	bump   uint16 // slots below this were used at some time
	free   uint16 // 1 + the first slot on the free list, 0 when empty
	all    uint32 // index of the chunk in its class's all
	open   int32  // index of the chunk in its class's open, -1 when it is not there
	victim bool   // being evacuated: takes no new entries
}

// sizeClass is what is known of all chunks of one slot size.
type sizeClass struct {
	all      []uint32 // chunks
	open     []uint32 // chunks with room for another entry
	used     int      // slots in use
	victim   uint32   // the chunk being evacuated, 0 for none
	victimAt uint16   // slots below this are moved
	sample   uint32   // where the search for a victim goes on
}

type slabs struct {
	chunks  []*chunk // by number; number 0 is never used
	info    []chunkInfo
	unused  []uint32 // numbers without a chunk
	spare   []*chunk
	held    int   // chunks in use
	live    int64 // bytes of the slots in use
	classes [classCount]sizeClass
	freed   uint64 // classes in which a slot was freed since the last tidy, a bit each
}

// slotSizes is the size of each class's slots: steps of 8 up to 128, then eight a doubling.
var slotSizes = func() (sizes [classCount]uint16) {
	size, step := minSlot, granule
	for i := range sizes {
		sizes[i] = uint16(size)
		if size >= 128 && size&(size-1) == 0 {
			step = size / classSteps
		}
		size += step
	}
	return sizes
}()

// classOf gives the class for a size, by size in granules rounded up.
var classOf = func() (classes [maxSlot/granule + 1]uint8) {
	class := 0
	for i := range classes {
		for int(slotSizes[class]) < i*granule {
			class++
		}
		classes[i] = uint8(class)
	}
	return classes
}()

func classFor(size int) uint8 { return classOf[(size+granule-1)/granule] }

func slotsPerChunk(class uint8) int { return chunkSize / int(slotSizes[class]) }

// bytes returns the memory from the slot at ref to its chunk's end.
func (s *slabs) bytes(ref uint64) []byte {
	return s.chunks[ref>>chunkShift][ref&(1<<chunkShift-1)*granule:]
}

func (s *slabs) classAt(ref uint64) uint8 { return s.info[ref>>chunkShift].class }

func makeRef(id uint32, class uint8, slot uint16) uint64 {
	return uint64(id)<<chunkShift | uint64(slot)*uint64(slotSizes[class])/granule
}

// alloc returns an unused slot for size bytes. Its content is arbitrary.
func (s *slabs) alloc(size int) uint64 {
	class := classFor(size)
	c := &s.classes[class]
	if len(c.open) == 0 {
		s.addChunk(class)
	}
	id := c.open[len(c.open)-1]
	in := &s.info[id]
	var slot uint16
	if in.free != 0 {
		slot = in.free - 1
		b := s.bytes(makeRef(id, class, slot))
		in.free = uint16(b[2]) | uint16(b[3])<<8
	} else {
		slot = in.bump
		in.bump++
	}
	in.used++
	c.used++
	s.live += int64(slotSizes[class])
	if int(in.used) == slotsPerChunk(class) {
		s.closeChunk(id)
	}
	return makeRef(id, class, slot)
}

// free gives a slot back. Only its first four bytes change until it is allocated again, so a
// key or value in it can still be read by the operation that freed it.
func (s *slabs) free(ref uint64) {
	id := uint32(ref >> chunkShift)
	in := &s.info[id]
	c := &s.classes[in.class]
	s.freed |= 1 << in.class
	in.used--
	c.used--
	s.live -= int64(slotSizes[in.class])
	if in.used == 0 {
		s.release(id)
		return
	}
	b := s.bytes(ref)
	b[0], b[2], b[3] = freeMark, byte(in.free), byte(in.free>>8)
	in.free = uint16((ref&(1<<chunkShift-1))*granule/uint64(slotSizes[in.class])) + 1
	if in.open < 0 && !in.victim {
		in.open = int32(len(c.open))
		c.open = append(c.open, id)
	}
}

func (s *slabs) addChunk(class uint8) {
	var mem *chunk
	if n := len(s.spare); n > 0 {
		mem = s.spare[n-1]
		s.spare = s.spare[:n-1]
	} else {
		mem = new(chunk)
	}
	if len(s.chunks) == 0 {
		s.chunks = append(s.chunks, nil)
		s.info = append(s.info, chunkInfo{})
	}
	var id uint32
	if n := len(s.unused); n > 0 {
		id = s.unused[n-1]
		s.unused = s.unused[:n-1]
	} else {
		id = uint32(len(s.chunks))
		s.chunks = append(s.chunks, nil)
		s.info = append(s.info, chunkInfo{})
	}
	c := &s.classes[class]
	s.chunks[id] = mem
	s.info[id] = chunkInfo{class: class, all: uint32(len(c.all)), open: int32(len(c.open))}
	c.all = append(c.all, id)
	c.open = append(c.open, id)
	s.held++
}

// closeChunk takes a chunk off its class's list of those with room.
func (s *slabs) closeChunk(id uint32) {
	in := &s.info[id]
	if in.open < 0 {
		return
	}
	c := &s.classes[in.class]
	last := len(c.open) - 1
	moved := c.open[last]
	c.open[in.open] = moved
	s.info[moved].open = in.open
	c.open = c.open[:last]
	in.open = -1
}

// release gives up a chunk without entries.
func (s *slabs) release(id uint32) {
	s.closeChunk(id)
	in := &s.info[id]
	c := &s.classes[in.class]
	last := len(c.all) - 1
	moved := c.all[last]
	c.all[in.all] = moved
	s.info[moved].all = in.all
	c.all = c.all[:last]
	if c.victim == id {
		c.victim = 0
	}
	if len(s.spare) < spareLimit {
		s.spare = append(s.spare, s.chunks[id])
	}
	s.chunks[id] = nil
	s.info[id] = chunkInfo{}
	s.unused = append(s.unused, id)
	s.held--
}

func (s *slabs) memory() int64 {
	n := int64(s.held+len(s.spare))*chunkSize + int64(cap(s.chunks))*8 + int64(cap(s.info))*20 + int64(cap(s.unused))*4
	for i := range s.classes {
		n += int64(cap(s.classes[i].all)+cap(s.classes[i].open)) * 4
	}
	return n
}
