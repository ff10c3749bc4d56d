package store

import "holdfast/node/listpack"

// Reserve says how many keys an empty database will get, about.
func (d *DB) Reserve(keys int) { d.space.table.reserve(keys) }

// Reserve says how many members an empty set will get. That many make it a dict at once, if it is certain to become
// one.
func (b *SetBuilder) Reserve(members int) {
	if members > max(maxPackedMembers, b.store.Limits.SetIntset) {
		b.enc, b.val, b.dict = EncHashtable, nil, newDict(&b.store.hasher)
		b.dict.table.reserve(members)
	}
}

// Reserve says how many fields an empty hash will get. That many make it a table at once, if it is certain to become
// one.
func (b *HashBuilder) Reserve(fields int) {
	const leastPair = 4 // bytes of a field and a value in a listpack
	if fields > max(b.store.Limits.HashEntries, packedAlways/leastPair) {
		b.makeTable()
		b.table.table.reserve(fields)
	}
}

// Reserve says how many members an empty sorted set will get.
func (b *ZSetBuilder) Reserve(members int) { b.table.scores.table.reserve(members) }

// LoadPacked makes a packed value the one of key, in place of one of any type, as a snapshot brings it: its bytes have
// been validated, and they are what the encoding says.
func (d *DB) LoadPacked(key []byte, typ Type, enc Encoding, val []byte) {
	d.Delete(key)
	e := d.edit(key, typ)
	e.setPacked(val, enc)
}

// ListBuilder is a list under construction.
type ListBuilder struct{ l list }

// NewList returns an empty list.
func (s *Store) NewList() *ListBuilder { return &ListBuilder{list{limits: s.Limits}} }

// Add puts an element at the end.
func (b *ListBuilder) Add(val []byte) { b.l.push(val, false) }

// AddPacked puts the elements of a listpack at the end, which has been validated.
func (b *ListBuilder) AddPacked(lp []byte) {
	if b.l.adopt(lp) {
		return
	}
	var number [20]byte
	for at := listpack.First(lp); at >= 0; at = listpack.Next(lp, at) {
		b.Add(listpack.Get(lp, at, number[:]))
	}
}

// Len returns the number of elements.
func (b *ListBuilder) Len() int { return b.l.count }

// ListStore makes a list, of which the store takes possession, the value of key in place of one of any type. The list
// must not be empty.
func (d *DB) ListStore(key []byte, b *ListBuilder) {
	d.Delete(key)
	e := d.edit(key, TypeList)
	l := &b.l
	if n := l.nodes.at(0); l.nodes.len() == 1 && n.kind == listpackNode && len(n.bytes()) <= listPacked {
		e.setPacked(n.bytes(), EncQuicklist)
		return
	}
	l.trim(l.nodes.len() - 1)
	e.setObject(l, EncQuicklist)
}

// PackedSet is a set that is no value of a key: an intset, or, encoded as hashtable, a listpack.
func PackedSet(val []byte, enc Encoding) Set { return Set{enc: enc, val: val} }

// PackedZSet is a sorted set in a listpack that is no value of a key.
func PackedZSet(val []byte) ZSet { return ZSet{enc: EncListpack, packed: val} }

// PackedHash is a hash in a listpack of fields and values that is no value of a key.
func PackedHash(val []byte) Hash { return Hash{enc: EncListpack, val: val} }
