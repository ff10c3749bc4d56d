package dump

import (
	"holdfast/node/rdb"
	"holdfast/node/store"
)

// Entry describes an item as an entry of a snapshot, without access data. What it refers to is the store's memory, as in the item.
func Entry(it store.Item) rdb.Entry {
	if it.Type() == store.TypeString { // most keys are, and this takes no memory: nothing refers to it
		e := rdb.NewEntry(it.Key(), it.Bytes())
		e.ExpireAt = it.ExpireAt()
		return e
	}
	return collection(it)
}

func collection(it store.Item) rdb.Entry {
	e := rdb.NewEntry(it.Key(), it.Bytes())
	e.ExpireAt = it.ExpireAt()
	switch it.Type() {
	case store.TypeList:
		describeList(&e, it)
	case store.TypeSet:
		describeSet(&e, it)
	case store.TypeZSet:
		describeZSet(&e, it)
	case store.TypeHash:
		describeHash(&e, it)
	}
	return e
}

func describeList(e *rdb.Entry, it store.Item) {
	e.Type, e.Len = rdb.TypeList, it.ListNodeCount()
	e.Elements = func(yield func(rdb.Element) bool) {
		it.ListNodes(func(b []byte, plain bool) bool {
			return yield(rdb.Element{Value: b, Packed: !plain})
		})
	}
}

// A set of strings that is packed has no form in Redis 7.0's snapshots: its members are written one by one.
func describeSet(e *rdb.Entry, it store.Item) {
	if it.Encoding() == store.EncIntset {
		e.Type = rdb.TypeSetIntset
		return
	}
	s := it.Set()
	e.Type, e.Len = rdb.TypeSet, s.Len()
	e.Elements = func(yield func(rdb.Element) bool) {
		s.Each(func(member []byte) bool { return yield(rdb.Element{Name: member}) })
	}
}

// Members go from the last to the first, as Redis likes to read them.
func describeZSet(e *rdb.Entry, it store.Item) {
	if it.Encoding() == store.EncListpack {
		e.Type = rdb.TypeZSetListpack
		return
	}
	z := it.ZSet()
	e.Type, e.Len = rdb.TypeZSet, z.Len()
	e.Elements = func(yield func(rdb.Element) bool) {
		for member, score := range z.All(e.Len-1, true) {
			if !yield(rdb.Element{Name: member, Score: score}) {
				return
			}
		}
	}
}

// A hash without fields that expire is written so that Redis 7.0 can read it, whatever it once was.
func describeHash(e *rdb.Entry, it store.Item) {
	if it.Encoding() == store.EncListpack {
		e.Type = rdb.TypeHashListpack
		return
	}
	h := it.Hash()
	e.Type, e.Len = rdb.TypeHash, h.Len()
	if h.NextExpiry() >= 0 {
		e.Type = rdb.TypeHashFieldsTime
	}
	e.Elements = func(yield func(rdb.Element) bool) {
		h.Each(func(field, value []byte, at int64) bool {
			return yield(rdb.Element{Name: field, Value: value, ExpireAt: max(at, 0)})
		})
	}
}
