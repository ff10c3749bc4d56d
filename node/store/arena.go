package store

import (
	"encoding/binary"
	"fmt"
	"slices"

	"holdfast/internal/bulk"
)

// An arena holds the cells of one dict, written one behind the other into chunks. A removed cell stays where
// it is, marked as dead; chunks with many dead bytes are emptied by compaction, a bounded piece with each change
// of the dict, and then released. So a cell costs no more than its bytes, and a dict that shrinks gives memory back.
//
// A cell is
//
//	0  flags: has a value, has a word, is dead
//	   length of the name, varint
//	   length of the value, varint, if it has one
//	   word, 8 bytes, if it has one
//	   name, value
//
// or, dead, its flags and the number of bytes up to the next cell, varint. A single dead byte has a flag for itself.
//
// A reference is a chunk's number and an offset in it, or bigBit and the number of a big cell, which has an
// allocation of its own. Chunks are small as long as the arena is.
const (
	arenaMinChunk = 1 << 10
	arenaMaxChunk = 64 << 10
	arenaShift    = 16
	arenaMaxCell  = arenaMaxChunk / 8 // what is larger is a big cell
	arenaGrowth   = 16                // a new chunk is about a sixteenth of what the arena holds

	bigBit    = 1 << (refBits - 1)
	maxChunks = bigBit >> arenaShift

	cellValue = 1
	cellWord  = 2
	cellDead  = 4
	cellPad   = 8 // with cellDead: this byte alone
)

type arenaChunk struct {
	data   []byte // up to the end of its last cell
	dead   int32  // bytes of dead cells
	shared bool   // with what was frozen
}

type arena struct {
	chunks  []arenaChunk // by number; released ones have no data
	unused  []uint32     // numbers of released chunks
	open    uint32       // 1 + the chunk that takes new cells, 0 for none
	big     [][]byte
	bigFree []uint32
	held    int64 // bytes of chunks
	heldBig int64
	dead    int64 // in all chunks
	used    int64 // in all chunks, dead ones included
	frozen  bool  // somebody reads the cells as they were

	owed     int    // bytes that died since the last compaction
	victim   uint32 // 1 + the chunk being emptied, 0 for none
	victimAt int    // cells below are moved
	sample   uint32 // where the search for a victim goes on
}

// cell says where the parts of a live cell are.
type cell struct {
	word, name, val, end int
	flags                byte
}

// parseCell finds the parts of the cell at the start of b.
func parseCell(b []byte) cell {
	c := cell{flags: b[0]}
	nlen, at := cellLen(b, 1)
	vlen := 0
	if c.flags&cellValue != 0 {
		vlen, at = cellLen(b, at)
	}
	c.word = at
	if c.flags&cellWord != 0 {
		at += 8
	}
	c.name, c.val, c.end = at, at+nlen, at+nlen+vlen
	return c
}

// cellLen reads a length and returns it and where it ends.
func cellLen(b []byte, at int) (n, end int) {
	if b[at] < 0x80 {
		return int(b[at]), at + 1
	}
	v, size := binary.Uvarint(b[at:])
	return int(v), at + size
}

// cellSize returns the size of a cell; value and hasWord as in dict.put.
func cellSize(name, value []byte, hasWord bool) int {
	n := 1 + uvarintLen(len(name)) + len(name)
	if value != nil {
		n += uvarintLen(len(value)) + len(value)
	}
	if hasWord {
		n += 8
	}
	return n
}

func putCell(b, name, value []byte, word uint64, hasWord bool) {
	at := 1
	b[0] = 0
	at += binary.PutUvarint(b[at:], uint64(len(name)))
	if value != nil {
		b[0] |= cellValue
		at += binary.PutUvarint(b[at:], uint64(len(value)))
	}
	if hasWord {
		b[0] |= cellWord
		binary.LittleEndian.PutUint64(b[at:], word)
		at += 8
	}
	at += bulk.Copy(b[at:], name)
	bulk.Copy(b[at:], value)
}

// bytes returns the memory that begins with the cell at ref.
func (a *arena) bytes(ref uint64) []byte {
	if ref&bigBit != 0 {
		return a.big[ref&^bigBit]
	}
	return a.chunks[ref>>arenaShift].data[ref&(1<<arenaShift-1):]
}

// alloc returns room for a cell, of arbitrary content. It moves nothing.
func (a *arena) alloc(size int) (ref uint64, b []byte) {
	if size > arenaMaxCell || !a.reserve(size) {
		return a.allocBig(size)
	}
	id := a.open - 1
	c := &a.chunks[id]
	at := len(c.data)
	c.data = c.data[:at+size]
	a.used += int64(size)
	return uint64(id)<<arenaShift | uint64(at), c.data[at:]
}

func (a *arena) allocBig(size int) (ref uint64, b []byte) {
	b = bulk.Make(size)
	a.heldBig += int64(cap(b))
	if n := len(a.bigFree); n > 0 {
		i := a.bigFree[n-1]
		a.bigFree = a.bigFree[:n-1]
		a.big[i] = b
		return bigBit | uint64(i), b
	}
	a.big = append(a.big, b)
	return bigBit | uint64(len(a.big)-1), b
}

// reserve makes the open chunk one with room for a cell; false if there are as many chunks as references can name.
func (a *arena) reserve(size int) bool {
	if a.open != 0 {
		if c := &a.chunks[a.open-1]; len(c.data)+size <= cap(c.data) {
			return true
		}
		closed := a.open - 1
		a.open = 0
		a.releaseDead(closed)
	}
	want := arenaMinChunk
	for want < arenaMaxChunk && (int64(want) < a.held/arenaGrowth || want < 2*size) {
		want *= 2
	}
	c := arenaChunk{data: make([]byte, 0, want)}
	switch n := len(a.unused); {
	case n > 0:
		a.open = a.unused[n-1] + 1
		a.unused = a.unused[:n-1]
		a.chunks[a.open-1] = c
	case len(a.chunks) < maxChunks:
		a.chunks = append(a.chunks, c)
		a.open = uint32(len(a.chunks))
	default:
		return false
	}
	a.held += int64(want)
	return true
}

// free gives up the cell at ref.
func (a *arena) free(ref uint64) {
	if ref&bigBit != 0 {
		i := ref &^ bigBit
		a.heldBig -= int64(cap(a.big[i]))
		a.big[i] = nil
		a.bigFree = append(a.bigFree, uint32(i))
		if len(a.bigFree) == len(a.big) {
			a.big, a.bigFree = nil, nil
		}
		return
	}
	b := a.bytes(ref)
	a.kill(ref, parseCell(b).end)
	a.releaseDead(uint32(ref >> arenaShift))
}

// kill marks a number of bytes as dead.
func (a *arena) kill(ref uint64, size int) {
	b := a.own(ref)
	if size == 1 {
		b[0] = cellDead | cellPad
	} else {
		b[0] = cellDead
		binary.PutUvarint(b[1:], uint64(size))
	}
	a.chunks[ref>>arenaShift].dead += int32(size)
	a.dead += int64(size)
	a.owed += size
}

// releaseDead gives up a chunk in which nothing lives, or, when it is open, uses it afresh.
func (a *arena) releaseDead(id uint32) {
	c := &a.chunks[id]
	if int(c.dead) < len(c.data) {
		return
	}
	a.used -= int64(len(c.data))
	a.dead -= int64(c.dead)
	if a.victim == id+1 {
		a.victim = 0
	}
	if a.open == id+1 {
		if c.shared {
			c.data, c.shared = make([]byte, 0, cap(c.data)), false
		}
		c.data, c.dead = c.data[:0], 0
		return
	}
	a.held -= int64(cap(c.data))
	*c = arenaChunk{}
	a.unused = append(a.unused, id)
}

// cut makes the cell at ref smaller; its parts have been moved together already.
func (a *arena) cut(ref uint64, from, to int) {
	if from == to {
		return
	}
	if ref&bigBit == 0 {
		a.kill(ref+uint64(to), from-to)
		return
	}
	b := &a.big[ref&^bigBit]
	a.heldBig -= int64(cap(*b))
	*b = slices.Clone((*b)[:to])
	a.heldBig += int64(cap(*b))
}

func (a *arena) memory() int64 {
	return a.held + a.heldBig + int64(cap(a.chunks))*32 + int64(cap(a.big))*24 + int64(cap(a.unused)+cap(a.bigFree))*4
}

func (a *arena) clone() arena {
	c := *a
	c.frozen = false
	c.chunks = slices.Clone(a.chunks)
	for i, ch := range a.chunks {
		if ch.data != nil {
			c.chunks[i].data = sameSize(ch.data)
		}
		c.chunks[i].shared = false
	}
	c.big = slices.Clone(a.big)
	for i, b := range a.big {
		c.big[i] = slices.Clone(b)
	}
	c.unused, c.bigFree = slices.Clone(a.unused), slices.Clone(a.bigFree)
	return c
}

// check verifies the arena's counts and calls live for every living cell.
func (a *arena) check(live func(ref uint64) error) error {
	var held, heldBig, dead, used int64
	for id := range a.chunks {
		c := &a.chunks[id]
		held += int64(cap(c.data))
		used += int64(len(c.data))
		dead += int64(c.dead)
		deadHere := 0
		for at := 0; at < len(c.data); {
			size, isDead := sizeAt(c.data[at:])
			if isDead {
				deadHere += size
			} else if err := live(uint64(id)<<arenaShift | uint64(at)); err != nil {
				return err
			}
			at += size
		}
		if deadHere != int(c.dead) {
			return fmt.Errorf("chunk %d has %d dead bytes and counts %d", id, deadHere, c.dead)
		}
		if a.open != uint32(id)+1 && c.data != nil && int(c.dead) == len(c.data) {
			return fmt.Errorf("chunk %d is dead and was not released", id)
		}
	}
	for i, b := range a.big {
		heldBig += int64(cap(b))
		if b == nil {
			continue
		}
		if err := live(bigBit | uint64(i)); err != nil {
			return err
		}
	}
	if held != a.held || heldBig != a.heldBig || dead != a.dead || used != a.used {
		return fmt.Errorf("held %d, big %d, dead %d, used %d; counted %d, %d, %d, %d", held, heldBig, dead, used,
			a.held, a.heldBig, a.dead, a.used)
	}
	return nil
}

// sizeAt returns the size of the cell, living or dead, at the start of b.
func sizeAt(b []byte) (size int, dead bool) {
	switch {
	case b[0]&cellPad != 0:
		return 1, true
	case b[0]&cellDead != 0:
		n, _ := cellLen(b, 1)
		return n, true
	}
	return parseCell(b).end, false
}
