package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"unsafe"

	"holdfast/internal/bulk"
)

// A dict is a large collection of named elements: a set (names), a hash (names and values, and a word, the
// expiry, for fields that have one) or what a sorted set looks up by member (names and words, the scores). Its
// cells stand in an arena and are found through a table like the keyspace's, with the same guarantee for scans;
// the table's expiry mark says which cells have a word.
//
// The reference of a cell is valid until the next put or remove. Names and values passed to these must not lie in the
// dict.
type dict struct {
	hasher *hasher
	table  table
	arena  arena
	// moved, if set, is told when compaction moves a cell that has a word.
	moved func(name []byte, word, from, to uint64)
}

func newDict(h *hasher) *dict {
	d := &dict{hasher: h}
	d.table = newTable(d)
	return d
}

func (d *dict) hashAt(ref uint64) uint64 { return d.hasher.sum(d.name(ref)) }

func (d *dict) peekAt(ref uint64) byte { return d.arena.bytes(ref)[0] }

// len returns the number of elements.
func (d *dict) len() int { return d.table.count }

// name returns the name of the cell at ref.
func (d *dict) name(ref uint64) []byte {
	b := d.arena.bytes(ref)
	if b[1] < 0x80 && (b[0]&cellValue == 0 || b[2] < 0x80) { // lengths of a byte each
		at := 2 + int(b[0]&cellValue) + int(b[0]&cellWord)*(8/cellWord)
		end := at + int(b[1])
		return b[at:end:end]
	}
	c := parseCell(b)
	return b[c.name:c.val:c.val]
}

// value returns the value of the cell at ref.
func (d *dict) value(ref uint64) []byte {
	b := d.arena.bytes(ref)
	c := parseCell(b)
	return b[c.val:c.end:c.end]
}

// word returns the word of the cell at ref, if it has one.
func (d *dict) word(ref uint64) (uint64, bool) {
	b := d.arena.bytes(ref)
	if b[0]&cellWord == 0 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[parseCell(b).word:]), true
}

// find returns the cell of a name.
func (d *dict) find(name []byte) (ref uint64, ok bool) {
	if slot := d.slot(d.hasher.sum(name), name); slot != nil {
		return *slot & refMask, true
	}
	return 0, false
}

// warm has the processor fetch what is about to be looked up; see DB.Warm.
func (d *dict) warm(names [][]byte) {
	d.table.warm(*d.hasher, names)
}

// slot returns the index slot of a name, nil if it has none.
func (d *dict) slot(hash uint64, name []byte) *uint64 {
	t := &d.table
	if t.count == 0 {
		return nil
	}
	want := tagOf(hash)
	for b := t.main.at(t.home(hash)); b != nil; b = t.next(b) {
		for i, slot := range b {
			if (slot^want)&(tagMask|linkBit) != 0 {
				continue
			}
			if slot == 0 {
				return nil
			}
			if string(d.name(slot&refMask)) == string(name) {
				return &b[i]
			}
		}
	}
	return nil
}

// put adds a cell, or replaces the one of that name. A nil value is none, an empty one is one.
func (d *dict) put(name, value []byte, word uint64, hasWord bool) (ref uint64, created bool) {
	d.compact()
	hash := d.hasher.sum(name)
	slot := d.slot(hash, name)
	if slot == nil {
		return d.insert(hash, name, value, word, hasWord), true
	}
	old := *slot & refMask
	b := d.arena.bytes(old)
	c := parseCell(b)
	if c.flags == cellValue && !hasWord && value != nil && len(value) == c.end-c.val {
		bulk.Copy(d.arena.own(old)[c.val:c.end], value)
		return old, false
	}
	size := cellSize(name, value, hasWord)
	d.table.setTTL(hash, slot, hasWord)
	if was := c.end; size <= was {
		putCell(d.arena.own(old), name, value, word, hasWord)
		d.arena.cut(old, was, size)
		return old, false
	}
	ref, b = d.arena.alloc(size)
	putCell(b, name, value, word, hasWord)
	*slot = *slot&^refMask | ref
	d.arena.free(old)
	return ref, false
}

// add adds a cell that is only a name, and reports whether there was none; else it leaves everything as it is.
func (d *dict) add(name []byte) bool {
	hash := d.hasher.sum(name)
	if d.slot(hash, name) != nil {
		return false
	}
	d.compact()
	d.insert(hash, name, nil, 0, false)
	return true
}

func (d *dict) insert(hash uint64, name, value []byte, word uint64, hasWord bool) (ref uint64) {
	ref, b := d.arena.alloc(cellSize(name, value, hasWord))
	putCell(b, name, value, word, hasWord)
	d.table.insert(hash, ref, hasWord)
	return ref
}

// setWord sets the word of the cell at ref, and returns where the cell is then: elsewhere, if it had none.
func (d *dict) setWord(ref, word uint64) uint64 {
	b := d.arena.bytes(ref)
	c := parseCell(b)
	if c.flags&cellWord != 0 {
		binary.LittleEndian.PutUint64(d.arena.own(ref)[c.word:], word)
		return ref
	}
	name, value := b[c.name:c.val], b[c.val:c.end]
	if c.flags&cellValue == 0 {
		value = nil
	}
	hash := d.hasher.sum(name)
	slot := d.table.findRef(hash, ref)
	d.table.setTTL(hash, slot, true)
	to, dst := d.arena.alloc(c.end + 8)
	putCell(dst, name, value, word, true)
	*slot = *slot&^refMask | to
	d.arena.free(ref)
	return to
}

// dropWord takes its word from the cell at ref, which stays where it is.
func (d *dict) dropWord(ref uint64) {
	b := d.arena.bytes(ref)
	c := parseCell(b)
	if c.flags&cellWord == 0 {
		return
	}
	hash := d.hasher.sum(b[c.name:c.val])
	d.table.setTTL(hash, d.table.findRef(hash, ref), false)
	b = d.arena.own(ref)
	b[0] &^= cellWord
	copy(b[c.word:], b[c.name:c.end])
	d.arena.cut(ref, c.end, c.end-8)
}

// remove removes the cell of a name and reports whether there was one.
func (d *dict) remove(name []byte) bool {
	hash := d.hasher.sum(name)
	slot := d.slot(hash, name)
	if slot == nil {
		return false
	}
	d.compact() // moves cells, not slots
	ref := *slot & refMask
	d.table.remove(hash, slot)
	d.arena.free(ref)
	return true
}

// scan calls fn for the cells from cursor on, about count of them, and returns where to go on, 0 at the end.
func (d *dict) scan(cursor uint64, count int, fn func(ref uint64)) uint64 {
	return d.table.scan(cursor, count, fn)
}

// each calls fn for every cell until it returns false. fn must not change the dict, except by setWord.
func (d *dict) each(fn func(ref uint64) bool) { d.table.each(fn) }

// random returns a cell of a dict that is not empty, each with the same probability.
func (d *dict) random(rng *rand.Rand) uint64 { return d.table.random(rng) }

func (d *dict) memory() int64 {
	return int64(unsafe.Sizeof(*d)) + d.table.memory() + d.arena.memory()
}

// clone copies the dict; references to its cells are valid in the copy too. The copy's moved is not set.
func (d *dict) clone() *dict {
	c := &dict{hasher: d.hasher, arena: d.arena.clone()}
	c.table = d.table.clone(c)
	return c
}

// check verifies that index and arena describe the same cells, and the index itself.
func (d *dict) check() error {
	live := 0
	err := d.arena.check(func(ref uint64) error {
		live++
		hash := d.hashAt(ref)
		slot := d.slot(hash, d.name(ref))
		if slot == nil || *slot&refMask != ref {
			return fmt.Errorf("cell %#x, %q, is not in the index", ref, d.name(ref))
		}
		if _, has := d.word(ref); has != (*slot&ttlBit != 0) {
			return fmt.Errorf("cell %#x, %q: the index disagrees on its having a word", ref, d.name(ref))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if live != d.len() {
		return fmt.Errorf("%d cells, %d are counted", live, d.len())
	}
	return d.table.check()
}
