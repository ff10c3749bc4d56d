package dump

import (
	"iter"
	"math"

	"holdfast/node/listpack"
	"holdfast/node/rdb"
	"holdfast/node/store"
)

var zsetForm = form{
	codes: []byte{rdb.TypeZSet, rdb.TypeZSetListpack}, save: saveZSet, frozen: frozenZSet, load: loadZSet,
}

// Members go from the last to the first, as Redis likes to read them.
func saveZSet(e rdb.Entry, it store.Item) rdb.Entry {
	if it.Encoding() == store.EncListpack {
		e.Type = rdb.TypeZSetListpack
		return e
	}
	z := it.ZSet()
	n := z.Len()
	e.Type, e.Len = rdb.TypeZSet, n
	e.Elements = func(yield func(rdb.Element) bool) {
		for member, score := range z.All(n-1, true) {
			if !yield(rdb.Element{Name: member, Score: score}) {
				return
			}
		}
	}
	return e
}

func frozenZSet(e rdb.Entry, f *store.Frozen) rdb.Entry {
	e.Type = rdb.TypeZSet
	e.Elements = func(yield func(rdb.Element) bool) {
		f.Each(func(member, _ []byte, score uint64, _ bool) bool {
			return yield(rdb.Element{Name: member, Score: math.Float64frombits(score)})
		})
	}
	return e
}

func loadZSet(s *store.Store, db *store.DB, e rdb.Entry) error {
	if e.Type == rdb.TypeZSetListpack && listpack.Len(e.Value)/2 <= s.Limits.ZSetEntries {
		db.LoadPacked(e.Key, store.TypeZSet, store.EncListpack, e.Value)
		return nil
	}
	b := s.NewZSet()
	b.Reserve(e.Len)
	came := 0
	for member, score := range scored(e) {
		came++
		b.Set(member, score)
		if b.Len() < came {
			return rdb.ErrTwice
		}
	}
	if err := whole(e, came); err != nil {
		return err
	}
	db.ZSetStore(e.Key, b)
	return nil
}

// scored yields the members of an entry with their scores.
func scored(e rdb.Entry) iter.Seq2[[]byte, float64] {
	if e.Type == rdb.TypeZSetListpack {
		return store.PackedZSet(e.Value).All(0, false)
	}
	return func(yield func([]byte, float64) bool) {
		for el := range e.Elements {
			if !yield(el.Name, el.Score) {
				return
			}
		}
	}
}
