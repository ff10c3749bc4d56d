package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"holdfast/node/listpack"
)

// What may be wrong with a collection that is well formed. The callback of an entry may return them too: only when the elements have
// been put together can it be known.
var (
	ErrEmpty = errors.New("a collection without elements") // in a snapshot: it is no key
	ErrTwice = errors.New("an element stands twice in its collection")
)

// elements is how far the elements of the present value were read.
type elements struct {
	typ     byte   // as in the snapshot
	left    uint64 // not yet read
	base    uint64 // what the times of fields are relative to
	triples []byte // a listpack of fields, values and times that the elements come from instead, from offset at on
	at      int
	err     error
}

// known tells whether values of a type can be read. Streams and modules can't.
func known(typ byte) bool {
	switch typ {
	case TypeString, TypeSet, TypeHash, TypeZSet, TypeSetIntset, TypeHashListpack, TypeZSetListpack, TypeList, TypeSetListpack, TypeHashFieldsTime,
		typeList1, typeZSet1, typeHashZipmap, typeListZiplist, typeZSetZiplist, typeHashZiplist, typeListZiplists,
		typeHashTime1, typeHashListpackEx1, typeHashListpackEx:
		return true
	}
	return false
}

// value reads a value of a known type and hands it to the callback.
func (r *Reader) value(typ byte, e *Entry, to func(Entry) error) (err error) {
	r.elements = elements{typ: typ}
	e.Type = typ
	switch typ {
	case TypeString:
		r.val, err = r.string(r.val)
		e.Value = r.val
	case TypeSetIntset, TypeHashListpack, TypeZSetListpack, TypeSetListpack, typeHashZipmap, typeZSetZiplist, typeHashZiplist:
		err = r.compact(typ, e)
	case typeHashListpackEx, typeHashListpackEx1:
		err = r.compactTimes(typ, e)
	default:
		err = r.begin(typ, e)
	}
	if err != nil {
		return err
	}
	if to != nil {
		err = to(*e)
	}
	if err == nil && e.Elements != nil {
		for range e.Elements { // what the callback did not want
		}
	}
	r.trim()
	switch {
	case r.elements.err != nil:
		return r.elements.err
	case errors.Is(err, ErrEmpty), errors.Is(err, ErrTwice):
		return &DamageError{Offset: r.Offset(), Reason: err}
	}
	return err
}

// trim gives up what one large value needed.
func (r *Reader) trim() {
	for _, scratch := range []*[]byte{&r.val, &r.name, &r.packed, &r.converted} {
		if cap(*scratch) > keptScratch {
			*scratch = nil
		}
	}
}

// compact reads a value that is one run of bytes.
func (r *Reader) compact(typ byte, e *Entry) (err error) {
	at := r.Offset()
	if r.val, err = r.string(r.val); err != nil {
		return err
	}
	e.Value = r.val
	switch typ {
	case TypeSetIntset:
		err = checkIntset(e.Value)
	case TypeSetListpack:
		err = r.names.check(e.Value, 1)
	case TypeHashListpack:
		err = r.names.check(e.Value, 2)
	case TypeZSetListpack:
		err = r.names.checkScores(e.Value)
	default:
		err = r.compactOld(typ, e)
	}
	if err != nil {
		return &DamageError{Offset: at, Reason: err}
	}
	return nil
}

// compactOld turns a form of older versions into a listpack.
func (r *Reader) compactOld(typ byte, e *Entry) (err error) {
	convert := ziplistToListpack
	if typ == typeHashZipmap {
		convert = zipmapToListpack
	}
	if r.converted, err = convert(r.converted[:0], e.Value); err != nil {
		return err
	}
	e.Value = r.converted
	if typ == typeZSetZiplist {
		e.Type = TypeZSetListpack
		return r.names.checkScores(e.Value)
	}
	e.Type = TypeHashListpack
	return r.names.check(e.Value, 2)
}

// compactTimes reads a listpack of fields that expire. Its elements are handed out one by one.
func (r *Reader) compactTimes(typ byte, e *Entry) (err error) {
	if typ == typeHashListpackEx {
		if _, err = r.time(); err != nil { // the earliest of the times, which stand there as well
			return err
		}
	}
	at := r.Offset()
	if r.val, err = r.string(r.val); err != nil {
		return err
	}
	if err = r.names.checkTimes(r.val); err != nil {
		return &DamageError{Offset: at, Reason: err}
	}
	r.elements.triples, r.elements.at = r.val, listpack.First(r.val)
	e.Type, e.Len, e.Elements = TypeHashFieldsTime, listpack.Len(r.val)/3, r.each
	return nil
}

// begin reads what stands before the elements of a value.
func (r *Reader) begin(typ byte, e *Entry) (err error) {
	switch typ {
	case TypeHashFieldsTime, typeHashTime1:
		e.Type = TypeHashFieldsTime
	case typeZSet1:
		e.Type = TypeZSet
	case typeList1, typeListZiplist, typeListZiplists:
		e.Type = TypeList
	}
	if typ == TypeHashFieldsTime {
		if r.elements.base, err = r.time(); err != nil {
			return err
		}
	}
	at, n := r.Offset(), uint64(1)
	if typ != typeListZiplist {
		if n, err = r.length(); err != nil {
			return err
		}
	}
	if n == 0 {
		return &DamageError{Offset: at, Reason: ErrEmpty}
	}
	if n > math.MaxInt64 {
		return r.damaged(at, "%d elements", n)
	}
	r.elements.left = n
	e.Len, e.Elements = int(n), r.each
	return nil
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

// each reads on through the elements.
func (r *Reader) each(yield func(Element) bool) {
	from := &r.elements
	for from.err == nil {
		var el Element
		var ok bool
		if el, ok, from.err = r.next(); !ok || !yield(el) {
			return
		}
	}
}

// next reads an element, if there is one left.
func (r *Reader) next() (el Element, ok bool, err error) {
	from := &r.elements
	if from.triples != nil {
		if from.at < 0 {
			return el, false, nil
		}
		return r.triple(), true, nil
	}
	if from.left == 0 {
		return el, false, nil
	}
	from.left--
	el, err = r.element(from.typ)
	return el, err == nil, err
}

func (r *Reader) triple() (el Element) {
	from := &r.elements
	lp := from.triples
	r.name = append(r.name[:0], listpack.Get(lp, from.at, r.small[:0])...)
	at := listpack.Next(lp, from.at)
	r.packed = append(r.packed[:0], listpack.Get(lp, at, nil)...)
	at = listpack.Next(lp, at)
	el.ExpireAt, _ = listpack.Int(lp, at)
	from.at = listpack.Next(lp, at)
	el.Name, el.Value = r.name, r.packed
	return el
}

func (r *Reader) element(typ byte) (el Element, err error) {
	switch typ {
	case TypeList, typeList1, typeListZiplist, typeListZiplists:
		return r.node(typ)
	case TypeHashFieldsTime, typeHashTime1:
		if el.ExpireAt, err = r.fieldTime(typ); err != nil {
			return el, err
		}
	}
	if r.name, err = r.string(r.name); err != nil {
		return el, err
	}
	el.Name = r.name
	switch typ {
	case TypeSet:
	case TypeZSet:
		el.Score, err = r.score()
	case typeZSet1:
		el.Score, err = r.scoreText()
	default:
		r.val, err = r.string(r.val)
		el.Value = r.val
	}
	return el, err
}

// node reads a node of a list: one element, or a listpack.
func (r *Reader) node(typ byte) (el Element, err error) {
	at := r.Offset()
	kind := uint64(nodePacked)
	switch typ {
	case typeList1:
		kind = nodePlain
	case TypeList:
		if kind, err = r.length(); err != nil {
			return el, err
		}
	}
	if r.val, err = r.string(r.val); err != nil {
		return el, err
	}
	el.Value = r.val
	switch {
	case kind == nodePacked && typ == TypeList:
		err = listpack.Validate(el.Value, true)
		el.Packed = true
	case kind == nodePacked:
		r.converted, err = ziplistToListpack(r.converted[:0], el.Value)
		el.Value, el.Packed = r.converted, true
	case kind != nodePlain:
		err = fmt.Errorf("a node of a list is of kind %d", kind)
	case typ == TypeList && len(el.Value) == 0:
		err = errors.New("a large element of a list has no bytes")
	}
	if err != nil {
		return el, &DamageError{Offset: at, Reason: err}
	}
	return el, nil
}

// fieldTime reads when a field expires, which is told as the distance from the earliest time of all, plus 1.
func (r *Reader) fieldTime(typ byte) (int64, error) {
	at := r.Offset()
	n, err := r.length()
	if err != nil {
		return 0, err
	}
	if typ == TypeHashFieldsTime && n > 0 && n <= maxFieldTime {
		n += r.elements.base - 1
	}
	if n > maxFieldTime {
		return 0, r.damaged(at, "a field expires at %d", n)
	}
	return int64(n), nil
}

func (r *Reader) score() (float64, error) {
	at := r.Offset()
	if err := r.full(r.small[:8]); err != nil {
		return 0, err
	}
	score := math.Float64frombits(binary.LittleEndian.Uint64(r.small[:]))
	if math.IsNaN(score) {
		return 0, &DamageError{Offset: at, Reason: errNaN}
	}
	return score, nil
}

// What stands in the place of the length of a score in text.
const (
	scoreNaN    = 253
	scorePosInf = 254
	scoreNegInf = 255
)

func (r *Reader) scoreText() (float64, error) {
	at := r.Offset()
	n, err := r.byte()
	if err != nil {
		return 0, err
	}
	switch n {
	case scorePosInf:
		return math.Inf(1), nil
	case scoreNegInf:
		return math.Inf(-1), nil
	case scoreNaN:
		return 0, &DamageError{Offset: at, Reason: errNaN}
	}
	var text [scoreNaN]byte
	if err := r.full(text[:n]); err != nil {
		return 0, err
	}
	score, err := strconv.ParseFloat(string(text[:n]), 64)
	if err != nil || math.IsNaN(score) {
		return 0, r.damaged(at, "the score %q is no number", text[:n])
	}
	return score, nil
}
