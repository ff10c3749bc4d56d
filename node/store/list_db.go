package store

import (
	"errors"
	"fmt"

	"holdfast/internal/bulk"
	"holdfast/node/listpack"
)

// listPacked is the size in bytes up to which a list of one node is packed in its entry: to copy so little with every
// change costs less than an object would in memory.
const listPacked = 2 << 10

// listView is a packed list as a list.
type listView struct {
	l    list
	node [1]listNode
}

// of describes the list in a listpack.
func (v *listView) of(lp []byte, limits *Limits) *list {
	v.node[0] = listNode{block: lp, count: int32(listpack.Len(lp))}
	v.l = list{nodes: deque{buf: v.node[:], hi: 1}, count: int(v.node[0].count), held: int64(cap(lp)), limits: limits}
	return &v.l
}

// list is the list of an item, for reading.
func (it Item) list(v *listView) *list {
	if it.obj != nil {
		return it.obj.(*list)
	}
	return v.of(it.val, nil)
}

// checkList checks a packed list; an object checks itself.
func (it Item) checkList() error {
	switch {
	case it.enc != EncQuicklist:
		return fmt.Errorf("a list is encoded as %v", it.enc)
	case it.obj != nil:
		return nil
	case listpack.Len(it.val) == 0:
		return errors.New("an empty list")
	}
	return listpack.Validate(it.val, true)
}

// ListLen is the number of elements of a list.
func (it Item) ListLen() int {
	if it.obj != nil {
		return it.obj.(*list).count
	}
	return listpack.Len(it.val)
}

// ListIndex is the element with an index that exists; an integer is formatted into scratch.
func (it Item) ListIndex(index int, scratch []byte) []byte {
	if it.obj != nil {
		l := it.obj.(*list)
		return l.element(l.seek(index), scratch)
	}
	return listpack.Get(it.val, listpack.At(it.val, index), scratch)
}

// ListEach calls f with n elements of a list, from the index on, forwards or backwards, until it returns false. There
// must be so many. The bytes are valid during the call.
func (it Item) ListEach(from, n int, backwards bool, f func(val []byte) bool) {
	if n <= 0 {
		return
	}
	if it.obj != nil {
		it.obj.(*list).each(from, n, backwards, f)
		return
	}
	var number [20]byte
	for at := listpack.At(it.val, from); n > 0 && f(listpack.Get(it.val, at, number[:])); n-- {
		if backwards {
			at = listpack.Prev(it.val, at)
		} else {
			at = listpack.Next(it.val, at)
		}
	}
}

// ListFind calls f with the indexes of the elements equal to val, forwards or backwards, until it returns false. It
// looks at no more than limit elements; 0 is all.
func (it Item) ListFind(val []byte, backwards bool, limit int, f func(index int) bool) {
	var v listView
	l := it.list(&v)
	want := matching(val)
	seen := 0
	for p := l.first(backwards); p.node >= 0 && (limit == 0 || seen < limit); p = l.step(p, backwards) {
		index := seen
		if backwards {
			index = l.count - 1 - seen
		}
		if want.is(l, p) && !f(index) {
			return
		}
		seen++
	}
}

// ListNodes calls f with the parts that a list is kept in, from its front on, until it returns false: listpacks, or, if
// plain, the bytes of one element.
func (it Item) ListNodes(f func(b []byte, plain bool) bool) {
	var v listView
	eachNode(it.list(&v).nodes.all(), f)
}

// ListNodeCount is how many times ListNodes calls.
func (it Item) ListNodeCount() int {
	var v listView
	return it.list(&v).nodes.len()
}

// digestList mixes in the elements in their order.
func (it Item) digestList(d *digest) {
	it.ListEach(0, it.ListLen(), false, func(val []byte) bool {
		d.chain(val)
		return true
	})
}

// editList is the list to be changed by the edit. A packed one is a copy.
func (d *DB) editList(e *edit) *list {
	s := d.store
	if e.obj != nil {
		l := e.obj.(*list)
		l.limits = s.Limits
		return l
	}
	if !e.exists() {
		s.list.l = list{limits: s.Limits}
		return &s.list.l
	}
	s.scratch = append(s.scratch[:0], e.val...)
	return s.list.of(s.scratch, s.Limits)
}

// endList ends the edit with what the list has become.
func (d *DB) endList(e *edit, l *list) {
	switch {
	case l.count == 0:
		e.remove()
	case e.obj != nil:
		e.settle()
	default:
		n := l.nodes.at(0)
		if l.nodes.len() > 1 || n.kind != listpackNode || len(n.bytes()) > listPacked {
			e.setObject(l.moved(), EncQuicklist)
			break
		}
		if cap(n.block) > cap(d.store.scratch) {
			d.store.scratch = n.block
		}
		e.setPacked(n.bytes(), EncQuicklist)
	}
	if e.obj == nil {
		d.store.list = listView{}
	}
}

// ListPush adds elements one after the other at an end of a list, which it creates if need be, and returns the new
// length.
func (d *DB) ListPush(key []byte, vals [][]byte, front bool) int {
	e := d.edit(key, TypeList)
	l := d.editList(&e)
	for _, val := range vals {
		l.push(val, front)
	}
	n := l.count
	d.endList(&e, l)
	return n
}

// ListPushTo is ListPush to the list that was found at key, the zero Item if there is none: it need not be looked up
// again.
func (d *DB) ListPushTo(it *Item, key []byte, vals [][]byte, front bool) int {
	l, large := it.obj.(*list)
	if !large {
		return d.ListPush(key, vals, front)
	}
	d.space.save(it.ref)
	l.limits = d.store.Limits
	for _, val := range vals {
		l.push(val, front)
	}
	d.settle(it.ref, key)
	return l.count
}

// ListDrop removes as many elements from the ends of a list, no more than it has, and returns the new length. A list
// that has become empty is gone.
func (d *DB) ListDrop(key []byte, front, back int) int {
	e := d.edit(key, TypeList)
	l := d.editList(&e)
	l.drop(front, true)
	l.drop(back, false)
	n := l.count
	d.endList(&e, l)
	return n
}

// ListDropFrom is ListDrop from the list that was found at key.
func (d *DB) ListDropFrom(it *Item, key []byte, front, back int) int {
	l, large := it.obj.(*list)
	if !large || front+back >= l.count {
		return d.ListDrop(key, front, back)
	}
	d.space.save(it.ref)
	l.limits = d.store.Limits
	l.drop(front, true)
	l.drop(back, false)
	d.settle(it.ref, key)
	return l.count
}

// ListMoveEnd takes the element at one end of a list to the other.
func (d *DB) ListMoveEnd(key []byte, fromFront bool) {
	e := d.edit(key, TypeList)
	l := d.editList(&e)
	var number [20]byte
	val := bulk.Clone(l.element(l.first(!fromFront), number[:]))
	l.drop(1, fromFront)
	l.push(val, !fromFront)
	d.endList(&e, l)
}

// ListSet replaces the element with an index that exists.
func (d *DB) ListSet(key []byte, index int, val []byte) {
	e := d.edit(key, TypeList)
	l := d.editList(&e)
	l.replace(l.seek(index), val)
	d.endList(&e, l)
}

// ListInsert puts val before or after the first element equal to pivot and returns the new length; 0 when there is
// none.
func (d *DB) ListInsert(key, pivot, val []byte, after bool) int {
	e := d.edit(key, TypeList)
	l := d.editList(&e)
	want := matching(pivot)
	for p := l.first(false); p.node >= 0; p = l.step(p, false) {
		if want.is(l, p) {
			l.insert(p, val, after)
			n := l.count
			d.endList(&e, l)
			return n
		}
	}
	return 0 // nothing has changed
}

// ListRemove takes out up to n elements equal to val, 0 is all, from the front or from the back on. It returns how many
// there were, and the new length.
func (d *DB) ListRemove(key, val []byte, n int, backwards bool) (removed, length int) {
	e := d.edit(key, TypeList)
	l := d.editList(&e)
	removed = l.remove(val, n, backwards)
	length = l.count
	if removed > 0 {
		d.endList(&e, l)
	}
	return removed, length
}
