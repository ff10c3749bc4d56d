package rdb

import (
	"encoding/binary"

	"holdfast/node/listpack"
)

// A hash is its fields and values, with the times at which fields expire if any do, or, packed, a listpack of them.
var hashLayouts = map[int]layout{
	TypeHash: {as: TypeHash, read: (*Reader).count, element: (*Reader).field, write: (*Writer).fields},
	TypeHashFieldsTime: {as: TypeHashFieldsTime, read: (*Reader).baseAndCount, element: (*Reader).fieldTime,
		write: (*Writer).fieldTimes},
	typeHashTime1:    {as: TypeHashFieldsTime, read: (*Reader).count, element: (*Reader).fieldTime},
	typeHashValkey:   {as: TypeHashFieldsTime, read: (*Reader).count, element: (*Reader).timedField},
	TypeHashListpack: {as: TypeHashListpack, read: checked(checkPairs), write: (*Writer).run},
	typeHashZipmap:   {as: TypeHashListpack, read: converted(zipmapToListpack, checkPairs)},
	typeHashZiplist:  {as: TypeHashListpack, read: converted(ziplistToListpack, checkPairs)},

	typeHashListpackEx1: {as: TypeHashFieldsTime, read: (*Reader).triples, element: (*Reader).triple},
	typeHashListpackEx:  {as: TypeHashFieldsTime, read: (*Reader).baseAndTriples, element: (*Reader).triple},
}

func checkPairs(r *Reader, lp []byte) error { return r.names.check(lp, 2) }

func (r *Reader) field() (el Element, err error) {
	if el, err = r.member(); err == nil {
		r.val, err = r.string(r.val)
		el.Value = r.val
	}
	return el, err
}

// baseAndCount reads the time that those of the fields are relative to, and how many there are.
func (r *Reader) baseAndCount(e *Entry) (err error) {
	if r.elements.base, err = r.time(); err != nil {
		return err
	}
	r.elements.relative = true
	return r.count(e)
}

// time reads the earliest time of a hash's fields, 0 if there is none.
func (r *Reader) time() (uint64, error) {
	at := r.Offset()
	if err := r.full(r.small[:8]); err != nil {
		return 0, err
	}
	t := binary.LittleEndian.Uint64(r.small[:])
	if t > maxFieldTime+1 { // one more stands for never
		return 0, r.damaged(at, "the earliest time of a field is %d", t)
	}
	return t, nil
}

// fieldTime reads a field, before which stands when it expires.
func (r *Reader) fieldTime() (el Element, err error) {
	at, err := r.expiry()
	if err != nil {
		return el, err
	}
	el, err = r.field()
	el.ExpireAt = at
	return el, err
}

// timedField reads a field of a hash of Valkey 9.0, behind which stands when it expires: 8 bytes, -1 for never
// (https://github.com/HDT3213/rdb/pull/62, https://github.com/dragonflydb/dragonfly/pull/8251).
func (r *Reader) timedField() (el Element, err error) {
	if el, err = r.field(); err != nil {
		return el, err
	}
	at := r.Offset()
	if err := r.full(r.small[:8]); err != nil {
		return el, err
	}
	switch t := int64(binary.LittleEndian.Uint64(r.small[:])); {
	case t == -1:
	case t < 0, t > maxFieldTime:
		return el, r.damaged(at, "a field expires at %d", t)
	default:
		el.ExpireAt = max(t, 1) // 0 is never
	}
	return el, nil
}

// expiry reads when a field expires: as the distance from the earliest time of all, plus 1, where that was told.
func (r *Reader) expiry() (int64, error) {
	at := r.Offset()
	n, err := r.length()
	if err != nil {
		return 0, err
	}
	if r.elements.relative && n > 0 && n <= maxFieldTime {
		n += r.elements.base - 1
	}
	if n > maxFieldTime {
		return 0, r.damaged(at, "a field expires at %d", n)
	}
	return int64(n), nil
}

// baseAndTriples reads the earliest of the times, which stand in the listpack as well, and that.
func (r *Reader) baseAndTriples(e *Entry) error {
	if _, err := r.time(); err != nil {
		return err
	}
	return r.triples(e)
}

// triples reads a listpack of fields, values and times. They are handed out one by one.
func (r *Reader) triples(e *Entry) error {
	read := checked(func(r *Reader, lp []byte) error { return r.names.checkTimes(lp) })
	if err := read(r, e); err != nil {
		return err
	}
	lp := e.Value
	e.Value, e.Len = nil, listpack.Len(lp)/3
	r.elements.triples, r.elements.at, r.elements.left = lp, listpack.First(lp), uint64(e.Len)
	return nil
}

func (r *Reader) triple() (el Element, err error) {
	from := &r.elements
	lp := from.triples
	r.name = append(r.name[:0], listpack.Get(lp, from.at, r.small[:0])...)
	at := listpack.Next(lp, from.at)
	r.packed = append(r.packed[:0], listpack.Get(lp, at, nil)...)
	at = listpack.Next(lp, at)
	el.ExpireAt, _ = listpack.Int(lp, at)
	from.at = listpack.Next(lp, at)
	el.Name, el.Value = r.name, r.packed
	return el, nil
}

func (w *Writer) fields(e Entry) {
	w.length(uint64(e.Len))
	w.each(e, func(el Element) {
		w.string(el.Name)
		w.string(el.Value)
	})
}

func (w *Writer) fieldTimes(e Entry) {
	base := earliest(e)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(base))
	w.length(uint64(e.Len))
	w.each(e, func(el Element) {
		t := uint64(0) // never
		if el.ExpireAt > 0 {
			t = uint64(el.ExpireAt-base) + 1
		}
		w.length(t)
		w.string(el.Name)
		w.string(el.Value)
	})
}

// earliest is the time at which the first field of a hash expires, from which the others are counted.
func earliest(e Entry) (first int64) {
	for el := range e.Elements {
		if el.ExpireAt > 0 && (first == 0 || el.ExpireAt < first) {
			first = el.ExpireAt
		}
	}
	return first
}
