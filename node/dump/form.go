package dump

import (
	"fmt"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

// form is how values of one type go into a snapshot, and come out of it. A type fills all of it, in a file of its own.
type form struct {
	codes []byte // the types of entries that hold one

	// save says in e what a value is made of; frozen does so for one that was frozen in blocks.
	save   func(e rdb.Entry, it store.Item) rdb.Entry
	frozen func(e rdb.Entry, f *store.Frozen) rdb.Entry

	// load makes the value of an entry the one of its key. After an error nothing has changed.
	load func(s *store.Store, db *store.DB, e rdb.Entry) error
}

// forms are those of all types.
var forms = [...]form{
	store.TypeString: stringForm,
	store.TypeList:   listForm,
	store.TypeSet:    setForm,
	store.TypeZSet:   zsetForm,
	store.TypeHash:   hashForm,
	store.TypeStream: streamForm,
}

// loads are the forms' load, by the type of an entry.
var loads = func() (all [256]func(s *store.Store, db *store.DB, e rdb.Entry) error) {
	for _, f := range forms {
		for _, code := range f.codes {
			all[code] = f.load
		}
	}
	return all
}()

// Entry describes an item as an entry of a snapshot, without access data. What it refers to is the store's memory, as
// in the item.
func Entry(it store.Item) rdb.Entry {
	e := rdb.NewEntry(it.Key(), it.Bytes())
	e.ExpireAt = it.ExpireAt()
	if it.Type() == store.TypeString { // as most are: an entry is a lot to copy for them
		return e
	}
	return forms[it.Type()].save(e, it)
}

// FrozenEntry is Entry of a value that was frozen.
func FrozenEntry(f *store.Frozen) rdb.Entry {
	if f.Whole() {
		return Entry(f.Item)
	}
	e := rdb.NewEntry(f.Key(), nil)
	e.ExpireAt, e.Len = f.ExpireAt(), f.Len()
	return forms[f.Type()].frozen(e, f)
}

// Load makes the value of an entry that a Reader hands out the one of its key in a database of the store, in place of
// one of any type. After an error nothing has changed.
func Load(s *store.Store, db *store.DB, e rdb.Entry) error {
	load := loads[e.Type]
	if load == nil {
		return fmt.Errorf("dump: no value of type %d can be loaded", e.Type)
	}
	err := load(s, db, e)
	if err == nil && e.ExpireAt >= 0 && e.Type != rdb.TypeString {
		db.SetExpire(e.Key, e.ExpireAt)
	}
	return err
}
