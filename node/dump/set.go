package dump

import (
	"holdfast/node/listpack"
	"holdfast/node/rdb"
	"holdfast/node/store"
)

var setForm = form{
	codes: []byte{rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack},
	save:  saveSet, frozen: frozenSet, load: loadSet,
}

// A set of strings that is packed has no form in Redis 7.0's snapshots: its members are written one by one.
func saveSet(e rdb.Entry, it store.Item) rdb.Entry {
	if it.Encoding() == store.EncIntset {
		e.Type = rdb.TypeSetIntset
		return e
	}
	s := it.Set()
	e.Type, e.Len = rdb.TypeSet, s.Len()
	e.Elements = func(yield func(rdb.Element) bool) {
		s.Each(func(member []byte) bool { return yield(rdb.Element{Name: member}) })
	}
	return e
}

func frozenSet(e rdb.Entry, f *store.Frozen) rdb.Entry {
	e.Type = rdb.TypeSet
	e.Elements = func(yield func(rdb.Element) bool) {
		f.Each(func(member, _ []byte, _ uint64, _ bool) bool { return yield(rdb.Element{Name: member}) })
	}
	return e
}

func loadSet(s *store.Store, db *store.DB, e rdb.Entry) error {
	if e.Type == rdb.TypeSetIntset && listpack.IntsetLen(e.Value) <= s.Limits.SetIntset {
		db.LoadPacked(e.Key, store.TypeSet, store.EncIntset, e.Value)
		return nil
	}
	b := s.NewSet()
	b.Reserve(e.Len)
	came, twice := 0, false
	add := func(member []byte) bool {
		came++
		twice = !b.Add(member)
		return !twice
	}
	switch e.Type {
	case rdb.TypeSetIntset:
		store.PackedSet(e.Value, store.EncIntset).Each(add)
	case rdb.TypeSetListpack:
		store.PackedSet(e.Value, store.EncHashtable).Each(add)
	default:
		inBatches(e, b.Warm, func(el rdb.Element) bool { return add(el.Name) })
	}
	if twice {
		return rdb.ErrTwice
	}
	if err := whole(e, came); err != nil {
		return err
	}
	db.SetStore(e.Key, b)
	return nil
}
