package dump

import (
	"fmt"
	"io"
	"iter"

	"holdfast/node/listpack"
	"holdfast/node/rdb"
	"holdfast/node/store"
)

// Load makes the value of an entry that a Reader hands out the one of its key in a database of the store, in place of one of any
// type. After an error nothing has changed.
func Load(s *store.Store, db *store.DB, e rdb.Entry) error {
	var err error
	switch e.Type {
	case rdb.TypeString:
		db.SetString(e.Key, e.Value, store.TryEncode(e.Value), e.ExpireAt)
		return nil
	case rdb.TypeList:
		err = loadList(s, db, e)
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		err = loadSet(s, db, e)
	case rdb.TypeZSet, rdb.TypeZSetListpack:
		err = loadZSet(s, db, e)
	case rdb.TypeHash, rdb.TypeHashListpack, rdb.TypeHashFieldsTime:
		err = loadHash(s, db, e)
	default:
		err = fmt.Errorf("dump: no value of type %d can be loaded", e.Type)
	}
	if err == nil && e.ExpireAt >= 0 {
		db.SetExpire(e.Key, e.ExpireAt)
	}
	return err
}

// whole tells whether all elements of an entry have come. If not, the Reader knows the reason and answers it instead.
func whole(e rdb.Entry, came int) error {
	if came < e.Len {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func loadList(s *store.Store, db *store.DB, e rdb.Entry) error {
	b := s.NewList()
	came := 0
	for node := range e.Elements {
		came++
		if !node.Packed {
			b.Add(node.Value)
			continue
		}
		var scratch [20]byte
		for at := listpack.First(node.Value); at >= 0; at = listpack.Next(node.Value, at) {
			b.Add(listpack.Get(node.Value, at, scratch[:0]))
		}
	}
	if err := whole(e, came); err != nil {
		return err
	}
	if b.Len() == 0 {
		return rdb.ErrEmpty
	}
	db.ListStore(e.Key, b)
	return nil
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
		for el := range e.Elements {
			if !add(el.Name) {
				break
			}
		}
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

func loadHash(s *store.Store, db *store.DB, e rdb.Entry) error {
	if e.Type == rdb.TypeHashListpack && listpack.Len(e.Value)/2 <= s.Limits.HashEntries {
		db.LoadPacked(e.Key, store.TypeHash, store.EncListpack, e.Value)
		return nil
	}
	b := s.NewHash()
	b.Reserve(e.Len)
	came, twice := 0, false
	add := func(field, value []byte, at int64) bool {
		came++
		twice = !b.Set(field, value, at)
		return !twice
	}
	if e.Type == rdb.TypeHashListpack {
		store.PackedHash(e.Value).Each(add)
	} else {
		for el := range e.Elements {
			at := el.ExpireAt
			if at == 0 {
				at = store.NoExpiry
			}
			if !add(el.Name, el.Value, at) {
				break
			}
		}
	}
	if twice {
		return rdb.ErrTwice
	}
	if err := whole(e, came); err != nil {
		return err
	}
	db.HashStore(e.Key, b)
	return nil
}
