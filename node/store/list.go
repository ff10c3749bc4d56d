package store

import "fmt"

// list is a list of any size: a sequence of nodes with as many elements each as the limits allow. Where an element is,
// is found by the nodes' counts. A list that is packed in its entry is worked on as a list of one node, whose bytes lie
// elsewhere.
type list struct {
	nodes  deque
	count  int   // elements
	held   int64 // bytes of the nodes' blocks
	limits *Limits
}

// listSize is what a list takes besides its nodes.
const listSize = 64

// maxListBytes bounds a node whose limit is a number of elements.
const maxListBytes = 8 << 10

var listKind = kind{name: "list", len: Item.ListLen, digest: Item.digestList, check: Item.checkList}

// listOverhead is what an element is taken to need besides its bytes, in the judgement whether a node has room for it.
const listOverhead = 8

// listBytes are the limits in bytes that list-max-listpack-size of -1 to -5 stands for.
var listBytes = [...]int{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10}

// fitsNode reports whether the limits allow a listpack of so many bytes with so many elements.
func (l *Limits) fitsNode(bytes, count int) bool {
	if l.ListSize < 0 {
		return bytes <= listBytes[min(-l.ListSize, len(listBytes))-1]
	}
	return bytes <= maxListBytes && count <= min(l.ListSize, 1<<15-1)
}

// listRoom is how large the block of a node may become.
func (l *Limits) listRoom() int {
	if l.ListSize < 0 {
		return listBytes[min(-l.ListSize, len(listBytes))-1]
	}
	return maxListBytes
}

// isPlain reports whether val is too big for a listpack.
func (l *list) isPlain(val []byte) bool {
	limit := l.limits.ListPlain
	if limit == 0 {
		limit = 1 << 30
	}
	return len(val) >= limit
}

// takes reports whether val may join the node.
func (l *list) takes(i int, val []byte) bool {
	if l.isPlain(val) {
		return false
	}
	n := l.nodes.at(i)
	switch n.kind {
	case listpackNode:
		return l.limits.fitsNode(len(n.bytes())+len(val)+listOverhead, int(n.count)+1)
	case rowNode:
		return len(val) == n.width() && l.limits.fitsNode(len(n.bytes())+len(val), int(n.count)+1)
	}
	return false
}

func (l *list) memory() int64 { return listSize + l.held + l.nodes.memory() }

// clone has both lists keep the same blocks, until one of them is written to.
func (l *list) clone() object {
	c := &list{count: l.count, held: l.held, limits: l.limits}
	for i, nodes := 0, l.nodes.all(); i < len(nodes); i++ {
		nodes[i].shared |= withCopy
	}
	c.nodes = l.nodes.clone()
	return c
}

// moved is the list in blocks of its own, without room in them: the list itself may lie in memory that is used again.
func (l *list) moved() *list {
	c := &list{count: l.count, limits: l.limits}
	for i := range l.nodes.len() {
		n := *l.nodes.at(i)
		n.block, n.lead, n.shared = block(n.bytes()), 0, 0
		c.held += int64(cap(n.block))
		c.nodes.insert(i, n)
	}
	return c
}

func (l *list) check() error {
	count, held := 0, int64(0)
	for i := range l.nodes.len() {
		n := l.nodes.at(i)
		count += int(n.count)
		held += int64(cap(n.block))
		if err := n.check(); err != nil {
			return fmt.Errorf("node %d of a list: %w", i, err)
		}
	}
	if count != l.count || count == 0 || held != l.held {
		return fmt.Errorf("a list has %d elements in %d bytes and counts %d in %d", count, held, l.count, l.held)
	}
	return l.nodes.check()
}

// listPlace is where an element is: its node, and its offset there. A node of -1 is nowhere.
type listPlace struct{ node, at int }

var noPlace = listPlace{node: -1}

// seek finds the element with an index that exists, from the nearer end.
func (l *list) seek(index int) listPlace {
	if index < l.count/2 {
		for i := 0; ; i++ {
			n := l.nodes.at(i)
			if index < int(n.count) {
				return listPlace{i, n.offset(index)}
			}
			index -= int(n.count)
		}
	}
	index -= l.count
	for i := l.nodes.len() - 1; ; i-- {
		n := l.nodes.at(i)
		if index >= -int(n.count) {
			return listPlace{i, n.offset(index)}
		}
		index += int(n.count)
	}
}

// first is where the walk in a direction begins.
func (l *list) first(backwards bool) listPlace {
	if backwards {
		return l.enter(l.nodes.len()-1, true)
	}
	return l.enter(0, false)
}

// enter is the end of a node from which a walk in the direction comes to it.
func (l *list) enter(i int, backwards bool) listPlace {
	if i < 0 || i >= l.nodes.len() {
		return noPlace
	}
	return listPlace{i, l.nodes.at(i).end(backwards)}
}

// step is the place after one, or before it.
func (l *list) step(p listPlace, backwards bool) listPlace {
	at := l.nodes.at(p.node).step(p.at, backwards)
	switch {
	case at >= 0:
		return listPlace{p.node, at}
	case backwards:
		return l.enter(p.node-1, true)
	}
	return l.enter(p.node+1, false)
}

// element is the text at a place; an integer is formatted into scratch.
func (l *list) element(p listPlace, scratch []byte) []byte {
	return l.nodes.at(p.node).get(p.at, scratch)
}

// each calls f with n elements, from an index that exists on, until it returns false. The bytes are valid during the
// call.
func (l *list) each(from, n int, backwards bool, f func(val []byte) bool) {
	var number [20]byte
	for p := l.seek(from); ; {
		node := l.nodes.at(p.node)
		if node.kind == rowNode && !backwards { // what there is most of: nothing has to be looked at
			width := node.width()
			for row := node.bytes()[p.at:]; len(row) > 0; row = row[width:] {
				if n--; n < 0 || !f(row[:width:width]) {
					return
				}
			}
		} else {
			for at := p.at; at >= 0; at = node.step(at, backwards) {
				if n--; n < 0 || !f(node.get(at, number[:])) {
					return
				}
			}
		}
		if n == 0 {
			return
		}
		if backwards {
			p = l.enter(p.node-1, true)
		} else {
			p = l.enter(p.node+1, false)
		}
	}
}
