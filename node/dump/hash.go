package dump

import (
	"holdfast/node/listpack"
	"holdfast/node/rdb"
	"holdfast/node/store"
)

var hashForm = form{
	codes: []byte{rdb.TypeHash, rdb.TypeHashListpack, rdb.TypeHashFieldsTime},
	save:  saveHash, frozen: frozenHash, load: loadHash,
}

// A hash without fields that expire is written so that Redis 7.0 can read it, whatever it once was.
func saveHash(e rdb.Entry, it store.Item) rdb.Entry {
	if it.Encoding() == store.EncListpack {
		e.Type = rdb.TypeHashListpack
		return e
	}
	h := it.Hash()
	e.Type, e.Len = hashType(h.NextExpiry() >= 0), h.Len()
	e.Elements = func(yield func(rdb.Element) bool) {
		h.Each(func(field, value []byte, at int64) bool {
			return yield(rdb.Element{Name: field, Value: value, ExpireAt: max(at, 0)})
		})
	}
	return e
}

func frozenHash(e rdb.Entry, f *store.Frozen) rdb.Entry {
	e.Type = hashType(f.Timed())
	e.Elements = func(yield func(rdb.Element) bool) {
		f.Each(func(field, value []byte, at uint64, _ bool) bool {
			return yield(rdb.Element{Name: field, Value: value, ExpireAt: int64(at)})
		})
	}
	return e
}

func hashType(timed bool) byte {
	if timed {
		return rdb.TypeHashFieldsTime
	}
	return rdb.TypeHash
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
		inBatches(e, b.Warm, func(el rdb.Element) bool {
			at := el.ExpireAt
			if at == 0 {
				at = store.NoExpiry
			}
			return add(el.Name, el.Value, at)
		})
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
