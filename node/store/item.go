package store

// Item is one key with its value as it was when it was looked up. Its slices alias the
// store's memory: they are valid until the next call that changes the store, and read-only.
type Item struct {
	key, val []byte
	ref      uint64
	expireAt int64
	access   uint32
	typ      Type
	enc      Encoding
	large    bool
	obj      object // the value of a large collection
	space    *space
}

// indexShare is what an entry costs in the index on average, with buckets between the
// marks at which they merge and split.
const indexShare = 13

// Key returns the key.
func (it Item) Key() []byte { return it.key }

// Type returns the type of the value.
func (it Item) Type() Type { return it.typ }

// Encoding returns how the value is represented.
func (it Item) Encoding() Encoding { return it.enc }

// Bytes returns the value of a string, or of a packed collection; nil for one that is not packed.
func (it Item) Bytes() []byte { return it.val }

// ExpireAt returns the unix time in milliseconds at which the key expires, or NoExpiry.
func (it Item) ExpireAt() int64 { return it.expireAt }

// Access returns the 24 bits of access statistics (LRU clock or LFU counter) kept with the key.
func (it Item) Access() uint32 { return it.access }

// SizeInMemory returns the bytes that the key and its value occupy, with their share of the index.
func (it Item) SizeInMemory() int64 {
	n := int64(slotSizes[it.space.slabs.classAt(it.ref)]) + indexShare
	if it.large {
		n += int64(cap(it.key)) + int64(cap(it.val)) + recordSize
	}
	if it.obj != nil {
		n += it.obj.memory()
	}
	return n
}

// Len returns the number of elements of a collection.
func (it Item) Len() int { return kinds[it.typ].len(it) }

// check verifies the value.
func (it Item) check() error { return kinds[it.typ].check(it) }

// names is the dict in which the elements of a large collection are found; nil: there is none.
func (it Item) names() *dict {
	if it.obj == nil {
		return nil
	}
	return it.obj.names()
}

func (it Item) meta() meta {
	return meta{typ: it.typ, enc: it.enc, access: it.access, expireAt: it.expireAt}
}
