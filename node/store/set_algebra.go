package store

import (
	"slices"
	"strconv"
	"unsafe"

	"holdfast/node/listpack"
)

// SetInter calls fn for what is in all the sets, of which there is at least one, until it returns false. It goes
// through the smallest of them and looks into the others, the next smallest first.
func SetInter(sets []Set, fn func(member []byte) bool) {
	smallest := 0
	for i, s := range sets {
		if s.Len() < sets[smallest].Len() {
			smallest = i
		}
	}
	first := sets[smallest]
	if first.Len() == 0 {
		return
	}
	others := slices.DeleteFunc(slices.Clone(sets), first.is)
	slices.SortFunc(others, func(a, b Set) int { return a.Len() - b.Len() })
	first.Each(func(member []byte) bool {
		for _, s := range others {
			if !s.Has(member) {
				return true
			}
		}
		return fn(member)
	})
}

// is reports whether two values are that of the same key.
func (s Set) is(other Set) bool {
	if s.dict != nil || other.dict != nil {
		return s.dict == other.dict
	}
	return unsafe.SliceData(s.val) == unsafe.SliceData(other.val)
}

// SetUnion calls fn for what is in any of the sets, each member once: it looks into the sets that it has
// gone through before, so that they should be few. For many, there is AddAll.
func SetUnion(sets []Set, fn func(member []byte)) {
	for i, s := range sets {
		s.Each(func(member []byte) bool {
			if !anyHas(sets[:i], member) {
				fn(member)
			}
			return true
		})
	}
}

func anyHas(sets []Set, member []byte) bool {
	for _, s := range sets {
		if s.Has(member) {
			return true
		}
	}
	return false
}

// SetDiff calls fn for what is in the first set and in none of the others. It looks into all of them for each
// member, the largest first; where that costs more than going through them all, there is RemoveAll.
func SetDiff(sets []Set, fn func(member []byte)) {
	others := slices.Clone(sets[1:])
	slices.SortFunc(others, func(a, b Set) int { return b.Len() - a.Len() })
	sets[0].Each(func(member []byte) bool {
		if !anyHas(others, member) {
			fn(member)
		}
		return true
	})
}

// DiffByLookup decides, as Redis does, how to calculate a difference: by SetDiff, or with RemoveAll.
func DiffByLookup(sets []Set) bool {
	byLookup, byRemoval := 0, 0
	for _, s := range sets {
		if s.Len() > 0 {
			byLookup += sets[0].Len()
			byRemoval += s.Len()
		}
	}
	return byLookup/2 <= byRemoval
}

// AddAll adds the members of another set.
func (b *SetBuilder) AddAll(s Set) {
	if s.isIntset() && b.isIntset() {
		b.addInts(s)
		return
	}
	s.Each(func(member []byte) bool { b.Add(member); return true })
}

// addInts is AddAll without printing and parsing the integers of an intset, for as long as they go into one.
func (b *SetBuilder) addInts(s Set) {
	for i := range s.Len() {
		if n := listpack.IntsetAt(s.val, i); b.isIntset() {
			b.addInt(n)
		} else {
			b.Add(strconv.AppendInt(nil, n, 10))
		}
	}
}

// RemoveAll removes the members of another set.
func (b *SetBuilder) RemoveAll(s Set) {
	s.Each(func(member []byte) bool { b.Remove(member); return b.Len() > 0 })
}
