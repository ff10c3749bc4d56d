package store

import "holdfast/internal/bulk"

// An object is the value of a collection that is too large to be packed into bytes. Its entry is a large one; the
// record holds the object.
type object interface {
	memory() int64 // bytes held now, in constant time
	clone() object
	check() error
	freeze(f *Frozen) // describes it as it is now; whoever changes a block of it until the thaw copies that before
	names() *dict     // in which its elements are found by name; nil: they have none
}

// edit is the value of a key that is about to change. It begins with DB.edit, which has let a running snapshot
// save the old state, and ends with one call of setPacked, setObject, settle or remove. Nothing else may be done with
// the database in between.
type edit struct {
	d    *DB
	key  []byte
	hash uint64
	slot *uint64 // nil when the key is absent
	m    meta
	val  []byte // the packed value, in the store's memory
	obj  object // or the object, nil for a packed value
}

// edit begins a change of the value at key, of a type that the caller has checked. An absent key is
// described as it would be created, without a value.
func (d *DB) edit(key []byte, typ Type) (e edit) {
	e.d, e.key = d, key
	e.hash, e.slot = d.relookup(key)
	if e.slot == nil {
		e.m = meta{typ: typ, access: d.store.NewAccess, expireAt: NoExpiry}
		return e
	}
	ref := *e.slot & refMask
	d.space.save(ref)
	b := d.space.slabs.bytes(ref)
	if e.m = getMeta(b); e.m.typ != typ {
		panic("store: a " + typ.String() + " operation on a " + e.m.typ.String())
	}
	if b[1]&flagLarge != 0 {
		r := d.space.large.at(largeRec(b))
		e.val, e.obj = r.val, r.obj
	} else {
		l := parse(b)
		e.val = b[l.val:l.end:l.end]
	}
	return e
}

// exists reports whether the key was there when the edit began.
func (e *edit) exists() bool { return e.slot != nil }

// setPacked ends the edit: the value is the bytes, which are copied and may lie in the present value.
func (e *edit) setPacked(val []byte, enc Encoding) {
	sp := e.d.space
	e.m.enc = enc
	switch {
	case e.slot == nil:
		ref, dst := sp.build(e.key, len(val), e.m)
		bulk.Copy(dst, val)
		sp.place(e.hash, e.key, ref)
	case !sp.setInPlace(e.hash, e.slot, val, e.m):
		ref, dst := sp.build(e.key, len(val), e.m)
		bulk.Copy(dst, val)
		sp.replace(e.hash, e.slot, ref)
	}
	e.end()
}

// setObject ends the edit: the value is the object, which the store takes possession of.
func (e *edit) setObject(obj object, enc Encoding) {
	sp := e.d.space
	e.m.enc = enc
	switch {
	case e.slot == nil:
		sp.place(e.hash, e.key, sp.buildObject(e.key, obj, e.m))
	case sp.isLarge(*e.slot & refMask):
		b := sp.slabs.bytes(*e.slot & refMask)
		rec := largeRec(b)
		sp.large.setObject(rec, obj)
		putLarge(b, e.m, sp.store.gen, rec)
		sp.noteTTL(e.hash, e.slot, e.m.hasTTL())
	default:
		sp.replace(e.hash, e.slot, sp.buildObject(e.key, obj, e.m))
	}
	e.end()
}

// settle ends the edit of an object that was changed in place.
func (e *edit) settle() {
	sp := e.d.space
	sp.large.settle(largeRec(sp.slabs.bytes(*e.slot & refMask)))
	e.end()
}

// settle ends a change in place of the object at ref, which was begun without an edit.
func (d *DB) settle(ref uint64, key []byte) {
	sp := d.space
	sp.large.settle(largeRec(sp.slabs.bytes(ref)))
	d.finish(key)
}

// end finishes an edit after which the key is there.
func (e *edit) end() {
	if e.m.typ == TypeHash && e.slot != nil {
		e.d.space.noteFields(e.key, *e.slot&refMask)
	}
	e.d.finish(e.key)
}

// remove ends the edit: the key goes, as a collection does with its last element.
func (e *edit) remove() {
	e.d.space.unlink(e.hash, e.slot)
	e.d.finish(e.key)
}
