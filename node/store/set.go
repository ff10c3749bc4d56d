package store

import (
	"math/rand/v2"
	"strconv"

	"holdfast/node/listpack"
)

// A set is one of three:
//
//   - an intset, packed: all members are integers, and no more than Limits.SetIntset of them;
//   - a listpack, packed: its members are few and short. Redis 7.0 has only the table below for these, and
//     hashtable is what the encoding says;
//   - a dict of names.
//
// It turns into a later one of them when it must, and never back.

// maxPackedMembers is up to how many members a listpack may have: each look goes through all of them.
const maxPackedMembers = 128

// Set is the value of a set as it was when it was looked up, read-only and valid as long as its item is. The zero Set
// is empty.
type Set struct {
	enc  Encoding
	val  []byte // an intset or a listpack; nil for none
	dict *dict  // instead of val
}

var setKind = kind{
	name:   "set",
	len:    func(it Item) int { return it.Set().Len() },
	digest: func(it Item, d *digest) { it.Set().digest(d) },
	check:  func(it Item) error { return it.Set().check() },
}

// setTable is the dict of a set as the value of an entry.
type setTable struct{ *dict }

func (t setTable) clone() object    { return setTable{t.dict.clone()} }
func (t setTable) names() *dict     { return t.dict }
func (t setTable) freeze(f *Frozen) { f.freezeDict(t.dict) }

// Set returns the value of a set; the empty one for the zero Item, which stands for an absent key.
func (it Item) Set() Set {
	s := Set{enc: it.enc, val: it.val}
	if it.obj != nil {
		s.dict = it.obj.(setTable).dict
	}
	return s
}

func (s Set) isIntset() bool { return s.enc == EncIntset && s.val != nil }

// Len returns the number of members.
func (s Set) Len() int {
	switch {
	case s.dict != nil:
		return s.dict.len()
	case s.val == nil:
		return 0
	case s.isIntset():
		return listpack.IntsetLen(s.val)
	}
	return listpack.Len(s.val)
}

// Has reports whether member is in the set.
func (s Set) Has(member []byte) bool {
	switch {
	case s.dict != nil:
		_, ok := s.dict.find(member)
		return ok
	case s.val == nil:
		return false
	case s.isIntset():
		n, ok := listpack.ParseInt(member)
		if ok {
			_, ok = listpack.IntsetFind(s.val, n)
		}
		return ok
	}
	return listpack.Find(s.val, listpack.First(s.val), member, 0) >= 0
}

// Each calls fn for every member until it returns false: integers of an intset in their order, else in no particular
// one. The member is valid during the call.
func (s Set) Each(fn func(member []byte) bool) {
	scratch := make([]byte, 0, maxIntText)
	switch {
	case s.dict != nil:
		s.dict.each(func(ref uint64) bool { return fn(s.dict.name(ref)) })
	case s.val == nil:
	case s.isIntset():
		for i := range listpack.IntsetLen(s.val) {
			if !fn(strconv.AppendInt(scratch, listpack.IntsetAt(s.val, i), 10)) {
				return
			}
		}
	default:
		for at := listpack.First(s.val); at >= 0; at = listpack.Next(s.val, at) {
			if !fn(listpack.Get(s.val, at, scratch)) {
				return
			}
		}
	}
}

// maxIntText is the length of the longest 64-bit integer.
const maxIntText = 20

// Random returns a member of a set that is not empty, each with the same probability. It may be in scratch, which is
// overwritten.
func (s Set) Random(rng *rand.Rand, scratch []byte) []byte {
	switch {
	case s.dict != nil:
		return s.dict.name(s.dict.random(rng))
	case s.isIntset():
		return strconv.AppendInt(scratch[:0], listpack.IntsetAt(s.val, rng.IntN(s.Len())), 10)
	}
	return listpack.Get(s.val, listpack.At(s.val, rng.IntN(s.Len())), scratch)
}

// sampleByDraw is how many times larger than a sample a table must be for drawing members, and again those that
// were drawn before, to be better than going through all of them.
const sampleByDraw = 3

// Sample calls fn for count different members, or for all if there are fewer; each choice of them has the same
// probability, their order none.
func (s Set) Sample(rng *rand.Rand, count int, fn func(member []byte)) {
	if s.dict != nil && count < s.Len()/sampleByDraw {
		drawn := make(map[uint64]struct{}, count)
		for len(drawn) < count {
			ref := s.dict.random(rng)
			if _, again := drawn[ref]; !again {
				drawn[ref] = struct{}{}
				fn(s.dict.name(ref))
			}
		}
		return
	}
	s.split(rng, count, func(member []byte, chosen bool) {
		if chosen {
			fn(member)
		}
	})
}

// split goes through all members and chooses count of them at random.
func (s Set) split(rng *rand.Rand, count int, fn func(member []byte, chosen bool)) {
	left := s.Len()
	s.Each(func(member []byte) bool {
		chosen := rng.IntN(left) < count
		left--
		if chosen {
			count--
		}
		fn(member, chosen)
		return true
	})
}

// Scan calls fn for the members from cursor on and returns the cursor to go on with, as DB.Scan does for keys. A
// packed set is scanned in one step.
func (s Set) Scan(cursor uint64, count int, fn func(member []byte)) uint64 {
	if s.dict != nil {
		return s.dict.scan(cursor, count, func(ref uint64) { fn(s.dict.name(ref)) })
	}
	s.Each(func(member []byte) bool { fn(member); return true })
	return 0
}

func (s Set) digest(d *digest) {
	s.Each(func(member []byte) bool { d.add(member); return true })
}
