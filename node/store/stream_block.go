package store

import (
	"encoding/binary"
	"fmt"
	"math"

	"holdfast/internal/bulk"
	"holdfast/node/listpack"
)

// streamBlock is a run of entries. Redis keeps each in a listpack; what one holds is all here, but takes less: elements
// have no length behind them, and an id is told by the one before it. A listpack is made of it when a snapshot or a
// payload needs one.
//
// The data is the fields of the block's first entry (how many there are, varint, and the elements), and then, for each
// entry,
//
//	0  flags: is deleted, has the block's fields, and how its id follows from the one before it
//	   its id, as the flags say
//	   how many fields it has, varint, and field and value of each; of the block's fields the values alone
//
// All elements are bare ones of package listpack.
type streamBlock struct {
	id      StreamID // of the entry that began the block; it need not be there any more
	final   StreamID // of the last entry, which may be deleted
	data    []byte
	entries uint32 // where the entries begin
	body    uint32 // what the elements of its listpack take, but for the first two, which count live and dead
	live    uint32 // entries
	dead    uint32 // entries that are marked as deleted
	own     bool   // nobody else has the data
}

// The flags of an entry. The two bits of entryID say what its id is.
const (
	entryDeleted = 1 << iota
	entrySame    // it has the block's fields

	entryID     = 3 << 2
	idFollows   = 0 << 2 // the number after that of the entry before it
	idLater     = 1 << 2 // number 0, so many milliseconds later: a varint
	idAnywhere  = 2 << 2 // so many milliseconds later, which may be negative, and its number: varints
	idSame      = 3 << 2 // the one before it: of the first entry, that of the block
	lpElements  = 3      // elements of an entry in a listpack: flags, and what to add to both parts of the block's id
	lpFrame     = 7      // bytes of a listpack besides its elements
	maxBlock    = 1 << 30
	openBlock   = 4 << 10 // a block that is being added to has no more room than this for nothing
	lpSame      = 2       // the flags as a listpack has them
	lpDeleted   = 1
	lpMostFlags = lpSame | lpDeleted
)

func (b streamBlock) ident() StreamID { return b.id }

func (b streamBlock) lent() streamBlock {
	b.own = false
	return b
}

// listpackSize is how many bytes Redis needs for the block.
func (b *streamBlock) listpackSize() int {
	return lpFrame + listpack.SizeOfInt(int64(b.live)) + listpack.SizeOfInt(int64(b.dead)) + int(b.body)
}

// appendFields puts the names of an entry, which stand in every second of pairs, the way a block has them.
func appendFields(dst []byte, pairs [][]byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		dst = listpack.AppendBare(dst, pairs[i])
	}
	return dst
}

// newStreamBlock is a block without an entry, for entries of these fields.
func newStreamBlock(id StreamID, fields []byte, size int) streamBlock {
	b := streamBlock{id: id, final: id, entries: uint32(len(fields)), own: true}
	b.data = append(newBlock(len(fields)+size), fields...)
	n, at := binary.Uvarint(fields)
	b.body = uint32(listpack.SizeOfInt(int64(n)) + listpack.SizeOfInt(0))
	for at < len(fields) {
		size := listpack.SkipBare(fields[at:])
		b.body += uint32(listpack.SizeOfBare(size))
		at += size
	}
	return b
}

// appendEntry appends an entry's flags and id.
func (b *streamBlock) appendHead(dst []byte, id StreamID, flags byte) []byte {
	before := b.final
	switch ms := id.Ms - before.Ms; {
	case b.live+b.dead == 0 && id == before:
		return append(dst, flags|idSame)
	case ms == 0 && id.Seq == before.Seq+1 && id.Seq > 0:
		return append(dst, flags|idFollows)
	case id.Seq == 0 && ms > 0 && ms <= math.MaxInt64:
		return binary.AppendUvarint(append(dst, flags|idLater), ms)
	default:
		return binary.AppendUvarint(binary.AppendVarint(append(dst, flags|idAnywhere), int64(ms)), id.Seq)
	}
}

// add puts an entry behind all others. The pairs are fields and values; fields are those of pairs as appendFields makes
// them, or nil, which is for values of the block's fields alone.
func (b *streamBlock) add(id StreamID, fields []byte, pairs [][]byte) {
	n := len(pairs) / 2
	same := string(fields) == string(b.data[:b.entries])
	flags, elements := byte(0), lpElements+2*n+1
	if same {
		flags, elements = entrySame, lpElements+n
	}
	b.grow(pairs)
	data := b.appendHead(b.data, id, flags)
	body := listpack.SizeOfInt(int64(flags)) + listpack.SizeOfInt(int64(id.Ms-b.id.Ms)) +
		listpack.SizeOfInt(int64(id.Seq-b.id.Seq)) + listpack.SizeOfInt(int64(elements))
	step, i := 2, 1
	if !same {
		data = binary.AppendUvarint(data, uint64(n))
		body += listpack.SizeOfInt(int64(n))
		step, i = 1, 0
	}
	for ; i < len(pairs); i += step {
		at := len(data)
		data = listpack.AppendBare(data, pairs[i])
		body += listpack.SizeOfBare(len(data) - at)
	}
	b.data, b.final = data, id
	b.body += uint32(body)
	b.live++
}

// grow makes room for an entry, if need be as much as there is data already.
func (b *streamBlock) grow(pairs [][]byte) {
	const perElement, perEntry = 9, 32
	need := perEntry
	for _, p := range pairs {
		need += len(p) + perElement
	}
	if b.own && cap(b.data)-len(b.data) >= need {
		return
	}
	size := max(len(b.data)+need, min(2*len(b.data), openBlock))
	b.data, b.own = bulk.Append(newBlock(size), b.data), true
}

// trim gives back the room that a block that is added to no more has.
func (b *streamBlock) trim() {
	if cap(b.data)-len(b.data) > 16+len(b.data)/16 {
		b.data, b.own = block(b.data), true
	}
}

// entryAt is an entry of a block: what is known when its flags and id have been read.
type entryAt struct {
	id     StreamID
	at     int // its flags
	values int // where the elements begin: values, or fields and values
	n      int // fields
	flags  byte
}

// read reads flags and id of the entry at at, before which stands one with the id before. What follows the entry is
// behind its elements: see skip.
func (b *streamBlock) read(at int, before StreamID, fields int) (e entryAt) {
	d := b.data
	e.at, e.flags, e.id, e.n = at, d[at], before, fields
	at++
	switch e.flags & entryID {
	case idFollows:
		e.id.Seq++
	case idLater:
		ms, size := uvarint(d[at:])
		e.id = StreamID{before.Ms + ms, 0}
		at += size
	case idAnywhere:
		ms, size := binary.Varint(d[at:])
		at += size
		e.id.Ms = before.Ms + uint64(ms)
		e.id.Seq, size = binary.Uvarint(d[at:])
		at += size
	}
	if e.flags&entrySame == 0 {
		n, size := uvarint(d[at:])
		e.n = int(n)
		at += size
	}
	e.values = at
	return e
}

// uvarint is binary.Uvarint, quick for what is small.
func uvarint(b []byte) (uint64, int) {
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// elements is how many an entry has in its block.
func (e *entryAt) elements() int {
	if e.flags&entrySame != 0 {
		return e.n
	}
	return 2 * e.n
}

// skip is where the entry after this one begins.
func (b *streamBlock) skip(e *entryAt) int {
	at := e.values
	for n := e.elements(); n > 0; n-- {
		at += listpack.SkipBare(b.data[at:])
	}
	return at
}

// fields is how many the block's first entry had.
func (b *streamBlock) fields() int {
	n, _ := uvarint(b.data)
	return int(n)
}

// each calls f with all entries of a block, those that are deleted too, until it returns false.
func (b *streamBlock) each(f func(e *entryAt) bool) {
	n, before := b.fields(), b.id
	var e entryAt // one for all: it is on the heap
	for at := int(b.entries); at < len(b.data); {
		if e = b.read(at, before, n); !f(&e) {
			return
		}
		before, at = e.id, b.skip(&e)
	}
}

// kill marks an entry as deleted.
func (b *streamBlock) kill(e *entryAt) {
	if !b.own {
		b.data, b.own = sameSize(b.data), true
	}
	b.data[e.at] |= entryDeleted
	b.live--
	b.dead++
}

// listpack makes the block's listpack in the memory of dst.
func (b *streamBlock) listpack(dst []byte) []byte {
	dst = listpack.Begin(dst)
	dst = listpack.AppendIntElement(dst, int64(b.live))
	dst = listpack.AppendIntElement(dst, int64(b.dead))
	n := b.fields()
	dst = listpack.AppendIntElement(dst, int64(n))
	count := 4 + n
	_, at := uvarint(b.data)
	for rest := b.data[at:b.entries]; len(rest) > 0; {
		dst, rest = listpack.AppendFromBare(dst, rest)
	}
	dst = listpack.AppendIntElement(dst, 0)
	b.each(func(e *entryAt) bool {
		flags, elements := e.flags&(entryDeleted|entrySame), lpElements+e.elements()
		dst = listpack.AppendIntElement(dst, int64(flags))
		dst = listpack.AppendIntElement(dst, int64(e.id.Ms-b.id.Ms))
		dst = listpack.AppendIntElement(dst, int64(e.id.Seq-b.id.Seq))
		if flags&entrySame == 0 {
			dst = listpack.AppendIntElement(dst, int64(e.n))
			elements++
		}
		rest := b.data[e.values:]
		for range e.elements() {
			dst, rest = listpack.AppendFromBare(dst, rest)
		}
		dst = listpack.AppendIntElement(dst, int64(elements))
		count += elements + 1
		return true
	})
	return listpack.End(dst, count)
}

// check verifies a block.
func (b *streamBlock) check() error {
	live, dead := uint32(0), uint32(0)
	var final, lastLive StreamID
	ordered := true
	b.each(func(e *entryAt) bool {
		final = e.id
		if e.flags&entryDeleted != 0 {
			dead++
			return true
		}
		ordered = ordered && !e.id.Before(b.id) && (live == 0 || lastLive.Before(e.id))
		lastLive = e.id
		live++
		return true
	})
	switch {
	case live != b.live || dead != b.dead || live == 0:
		return fmt.Errorf("%d entries, %d deleted; counted are %d, %d", live, dead, b.live, b.dead)
	case final != b.final:
		return fmt.Errorf("it ends with %v instead of %v", final, b.final)
	case !ordered:
		return errIDOrder
	}
	lp := b.listpack(nil)
	if len(lp) != b.listpackSize() {
		return fmt.Errorf("its listpack has %d bytes instead of %d", len(lp), b.listpackSize())
	}
	return listpack.Validate(lp, true)
}
