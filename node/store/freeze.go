package store

import (
	"encoding/binary"
	"slices"

	"holdfast/internal/bulk"
)

// Frozen is a large value as it was at a moment: it can be read at leisure and by another goroutine while the store
// goes on changing. To make it takes as long as to list the blocks that the value is kept in; a packed collection is
// copied. Who changes a block afterwards, or a string, copies it before, once.
type Frozen struct {
	Item        // with the value, if that is a string, or a copy of one that is packed
	count  int  // elements of a collection
	timed  bool // a hash with fields that expire
	blocks [][]byte
	big    [][]byte
	nodes  []listNode
	stream *Stream
	thaw   func()
}

// freezeFrom is the size in bytes from which on it is worth while.
const freezeFrom = 64 << 10

// Freeze returns an item as it is now, if it is a large one. A value can be frozen once at a time, until Release.
func (s *Store) Freeze(it Item) (f *Frozen, ok bool) {
	if it.SizeInMemory() < freezeFrom {
		return nil, false
	}
	f = &Frozen{Item: it, count: it.Len(), thaw: func() {}}
	f.key, f.obj = slices.Clone(it.key), nil
	if it.typ == TypeString && it.large && len(it.val) > 0 {
		first := &it.val[0]
		s.lent[first] = struct{}{}
		f.thaw = func() { delete(s.lent, first) }
		return f, true
	}
	f.val = slices.Clone(it.val)
	if it.obj != nil {
		it.obj.freeze(f)
	}
	return f, true
}

func (f *Frozen) freezeDict(d *dict) {
	f.blocks, f.big = d.arena.freeze()
	f.thaw = d.arena.thaw
}

// Release ends it. It must be called where the store may be changed.
func (f *Frozen) Release() { f.thaw() }

// Len returns the number of elements of a collection.
func (f *Frozen) Len() int { return f.count }

// isLent reports whether a string is frozen: its bytes must stay as they are.
func (s *Store) isLent(val []byte) bool {
	if len(s.lent) == 0 || len(val) == 0 {
		return false
	}
	_, lent := s.lent[&val[0]]
	return lent
}

// Whole reports whether the value is in one piece, and not in blocks.
func (f *Frozen) Whole() bool { return f.val != nil }

// Timed reports whether it is a hash with fields that expire.
func (f *Frozen) Timed() bool { return f.timed }

// Nodes calls fn with the nodes of a list, as Item.ListNodes does.
func (f *Frozen) Nodes(fn func(b []byte, plain bool) bool) {
	eachNode(f.nodes, fn)
}

// NodeCount is how many times Nodes calls.
func (f *Frozen) NodeCount() int { return len(f.nodes) }

// Stream is the stream as it was.
func (f *Frozen) Stream() *Stream { return f.stream }

// Each calls fn with the elements of a set, hash or sorted set, in no particular order, until it returns false: names,
// the values of fields, and, if there is one, a word: the time of a field, or the bits of a score.
func (f *Frozen) Each(fn func(name, value []byte, word uint64, hasWord bool) bool) {
	for _, b := range f.big {
		if b != nil && !eachCell(b[:parseCell(b).end], fn) {
			return
		}
	}
	for _, b := range f.blocks {
		if !eachCell(b, fn) {
			return
		}
	}
}

func eachCell(b []byte, fn func(name, value []byte, word uint64, hasWord bool) bool) bool {
	for len(b) > 0 {
		size, dead := sizeAt(b)
		if !dead {
			c := parseCell(b)
			hasWord, word := c.flags&cellWord != 0, uint64(0)
			if hasWord {
				word = binary.LittleEndian.Uint64(b[c.word:])
			}
			if !fn(b[c.name:c.val], b[c.val:c.end], word, hasWord) {
				return false
			}
		}
		b = b[size:]
	}
	return true
}

// freeze returns the arena's cells as they are now. Until thaw, whoever writes to a cell calls own before.
func (a *arena) freeze() (chunks, big [][]byte) {
	a.frozen = true
	for i := range a.chunks {
		if c := &a.chunks[i]; len(c.data) > 0 {
			c.shared = true
			chunks = append(chunks, c.data)
		}
	}
	return chunks, slices.Clone(a.big)
}

func (a *arena) thaw() {
	a.frozen = false
	for i := range a.chunks {
		a.chunks[i].shared = false
	}
}

// own returns the memory that begins with the cell at ref for writing.
func (a *arena) own(ref uint64) []byte {
	if a.frozen {
		if ref&bigBit != 0 {
			b := &a.big[ref&^bigBit]
			*b = sameSize(*b)
		} else if c := &a.chunks[ref>>arenaShift]; c.shared {
			c.data, c.shared = sameSize(c.data), false
		}
	}
	return a.bytes(ref)
}

// sameSize copies a block with its spare room.
func sameSize(b []byte) []byte { return bulk.Append(make([]byte, 0, cap(b)), b) }

// freeze describes the list's nodes as they are now. Until thaw, whoever writes to a node calls own before.
func (l *list) freeze(f *Frozen) {
	f.nodes, f.thaw = make([]listNode, l.nodes.len()), l.thaw
	for i := range f.nodes {
		n := l.nodes.at(i)
		n.shared |= withFrozen
		f.nodes[i] = *n
	}
}

func (l *list) names() *dict { return nil }

func (l *list) thaw() {
	for i := range l.nodes.len() {
		l.nodes.at(i).shared &^= withFrozen
	}
}

// own returns a node for writing.
func (l *list) own(i int) *listNode {
	n := l.nodes.at(i)
	if n.shared != 0 {
		n.block, n.shared = sameSize(n.block), 0
	}
	return n
}
