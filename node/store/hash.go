package store

import (
	"math/rand/v2"

	"holdfast/node/listpack"
)

// A hash is one of three:
//
//   - a listpack of field, value, field, value …;
//   - a listpack of field, value, time of expiry …, 0 for none (EncListpackEx): the first to expire comes
//     first, those that never do come last;
//   - a table of fields.
//
// It turns into a later one of them when it must, and never back. A hash past Limits whose encoding is called hashtable
// is a listpack of pairs as long as it is very small.

var hashKind = kind{
	name:   "hash",
	len:    func(it Item) int { return it.Hash().Len() },
	digest: func(it Item, d *digest) { it.Hash().digest(d) },
	check:  func(it Item) error { return it.Hash().check() },
}

// Hash is the value of a hash as it was when it was looked up, read-only and valid as long as its item is. The zero
// Hash is empty. Times of fields are unix times in milliseconds, NoExpiry for none; whether they have passed is the
// caller's question.
type Hash struct {
	enc   Encoding
	val   []byte     // a listpack; nil for none
	table *timedDict // instead of val
}

// Hash returns the value of a hash; the empty one for the zero Item, which stands for an absent key.
func (it Item) Hash() Hash {
	h := Hash{enc: it.enc, val: it.val}
	if it.obj != nil {
		h.table = it.obj.(*timedDict)
	}
	return h
}

// step is how many elements of a listpack make up a field.
func (h Hash) step() int {
	if h.enc == EncListpackEx {
		return 3
	}
	return 2
}

// Len returns the number of fields.
func (h Hash) Len() int {
	switch {
	case h.table != nil:
		return h.table.len()
	case h.val == nil:
		return 0
	}
	return listpack.Len(h.val) / h.step()
}

// Get returns the value of a field and its time of expiry. The value may be in scratch, which is overwritten.
func (h Hash) Get(field, scratch []byte) (value []byte, at int64, ok bool) {
	if h.table != nil {
		ref, ok := h.table.find(field)
		if !ok {
			return nil, NoExpiry, false
		}
		return h.table.value(ref), h.table.time(ref), true
	}
	pos := h.find(field)
	if pos < 0 {
		return nil, NoExpiry, false
	}
	pos = listpack.Next(h.val, pos)
	return listpack.Get(h.val, pos, scratch), h.timeAfter(pos), true
}

// find returns the position of a field in a listpack, below 0 if it is not there.
func (h Hash) find(field []byte) int {
	if h.val == nil {
		return -1
	}
	return listpack.Find(h.val, listpack.First(h.val), field, h.step()-1)
}

// timeAfter returns the time of the field whose value is at a position of a listpack.
func (h Hash) timeAfter(value int) int64 {
	if h.enc != EncListpackEx {
		return NoExpiry
	}
	at, _ := listpack.Int(h.val, listpack.Next(h.val, value))
	if at == 0 {
		return NoExpiry
	}
	return at
}

// Each calls fn for every field until it returns false. Field and value are valid during the call.
func (h Hash) Each(fn func(field, value []byte, at int64) bool) {
	if h.table != nil {
		h.table.each(func(ref uint64) bool { return fn(h.table.name(ref), h.table.value(ref), h.table.time(ref)) })
		return
	}
	if h.val == nil {
		return
	}
	scratch := make([]byte, 2*maxIntText)
	for pos := listpack.First(h.val); pos >= 0; {
		field, value, at := h.pair(pos, scratch)
		if !fn(field, value, h.timeAfter(at)) {
			return
		}
		pos = at
		for range h.step() - 1 {
			pos = listpack.Next(h.val, pos)
		}
	}
}

// Scan calls fn for the fields from cursor on and returns the cursor to go on with, as DB.Scan does for keys. A
// listpack is scanned in one step.
func (h Hash) Scan(cursor uint64, count int, fn func(field, value []byte, at int64)) uint64 {
	if t := h.table; t != nil {
		return t.scan(cursor, count, func(ref uint64) { fn(t.name(ref), t.value(ref), t.time(ref)) })
	}
	h.Each(func(field, value []byte, at int64) bool { fn(field, value, at); return true })
	return 0
}

// Random returns a field of a hash that is not empty, each with the same probability. Both parts may be in scratch,
// which is overwritten.
func (h Hash) Random(rng *rand.Rand, scratch []byte) (field, value []byte, at int64) {
	if t := h.table; t != nil {
		ref := t.random(rng)
		return t.name(ref), t.value(ref), t.time(ref)
	}
	pos := listpack.At(h.val, rng.IntN(h.Len())*h.step())
	field, value, pos = h.pair(pos, scratch)
	return field, value, h.timeAfter(pos)
}

// pair returns the field at a position of a listpack, its value, and the position of that.
func (h Hash) pair(pos int, scratch []byte) (field, value []byte, valuePos int) {
	if cap(scratch) < 2*maxIntText {
		scratch = make([]byte, 2*maxIntText)
	}
	scratch = scratch[:2*maxIntText]
	field = listpack.Get(h.val, pos, scratch[:0:maxIntText])
	pos = listpack.Next(h.val, pos)
	return field, listpack.Get(h.val, pos, scratch[maxIntText:maxIntText]), pos
}

// Sample calls fn for count different fields, or for all if there are fewer; each choice of them has the same
// probability, their order none.
func (h Hash) Sample(rng *rand.Rand, count int, fn func(field, value []byte, at int64)) {
	left := h.Len()
	if t := h.table; t != nil && count < left/sampleByDraw {
		drawn := make(map[uint64]struct{}, count)
		for len(drawn) < count {
			ref := t.random(rng)
			if _, again := drawn[ref]; !again {
				drawn[ref] = struct{}{}
				fn(t.name(ref), t.value(ref), t.time(ref))
			}
		}
		return
	}
	h.Each(func(field, value []byte, at int64) bool {
		if rng.IntN(left) < count {
			fn(field, value, at)
			count--
		}
		left--
		return count > 0
	})
}

// NextExpiry returns the time of the first field to expire, NoExpiry if none does.
func (h Hash) NextExpiry() int64 {
	switch {
	case h.table != nil:
		at, _ := h.table.next()
		return at
	case h.enc != EncListpackEx:
		return NoExpiry
	}
	return h.timeAfter(listpack.Next(h.val, listpack.First(h.val)))
}

// digest mixes in the fields as Redis does: each with its value, and that it expires, but not when.
func (h Hash) digest(d *digest) {
	h.Each(func(field, value []byte, at int64) bool {
		var one digest
		one.chain(field)
		one.chain(value)
		if at >= 0 {
			one.add([]byte("!!hexpire!!"))
		}
		d.add(one[:])
		return true
	})
}
