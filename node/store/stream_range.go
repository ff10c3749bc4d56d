package store

import (
	"strconv"

	"holdfast/node/listpack"
)

// StreamRange goes through entries of a stream that does not change meanwhile. Next comes before each.
type StreamRange struct {
	ID StreamID // of the present entry

	s        *Stream
	from, to StreamID
	rev      bool

	place  idPlace
	block  *streamBlock // nil: the next one is to be entered
	fields int          // of the block
	at     int          // where the next entry begins; backwards it is the number of that in list, plus 1
	before StreamID     // of the entry before that
	entry  entryAt

	list  []entryAt   // backwards: a stretch of the block
	marks []entryMark // the first entries of the stretches before that
	end   int         // where the last of these ends

	elements, names int // where the next parts of the present entry are
	left            int // how many elements of it were not read
}

// StreamText is a field or value: text, or a number that stands for its text.
type StreamText struct {
	Bytes []byte // in the stream's memory; nil: it is the number
	Int   int64
}

// Text is the text. A number is formatted into scratch.
func (t StreamText) Text(scratch []byte) []byte {
	if t.Bytes == nil {
		return strconv.AppendInt(scratch[:0], t.Int, 10)
	}
	return t.Bytes
}

// Range goes through the entries from one id to another, both included, or the other way.
func (s *Stream) Range(from, to StreamID, rev bool) StreamRange {
	r := StreamRange{s: s, from: from, to: to, rev: rev}
	edge := from
	if rev {
		edge = to
	}
	r.place = s.blockFor(edge)
	return r
}

// blockFor is the place of the block that has an id, if any has; if it is before all blocks, that of the first.
func (s *Stream) blockFor(id StreamID) idPlace {
	x := &s.blocks
	if last := x.last(); last.leaf >= 0 && !id.Before(x.at(last).id) {
		return last
	}
	p := x.seek(id)
	if x.valid(p) && x.at(p).id != id {
		if prev := x.prev(p); prev.leaf >= 0 {
			return prev
		}
	}
	return p
}

// Next goes to the next entry, and reports whether there is one.
func (r *StreamRange) Next() bool {
	if r.rev {
		return r.previous()
	}
	for {
		if r.block == nil && !r.enter() {
			return false
		}
		b := r.block
		if r.at < 0 {
			for ; r.left > 0; r.left-- {
				r.elements += listpack.SkipBare(b.data[r.elements:])
			}
			r.at = r.elements
		}
		for r.at < len(b.data) {
			e := b.read(r.at, r.before, r.fields)
			r.before = e.id
			if e.flags&entryDeleted != 0 || e.id.Before(r.from) {
				r.at = b.skip(&e)
				continue
			}
			if r.to.Before(e.id) {
				return false
			}
			r.take(e)
			r.at = -1 // where the entry ends, once it was read
			return true
		}
		r.leave(r.s.blocks.next(r.place))
	}
}

// enter begins with the block at the range's place.
func (r *StreamRange) enter() bool {
	if !r.s.blocks.valid(r.place) {
		return false
	}
	r.block = r.s.blocks.at(r.place)
	r.fields, r.at, r.before = r.block.fields(), int(r.block.entries), r.block.id
	return true
}

func (r *StreamRange) leave(to idPlace) { r.place, r.block = to, nil }

func (r *StreamRange) previous() bool {
	for {
		if r.block == nil {
			if !r.enter() {
				return false
			}
			r.divide()
		}
		for r.at > 0 || r.stepBack() {
			r.at--
			e := r.list[r.at]
			if e.flags&entryDeleted != 0 || r.to.Before(e.id) {
				continue
			}
			if e.id.Before(r.from) {
				return false
			}
			r.take(e)
			return true
		}
		r.leave(r.s.blocks.prev(r.place))
	}
}

// stretchEntries is how many entries of a block are read at once, backwards: the block may be large.
const stretchEntries = 32

// entryMark is where an entry begins, and the id of the one before it.
type entryMark struct {
	at     int
	before StreamID
}

// divide finds the stretches of the block: its entries can only be read forward.
func (r *StreamRange) divide() {
	b, n := r.block, int(r.block.live+r.block.dead)
	r.at, r.end, r.marks = 0, len(b.data), r.marks[:0]
	if need := (n + stretchEntries - 1) / stretchEntries; cap(r.marks) < need {
		r.marks = make([]entryMark, 0, need)
	}
	if r.list == nil {
		r.list = make([]entryAt, 0, min(n, stretchEntries))
	}
	before := b.id
	for i, at := 0, int(b.entries); at < r.end; i++ {
		if i%stretchEntries == 0 {
			r.marks = append(r.marks, entryMark{at, before})
		}
		e := b.read(at, before, r.fields)
		before, at = e.id, b.skip(&e)
	}
}

// stepBack reads the stretch before the one that was read last, and reports whether there is one.
func (r *StreamRange) stepBack() bool {
	if len(r.marks) == 0 {
		return false
	}
	m := r.marks[len(r.marks)-1]
	r.marks, r.list = r.marks[:len(r.marks)-1], r.list[:0]
	for at, before := m.at, m.before; at < r.end; {
		e := r.block.read(at, before, r.fields)
		r.list = append(r.list, e)
		before, at = e.id, r.block.skip(&e)
	}
	r.at, r.end = len(r.list), m.at
	return true
}

func (r *StreamRange) take(e entryAt) {
	r.entry, r.ID = e, e.id
	r.elements, r.names, r.left = e.values, 0, e.elements()
}

// Fields is how many pairs the present entry has.
func (r *StreamRange) Fields() int { return r.entry.n }

// Pair is the next pair of the present entry.
func (r *StreamRange) Pair() (field, value StreamText) {
	d := r.block.data
	if r.entry.flags&entrySame != 0 {
		if r.names == 0 {
			_, r.names = uvarint(d)
		}
		field, r.names = textAt(d, r.names)
	} else {
		field = r.element()
	}
	return field, r.element()
}

// textAt is the element at at, and where the next one is.
func textAt(d []byte, at int) (t StreamText, next int) {
	s, n, size := listpack.ReadBare(d[at:])
	return StreamText{Bytes: s, Int: n}, at + size
}

// Names is where the names of the present entry's fields stand, as the block has them: two entries of which it is the
// same memory have the same fields. Nil: the entry has its own.
func (r *StreamRange) Names() []byte {
	if r.entry.flags&entrySame == 0 {
		return nil
	}
	return r.block.data[:r.block.entries]
}

// EachName calls f with the names of the fields that the block has.
func (r *StreamRange) EachName(f func(name StreamText)) {
	d := r.block.data
	_, at := uvarint(d)
	for at < int(r.block.entries) {
		var name StreamText
		name, at = textAt(d, at)
		f(name)
	}
}

// Value is the next value of the present entry, of which Names is not nil and Pair was not called.
func (r *StreamRange) Value() StreamText { return r.element() }

func (r *StreamRange) element() (t StreamText) {
	r.left--
	t, r.elements = textAt(r.block.data, r.elements)
	return t
}

// edge is the id of the first entry of a block, or of the last, that is not deleted.
func (b *streamBlock) edge(last bool) (id StreamID, found bool) {
	if last && b.dead == 0 {
		return b.final, true
	}
	n, before := b.fields(), b.id
	for at := int(b.entries); at < len(b.data) && (last || !found); {
		e := b.read(at, before, n)
		if e.flags&entryDeleted == 0 {
			id, found = e.id, true
		}
		before, at = e.id, b.skip(&e)
	}
	return id, found
}

// TopID is the id of the last entry that is there; 0-0 if there is none.
func (s *Stream) TopID() StreamID {
	p := s.blocks.last()
	if p.leaf < 0 {
		return StreamID{}
	}
	id, _ := s.blocks.at(p).edge(true) // a block has an entry that is there
	return id
}

// EdgeID is the id of the first entry of the first block, which may be deleted; without blocks it is the last id there
// is.
func (s *Stream) EdgeID() (id StreamID) {
	p := idPlace{}
	if !s.blocks.valid(p) {
		return MaxStreamID
	}
	s.blocks.at(p).each(func(e *entryAt) bool {
		id = e.id
		return false
	})
	return id
}

// Has reports whether there is an entry with an id.
func (s *Stream) Has(id StreamID) bool {
	r := s.Range(id, id, false)
	return r.Next()
}

// EachListpack calls f with the ids and listpacks of all blocks until it returns false. They are valid during the call.
func (s *Stream) EachListpack(f func(id StreamID, lp []byte) bool) {
	var lp []byte
	for p := (idPlace{}); s.blocks.valid(p); p = s.blocks.next(p) {
		b := s.blocks.at(p)
		lp = b.listpack(lp)
		if !f(b.id, lp) {
			return
		}
	}
}
