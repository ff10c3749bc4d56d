package store

import (
	"errors"
	"fmt"
	"strconv"

	"holdfast/internal/bulk"
	"holdfast/node/listpack"
)

// HashBuilder is a hash under construction: a new one, or one that is edited.
type HashBuilder struct {
	Hash
	store *Store
}

// NewHash returns an empty hash.
func (s *Store) NewHash() *HashBuilder {
	return &HashBuilder{Hash{enc: EncListpack, val: listpack.New()}, s}
}

// maxListpack bounds a listpack, which counts its bytes in 32 bits, whatever the limit of its fields.
const maxListpack = 1 << 30

// Set sets a field, and its time of expiry: NoExpiry for none, KeepTTL for the one it has. It reports whether the field
// is new.
func (b *HashBuilder) Set(field, value []byte, at int64) (created bool) {
	if limit := b.store.Limits.HashValue; len(field) > limit || len(value) > limit {
		b.outgrow()
	}
	if b.table == nil {
		if at >= 0 && b.enc != EncListpackEx {
			b.makeTimed()
		}
		if b.table == nil && len(b.val)+listpack.Size(field)+listpack.Size(value) > b.maxBytes() {
			b.makeTable()
		}
	}
	if b.table != nil {
		return b.setInTable(field, value, at)
	}
	created = b.setPacked(field, value, at)
	if b.Len() > b.store.Limits.HashEntries {
		b.outgrow()
	}
	return created
}

func (b *HashBuilder) setInTable(field, value []byte, at int64) (created bool) {
	if value == nil {
		value = []byte{} // none at all would be another cell
	}
	if at == KeepTTL {
		at = NoExpiry
		if b.table.timed() > 0 {
			if ref, ok := b.table.find(field); ok {
				at = b.table.time(ref)
			}
		}
	}
	return b.table.put(field, value, clampTime(at))
}

func (b *HashBuilder) setPacked(field, value []byte, at int64) (created bool) {
	pos := b.find(field)
	if pos < 0 {
		b.insert(field, value, max(at, NoExpiry))
		return true
	}
	valuePos := listpack.Next(b.val, pos)
	if b.enc == EncListpackEx && at != KeepTTL && b.timeAfter(valuePos) != at {
		b.val = listpack.Delete(b.val, pos, b.step())
		b.insert(field, value, at)
		return false
	}
	b.val = listpack.Replace(b.val, valuePos, value)
	return false
}

// insert adds a field to a listpack in which it is not: the first to expire comes first.
func (b *HashBuilder) insert(field, value []byte, at int64) {
	if b.enc != EncListpackEx {
		b.val = listpack.Append(listpack.Append(b.val, field), value)
		return
	}
	if at < 0 {
		b.val = listpack.AppendInt(listpack.Append(listpack.Append(b.val, field), value), 0)
		return
	}
	at = clampTime(at)
	pos := listpack.First(b.val)
	for pos >= 0 {
		valuePos := listpack.Next(b.val, pos)
		if other := b.timeAfter(valuePos); other < 0 || other > at {
			break
		}
		pos = listpack.Next(b.val, listpack.Next(b.val, valuePos))
	}
	if pos < 0 {
		b.val = listpack.AppendInt(listpack.Append(listpack.Append(b.val, field), value), at)
		return
	}
	var text [maxIntText]byte
	for _, part := range [][]byte{field, value, strconv.AppendInt(text[:0], at, 10)} {
		b.val = listpack.Insert(b.val, pos, part, listpack.Before)
		pos += listpack.Size(part)
	}
}

func clampTime(at int64) int64 {
	if at < 0 {
		return NoExpiry
	}
	return min(max(at, 1), maxTime)
}

// SetExpiry gives a field a time of expiry, or takes it away with NoExpiry; it reports whether the field is there.
func (b *HashBuilder) SetExpiry(field []byte, at int64) bool {
	if b.table == nil {
		pos := b.find(field)
		if pos < 0 {
			return false
		}
		if at < 0 && b.enc != EncListpackEx {
			return true
		}
		if b.enc == EncListpackEx {
			b.reinsert(pos, at)
			return true
		}
		b.makeTimed()
		return b.SetExpiry(field, at)
	}
	ref, ok := b.table.find(field)
	if ok {
		b.table.setTime(ref, clampTime(at))
	}
	return ok
}

// reinsert gives the field at a position of a listpack a time, and so another place.
func (b *HashBuilder) reinsert(pos int, at int64) {
	field, value, _ := b.pair(pos, nil)
	field, value = bulk.Clone(field), bulk.Clone(value)
	b.val = listpack.Delete(b.val, pos, b.step())
	b.insert(field, value, at)
}

// Remove removes a field and reports whether it was there.
func (b *HashBuilder) Remove(field []byte) bool {
	if b.table != nil {
		return b.table.remove(field)
	}
	pos := b.find(field)
	if pos >= 0 {
		b.val = listpack.Delete(b.val, pos, b.step())
	}
	return pos >= 0
}

// maxBytes is the size up to which the hash may be a listpack.
func (b *HashBuilder) maxBytes() int {
	if b.enc == EncHashtable {
		return packedAlways
	}
	return maxListpack
}

// outgrow makes the encoding hashtable: the hash is past its limits.
func (b *HashBuilder) outgrow() {
	if b.table != nil {
		return
	}
	if b.enc == EncListpackEx || len(b.val) > packedAlways {
		b.makeTable()
	}
	b.enc = EncHashtable
}

// makeTimed makes a listpack one that has times, or, where the encoding is hashtable, a table.
func (b *HashBuilder) makeTimed() {
	if b.enc == EncHashtable {
		b.makeTable()
		return
	}
	pairs := b.Hash
	timed := listpack.New()
	pairs.Each(func(field, value []byte, _ int64) bool {
		timed = listpack.AppendInt(listpack.Append(listpack.Append(timed, field), value), 0)
		return true
	})
	b.enc, b.val = EncListpackEx, timed
}

func (b *HashBuilder) makeTable() {
	packed := b.Hash
	b.enc, b.val, b.table = EncHashtable, nil, newTimedDict(&b.store.hasher)
	packed.Each(func(field, value []byte, at int64) bool {
		b.table.put(field, value, at)
		return true
	})
}

// check verifies a hash.
func (h Hash) check() error {
	if h.table != nil || h.Len() == 0 {
		if h.Len() == 0 || h.enc != EncHashtable {
			return fmt.Errorf("a hash of %d fields is encoded as %v", h.Len(), h.enc)
		}
		return nil
	}
	if err := listpack.Validate(h.val, true); err != nil {
		return err
	}
	if h.enc != EncListpack && h.enc != EncListpackEx && (h.enc != EncHashtable || len(h.val) > packedAlways) {
		return fmt.Errorf("a listpack of %d bytes is a hash encoded as %v", len(h.val), h.enc)
	}
	if listpack.Len(h.val)%h.step() != 0 {
		return errors.New("a field of a packed hash has a part too few")
	}
	seen := make(map[string]bool)
	last, ordered := int64(0), true
	h.Each(func(field, _ []byte, at int64) bool {
		seen[string(field)] = true
		if at < 0 {
			at = maxTime + 1
		}
		ordered = ordered && at >= last
		last = at
		return true
	})
	if len(seen) != h.Len() || !ordered {
		return errors.New("a packed hash has a field twice, or not in the order of expiry")
	}
	return nil
}
