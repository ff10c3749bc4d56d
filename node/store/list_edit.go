package store

import (
	"bytes"
	"strconv"

	"holdfast/node/listpack"
)

// set replaces what a node holds.
func (l *list) set(i int, block []byte, count int) {
	n := l.nodes.at(i)
	l.held += int64(cap(block)) - int64(cap(n.block))
	l.count += count - int(n.count)
	n.block, n.lead, n.count, n.shared = block, 0, int32(count), false
}

// changed follows a change of a node's listpack in its place.
func (l *list) changed(i int, lp []byte, count int) {
	n := l.nodes.at(i)
	l.count += count - int(n.count)
	n.block, n.count = n.block[:int(n.lead)+len(lp)], int32(count)
}

// insertNode puts a node before number i.
func (l *list) insertNode(i int, n listNode) {
	l.nodes.insert(i, n)
	l.held += int64(cap(n.block))
	l.count += int(n.count)
}

// removeNodes takes out the nodes from number i to before j.
func (l *list) removeNodes(i, j int) {
	for k := i; k < j; k++ {
		n := l.nodes.at(k)
		l.held -= int64(cap(n.block))
		l.count -= int(n.count)
	}
	if i < j {
		l.nodes.remove(i, j)
	}
}

// newNode is a node of one element.
func (l *list) newNode(val []byte) listNode {
	if l.isPlain(val) {
		return listNode{block: block(val), count: 1, plain: true}
	}
	return l.packedNode(val, len(listpack.New())+listpack.Size(val))
}

// isLong reports whether the nodes at the ends are a small part of the list. Theirs is all the room that they may ever need: no
// smaller blocks are made while elements come and go there, and left to the garbage collector.
func (l *list) isLong() bool { return l.nodes.len() >= 8 }

// endNode is newNode for the end of a list, where more will follow.
func (l *list) endNode(val []byte) listNode {
	if !l.isLong() || l.limits.ListSize >= 0 || l.isPlain(val) {
		return l.newNode(val)
	}
	return l.packedNode(val, max(l.limits.listRoom(), len(listpack.New())+listpack.Size(val)))
}

func (l *list) packedNode(val []byte, size int) listNode {
	return listNode{block: listpack.Append(listpack.AppendNew(make([]byte, 0, size)), val), count: 1}
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
		l.insertNode(0, l.endNode(val))
		return
	}
	if !l.takes(i, val) {
		l.trim(i)
		if !front {
			i++
		}
		l.insertNode(i, l.endNode(val))
		return
	}
	if front {
		l.addFront(i, val)
	} else {
		l.addBack(i, val)
	}
}

// addFront puts val at the front of a node that takes it.
func (l *list) addFront(i int, val []byte) {
	n := l.own(i)
	size := listpack.Size(val)
	if int(n.lead) < size {
		l.makeLead(i, size)
	}
	n.lead = uint16(listpack.PrependInto(n.block, int(n.lead), val))
	n.count++
	l.count++
}

// addBack puts val at the end of a node that takes it.
func (l *list) addBack(i int, val []byte) {
	l.changed(i, listpack.Append(l.room(i, listpack.Size(val)), val), int(l.nodes.at(i).count)+1)
}

// makeLead makes room in front of a node's listpack: half of what there is, so that it is made seldom.
func (l *list) makeLead(i, more int) {
	n := l.nodes.at(i)
	lp, old := n.lp(), n.block
	if cap(old)-len(lp) < more {
		n.block = newBlock(max(len(lp)+more, min(2*cap(old), l.limits.listRoom())))
		l.held += int64(cap(n.block)) - int64(cap(old))
	}
	free := cap(n.block) - len(lp)
	lead := min(max(more, free/2), maxLead)
	n.block = n.block[:lead+len(lp)]
	copy(n.block[lead:], lp)
	n.lead = uint16(lead)
}

// room returns a node's listpack with room for more bytes behind it.
func (l *list) room(i, more int) []byte {
	n := l.own(i)
	lp := n.lp()
	if len(n.block)+more <= cap(n.block) {
		return lp
	}
	free := cap(n.block) - len(lp)
	if free < more {
		l.set(i, append(newBlock(max(len(lp)+more, min(2*cap(n.block), l.limits.listRoom()))), lp...), int(n.count))
		return n.block
	}
	lead := min(free/2, free-more)
	copy(n.block[lead:lead+len(lp)], lp)
	n.block, n.lead = n.block[:lead+len(lp)], uint16(lead)
	return n.lp()
}

// newBlock is an empty block of at least that size; its capacity is what the allocator really gave.
func newBlock(size int) []byte { return append([]byte(nil), make([]byte, size)...)[:0] }

// trim gives back what a node that is not being added to any more has more of than it needs.
func (l *list) trim(i int) {
	n := l.nodes.at(i)
	if size := len(n.lp()); cap(n.block)-size > 16+size/16 {
		l.set(i, block(n.lp()), int(n.count))
	}
}

// shrunk follows the removal of elements from a node: it gives room back when it is mostly empty.
func (l *list) shrunk(i int) {
	n := l.nodes.at(i)
	if size := len(n.lp()); cap(n.block) > 128 && size < cap(n.block)/4 {
		l.set(i, append(newBlock(2*size), n.lp()...), int(n.count))
	}
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
		node = l.own(i)
		if front {
			lp := listpack.DropFirst(node.lp(), n)
			node.lead = uint16(len(node.block) - len(lp))
			l.changed(i, lp, count-n)
		} else {
			l.changed(i, listpack.Delete(node.lp(), listpack.At(node.lp(), count-n), n), count-n)
		}
		if !l.isLong() {
			l.shrunk(i)
		}
		return
	}
}

// replace puts val in the place of an element.
func (l *list) replace(p listPlace, val []byte) {
	n := l.nodes.at(p.node)
	if !n.plain && !l.isPlain(val) && (n.count == 1 || l.limits.fitsNode(len(n.lp())+len(val)+listOverhead, int(n.count))) {
		l.changed(p.node, listpack.Replace(l.room(p.node, listpack.Size(val)), p.at, val), int(n.count))
		l.shrunk(p.node)
		return
	}
	i := l.split(p)
	if head := l.own(i); head.count == 1 {
		l.removeNodes(i, i+1)
	} else {
		l.changed(i, listpack.Delete(head.lp(), listpack.First(head.lp()), 1), int(head.count)-1)
		l.shrunk(i)
	}
	l.insertNode(i, l.newNode(val))
	l.mergeAround(i)
}

// insert puts val before or after an element.
func (l *list) insert(p listPlace, val []byte, after bool) {
	if l.takes(p.node, val) {
		where := listpack.Before
		if after {
			where = listpack.After
		}
		lp := listpack.Insert(l.room(p.node, listpack.Size(val)), p.at, val, where)
		l.changed(p.node, lp, int(l.nodes.at(p.node).count)+1)
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
		l.addBack(i-1, val)
	case i < l.nodes.len() && l.takes(i, val):
		l.addFront(i, val)
	default:
		l.insertNode(i, l.newNode(val))
	}
	l.mergeAround(i)
}

// split has a node begin at the place, and returns its number.
func (l *list) split(p listPlace) int {
	n := l.nodes.at(p.node)
	if n.plain || p.at == listpack.First(n.lp()) {
		return p.node
	}
	lp, count := l.own(p.node).lp(), 0
	tail := listpack.AppendNew(make([]byte, 0, len(listpack.New())+len(lp)-p.at))
	var number [20]byte
	for at := p.at; at >= 0; at = listpack.Next(lp, at) {
		tail = listpack.Append(tail, listpack.Get(lp, at, number[:]))
		count++
	}
	left := int(n.count) - count
	l.set(p.node, block(listpack.Delete(lp, p.at, count)), left)
	l.insertNode(p.node+1, listNode{block: tail, count: int32(count)})
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
	if a.plain || b.plain {
		return
	}
	size, count := len(a.lp())+len(b.lp()), int(a.count+b.count)
	if !l.limits.fitsNode(size+size/3, count+count/3) {
		return
	}
	joined := append(newBlock(size), a.lp()...)
	var number [20]byte
	for lp, at := b.lp(), listpack.First(b.lp()); at >= 0; at = listpack.Next(lp, at) {
		joined = listpack.Append(joined, listpack.Get(lp, at, number[:]))
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
		if !bytes.Equal(node.block, want.text) {
			return 0
		}
		l.changed(i, node.block, 0)
		return 1
	}
	lp, matches := node.lp(), 0
	for at := listpack.First(lp); at >= 0; at = listpack.Next(lp, at) {
		if want.equals(lp, at) {
			matches++
		}
	}
	if matches == 0 {
		return 0
	}
	from, to := 0, matches // which of them go
	if n > 0 && n < matches {
		if to = n; backwards {
			from, to = matches-n, matches
		}
	}
	seen := 0
	lp = l.own(i).lp()
	rest := listpack.DeleteFunc(lp, func(at int) bool {
		if !want.equals(lp, at) {
			return false
		}
		seen++
		return seen > from && seen <= to
	})
	if l.changed(i, rest, int(l.nodes.at(i).count)-(to-from)); l.nodes.at(i).count > 0 {
		l.shrunk(i)
	}
	return to - from
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
		return bytes.Equal(n.block, m.text)
	}
	return m.equals(n.lp(), p.at)
}
