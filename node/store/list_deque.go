package store

import (
	"errors"
	"slices"
)

// deque is the sequence of a list's nodes. Both ends have room, so that nodes come and go there in amortised constant
// time.
type deque struct {
	buf    []listNode
	lo, hi int // the nodes are buf[lo:hi]; the rest is zero
}

const listNodeSize = 32

func (d *deque) len() int           { return d.hi - d.lo }
func (d *deque) at(i int) *listNode { return &d.buf[d.lo+i] }
func (d *deque) all() []listNode    { return d.buf[d.lo:d.hi] }
func (d *deque) memory() int64      { return int64(cap(d.buf)) * listNodeSize }

// clone is the same nodes, without room at the ends.
func (d *deque) clone() deque { return deque{buf: slices.Clone(d.all()), hi: d.len()} }

// insert puts a node before the one that is number i; i may be the number of nodes.
func (d *deque) insert(i int, n listNode) {
	atFront := i == 0 && d.len() > 0
	if atFront && d.lo == 0 || !atFront && d.hi == len(d.buf) {
		d.makeRoom(atFront)
	}
	if atFront {
		d.lo--
	} else {
		copy(d.buf[d.lo+i+1:d.hi+1], d.buf[d.lo+i:d.hi])
		d.hi++
	}
	d.buf[d.lo+i] = n
}

// makeRoom moves the nodes so that there is room at the end in need: within the block if that is half empty, else into
// a larger one.
func (d *deque) makeRoom(atFront bool) {
	n, size := d.len(), len(d.buf)
	if n > size/2 || size == 0 {
		size = n + n/2 + 1
	}
	lo := (size - n) / 2
	if atFront {
		lo = (size - n + 1) / 2
	}
	d.move(size, lo)
}

// move puts the nodes at lo of a block of size nodes.
func (d *deque) move(size, lo int) {
	n := d.len()
	if size != len(d.buf) {
		buf := make([]listNode, size)
		copy(buf[lo:], d.buf[d.lo:d.hi])
		d.buf = buf
	} else {
		copy(d.buf[lo:], d.buf[d.lo:d.hi])
		clear(d.buf[:lo])
		clear(d.buf[lo+n:])
	}
	d.lo, d.hi = lo, lo+n
}

// remove takes out the nodes from number i to before j.
func (d *deque) remove(i, j int) {
	if i == 0 {
		clear(d.buf[d.lo : d.lo+j])
		d.lo += j
	} else {
		n := copy(d.buf[d.lo+i:], d.buf[d.lo+j:d.hi])
		clear(d.buf[d.lo+i+n : d.hi])
		d.hi -= j - i
	}
	if n := d.len(); len(d.buf) > 8 && n < len(d.buf)/4 {
		size := 2*n + 2
		d.move(size, (size-n)/2)
	}
}

func (d *deque) check() error {
	for i := range d.buf {
		if (d.buf[i].block == nil) != (i < d.lo || i >= d.hi) {
			return errors.New("the nodes of a list have a gap, or something beside them")
		}
	}
	return nil
}
