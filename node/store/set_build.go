package store

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"holdfast/node/listpack"
)

// SetBuilder is a set under construction: one that will be stored, or one that only serves to calculate. It begins as
// an intset.
type SetBuilder struct {
	Set
	store *Store
}

// NewSet returns an empty set.
func (s *Store) NewSet() *SetBuilder {
	return &SetBuilder{Set{enc: EncIntset, val: listpack.IntsetNew()}, s}
}

// maxIntset bounds Limits.SetIntset: an intset counts its bytes in 32 bits, as in Redis.
const maxIntset = 1 << 30

// Add adds a member and reports whether it was not there.
func (b *SetBuilder) Add(member []byte) bool {
	if b.isIntset() {
		if n, ok := listpack.ParseInt(member); ok {
			return b.addInt(n)
		}
		b.unpackInts()
		b.put(member)
		return true
	}
	if b.dict != nil {
		return b.dict.add(member)
	}
	if b.Has(member) {
		return false
	}
	b.put(member)
	return true
}

// addInt adds an integer to an intset, which may have to turn into something else for it.
func (b *SetBuilder) addInt(n int64) (added bool) {
	b.val, added = listpack.IntsetInsert(b.val, n)
	if added && b.Len() > min(b.store.Limits.SetIntset, maxIntset) {
		b.unpackInts()
	}
	return added
}

// unpackInts makes an intset a table, to which the encoding is changed, or a listpack in its place.
func (b *SetBuilder) unpackInts() {
	ints := b.Set
	if b.enc = EncHashtable; ints.Len() == 0 {
		b.val = listpack.AppendNew(b.val[:0])
		return
	}
	b.val = listpack.New()
	ints.Each(func(member []byte) bool { b.put(member); return true })
}

// put adds a member that is not in the set to a listpack, which turns into a dict when it becomes too long, or to a
// dict.
func (b *SetBuilder) put(member []byte) {
	if b.dict == nil && (b.Len() >= maxPackedMembers || len(b.val)+listpack.Size(member) > packedAlways) {
		packed := b.Set
		b.val, b.dict = nil, newDict(&b.store.hasher)
		packed.Each(func(m []byte) bool { b.put(m); return true })
	}
	if b.dict != nil {
		b.dict.add(member)
	} else {
		b.val = listpack.Append(b.val, member)
	}
}

// Remove removes a member and reports whether it was there.
func (b *SetBuilder) Remove(member []byte) (removed bool) {
	switch {
	case b.dict != nil:
		return b.dict.remove(member)
	case b.isIntset():
		n, ok := listpack.ParseInt(member)
		if ok {
			b.val, removed = listpack.IntsetDelete(b.val, n)
		}
		return removed
	}
	at := listpack.Find(b.val, listpack.First(b.val), member, 0)
	if at >= 0 {
		b.val = listpack.Delete(b.val, at, 1)
	}
	return at >= 0
}

// builder is the set that is edited. A packed one is copied to the store's scratch memory; of a dict it is the
// original.
func (e *edit) setBuilder() SetBuilder {
	s := e.d.store
	b := SetBuilder{store: s}
	switch {
	case !e.exists():
		b.enc, b.val = EncIntset, append(s.scratch[:0], listpack.IntsetNew()...)
	case e.obj != nil:
		b.enc, b.dict = e.m.enc, e.obj.(setTable).dict
	default:
		b.enc, b.val = e.m.enc, append(s.scratch[:0], e.val...)
	}
	return b
}

// setSet ends the edit with what has become of its set.
func (e *edit) setSet(b *SetBuilder) {
	if b.val != nil {
		e.d.store.scratch = b.val
	}
	switch {
	case b.Len() == 0:
		e.remove()
	case b.dict == nil:
		e.setPacked(b.val, b.enc)
	case e.obj != nil:
		e.settle()
	default:
		e.setObject(setTable{b.dict}, b.enc)
	}
}

// SetAdd adds members to the set at key, which is created if it is absent, and returns how many were not there.
func (d *DB) SetAdd(key []byte, members ...[]byte) (added int) {
	e := d.edit(key, TypeSet)
	b := e.setBuilder()
	for i, m := range members {
		if b.dict != nil && i%WarmKeys == 0 && len(members) > 1 {
			b.dict.warm(members[i:])
		}
		if b.Add(m) {
			added++
		}
	}
	if added > 0 {
		e.setSet(&b)
	}
	return added
}

// SetAddTo is SetAdd to the set that was found at key, the zero Item if there is none: it need not be looked up again.
func (d *DB) SetAddTo(it *Item, key []byte, members ...[]byte) (added int) {
	table, large := it.obj.(setTable)
	if !large {
		return d.SetAdd(key, members...)
	}
	d.space.save(it.ref)
	for i, m := range members {
		if i%WarmKeys == 0 && len(members) > 1 {
			table.warm(members[i:])
		}
		if table.add(m) {
			added++
		}
	}
	if added > 0 {
		d.settle(it.ref, key)
	}
	return added
}

// SetRemove removes members from the set at key and returns how many were there. With its last member the key goes.
func (d *DB) SetRemove(key []byte, members ...[]byte) (removed int) {
	e := d.edit(key, TypeSet)
	if !e.exists() {
		return 0
	}
	b := e.setBuilder()
	for i, m := range members {
		if b.dict != nil && i%WarmKeys == 0 && len(members) > 1 {
			b.dict.warm(members[i:])
		}
		if b.Remove(m) {
			removed++
		}
	}
	if removed > 0 {
		e.setSet(&b)
	}
	return removed
}

// popByDraw decides how SetPop goes about it: when that many times as many members stay as go, it draws those that go.
const popByDraw = 5

// SetPop removes count random members of the set at key, which has more, and calls fn for each. fn must not use the
// store.
func (d *DB) SetPop(key []byte, rng *rand.Rand, count int, fn func(member []byte)) {
	e := d.edit(key, TypeSet)
	b := e.setBuilder()
	stay := b.Len() - count
	if stay*popByDraw > count {
		var member []byte
		scratch := make([]byte, 0, maxIntText)
		for range count {
			member = append(member[:0], b.Random(rng, scratch)...)
			fn(member)
			b.Remove(member)
		}
		e.setSet(&b)
		return
	}
	// Those that stay make up a set of their own, which may be an intset again, as in Redis.
	rest := d.store.NewSet()
	b.split(rng, count, func(member []byte, chosen bool) {
		if chosen {
			fn(member)
		} else {
			rest.Add(member)
		}
	})
	if rest.dict == nil {
		e.setPacked(rest.val, rest.enc)
	} else {
		e.setObject(setTable{rest.dict}, rest.enc)
	}
}

// SetStore makes a set, of which the store takes possession, the value of key in place of one of any type. The set must
// not be empty.
func (d *DB) SetStore(key []byte, b *SetBuilder) {
	d.Delete(key)
	e := d.edit(key, TypeSet)
	e.setSet(b)
}

// check verifies a set that is no dict.
func (s Set) check() error {
	if s.Len() == 0 {
		return errors.New("an empty set")
	}
	if s.enc == EncIntset {
		return listpack.IntsetValidate(s.val, true)
	}
	if s.enc != EncHashtable {
		return fmt.Errorf("a set is encoded as %v", s.enc)
	}
	if s.dict != nil {
		return nil
	}
	if err := listpack.Validate(s.val, true); err != nil {
		return err
	}
	if len(s.val) > packedAlways || s.Len() > maxPackedMembers {
		return fmt.Errorf("%d members in %d bytes are packed", s.Len(), len(s.val))
	}
	seen := make(map[string]bool)
	s.Each(func(member []byte) bool { seen[string(member)] = true; return true })
	if len(seen) != s.Len() {
		return errors.New("a member stands twice in a packed set")
	}
	return nil
}
