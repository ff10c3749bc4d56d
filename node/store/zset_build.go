package store

import (
	"bytes"
	"math"
	"slices"

	"holdfast/node/listpack"
)

// ZMember is a member of a sorted set with its score.
type ZMember struct {
	Member []byte
	Score  float64
}

// ZSetBuilder is a sorted set under construction: one that will be stored, or one that only serves to calculate.
type ZSetBuilder struct {
	ZSet
	store *Store
}

// NewZSet returns an empty sorted set. Until it is stored it is a table: as in Redis it may have a negative zero.
func (s *Store) NewZSet() *ZSetBuilder {
	return &ZSetBuilder{ZSet{enc: EncSkiplist, table: newZSetTable(&s.hasher)}, s}
}

// Set gives a member a score, and adds it if it is not there.
func (b *ZSetBuilder) Set(member []byte, score float64) {
	if b.table != nil {
		if ref, old, ok := b.table.find(member); ok {
			b.table.update(ref, member, old, score)
		} else {
			b.table.add(member, score)
		}
		return
	}
	if at := b.packed.find(member); at >= 0 {
		b.packed = b.packed.remove(at, 1)
		b.insert(member, score)
	} else {
		b.add(member, score)
	}
}

// add adds a member that is not there.
func (b *ZSetBuilder) add(member []byte, score float64) {
	if b.enc == EncListpack && (b.Len() >= b.store.Limits.ZSetEntries || !b.short(member)) {
		b.loosen()
	}
	b.insert(member, score)
}

// short reports whether there is room for a member in a listpack.
func (b *ZSetBuilder) short(member []byte) bool {
	return len(member) <= b.store.Limits.ZSetValue && len(b.packed)+len(member) <= maxPackedZSet
}

// insert adds a member to a listpack, which turns into a table when it may not stay packed any more, or to a table.
func (b *ZSetBuilder) insert(member []byte, score float64) {
	if b.enc == EncSkiplist && b.table == nil && len(b.packed)+listpack.Size(member)+maxDoubleText > packedZSetAlways {
		t := newZSetTable(&b.store.hasher)
		for m, s := range b.All(0, false) {
			t.add(m, s)
		}
		b.packed, b.table = nil, t
	}
	if b.table != nil {
		b.table.add(member, score)
	} else {
		b.packed = b.packed.insert(b.enc, member, score)
	}
}

// loosen ends the encoding listpack.
func (b *ZSetBuilder) loosen() {
	within := b.ZSet
	b.enc, b.packed = EncSkiplist, listpack.New()
	for member, score := range within.All(0, false) {
		b.insert(member, score)
	}
}

// pack makes a table a listpack in the store's scratch memory, if it may be one: within the limits, or small.
func (b *ZSetBuilder) pack() {
	l, n := b.store.Limits, b.Len()
	if n > max(l.ZSetEntries, packedZSetAlways/maxDoubleText) {
		return
	}
	longest, size := 0, 0
	for member := range b.All(0, false) {
		longest = max(longest, len(member))
		size += listpack.Size(member) + maxDoubleText // at most
	}
	enc := EncSkiplist
	if n <= l.ZSetEntries && longest <= l.ZSetValue && size <= maxPackedZSet {
		enc = EncListpack
	} else if size > packedZSetAlways {
		return
	}
	packed := packedZSet(listpack.AppendNew(b.store.scratch[:0]))
	for member, score := range b.All(0, false) {
		packed = packed.append(enc, member, score)
	}
	b.ZSet = ZSet{enc: enc, packed: packed}
}

// Combine gives a member of a set that was made by NewZSet a score, or, if it has one, what the function makes of that
// and the other. The set is only good for more of this until Rank was called.
func (b *ZSetBuilder) Combine(member []byte, score float64, of func(old, score float64) float64) {
	d := b.table.scores
	hash := d.hasher.sum(member)
	slot := d.slot(hash, member)
	if slot == nil {
		d.insert(hash, member, nil, math.Float64bits(score), true)
		return
	}
	ref := *slot & refMask
	d.setWord(ref, math.Float64bits(of(b.table.score(ref), score)))
}

// Rank puts the members in order, once, after Combine.
func (b *ZSetBuilder) Rank() {
	type element struct {
		score float64
		ref   uint64
	}
	d := b.table.scores
	elements := make([]element, 0, d.len())
	d.each(func(ref uint64) bool {
		elements = append(elements, element{b.table.score(ref), ref})
		return true
	})
	slices.SortFunc(elements, func(x, y element) int {
		switch {
		case x.score < y.score:
			return -1
		case x.score > y.score:
			return 1
		}
		return bytes.Compare(d.name(x.ref), d.name(y.ref))
	})
	b.table.ranks.extend(func(yield func(float64, uint64) bool) {
		for _, e := range elements {
			if !yield(e.score, e.ref) {
				return
			}
		}
	})
}

// Remove removes a member and reports whether it was there.
func (b *ZSetBuilder) Remove(member []byte) bool {
	if b.table == nil {
		at := b.packed.find(member)
		if at >= 0 {
			b.packed = b.packed.remove(at, 1)
		}
		return at >= 0
	}
	_, score, ok := b.table.find(member)
	if ok {
		pos, _ := b.table.ranks.find(score, member)
		b.table.remove(pos, member)
	}
	return ok
}

// removeRange removes the members with ranks from lo on and below hi.
func (b *ZSetBuilder) removeRange(lo, hi int) {
	if b.table == nil {
		b.packed = b.packed.remove(listpack.At(b.packed, 2*lo), hi-lo)
		return
	}
	var member []byte
	for range hi - lo {
		pos := b.table.ranks.at(lo)
		_, ref := b.table.ranks.get(pos)
		member = append(member[:0], b.table.scores.name(ref)...)
		b.table.remove(pos, member)
	}
}

// zsetBuilder is the sorted set that is edited. A packed one is copied to the store's scratch memory; a table is the
// original.
func (e *edit) zsetBuilder() ZSetBuilder {
	b := ZSetBuilder{store: e.d.store}
	switch {
	case !e.exists():
		b.enc, b.packed = EncListpack, listpack.AppendNew(b.store.scratch[:0])
	case e.obj != nil:
		b.enc, b.table = e.m.enc, e.obj.(*zsetTable)
	default:
		b.enc, b.packed = e.m.enc, append(b.store.scratch[:0], e.val...)
	}
	return b
}

// setZSet ends the edit with what has become of its sorted set.
func (e *edit) setZSet(b *ZSetBuilder) {
	if b.packed != nil {
		e.d.store.scratch = b.packed
	}
	switch {
	case b.Len() == 0:
		e.remove()
	case b.table == nil:
		e.setPacked(b.packed, b.enc)
	case e.obj != nil:
		e.settle()
	default:
		e.setObject(b.table, b.enc)
	}
}

// ZAddMode is what ZSetAdd does to members.
type ZAddMode struct {
	NX, XX bool // only new members, only those that are there
	GT, LT bool // of those that are there, only with a greater or a lesser score
	Incr   bool // the score is added to that of a member that is there
}

// ZAddResult is what ZSetAdd has done.
type ZAddResult struct {
	Added, Updated int
	Skipped        int     // because of the mode
	Score          float64 // that the last member has got, unless it was skipped
}

// ZSetAdd adds members to the sorted set at key, which is created if it is absent, or changes their scores. It is not
// ok, and changes nothing, when an increment has no result.
func (d *DB) ZSetAdd(key []byte, mode ZAddMode, members []ZMember) (r ZAddResult, ok bool) {
	e := d.edit(key, TypeZSet)
	if !e.exists() && mode.XX {
		r.Skipped = len(members)
		return r, true
	}
	b := e.zsetBuilder()
	for _, m := range members {
		if !b.apply(mode, m, &r) {
			return r, false
		}
	}
	if r.Added+r.Updated > 0 {
		e.setZSet(&b)
	}
	return r, true
}

// apply adds or changes one member.
func (b *ZSetBuilder) apply(mode ZAddMode, m ZMember, r *ZAddResult) (ok bool) {
	old, exists := b.Score(m.Member)
	score := m.Score
	switch {
	case exists && mode.NX, !exists && mode.XX:
		r.Skipped++
		return true
	case !exists:
		b.add(m.Member, score)
		r.Added++
		r.Score = score
		return true
	case mode.Incr:
		if score += old; math.IsNaN(score) {
			return false
		}
	}
	if mode.LT && score >= old || mode.GT && score <= old {
		r.Skipped++
		return true
	}
	r.Score = score
	if score != old {
		b.Set(m.Member, score)
		r.Updated++
	}
	return true
}

// ZSetRemove removes members from the sorted set at key and returns how many were there. With its last member the key
// goes.
func (d *DB) ZSetRemove(key []byte, members ...[]byte) (removed int) {
	e := d.edit(key, TypeZSet)
	if !e.exists() {
		return 0
	}
	b := e.zsetBuilder()
	for i, m := range members {
		if b.table != nil && i%WarmKeys == 0 && len(members) > 1 {
			b.table.scores.warm(members[i:])
		}
		if b.Remove(m) {
			removed++
		}
	}
	if removed > 0 {
		e.setZSet(&b)
	}
	return removed
}

// ZSetRemoveRange removes the members with ranks from lo on and below hi from the sorted set at key, which has them.
// With its last member the key goes.
func (d *DB) ZSetRemoveRange(key []byte, lo, hi int) {
	if lo >= hi {
		return
	}
	e := d.edit(key, TypeZSet)
	b := e.zsetBuilder()
	if b.Len() == hi-lo {
		e.remove()
		return
	}
	if b.table != nil && hi-lo >= fewRemoved && (hi-lo)*rebuiltFrom >= b.Len() {
		e.setObject(b.table.without(lo, hi), b.enc)
		return
	}
	b.removeRange(lo, hi)
	e.setZSet(&b)
}

// A share of a table that is removed takes longer, one member after the other, than to make another table of the rest:
// behind what has died, cells that live are moved, and the tree must be told of each.
const (
	rebuiltFrom = 5
	fewRemoved  = 256
)

// ZSetStore makes a sorted set, of which the store takes possession, the value of key in place of one of any type. The
// set must not be empty.
func (d *DB) ZSetStore(key []byte, b *ZSetBuilder) {
	d.Delete(key)
	b.pack()
	e := d.edit(key, TypeZSet)
	e.setZSet(b)
}
