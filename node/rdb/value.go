package rdb

import (
	"errors"
	"math"
)

// What may be wrong with a collection that is well formed. The callback of an entry may return them too: only when the
// elements have been put together can it be known.
var (
	ErrEmpty = errors.New("a collection without elements") // in a snapshot: it is no key
	ErrTwice = errors.New("an element stands twice in its collection")
	ErrParts = errors.New("the parts of a stream do not fit together")
)

// elements is how far the elements of the present value were read.
type elements struct {
	read func(r *Reader) (Element, error)
	left uint64 // not yet read
	err  error

	base     uint64 // what the times of fields are relative to, if they are
	relative bool

	triples []byte // a listpack of fields, values and times that the elements come from instead, from offset at on
	at      int
}

// value reads a value of a known type and hands it to the callback.
func (r *Reader) value(typ byte, e *Entry, to func(Entry) error) (err error) {
	l := &layouts[typ]
	if r.valkey && typ == typeHashTime1 {
		l = &layouts[typeHashValkey]
	}
	r.elements = elements{read: l.element}
	e.Type = l.as
	if err = l.read(r, e); err != nil {
		return err
	}
	if l.element != nil {
		e.Elements = r.each
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
	case errors.Is(err, ErrEmpty), errors.Is(err, ErrTwice), errors.Is(err, ErrParts):
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

// run reads a value that is one run of bytes.
func (r *Reader) run(e *Entry) (err error) {
	r.val, err = r.string(r.val)
	e.Value = r.val
	return err
}

// checked reads one run of bytes that check finds in order.
func checked(check func(r *Reader, b []byte) error) func(r *Reader, e *Entry) error {
	return func(r *Reader, e *Entry) error {
		at := r.Offset()
		if err := r.run(e); err != nil {
			return err
		}
		if err := check(r, e.Value); err != nil {
			return &DamageError{Offset: at, Reason: err}
		}
		return nil
	}
}

// converted reads a form of older versions and turns it into a listpack.
func converted(convert func(dst, old []byte) ([]byte, error), check func(r *Reader, lp []byte) error) func(r *Reader,
	e *Entry) error {
	old := checked(func(r *Reader, b []byte) (err error) {
		if r.converted, err = convert(r.converted[:0], b); err != nil {
			return err
		}
		return check(r, r.converted)
	})
	return func(r *Reader, e *Entry) error {
		err := old(r, e)
		e.Value = r.converted
		return err
	}
}

// count reads how many elements there are.
func (r *Reader) count(e *Entry) error {
	at := r.Offset()
	n, err := r.length()
	switch {
	case err != nil:
		return err
	case n == 0:
		return &DamageError{Offset: at, Reason: ErrEmpty}
	case n > math.MaxInt64:
		return r.damaged(at, "%d elements", n)
	}
	r.elements.left, e.Len = n, int(n)
	return nil
}

// each reads on through the elements.
func (r *Reader) each(yield func(Element) bool) {
	from := &r.elements
	for from.err == nil && from.left > 0 {
		from.left--
		var el Element
		if el, from.err = from.read(r); from.err != nil || !yield(el) {
			return
		}
	}
}
