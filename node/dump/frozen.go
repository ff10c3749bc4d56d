package dump

import (
	"math"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

// FrozenEntry is Entry of a value that was frozen.
func FrozenEntry(f *store.Frozen) rdb.Entry {
	if f.Whole() {
		return Entry(f.Item)
	}
	e := rdb.NewEntry(f.Key(), nil)
	e.ExpireAt, e.Len = f.ExpireAt(), f.Len()
	switch f.Type() {
	case store.TypeList:
		frozenList(&e, f)
		return e
	case store.TypeSet:
		e.Type = rdb.TypeSet
	case store.TypeZSet:
		e.Type = rdb.TypeZSet
	case store.TypeHash:
		e.Type = rdb.TypeHash
		if f.Timed() {
			e.Type = rdb.TypeHashFieldsTime
		}
	}
	e.Elements = func(yield func(rdb.Element) bool) {
		f.Each(func(name, value []byte, word uint64, hasWord bool) bool {
			el := rdb.Element{Name: name, Value: value}
			switch {
			case e.Type == rdb.TypeZSet:
				el.Score = math.Float64frombits(word)
			case hasWord:
				el.ExpireAt = int64(word)
			}
			return yield(el)
		})
	}
	return e
}

func frozenList(e *rdb.Entry, f *store.Frozen) {
	e.Type, e.Len = rdb.TypeList, f.NodeCount()
	e.Elements = func(yield func(rdb.Element) bool) {
		f.Nodes(func(b []byte, plain bool) bool { return yield(rdb.Element{Value: b, Packed: !plain}) })
	}
}
