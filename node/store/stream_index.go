package store

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// idIndex keeps items in the order of their ids, in leaves of a bounded size that hold nothing but items: to find, add
// or remove one takes a time that hardly grows. Items come at the end and go at the front as a rule, and neither moves
// any.
type idIndex[T identified[T]] struct {
	leaves []idLeaf[T] // none is empty
	count  int
	held   int64 // bytes of the leaves' items
}

// identified is what an index holds. What an item refers to may be another one's as well from when it was lent on.
type identified[T any] interface {
	ident() StreamID
	lent() T
}

type idLeaf[T identified[T]] struct {
	items  []T
	room   int32 // how many items the memory of the leaf was made for: those in front may be gone
	shared sharedBlock
}

// idPlace is where an item is. A place behind the last item has a leaf that does not exist.
type idPlace struct{ leaf, at int }

const (
	leafItems  = 128 // the most that a leaf has
	leafSparse = 32  // a leaf with less is joined with its neighbour, if they leave room to spare
)

func (x *idIndex[T]) memory() int64 {
	return x.held + int64(cap(x.leaves))*int64(unsafe.Sizeof(idLeaf[T]{}))
}

func itemSize[T identified[T]]() int64 {
	var item T
	return int64(unsafe.Sizeof(item))
}

// seek is the place of the first item with an id that is not before this one.
func (x *idIndex[T]) seek(id StreamID) idPlace {
	lo, hi := 0, len(x.leaves) // the first leaf whose last item is not before id
	if hi > 0 && x.leaves[hi-1].items[0].ident().Before(id) {
		lo = hi - 1 // at the end, where most is done
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if items := x.leaves[mid].items; items[len(items)-1].ident().Before(id) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(x.leaves) {
		return idPlace{lo, 0}
	}
	items := x.leaves[lo].items
	from, to := 0, len(items)-1
	for from < to {
		mid := int(uint(from+to) / 2)
		if items[mid].ident().Before(id) {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return idPlace{lo, from}
}

// find is the place of the item with an id.
func (x *idIndex[T]) find(id StreamID) (p idPlace, found bool) {
	p = x.seek(id)
	return p, x.valid(p) && (*x.at(p)).ident() == id
}

// valid reports whether there is an item at a place.
func (x *idIndex[T]) valid(p idPlace) bool {
	return p.leaf >= 0 && p.leaf < len(x.leaves) && p.at >= 0 && p.at < len(x.leaves[p.leaf].items)
}

// at is the item at a place, for reading.
func (x *idIndex[T]) at(p idPlace) *T { return &x.leaves[p.leaf].items[p.at] }

// change is the item at a place, for writing.
func (x *idIndex[T]) change(p idPlace) *T {
	x.own(p.leaf)
	return x.at(p)
}

// own makes a leaf one that nobody else has.
func (x *idIndex[T]) own(leaf int) {
	if l := &x.leaves[leaf]; l.shared != 0 {
		x.setItems(l, l.appendTo(make([]T, 0, cap(l.items))))
	}
}

// appendTo copies the items of a leaf.
func (l *idLeaf[T]) appendTo(items []T) []T {
	if l.shared == 0 {
		return append(items, l.items...)
	}
	for _, item := range l.items {
		items = append(items, item.lent())
	}
	return items
}

// setItems gives a leaf items in memory of their own.
func (x *idIndex[T]) setItems(l *idLeaf[T], items []T) {
	x.held += int64(cap(items)-int(l.room)) * itemSize[T]()
	l.items, l.room, l.shared = items, int32(cap(items)), 0
}

// next is the place after one.
func (x *idIndex[T]) next(p idPlace) idPlace {
	if p.at++; p.at == len(x.leaves[p.leaf].items) {
		return idPlace{p.leaf + 1, 0}
	}
	return p
}

// prev is the place before one; before the first there is none.
func (x *idIndex[T]) prev(p idPlace) idPlace {
	if p.at > 0 {
		return idPlace{p.leaf, p.at - 1}
	}
	if p.leaf == 0 {
		return idPlace{-1, 0}
	}
	return idPlace{p.leaf - 1, len(x.leaves[p.leaf-1].items) - 1}
}

// last is the place of the last item.
func (x *idIndex[T]) last() idPlace {
	n := len(x.leaves)
	if n == 0 {
		return idPlace{-1, 0}
	}
	return idPlace{n - 1, len(x.leaves[n-1].items) - 1}
}

// insert puts an item at the place where seek finds its id, which no other item has.
func (x *idIndex[T]) insert(p idPlace, item T) {
	x.count++
	n := len(x.leaves)
	if p.leaf == n { // behind all
		if n > 0 && len(x.leaves[n-1].items) < leafItems {
			p = idPlace{n - 1, len(x.leaves[n-1].items)}
		} else {
			x.leaves = append(x.leaves, idLeaf[T]{})
			x.setItems(&x.leaves[n], make([]T, 0, min(leafItems, 1+n*leafItems/8)))
		}
	}
	x.own(p.leaf)
	if l := &x.leaves[p.leaf]; len(l.items) == leafItems {
		half := slices.Clone(l.items[leafItems/2:])
		clear(l.items[leafItems/2:])
		l.items = l.items[:leafItems/2]
		x.leaves = slices.Insert(x.leaves, p.leaf+1, idLeaf[T]{})
		x.setItems(&x.leaves[p.leaf+1], half)
		if p.at > leafItems/2 {
			p = idPlace{p.leaf + 1, p.at - leafItems/2}
		}
	}
	l := &x.leaves[p.leaf]
	if len(l.items) == cap(l.items) {
		x.setItems(l, l.appendTo(make([]T, 0, min(max(2*len(l.items), 2), leafItems))))
	}
	l.items = l.items[:len(l.items)+1]
	copy(l.items[p.at+1:], l.items[p.at:])
	l.items[p.at] = item
}

// remove takes out the item at a place, at which the next one is then, unless that is in another leaf: the place of an
// id is to be sought again.
func (x *idIndex[T]) remove(p idPlace) {
	x.count--
	l := &x.leaves[p.leaf]
	switch n := len(l.items); {
	case n == 1:
		x.removeLeaf(p.leaf)
		return
	case p.at == 0:
		if l.shared == 0 {
			clear(l.items[:1])
		}
		l.items = l.items[1:]
	default:
		x.own(p.leaf)
		copy(l.items[p.at:], l.items[p.at+1:])
		clear(l.items[n-1:])
		l.items = l.items[:n-1]
	}
	if len(l.items) < leafSparse {
		x.join(p.leaf)
	}
}

func (x *idIndex[T]) removeLeaf(leaf int) {
	x.held -= int64(x.leaves[leaf].room) * itemSize[T]()
	if leaf == 0 {
		x.leaves[0] = idLeaf[T]{}
		x.leaves = x.leaves[1:]
	} else {
		x.leaves = slices.Delete(x.leaves, leaf, leaf+1)
	}
	if len(x.leaves) == 0 {
		x.leaves = nil
	}
}

// join puts the items of a leaf to those of a neighbour if both are few, else it gives back what room the leaf has too
// much of.
func (x *idIndex[T]) join(leaf int) {
	for _, left := range []int{leaf - 1, leaf} {
		if left < 0 || left+1 >= len(x.leaves) {
			continue
		}
		a, b := &x.leaves[left], &x.leaves[left+1]
		if n := len(a.items) + len(b.items); n <= 3*leafSparse {
			x.setItems(a, b.appendTo(a.appendTo(make([]T, 0, n))))
			x.removeLeaf(left + 1)
			return
		}
	}
	if l := &x.leaves[leaf]; int(l.room) > 8 && len(l.items) < int(l.room)/4 {
		x.setItems(l, l.appendTo(make([]T, 0, 2*len(l.items))))
	}
}

// share is a copy that has the same leaves, which both note.
func (x *idIndex[T]) share(with sharedBlock) idIndex[T] {
	for i := range x.leaves {
		x.leaves[i].shared |= with
	}
	c := *x
	c.leaves = slices.Clone(x.leaves)
	return c
}

// thaw ends the sharing with what was frozen.
func (x *idIndex[T]) thaw() {
	for i := range x.leaves {
		x.leaves[i].shared &^= withFrozen
	}
}

var errIDOrder = errors.New("ids are out of order")

func (x *idIndex[T]) check() error {
	count, held := 0, int64(0)
	var before StreamID
	for i := range x.leaves {
		l := &x.leaves[i]
		if len(l.items) == 0 || len(l.items) > leafItems || int(l.room) < cap(l.items) {
			return fmt.Errorf("a leaf has %d items, room for %d, and was made for %d", len(l.items), cap(l.items),
				l.room)
		}
		for j := range l.items {
			id := l.items[j].ident()
			if count+j > 0 && !before.Before(id) {
				return fmt.Errorf("%w: %v, %v", errIDOrder, before, id)
			}
			before = id
		}
		count += len(l.items)
		held += int64(l.room) * itemSize[T]()
	}
	if count != x.count || held != x.held {
		return fmt.Errorf("%d items in %d bytes, and counted are %d in %d", count, held, x.count, x.held)
	}
	return nil
}
