package store

import "math/rand/v2"

// DB is one numbered database.
type DB struct {
	store *Store
	index int
	m     map[string]*value
}

func (d *DB) changed(key []byte) {
	if d.store.Changed != nil {
		d.store.Changed(d, key)
	}
}

func item(k string, v *value) Item {
	return Item{key: []byte(k), val: v.val, expireAt: v.at, access: v.access, enc: v.enc, size: int64(len(k) + len(v.val) + 80)}
}

// Index returns the number of the database.
func (d *DB) Index() int { return d.index }

// Len returns the number of keys.
func (d *DB) Len() int { return len(d.m) }

// Expires returns the number of keys with an expiry.
func (d *DB) Expires() int {
	n := 0
	for _, v := range d.m {
		if v.at >= 0 {
			n++
		}
	}
	return n
}

// Get returns the item at key.
func (d *DB) Get(key []byte) (Item, bool) {
	v, ok := d.m[string(key)]
	if !ok {
		return Item{}, false
	}
	return item(string(key), v), true
}

// SetAccess stores the access statistics of a key.
func (d *DB) SetAccess(key []byte, access uint32) {
	if v, ok := d.m[string(key)]; ok {
		v.access = access & 0xffffff
	}
}

// SetString sets key to a string.
func (d *DB) SetString(key, val []byte, enc Encoding, expireAt int64) {
	old := d.m[string(key)]
	v := &value{val: append([]byte(nil), val...), at: expireAt, enc: enc, access: d.store.NewAccess}
	if expireAt == KeepTTL {
		v.at = NoExpiry
		if old != nil {
			v.at = old.at
		}
	}
	d.m[string(key)] = v
	d.changed(key)
}

// Grow returns the writable value of key at exactly size bytes.
func (d *DB) Grow(key []byte, size int) []byte {
	v := d.m[string(key)]
	if v == nil {
		v = &value{at: NoExpiry, access: d.store.NewAccess}
		d.m[string(key)] = v
	}
	v.enc = EncRaw
	if len(v.val) < size {
		v.val = append(v.val, make([]byte, size-len(v.val))...)
	}
	v.val = v.val[:size]
	return v.val
}

// Touched reports a change made through Grow.
func (d *DB) Touched(key []byte) { d.changed(key) }

// Delete removes a key and reports whether it was there.
func (d *DB) Delete(key []byte) bool {
	if _, ok := d.m[string(key)]; !ok {
		return false
	}
	delete(d.m, string(key))
	d.changed(key)
	return true
}

// SetExpire sets or, with NoExpiry, removes the expiry of a key; it reports whether the key is there.
func (d *DB) SetExpire(key []byte, at int64) bool {
	v := d.m[string(key)]
	if v == nil {
		return false
	}
	v.at = at
	d.changed(key)
	return true
}

// Rename moves the value with its expiry from one key to another, replacing what is there; it reports whether from exists.
func (d *DB) Rename(from, to []byte) bool {
	v := d.m[string(from)]
	if v == nil {
		return false
	}
	delete(d.m, string(from))
	d.m[string(to)] = v
	d.changed(from)
	d.changed(to)
	return true
}

// CopyTo copies the value with its expiry to another key, replacing what is there; it reports whether from exists.
func (d *DB) CopyTo(dst *DB, from, to []byte) bool {
	v := d.m[string(from)]
	if v == nil {
		return false
	}
	c := *v
	c.val = append([]byte(nil), v.val...)
	dst.m[string(to)] = &c
	dst.changed(to)
	return true
}

// MoveTo moves a key to another database; it reports false when the key is absent here or present there.
func (d *DB) MoveTo(dst *DB, key []byte) bool {
	if _, there := dst.m[string(key)]; there || d == dst {
		return false
	}
	if !d.CopyTo(dst, key, key) {
		return false
	}
	return d.Delete(key)
}

// Scan calls fn for the items from cursor on and returns the next cursor, 0 at the end.
func (d *DB) Scan(cursor uint64, count int, fn func(Item)) uint64 {
	for k, v := range d.m {
		fn(item(k, v))
	}
	return 0
}

// Random returns a random item.
func (d *DB) Random(rng *rand.Rand) (Item, bool) {
	for k, v := range d.m {
		return item(k, v), true
	}
	return Item{}, false
}

// Each calls fn for every item until it returns false.
func (d *DB) Each(fn func(Item) bool) {
	for k, v := range d.m {
		if !fn(item(k, v)) {
			return
		}
	}
}

// Flush removes all keys.
func (d *DB) Flush() {
	d.m = map[string]*value{}
	d.changed(nil)
}

// ExpireScan visits keys with an expiry and calls fn for those that are due.
func (d *DB) ExpireScan(now int64, budget int, fn func(key []byte)) (visited, expired int) {
	for k, v := range d.m {
		if v.at < 0 {
			continue
		}
		visited++
		if v.at <= now {
			expired++
			fn([]byte(k))
		}
	}
	return visited, expired
}
