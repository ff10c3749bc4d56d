package store

import (
	"bytes"
	"strconv"

	"holdfast/node/listpack"
)

// set replaces what a node holds.
func (l *list) set(i int, b []byte, count int) {
	n := l.nodes.at(i)
	l.held += int64(cap(b)) - int64(cap(n.b))
	l.count += count - int(n.count)
	n.b, n.count = b, int32(count)
}

// insertNode puts a node before number i.
func (l *list) insertNode(i int, n listNode) {
	l.nodes.insert(i, n)
	l.held += int64(cap(n.b))
	l.count += int(n.count)
}

// removeNodes takes out the nodes from number i to before j.
func (l *list) removeNodes(i, j int) {
	for k := i; k < j; k++ {
		n := l.nodes.at(k)
		l.held -= int64(cap(n.b))
		l.count -= int(n.count)
	}
	if i < j {
		l.nodes.remove(i, j)
	}
}

// newNode is a node of one element.
func (l *list) newNode(val []byte) listNode {
	if l.isPlain(val) {
		return listNode{b: block(val), count: 1, plain: true}
	}
	size := len(listpack.New()) + listpack.Size(val)
	return listNode{b: listpack.Append(listpack.AppendNew(make([]byte, 0, size)), val), count: 1}
}

// block copies bytes into a block of their own, which is there even when they are none.
func block(b []byte) []byte { return append(make([]byte, 0, max(len(b), 1)), b...) }

// push adds an element at an end.
func (l *list) push(val []byte, front bool) {
	i := 0
	if !front {
		i = max(l.nodes.len()-1, 0)
	}
	if l.nodes.len() == 0 {
		l.insertNode(0, l.newNode(val))
		return
	}
	if !l.takes(i, val) {
		l.trim(i)
		if !front {
			i++
		}
		l.insertNode(i, l.newNode(val))
		return
	}
	n := l.nodes.at(i)
	b := reserve(n.b, listpack.Size(val), l.limits.listRoom())
	if front {
		b = listpack.Prepend(b, val)
	} else {
		b = listpack.Append(b, val)
	}
	l.set(i, b, int(n.count)+1)
}

// reserve makes room for more bytes. A block doubles, but not past what a node can come to hold.
func reserve(b []byte, more, limit int) []byte {
	need := len(b) + more
	if need <= cap(b) {
		return b
	}
	size := max(need, min(2*cap(b), limit))
	return append(append([]byte(nil), make([]byte, size)...)[:0], b...)
}

// trim gives back what a node that is not being added to any more has more of than it needs.
func (l *list) trim(i int) {
	n := l.nodes.at(i)
	if spare := cap(n.b) - len(n.b); spare > 16 && spare > len(n.b)/16 {
		l.set(i, block(n.b), int(n.count))
	}
}

// shrunk follows the removal of elements from a node: it is dropped when it is empty, and gives room back when it is mostly empty.
func (l *list) shrunk(i int, b []byte, count int) (dropped bool) {
	l.set(i, b, count)
	if count == 0 {
		l.removeNodes(i, i+1)
		return true
	}
	if cap(b) > 128 && len(b) < cap(b)/4 {
		l.set(i, append(make([]byte, 0, cap(b)/2), b...), count)
	}
	return false
}

// drop removes n elements, no more than there are, from an end.
func (l *list) drop(n int, front bool) {
	for n > 0 {
		i := 0
		if !front {
			i = l.nodes.len() - 1
		}
		node := l.nodes.at(i)
		count := int(node.count)
		if n >= count {
			l.removeNodes(i, i+1)
			n -= count
			continue
		}
		from := 0
		if !front {
			from = count - n
		}
		l.shrunk(i, listpack.Delete(node.b, listpack.At(node.b, from), n), count-n)
		return
	}
}

// replace puts val in the place of an element.
func (l *list) replace(p listPlace, val []byte) {
	n := l.nodes.at(p.node)
	if !n.plain && !l.isPlain(val) && (n.count == 1 || l.limits.fitsNode(len(n.b)+len(val)+listOverhead, int(n.count))) {
		b := reserve(n.b, listpack.Size(val), 0)
		l.set(p.node, listpack.Replace(b, p.at, val), int(n.count))
		return
	}
	i := l.split(p)
	head := l.nodes.at(i)
	if int(head.count) == 1 {
		l.removeNodes(i, i+1)
	} else {
		l.shrunk(i, listpack.Delete(head.b, listpack.First(head.b), 1), int(head.count)-1)
	}
	l.insertNode(i, l.newNode(val))
	l.mergeAround(i)
}

// insert puts val before or after an element.
func (l *list) insert(p listPlace, val []byte, after bool) {
	if l.takes(p.node, val) {
		n := l.nodes.at(p.node)
		where := listpack.Before
		if after {
			where = listpack.After
		}
		b := reserve(n.b, listpack.Size(val), l.limits.listRoom())
		l.set(p.node, listpack.Insert(b, p.at, val, where), int(n.count)+1)
		return
	}
	i := 0
	if next := l.step(p, false); !after {
		i = l.split(p)
	} else if next.node == p.node {
		i = l.split(next)
	} else {
		i = p.node + 1
	}
	switch {
	case i > 0 && l.takes(i-1, val):
		n := l.nodes.at(i - 1)
		b := reserve(n.b, listpack.Size(val), l.limits.listRoom())
		l.set(i-1, listpack.Append(b, val), int(n.count)+1)
	case i < l.nodes.len() && l.takes(i, val):
		n := l.nodes.at(i)
		b := reserve(n.b, listpack.Size(val), l.limits.listRoom())
		l.set(i, listpack.Prepend(b, val), int(n.count)+1)
	default:
		l.insertNode(i, l.newNode(val))
	}
	l.mergeAround(i)
}

// split has a node begin at the place, and returns its number.
func (l *list) split(p listPlace) int {
	n := l.nodes.at(p.node)
	if n.plain || p.at == listpack.First(n.b) {
		return p.node
	}
	tail := listpack.New()
	var number [20]byte
	count := 0
	tail = reserve(tail, len(n.b)-p.at, 0)
	for at := p.at; at >= 0; at = listpack.Next(n.b, at) {
		tail = listpack.Append(tail, listpack.Get(n.b, at, number[:]))
		count++
	}
	left := int(n.count) - count
	l.set(p.node, block(listpack.Delete(n.b, p.at, count)), left)
	l.insertNode(p.node+1, listNode{b: tail, count: int32(count)})
	return p.node + 1
}

// mergeAround joins the nodes beside number i with their neighbours where both are small.
func (l *list) mergeAround(i int) {
	for j := min(i+1, l.nodes.len()-1); j > 0 && j >= i-1; j-- {
		l.merge(j)
	}
}

// merge joins a node with the one before it if the two leave room to spare.
func (l *list) merge(i int) {
	a, b := l.nodes.at(i-1), l.nodes.at(i)
	size, count := len(a.b)+len(b.b), int(a.count+b.count)
	if a.plain || b.plain || !l.limits.fitsNode(size+size/3, count+count/3) {
		return
	}
	joined := reserve(a.b, len(b.b), 0)
	var number [20]byte
	for at := listpack.First(b.b); at >= 0; at = listpack.Next(b.b, at) {
		joined = listpack.Append(joined, listpack.Get(b.b, at, number[:]))
	}
	l.removeNodes(i, i+1)
	l.set(i-1, joined, count)
}

// remove takes out up to n elements equal to val, in the direction; 0 is all of them. It returns how many there were.
func (l *list) remove(val []byte, n int, backwards bool) (removed int) {
	want := matching(val)
	i := 0
	if backwards {
		i = l.nodes.len() - 1
	}
	for i >= 0 && i < l.nodes.len() && (n == 0 || removed < n) {
		gone := l.removeInNode(i, &want, n-removed, backwards)
		removed += gone
		if dropped := gone > 0 && l.nodes.at(i).count == 0; dropped {
			l.removeNodes(i, i+1)
			if backwards {
				i--
			}
			continue
		}
		if gone > 0 && i > 0 && !backwards {
			before := l.nodes.len()
			l.merge(i)
			i -= before - l.nodes.len()
		} else if gone > 0 && backwards && i+1 < l.nodes.len() {
			l.merge(i + 1)
		}
		if backwards {
			i--
		} else {
			i++
		}
	}
	return removed
}

// removeInNode takes out up to n elements of one node, all if n is not positive. It may leave an empty node.
func (l *list) removeInNode(i int, want *match, n int, backwards bool) (removed int) {
	node := l.nodes.at(i)
	if node.plain {
		if !bytes.Equal(node.b, want.text) {
			return 0
		}
		l.set(i, node.b, 0)
		return 1
	}
	b, count := node.b, int(node.count)
	at := listpack.First(b)
	if backwards {
		at = listpack.Last(b)
	}
	for at >= 0 && at < len(b)-1 && (n <= 0 || removed < n) {
		next := -1
		if backwards {
			next = listpack.Prev(b, at)
		}
		if want.equals(b, at) {
			b = listpack.Delete(b, at, 1)
			removed++
			if !backwards {
				next = at
			}
		} else if !backwards {
			next = listpack.Next(b, at)
		}
		at = next
	}
	if removed > 0 {
		if l.set(i, b, count-removed); count > removed {
			l.shrunk(i, b, count-removed)
		}
	}
	return removed
}

// match is an element looked for.
type match struct {
	text  []byte
	n     int64
	isInt bool
}

func matching(val []byte) match {
	m := match{text: val, isInt: isCanonicalInt(val)}
	if m.isInt {
		m.n, _ = strconv.ParseInt(string(val), 10, 64)
	}
	return m
}

// equals compares with the element of a listpack at an offset.
func (m *match) equals(lp []byte, at int) bool {
	s, n := listpack.Read(lp, at)
	if s == nil {
		return m.isInt && n == m.n
	}
	return bytes.Equal(s, m.text)
}

// is compares with the element at a place.
func (m *match) is(l *list, p listPlace) bool {
	n := l.nodes.at(p.node)
	if n.plain {
		return bytes.Equal(n.b, m.text)
	}
	return m.equals(n.b, p.at)
}
