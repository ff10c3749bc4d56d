package store

import (
	"encoding/binary"

	"holdfast/internal/bulk"
)

// DB is one numbered database.
type DB struct {
	store *Store
	index int
	space *space
}

// finish ends a mutation of a key: it is reported, and slabs are tidied. The key may lie in
// memory that the mutation has freed, so nothing may be allocated before.
func (d *DB) finish(key []byte) {
	d.changed(key)
	d.space.tidy()
}

func (d *DB) changed(key []byte) { d.report(key, false) }

func (d *DB) report(key []byte, aside bool) {
	if d.store.Changed != nil {
		d.store.Changed(d, key, aside)
	}
}

// Index returns the number of the database.
func (d *DB) Index() int { return d.index }

// Len returns the number of keys.
func (d *DB) Len() int { return d.space.table.count }

// Expires returns the number of keys with an expiry.
func (d *DB) Expires() int { return d.space.expires }

// lookup returns the hash of a key and its slot in the index, nil if it is absent.
func (d *DB) lookup(key []byte) (hash uint64, slot *uint64) {
	hash = d.store.hasher.sum(key)
	return hash, d.space.find(hash, key)
}

// relookup is lookup for a change, before which as a rule Get has been called with the same key.
func (d *DB) relookup(key []byte) (hash uint64, slot *uint64) {
	sp := d.space
	if slot = sp.table.found; slot != nil && string(sp.keyAt(sp.slabs.bytes(*slot&refMask))) == string(key) {
		return sp.table.foundHash, slot
	}
	return d.lookup(key)
}

// Get returns the item at key. Whether it has expired is the caller's question.
func (d *DB) Get(key []byte) (it Item, found bool) {
	found = d.Find(key, &it)
	return it, found
}

// Find is Get into the caller's memory, which is left as it is if the key is absent.
func (d *DB) Find(key []byte, it *Item) (found bool) {
	if d.space.table.count == 0 {
		return false
	}
	hash, slot := d.lookup(key)
	if slot == nil {
		return false
	}
	d.space.table.found, d.space.table.foundHash = slot, hash
	d.space.describe(*slot&refMask, it)
	return true
}

// SetAccess stores the access statistics of an item just looked up, of which 24 bits are kept.
func (d *DB) SetAccess(it *Item, access uint32) {
	putAccess(d.space.slabs.bytes(it.ref), access)
}

// SetString sets key to a string, replacing a value of any type. expireAt is a unix time in milliseconds, NoExpiry
// or KeepTTL.
func (d *DB) SetString(key, val []byte, enc Encoding, expireAt int64) {
	sp := d.space
	hash, slot := d.relookup(key)
	m := meta{typ: TypeString, enc: enc, access: d.store.NewAccess, expireAt: max(expireAt, NoExpiry)}
	if slot == nil {
		ref, dst := sp.build(key, len(val), m)
		bulk.Copy(dst, val)
		sp.place(hash, key, ref)
		d.finish(key)
		return
	}
	m = d.kept(*slot&refMask, m, expireAt)
	if !sp.setInPlace(hash, slot, val, m) {
		fresh, dst := sp.build(key, len(val), m)
		bulk.Copy(dst, val)
		sp.replace(hash, slot, fresh)
	}
	if sp.fields != nil {
		sp.fields.remove(key)
	}
	d.finish(key)
}

// TakeString is SetString with a large value that the caller has given up: it becomes the store's own, and is not
// copied.
func (d *DB) TakeString(key, val []byte, enc Encoding, expireAt int64) {
	sp := d.space
	hash, slot := d.relookup(key)
	m := meta{typ: TypeString, enc: enc, access: d.store.NewAccess, expireAt: max(expireAt, NoExpiry)}
	if slot == nil {
		sp.place(hash, key, sp.buildLarge(key, val, m))
		d.finish(key)
		return
	}
	m = d.kept(*slot&refMask, m, expireAt)
	sp.replace(hash, slot, sp.buildLarge(key, val, m))
	if sp.fields != nil {
		sp.fields.remove(key)
	}
	d.finish(key)
}

// kept is what is to be stored beside a value that replaces another one, of which some may stay.
func (d *DB) kept(ref uint64, m meta, expireAt int64) meta {
	d.space.save(ref)
	old := getMeta(d.space.slabs.bytes(ref))
	if expireAt == KeepTTL {
		m.expireAt = old.expireAt
	}
	if d.store.KeepAccess {
		m.access = old.access
	}
	return m
}

// setInPlace replaces the value of an entry in its own slot, if the layout stays and the slot is of the right size.
func (sp *space) setInPlace(hash uint64, slot *uint64, val []byte, m meta) bool {
	ref := *slot & refMask
	b := sp.slabs.bytes(ref)
	if b[1]&flagLarge != 0 {
		rec := largeRec(b)
		if smallSize(len(sp.large.at(rec).key), len(val), m.hasTTL()) <= maxSmallSize {
			return false
		}
		old := sp.large.at(rec).val
		if sp.store.isLent(old) {
			old = nil
		}
		sp.large.setVal(rec, overwrite(old, val))
		putLarge(b, m, sp.store.gen, rec)
		sp.noteTTL(hash, slot, m.hasTTL())
		return true
	}
	l := parse(b)
	if m.hasTTL() != (b[1]&flagTTL != 0) || !sp.fitsInPlace(ref, l, len(val)) {
		return false
	}
	// The lengths' sizes are unchanged, so the key stays where it is.
	at := l.ttl - uvarintLen(l.end-l.val)
	binary.PutUvarint(b[at:], uint64(len(val)))
	if m.hasTTL() {
		binary.LittleEndian.PutUint64(b[l.ttl:], uint64(m.expireAt))
	}
	putHeader(b, m, sp.store.gen)
	copy(b[l.val:], val)
	return true
}

// fitsInPlace reports whether a value of vlen bytes belongs into the slot of a small entry and leaves its key where it
// is.
func (sp *space) fitsInPlace(ref uint64, l layout, vlen int) bool {
	size := l.val + vlen
	return size <= maxSmallSize && classFor(size) == sp.slabs.classAt(ref) &&
		uvarintLen(vlen) == uvarintLen(l.end-l.val)
}

// Grow returns the string at key, to be written by the caller, at exactly size bytes: extended with zeroes, and
// created if the key is absent. Its encoding becomes raw. Afterwards the caller reports the change with Touched;
// until then nothing else may be done with the store. It need not be called when neither size nor bytes have changed.
// Growing byte by byte costs amortised constant time.
func (d *DB) Grow(key []byte, size int) []byte {
	sp := d.space
	hash, slot := d.relookup(key)
	if slot == nil {
		ref, dst := sp.build(key, size, meta{typ: TypeString, enc: EncRaw, access: d.store.NewAccess,
			expireAt: NoExpiry})
		bulk.Clear(dst)
		sp.place(hash, key, ref)
		return dst
	}
	ref := *slot & refMask
	sp.save(ref)
	b := sp.slabs.bytes(ref)
	m := getMeta(b)
	m.enc = EncRaw
	if b[1]&flagLarge != 0 {
		rec := largeRec(b)
		old := sp.large.at(rec).val
		if sp.store.isLent(old) {
			old = bulk.Append(make([]byte, 0, size), old[:min(len(old), size)])
		}
		sp.large.setVal(rec, resize(old, size))
		putLarge(b, m, d.store.gen, rec)
		return sp.large.at(rec).val
	}
	l := parse(b)
	if sp.fitsInPlace(ref, l, size) {
		binary.PutUvarint(b[l.ttl-uvarintLen(l.end-l.val):], uint64(size))
		putHeader(b, m, d.store.gen)
		if grown := l.val + size; grown > l.end {
			clear(b[l.end:grown])
		}
		return b[l.val : l.val+size : l.val+size]
	}
	fresh, dst := sp.build(key, size, m)
	bulk.Clear(dst[copy(dst, b[l.val:l.end]):])
	sp.replace(hash, slot, fresh)
	return dst
}

// Touched reports a change made through Grow.
func (d *DB) Touched(key []byte) { d.finish(key) }

// Delete removes a key and reports whether it was there.
func (d *DB) Delete(key []byte) bool {
	hash, slot := d.relookup(key)
	if slot == nil {
		return false
	}
	d.space.save(*slot & refMask)
	d.space.unlink(hash, slot)
	d.finish(key)
	return true
}

// SetExpire sets the expiry of a key, or removes it with NoExpiry; it reports whether the key is there.
func (d *DB) SetExpire(key []byte, at int64) bool {
	sp := d.space
	hash, slot := d.relookup(key)
	if slot == nil {
		return false
	}
	ref := *slot & refMask
	sp.save(ref)
	b := sp.slabs.bytes(ref)
	m := getMeta(b)
	m.expireAt = max(at, NoExpiry)
	switch {
	case b[1]&flagLarge != 0:
		putLarge(b, m, d.store.gen, largeRec(b))
		sp.noteTTL(hash, slot, m.hasTTL())
	case m.hasTTL() == (b[1]&flagTTL != 0):
		if m.hasTTL() {
			binary.LittleEndian.PutUint64(b[parse(b).ttl:], uint64(m.expireAt))
		}
	default:
		it := sp.item(ref)
		fresh, dst := sp.build(it.key, len(it.val), m)
		bulk.Copy(dst, it.val)
		sp.replace(hash, slot, fresh)
	}
	d.finish(key)
	return true
}

// Rename moves a value with its expiry and access statistics from one key to another, replacing what is
// there; it reports whether from exists. A rename to itself changes nothing.
func (d *DB) Rename(from, to []byte) bool {
	sp := d.space
	hash, slot := d.lookup(from)
	if slot == nil {
		return false
	}
	if string(from) == string(to) {
		return true
	}
	ref := *slot & refMask
	sp.save(ref)
	it := sp.item(ref)
	var fresh uint64
	if it.large && it.obj == nil && smallSize(len(to), len(it.val), it.expireAt >= 0) > maxSmallSize {
		sp.large.setVal(largeRec(sp.slabs.bytes(ref)), nil)
		fresh = sp.buildLarge(to, it.val, it.meta())
	} else {
		fresh = sp.buildItem(to, it)
	}
	// First placed, then unlinked: an entry must be in the index when large records are renumbered.
	sp.place(d.store.hasher.sum(to), to, fresh)
	sp.unlink(hash, sp.find(hash, from))
	d.changed(from)
	d.finish(to)
	return true
}

// CopyTo copies a value with its expiry and access statistics to a key of a database, replacing what
// is there; it reports whether from exists. Copying a key onto itself changes nothing.
func (d *DB) CopyTo(dst *DB, from, to []byte) bool {
	_, slot := d.lookup(from)
	if slot == nil {
		return false
	}
	if d == dst && string(from) == string(to) {
		return true
	}
	it := d.space.item(*slot & refMask)
	if it.obj != nil {
		it.obj = it.obj.clone()
	}
	dst.space.place(d.store.hasher.sum(to), to, dst.space.buildItem(to, it))
	dst.finish(to)
	return true
}

// MoveTo moves a key to another database; it reports false, and does nothing, when the key is absent here or present
// there.
func (d *DB) MoveTo(dst *DB, key []byte) bool {
	hash, slot := d.lookup(key)
	if slot == nil || d == dst || dst.space.find(hash, key) != nil {
		return false
	}
	d.CopyTo(dst, key, key)
	return d.Delete(key)
}

// Flush removes all keys, in constant time. Changed is called once, with a nil key.
func (d *DB) Flush() {
	d.space = newSpace(d.store)
	d.changed(nil)
}
