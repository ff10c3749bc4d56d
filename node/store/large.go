package store

import "holdfast/internal/bulk"

// A key or value too large for a slot is a []byte of its own, and a large collection an object. The entry in the slab
// names a record in this table. Records are dense: the last one moves into a hole, so the table shrinks with its
// contents, and they stand in segments, so growing moves nothing.
const recordsPerSegment = 256

type record struct {
	key, val []byte
	obj      object // instead of val
	held     int64  // what obj.memory() was when it was last settled
}

const recordSize = 72

type largeTable struct {
	segments []*[recordsPerSegment]record
	n        uint32
	bytes    int64 // capacity of all keys and values, and what the objects hold
}

func (l *largeTable) at(i uint32) *record {
	return &l.segments[i/recordsPerSegment][i%recordsPerSegment]
}

// add stores a record, of which it takes possession.
func (l *largeTable) add(r record) uint32 {
	if l.n == uint32(len(l.segments))*recordsPerSegment {
		l.segments = append(l.segments, new([recordsPerSegment]record))
	}
	i := l.n
	l.n++
	*l.at(i) = r
	l.bytes += r.memory()
	return i
}

// memory returns what the record holds besides itself.
func (r *record) memory() int64 { return int64(cap(r.key)) + int64(cap(r.val)) + r.held }

// setVal replaces the value of a record by bytes.
func (l *largeTable) setVal(i uint32, val []byte) {
	r := l.at(i)
	l.bytes -= r.memory()
	r.val, r.obj, r.held = val, nil, 0
	l.bytes += r.memory()
}

// setObject replaces the value of a record by an object.
func (l *largeTable) setObject(i uint32, obj object) {
	r := l.at(i)
	l.bytes -= r.memory()
	r.val, r.obj, r.held = nil, obj, obj.memory()
	l.bytes += r.memory()
}

// settle accounts for what the record's object has grown or shrunk by.
func (l *largeTable) settle(i uint32) {
	r := l.at(i)
	l.bytes -= r.held
	r.held = r.obj.memory()
	l.bytes += r.held
}

// remove drops a record. If moved, the record that was number last is now number i.
func (l *largeTable) remove(i uint32) (last uint32, moved bool) {
	r := l.at(i)
	l.bytes -= r.memory()
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
	return l.bytes + int64(len(l.segments))*recordsPerSegment*recordSize + int64(cap(l.segments))*8
}

// overwrite puts val where old is if the block fits well, else into a new one.
func overwrite(old, val []byte) []byte {
	if cap(old) >= len(val) && cap(old)/2 <= len(val) {
		return bulk.Append(old[:0], val)
	}
	return bulk.Clone(val)
}

// resize gives old exactly size bytes, zeroes where it had none; growth is amortised.
func resize(old []byte, size int) []byte {
	if size <= len(old) {
		return old[:size]
	}
	n := len(old)
	b := bulk.Grow(old, size-n)[:size]
	bulk.Clear(b[n:])
	return b
}
