package store

import "fmt"

// A space knows the keys of its hashes with fields that expire, in the order in which the first field of each does, so
// that an active expiry finds what is due without a search.

// noteFields brings that up to date for the key of the entry at ref.
func (sp *space) noteFields(key []byte, ref uint64) {
	at := NoExpiry
	if it := sp.item(ref); it.typ == TypeHash {
		at = it.Hash().NextExpiry()
	}
	sp.noteNext(key, at)
}

// noteNext is noteFields for a key that has a hash whose first field to expire does so at a time, NoExpiry for none.
func (sp *space) noteNext(key []byte, at int64) {
	switch {
	case at < 0:
		if sp.fields != nil {
			sp.fields.remove(key)
		}
	case sp.fields == nil:
		sp.fields = newTimedDict(&sp.store.hasher)
		sp.fields.put(key, nil, at)
	default:
		if known, ok := sp.fields.find(key); !ok {
			sp.fields.put(key, nil, at)
		} else if sp.fields.time(known) != at {
			sp.fields.setTime(known, at)
		}
	}
}

func (sp *space) fieldsMemory() int64 {
	if sp.fields == nil {
		return 0
	}
	return sp.fields.memory()
}

// FieldExpires returns the number of hashes with fields that expire.
func (d *DB) FieldExpires() int {
	if d.space.fields == nil {
		return 0
	}
	return d.space.fields.len()
}

// NextFieldExpiry appends to dst the key of the hash of which a field expires before all others, and returns its time;
// NoExpiry if there is none.
func (d *DB) NextFieldExpiry(dst []byte) (key []byte, at int64) {
	if d.FieldExpires() == 0 {
		return dst, NoExpiry
	}
	at, ref := d.space.fields.next()
	return append(dst, d.space.fields.name(ref)...), at
}

// checkFields verifies that the keys of hashes with fields that expire are known, with their times, and no others.
func (sp *space) checkFields() error {
	count, expiring := 0, 0
	if sp.fields != nil {
		if err := sp.fields.check(); err != nil {
			return fmt.Errorf("hashes with fields that expire: %w", err)
		}
		count = sp.fields.len()
	}
	var err error
	sp.table.each(func(ref uint64) bool {
		it := sp.item(ref)
		if it.typ != TypeHash || it.Hash().NextExpiry() < 0 {
			return true
		}
		if expiring++; expiring > count {
			return false
		}
		known, ok := sp.fields.find(it.key)
		if !ok || sp.fields.time(known) != it.Hash().NextExpiry() {
			err = fmt.Errorf("key %q: the time when its first field expires is not known", it.key)
		}
		return err == nil
	})
	if err == nil && expiring != count {
		err = fmt.Errorf("%d hashes have fields that expire, %d are known", expiring, count)
	}
	return err
}
