package store

import (
	"encoding/binary"

	"holdfast/internal/bulk"
)

// space is the contents of one database: its index, its slabs, its large values. It belongs
// to a DB, until a swap gives it to another, or a flush drops it whole. A flush costs nothing, and
// a snapshot that is under way just keeps the dropped space and walks on.
type space struct {
	store   *Store
	table   table
	slabs   slabs
	large   largeTable
	expires int
	fields  *timedDict // keys of hashes with fields that expire, and when the first does; nil until there is one
	sweep   uint64     // the bucket at which ExpireScan goes on
	dueKeys []byte     // ExpireScan's copies of keys
	dueEnds []int
	number  int // in the running snapshot: the database it was when that began
}

func newSpace(s *Store) *space {
	sp := &space{store: s}
	sp.table = newTable(sp)
	return sp
}

// keyAt returns the key of an entry.
func (sp *space) keyAt(b []byte) []byte {
	if b[1]&flagLarge != 0 {
		return sp.large.at(largeRec(b)).key
	}
	l := parse(b)
	return b[l.key:l.val]
}

func (sp *space) hashAt(ref uint64) uint64 { return sp.store.hasher.sum(sp.keyAt(sp.slabs.bytes(ref))) }

func (sp *space) peekAt(ref uint64) byte { return sp.slabs.bytes(ref)[0] }

// find returns the slot of a key in the index, nil if it has none. It is valid until an insert or remove.
func (sp *space) find(hash uint64, key []byte) *uint64 {
	t := &sp.table
	if t.count == 0 {
		return nil
	}
	want := tagOf(hash)
	for b := t.main.at(t.home(hash)); b != nil; b = t.next(b) {
		for i, slot := range b {
			if (slot^want)&(tagMask|linkBit) != 0 {
				continue
			}
			if slot == 0 {
				return nil
			}
			if string(sp.keyAt(sp.slabs.bytes(slot&refMask))) == string(key) {
				return &b[i]
			}
		}
	}
	return nil
}

// item describes the entry at ref.
func (sp *space) item(ref uint64) (it Item) {
	sp.describe(ref, &it)
	return it
}

// describe is item into the caller's memory: to hand an Item through several calls costs more than to find it.
func (sp *space) describe(ref uint64, it *Item) {
	b := sp.slabs.bytes(ref)
	it.space, it.ref = sp, ref
	it.expireAt = NoExpiry
	it.access = uint32(b[2]) | uint32(b[3])<<8 | uint32(b[4])<<16
	it.typ, it.enc = Type(b[0]>>4), Encoding(b[0]&0xf)
	if it.large = b[1]&flagLarge != 0; it.large {
		r := sp.large.at(largeRec(b))
		it.key, it.val, it.obj = r.key, r.val, r.obj
		if b[1]&flagTTL != 0 {
			it.expireAt = int64(binary.LittleEndian.Uint64(b[largeTTLAt:]))
		}
		return
	}
	l := parse(b)
	it.key, it.val, it.obj = b[l.key:l.val:l.val], b[l.val:l.end:l.end], nil
	if b[1]&flagTTL != 0 {
		it.expireAt = int64(binary.LittleEndian.Uint64(b[l.ttl:]))
	}
}

// build makes an entry with a value of vlen arbitrary bytes and returns where these go.
func (sp *space) build(key []byte, vlen int, m meta) (ref uint64, val []byte) {
	if size := smallSize(len(key), vlen, m.hasTTL()); size <= maxSmallSize {
		ref = sp.slabs.alloc(size)
		return ref, putSmall(sp.slabs.bytes(ref), m, sp.store.gen, key, vlen)
	}
	val = bulk.Make(vlen)
	return sp.buildLarge(key, val, m), val
}

// buildLarge makes a large entry that takes possession of val.
func (sp *space) buildLarge(key, val []byte, m meta) uint64 {
	return sp.buildRecord(record{key: bulk.Clone(key), val: val}, m)
}

// buildObject makes an entry whose value is an object, of which it takes possession.
func (sp *space) buildObject(key []byte, obj object, m meta) uint64 {
	return sp.buildRecord(record{key: bulk.Clone(key), obj: obj, held: obj.memory()}, m)
}

func (sp *space) buildRecord(r record, m meta) uint64 {
	rec := sp.large.add(r)
	ref := sp.slabs.alloc(largeSize)
	putLarge(sp.slabs.bytes(ref), m, sp.store.gen, rec)
	return ref
}

// buildItem makes an entry at another key with a value like the item's. An object is taken as it is.
func (sp *space) buildItem(key []byte, it Item) uint64 {
	if it.obj != nil {
		return sp.buildObject(key, it.obj, it.meta())
	}
	ref, val := sp.build(key, len(it.val), it.meta())
	bulk.Copy(val, it.val)
	return ref
}

func (sp *space) isLarge(ref uint64) bool { return sp.slabs.bytes(ref)[1]&flagLarge != 0 }

// drop frees an entry that no slot of the index refers to any more.
func (sp *space) drop(ref uint64) {
	b := sp.slabs.bytes(ref)
	if b[1]&flagLarge != 0 {
		rec := largeRec(b)
		if last, moved := sp.large.remove(rec); moved {
			sp.renumber(last, rec)
		}
	}
	sp.slabs.free(ref)
}

// renumber tells the entry of large record from that its record is number to now.
func (sp *space) renumber(from, to uint32) {
	hash := sp.store.hasher.sum(sp.large.at(to).key)
	want := tagOf(hash)
	for b := sp.table.main.at(sp.table.home(hash)); b != nil; b = sp.table.next(b) {
		for _, slot := range b {
			if slot == 0 || (slot^want)&(tagMask|linkBit) != 0 {
				continue
			}
			e := sp.slabs.bytes(slot & refMask)
			if e[1]&flagLarge != 0 && largeRec(e) == from {
				binary.LittleEndian.PutUint32(e[largeRecAt:], to)
				return
			}
		}
	}
	panic("store: a large record without an entry")
}

// place makes key, whose hash is given, refer to a new entry; the one it referred to is dropped.
func (sp *space) place(hash uint64, key []byte, ref uint64) {
	ttl := sp.slabs.bytes(ref)[1]&flagTTL != 0
	slot := sp.find(hash, key)
	if slot == nil {
		if ttl {
			sp.expires++
		}
		sp.table.insert(hash, ref, ttl)
		sp.noteFields(key, ref)
		return
	}
	sp.save(*slot & refMask)
	sp.replace(hash, slot, ref)
	sp.noteFields(key, ref)
}

// replace puts a new entry into the slot of an old one of the same key, which is dropped.
func (sp *space) replace(hash uint64, slot *uint64, ref uint64) {
	old := *slot & refMask
	*slot = *slot&^refMask | ref
	sp.noteTTL(hash, slot, sp.slabs.bytes(ref)[1]&flagTTL != 0)
	sp.drop(old)
}

// noteTTL brings the counts of keys with an expiry, and the index's mark, up to date.
func (sp *space) noteTTL(hash uint64, slot *uint64, has bool) {
	if had := *slot&ttlBit != 0; had != has {
		if has {
			sp.expires++
		} else {
			sp.expires--
		}
		sp.table.setTTL(hash, slot, has)
	}
}

// unlink removes a key and drops its entry.
func (sp *space) unlink(hash uint64, slot *uint64) {
	ref := *slot & refMask
	if *slot&ttlBit != 0 {
		sp.expires--
	}
	if sp.fields != nil {
		sp.fields.remove(sp.keyAt(sp.slabs.bytes(ref)))
	}
	sp.table.remove(hash, slot)
	sp.drop(ref)
}

// save hands the entry to the running snapshot if that has not seen it yet. Every
// change of an entry calls it first.
func (sp *space) save(ref uint64) {
	if sn := sp.store.saving; sn != nil {
		sn.save(sp, ref)
	}
}

// used is the memory of the entries, without the room between them.
func (sp *space) used() int64 {
	return sp.slabs.live + sp.table.used() + sp.large.bytes + int64(sp.large.n)*recordSize + sp.fieldsMemory()
}

func (sp *space) memory() int64 {
	return sp.slabs.memory() + sp.table.memory() + sp.large.memory() + sp.fieldsMemory() + int64(cap(sp.dueKeys)) +
		int64(cap(sp.dueEnds))*8
}
