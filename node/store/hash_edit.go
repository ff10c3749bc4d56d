package store

import "holdfast/node/listpack"

// hashBuilder is the hash that is edited. A packed one is copied to the store's scratch memory; of a table it is the
// original.
func (e *edit) hashBuilder() HashBuilder {
	s := e.d.store
	b := HashBuilder{store: s}
	switch {
	case !e.exists():
		b.enc, b.val = EncListpack, listpack.AppendNew(s.scratch[:0])
	case e.obj != nil:
		b.enc, b.table = e.m.enc, e.obj.(*timedDict)
	default:
		b.enc, b.val = e.m.enc, append(s.scratch[:0], e.val...)
	}
	return b
}

// setHash ends the edit with what has become of its hash.
func (e *edit) setHash(b *HashBuilder) {
	if b.val != nil {
		e.d.store.scratch = b.val
	}
	switch {
	case b.Len() == 0:
		e.remove()
	case b.table == nil:
		e.setPacked(b.val, b.enc)
	case e.obj != nil:
		e.settle()
	default:
		e.setObject(b.table, b.enc)
	}
}

// HashSet sets fields of the hash at key, given as field, value, field, value …, which is created if it is absent, and
// returns how many are new. at is when they expire: NoExpiry for never, KeepTTL for when they did before.
func (d *DB) HashSet(key []byte, at int64, pairs ...[]byte) (created int) {
	e := d.edit(key, TypeHash)
	b := e.hashBuilder()
	for i := 0; i < len(pairs); i += 2 {
		if b.Set(pairs[i], pairs[i+1], at) {
			created++
		}
	}
	e.setHash(&b)
	return created
}

// HashSetTo is HashSet of fields of the hash that was found at key, the zero Item if there is none: it need not be
// looked up again.
func (d *DB) HashSetTo(it *Item, key []byte, at int64, pairs ...[]byte) (created int) {
	table, large := it.obj.(*timedDict)
	if !large {
		return d.HashSet(key, at, pairs...)
	}
	d.space.save(it.ref)
	b := HashBuilder{Hash{enc: it.enc, table: table}, d.store}
	for i := 0; i < len(pairs); i += 2 {
		if b.setInTable(pairs[i], pairs[i+1], at) {
			created++
		}
	}
	d.space.noteNext(key, b.NextExpiry())
	d.settle(it.ref, key)
	return created
}

// HashRemove removes fields from the hash at key and returns how many were there. With its last field the key goes.
func (d *DB) HashRemove(key []byte, fields ...[]byte) (removed int) {
	return d.hashChange(key, fields, (*HashBuilder).Remove)
}

// HashExpire gives fields of the hash at key a time of expiry, or takes it away with NoExpiry, and returns how many
// were there.
func (d *DB) HashExpire(key []byte, at int64, fields ...[]byte) (found int) {
	return d.hashChange(key, fields, func(b *HashBuilder, field []byte) bool { return b.SetExpiry(field, at) })
}

func (d *DB) hashChange(key []byte, fields [][]byte, change func(b *HashBuilder, field []byte) bool) (n int) {
	d.HashUpdate(key, func(b *HashBuilder) bool {
		for i, f := range fields {
			if b.table != nil && i%WarmKeys == 0 && len(fields) > 1 {
				b.table.warm(fields[i:])
			}
			if change(b, f) {
				n++
			}
		}
		return n > 0
	})
	return n
}

// HashUpdate lets fn look at and change the hash at key, if it is there; fn reports whether it did change it, and must
// not use the store otherwise. With its last field the key goes.
func (d *DB) HashUpdate(key []byte, fn func(b *HashBuilder) (changed bool)) {
	e := d.edit(key, TypeHash)
	if !e.exists() {
		return
	}
	b := e.hashBuilder()
	if fn(&b) {
		e.setHash(&b)
	}
}

// HashPurge removes up to limit fields whose time is before now from the hash at key, the earliest first, and calls fn
// for each. fn must not use the store. It returns how many it has removed.
func (d *DB) HashPurge(key []byte, now int64, limit int, fn func(field []byte, at int64)) (removed int) {
	d.HashUpdate(key, func(b *HashBuilder) bool {
		var field []byte
		for ; removed < limit && b.Len() > 0; removed++ {
			var at int64
			if field, at = b.first(field[:0]); at < 0 || at >= now {
				break
			}
			fn(field, at)
			b.Remove(field)
		}
		return removed > 0
	})
	return removed
}

// first appends the field that expires first to dst, and returns its time; NoExpiry if none does.
func (h Hash) first(dst []byte) (field []byte, at int64) {
	if h.table != nil {
		at, ref := h.table.next()
		if at >= 0 {
			dst = append(dst, h.table.name(ref)...)
		}
		return dst, at
	}
	if h.enc != EncListpackEx {
		return dst, NoExpiry
	}
	field, _, pos := h.pair(listpack.First(h.val), nil)
	return append(dst, field...), h.timeAfter(pos)
}

// HashStore makes a hash, of which the store takes possession, the value of key in place of one of any type. The hash
// must not be empty.
func (d *DB) HashStore(key []byte, b *HashBuilder) {
	d.Delete(key)
	e := d.edit(key, TypeHash)
	e.setHash(b)
}
