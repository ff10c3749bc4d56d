package store

import (
	"holdfast/node/listpack"

	"holdfast/internal/bulk"
)

// set replaces what a node holds.
func (l *list) set(i int, block []byte, count int) {
	n := l.nodes.at(i)
	l.held += int64(cap(block)) - int64(cap(n.block))
	l.count += count - int(n.count)
	n.block, n.lead, n.count, n.shared = block, 0, int32(count), 0
}

// changed follows a change of a node's elements in their place.
func (l *list) changed(i int, b []byte, count int) {
	n := l.nodes.at(i)
	l.count += count - int(n.count)
	n.block, n.count = n.block[:int(n.lead)+len(b)], int32(count)
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
		return listNode{block: block(val), count: 1, kind: plainNode}
	}
	return packedNode(val, len(listpack.New())+listpack.Size(val))
}

// isLong reports whether the nodes at the ends are a small part of the list. Theirs is all the room that they may ever
// need: no smaller blocks are made while elements come and go there, and left to the garbage collector.
func (l *list) isLong() bool { return l.nodes.len() >= 8 }

// endNode is newNode for an end of a list, where more will follow. They are taken to be of one length if this one is as
// long as its neighbour to be; a number takes less as such.
func (l *list) endNode(val []byte, front bool) listNode {
	if l.nodes.len() == 0 || l.isPlain(val) {
		return l.newNode(val)
	}
	var number [20]byte
	inRow := len(val) > 0 && len(val) == len(l.element(l.first(!front), number[:])) && !isCanonicalInt(val)
	size := len(val)
	if !inRow {
		size = len(listpack.New()) + listpack.Size(val)
	}
	if l.isLong() && l.limits.ListSize < 0 {
		size = max(size, l.limits.listRoom())
	}
	if inRow {
		return listNode{block: bulk.Append(make([]byte, 0, size), val), count: 1, kind: rowNode}
	}
	return packedNode(val, size)
}

func packedNode(val []byte, size int) listNode {
	return listNode{block: listpack.Append(listpack.AppendNew(make([]byte, 0, size)), val), count: 1}
}

// block copies bytes into a block of their own, which is there even when they are none.
func block(b []byte) []byte { return bulk.Append(make([]byte, 0, max(len(b), 1)), b) }

// push adds an element at an end.
func (l *list) push(val []byte, front bool) {
	i := 0
	if !front {
		i = max(l.nodes.len()-1, 0)
	}
	if l.nodes.len() == 0 {
		l.insertNode(0, l.endNode(val, front))
		return
	}
	if !l.takes(i, val) && !l.breakRow(i, val) {
		l.trim(i)
		n := l.endNode(val, front)
		if !front {
			i++
		}
		l.insertNode(i, n)
		return
	}
	if front {
		l.addFront(i, val)
	} else {
		l.addBack(i, val)
	}
}

// adopt makes a copy of a listpack the last node, if the limits allow it and it leaves no room for as much again.
func (l *list) adopt(lp []byte) bool {
	if l.limits.ListPlain != 0 || len(lp) <= listPacked {
		return false
	}
	n := listNode{kind: rowNode}
	row, count := listpack.RowOf(lp)
	if n.block = row; row == nil {
		n.block, n.kind, count = lp, listpackNode, listpack.Len(lp)
	}
	if size := len(n.block); !l.limits.fitsNode(size, count) || l.limits.fitsNode(2*size, 2*count) {
		return false
	}
	if n.kind == listpackNode {
		n.block = block(lp)
	}
	n.count = int32(count)
	if last := l.nodes.len() - 1; last >= 0 {
		l.trim(last)
	}
	l.insertNode(l.nodes.len(), n)
	return true
}

// breakRow makes a listpack of a node of elements of one length that val does not have, if there is room for both.
func (l *list) breakRow(i int, val []byte) bool {
	n := l.nodes.at(i)
	if n.kind != rowNode || l.isPlain(val) || !l.limits.fitsNode(n.listpackSize()+len(val)+listOverhead,
		int(n.count)+1) {
		return false
	}
	l.pack(i)
	return true
}

// pack makes a node a listpack.
func (l *list) pack(i int) {
	n := l.nodes.at(i)
	l.set(i, n.appendTo(listpack.AppendNew(make([]byte, 0, n.listpackSize())), 0), int(n.count))
	n.kind = listpackNode
}

// packAt makes the node of an element of a row a listpack, and returns where the element is then.
func (l *list) packAt(p listPlace) listPlace {
	n := l.nodes.at(p.node)
	if n.kind != rowNode {
		return p
	}
	index := p.at / n.width()
	l.pack(p.node)
	return listPlace{p.node, n.offset(index)}
}

// addFront puts val at the front of a node that takes it.
func (l *list) addFront(i int, val []byte) {
	n := l.own(i)
	size := len(val)
	if n.kind == listpackNode {
		size = listpack.Size(val)
	}
	if int(n.lead) < size {
		l.makeLead(i, size)
	}
	if n.kind == listpackNode {
		n.lead = uint16(listpack.PrependInto(n.block, int(n.lead), val))
	} else {
		n.lead -= uint16(size)
		copy(n.bytes(), val)
	}
	n.count++
	l.count++
}

// addBack puts val at the end of a node that takes it.
func (l *list) addBack(i int, val []byte) {
	n := l.nodes.at(i)
	if n.kind == listpackNode {
		l.changed(i, listpack.Append(l.room(i, listpack.Size(val)), val), int(n.count)+1)
		return
	}
	l.changed(i, append(l.room(i, len(val)), val...), int(n.count)+1)
}

// makeLead makes room in front of a node's elements: half of what there is, so that it is made seldom.
func (l *list) makeLead(i, more int) {
	n := l.nodes.at(i)
	lp, old := n.bytes(), n.block
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

// room returns a node's elements with room for more bytes behind them.
func (l *list) room(i, more int) []byte {
	n := l.own(i)
	lp := n.bytes()
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
	return n.bytes()
}

// newBlock is an empty block of at least that size; its capacity is what the allocator really gave.
func newBlock(size int) []byte { return bulk.Make(size)[:0] }

// trim gives back what a node that is not being added to any more has more of than it needs.
func (l *list) trim(i int) {
	n := l.nodes.at(i)
	if size := len(n.bytes()); cap(n.block)-size > 16+size/16 {
		l.set(i, block(n.bytes()), int(n.count))
	}
}

// shrunk follows the removal of elements from a node: it gives room back when it is mostly empty.
func (l *list) shrunk(i int) {
	n := l.nodes.at(i)
	if size := len(n.bytes()); cap(n.block) > 128 && size < cap(n.block)/4 {
		l.set(i, append(newBlock(2*size), n.bytes()...), int(n.count))
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
		switch {
		case node.kind == rowNode && front:
			node.lead += uint16(n * node.width())
			l.changed(i, node.bytes(), count-n)
		case node.kind == rowNode:
			l.changed(i, node.bytes()[:(count-n)*node.width()], count-n)
		case front:
			lp := listpack.DropFirst(node.bytes(), n)
			node.lead = uint16(len(node.block) - len(lp))
			l.changed(i, lp, count-n)
		default:
			l.changed(i, listpack.Delete(node.bytes(), listpack.At(node.bytes(), count-n), n), count-n)
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
	if n.kind == rowNode && len(val) == n.width() && !l.isPlain(val) {
		bulk.Copy(l.own(p.node).bytes()[p.at:], val)
		return
	}
	p = l.packAt(p)
	if n.kind == listpackNode && !l.isPlain(val) &&
		(n.count == 1 || l.limits.fitsNode(len(n.bytes())+len(val)+listOverhead, int(n.count))) {
		l.changed(p.node, listpack.Replace(l.room(p.node, listpack.Size(val)), p.at, val), int(n.count))
		l.shrunk(p.node)
		return
	}
	i := l.split(p)
	if head := l.own(i); head.count == 1 {
		l.removeNodes(i, i+1)
	} else {
		l.changed(i, listpack.Delete(head.bytes(), listpack.First(head.bytes()), 1), int(head.count)-1)
		l.shrunk(i)
	}
	l.insertNode(i, l.newNode(val))
	l.mergeAround(i)
}

// insert puts val before or after an element.
func (l *list) insert(p listPlace, val []byte, after bool) {
	p = l.packAt(p)
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

// split has a node, which is no row, begin at the place, and returns its number.
func (l *list) split(p listPlace) int {
	n := l.nodes.at(p.node)
	if p.at == n.end(false) {
		return p.node
	}
	count := 0
	for at := p.at; at >= 0; at = n.step(at, false) {
		count++
	}
	lp := l.own(p.node).bytes()
	tail := n.appendTo(listpack.AppendNew(make([]byte, 0, len(listpack.New())+len(lp)-p.at)), p.at)
	l.set(p.node, block(listpack.Delete(lp, p.at, count)), int(n.count)-count)
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
	if a.kind == plainNode || b.kind == plainNode {
		return
	}
	inRow := a.kind == rowNode && b.kind == rowNode && a.width() == b.width()
	size, count := a.listpackSize()+b.listpackSize(), int(a.count+b.count)
	if inRow {
		size = len(a.bytes()) + len(b.bytes())
	}
	if !l.limits.fitsNode(size+size/3, count+count/3) {
		return
	}
	joined := newBlock(size)
	if inRow {
		joined = append(append(joined, a.bytes()...), b.bytes()...)
	} else {
		joined = b.appendTo(a.appendTo(listpack.AppendNew(joined), a.end(false)), b.end(false))
		a.kind = listpackNode
	}
	l.removeNodes(i, i+1)
	l.set(i-1, joined, count)
}
