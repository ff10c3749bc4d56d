package rdb

import (
	"errors"
	"fmt"

	"holdfast/node/listpack"
)

// A list is its nodes: a listpack, or one element that is too large for any.
var listLayouts = map[int]layout{
	TypeList:         {as: TypeList, read: (*Reader).count, element: (*Reader).node, write: (*Writer).nodes},
	typeList1:        {as: TypeList, read: (*Reader).count, element: (*Reader).plainNode},
	typeListZiplist:  {as: TypeList, read: (*Reader).oneNode, element: (*Reader).ziplistNode},
	typeListZiplists: {as: TypeList, read: (*Reader).count, element: (*Reader).ziplistNode},
}

// oneNode is for a list that is one node, which nothing stands before.
func (r *Reader) oneNode(e *Entry) error {
	r.elements.left, e.Len = 1, 1
	return nil
}

func (r *Reader) node() (el Element, err error) {
	at := r.Offset()
	kind, err := r.length()
	if err != nil {
		return el, err
	}
	if el, err = r.plainNode(); err != nil {
		return el, err
	}
	switch {
	case kind == nodePacked:
		err = listpack.Validate(el.Value, true)
		el.Packed = true
	case kind != nodePlain:
		err = fmt.Errorf("a node of a list is of kind %d", kind)
	case len(el.Value) == 0:
		err = errors.New("a large element of a list has no bytes")
	}
	if err != nil {
		return el, &DamageError{Offset: at, Reason: err}
	}
	return el, nil
}

func (r *Reader) plainNode() (el Element, err error) {
	r.val, err = r.string(r.val)
	el.Value = r.val
	return el, err
}

func (r *Reader) ziplistNode() (el Element, err error) {
	at := r.Offset()
	if el, err = r.plainNode(); err != nil {
		return el, err
	}
	if r.converted, err = ziplistToListpack(r.converted[:0], el.Value); err != nil {
		return el, &DamageError{Offset: at, Reason: err}
	}
	el.Value, el.Packed = r.converted, true
	return el, nil
}

func (w *Writer) nodes(e Entry) {
	w.length(uint64(e.Len))
	w.each(e, func(el Element) {
		kind := byte(nodePlain)
		if el.Packed {
			kind = nodePacked
		}
		w.buf = append(w.buf, kind)
		w.string(el.Value)
	})
}
