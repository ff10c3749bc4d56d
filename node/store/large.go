package store

import "slices"

// A key or value too large for a slot is a []byte of its own. The entry in the slab names a
// record in this table. Records are dense: the last one moves into a hole, so the table shrinks
// with its contents, and they stand in segments, so growing moves nothing.
const recordsPerSegment = 256

type record struct{ key, val []byte }

type largeTable struct {
	segments []*[recordsPerSegment]record
	n        uint32
	bytes    int64 // capacity of all keys and values
}

func (l *largeTable) at(i uint32) *record {
	return &l.segments[i/recordsPerSegment][i%recordsPerSegment]
}

// add stores a record, of which it takes possession.
func (l *largeTable) add(key, val []byte) uint32 {
	if l.n == uint32(len(l.segments))*recordsPerSegment {
		l.segments = append(l.segments, new([recordsPerSegment]record))
	}
	i := l.n
	l.n++
	*l.at(i) = record{key, val}
	l.bytes += int64(cap(key)) + int64(cap(val))
	return i
}

// setVal replaces the value of a record.
func (l *largeTable) setVal(i uint32, val []byte) {
	r := l.at(i)
	l.bytes += int64(cap(val)) - int64(cap(r.val))
	r.val = val
}

// remove drops a record. If moved, the record that was number last is now number i.
func (l *largeTable) remove(i uint32) (last uint32, moved bool) {
	r := l.at(i)
	l.bytes -= int64(cap(r.key)) + int64(cap(r.val))
	last = l.n - 1
	*r = *l.at(last)
	*l.at(last) = record{}
	l.n--
	if s := len(l.segments) - 1; uint32(s) > l.n/recordsPerSegment {
		l.segments[s] = nil
		l.segments = l.segments[:s]
	}
	return last, i != last
}

func (l *largeTable) memory() int64 {
	return l.bytes + int64(len(l.segments))*recordsPerSegment*48 + int64(cap(l.segments))*8
}

// clone copies bytes into a block of their own; its capacity is what the allocator really gave.
func clone(b []byte) []byte { return append([]byte(nil), b...) }

// overwrite puts val where old is if the block fits well, else into a new one.
func overwrite(old, val []byte) []byte {
	if cap(old) >= len(val) && cap(old)/2 <= len(val) {
		return append(old[:0], val...)
	}
	return clone(val)
}

// resize gives old exactly size bytes, zeroes where it had none; growth is amortised.
func resize(old []byte, size int) []byte {
	if size <= len(old) {
		return old[:size]
	}
	n := len(old)
	b := slices.Grow(old, size-n)[:size]
	clear(b[n:])
	return b
}
