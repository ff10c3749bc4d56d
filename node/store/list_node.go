package store

import (
	"fmt"
	"slices"

	"holdfast/node/listpack"
)

// listNode is one node. Its block has room at either end only while elements are being added there.
type listNode struct {
	block  []byte // the elements behind lead unused bytes
	count  int32
	lead   uint16
	kind   nodeKind
	shared sharedBlock
}

// sharedBlock says who else has a node's block, which then must be copied before it is written to.
type sharedBlock uint8

const (
	withFrozen sharedBlock = 1 << iota // until thaw
	withCopy                           // the list was copied, or is a copy
)

// nodeKind is how the elements of a node lie in its block.
type nodeKind uint8

const (
	listpackNode nodeKind = iota
	// rowNode: elements of the same length, one after the other and with nothing between them. Of what is kept in long
	// lists much is like that: ids, hashes, records. It takes two to four bytes less for each than a listpack, and is
	// not walked through.
	rowNode
	// plainNode is one element that is too big for a listpack.
	plainNode
)

// maxLead is the most room there is in front of a node's elements.
const maxLead = 1<<16 - 1

// bytes are the node's elements: a listpack, or as its kind says.
func (n *listNode) bytes() []byte { return n.block[n.lead:] }

// width is the length of each element of a node that is no listpack.
func (n *listNode) width() int {
	if n.count == 1 {
		return len(n.bytes())
	}
	return int(uint32(len(n.bytes())) / uint32(n.count)) // such a node is small, and 64 bits take longer to divide
}

// offset is where the element with an index is, which is counted from the end if it is negative.
func (n *listNode) offset(index int) int {
	if n.kind == listpackNode {
		return listpack.At(n.bytes(), index)
	}
	if index < 0 {
		index += int(n.count)
	}
	return index * n.width()
}

// end is where the first element is, or the last.
func (n *listNode) end(last bool) int {
	switch {
	case n.kind == listpackNode && last:
		return listpack.Last(n.bytes())
	case n.kind == listpackNode:
		return listpack.First(n.bytes())
	case last:
		return len(n.bytes()) - n.width()
	}
	return 0
}

// step is where the element after the one at at is, or before it; -1 if there is none.
func (n *listNode) step(at int, backwards bool) int {
	switch {
	case n.kind == listpackNode && backwards:
		return listpack.Prev(n.bytes(), at)
	case n.kind == listpackNode:
		return listpack.Next(n.bytes(), at)
	case backwards:
		return max(at-n.width(), -1)
	}
	if at += n.width(); at < len(n.bytes()) {
		return at
	}
	return -1
}

// get is the element at at; an integer is formatted into scratch.
func (n *listNode) get(at int, scratch []byte) []byte {
	if n.kind == listpackNode {
		return listpack.Get(n.bytes(), at, scratch)
	}
	to := at + n.width()
	return n.bytes()[at:to:to]
}

// listpackSize is how many bytes a listpack of the elements takes at most.
func (n *listNode) listpackSize() int {
	if n.kind == listpackNode {
		return len(n.bytes())
	}
	return len(listpack.New()) + int(n.count)*(n.width()+listOverhead)
}

// appendTo puts the elements from the one at at on at the end of a listpack.
func (n *listNode) appendTo(lp []byte, at int) []byte {
	if n.kind == rowNode {
		return listpack.AppendRow(lp, n.bytes()[at:], n.width())
	}
	var number [20]byte
	for ; at >= 0; at = n.step(at, false) {
		lp = listpack.Append(lp, n.get(at, number[:]))
	}
	return lp
}

// eachNode calls f with the nodes until it returns false: as listpacks, or, if plain, with the bytes of one element.
// The bytes are valid during the call.
func eachNode(nodes []listNode, f func(b []byte, plain bool) bool) {
	var lp []byte
	for i := range nodes {
		n := &nodes[i]
		b := n.bytes()
		if n.kind == rowNode {
			lp = n.appendTo(listpack.AppendNew(slices.Grow(lp[:0], n.listpackSize())), 0)
			b = lp
		}
		if !f(b, n.kind == plainNode) {
			return
		}
	}
}

// deleteFunc takes out the elements of which gone says so, and returns the bytes of the others in their place.
func (n *listNode) deleteFunc(gone func(at int) bool) []byte {
	b := n.bytes()
	if n.kind == listpackNode {
		return listpack.DeleteFunc(b, gone)
	}
	to, width := 0, n.width()
	for at := 0; at < len(b); at += width {
		if !gone(at) {
			to += copy(b[to:], b[at:at+width])
		}
	}
	return b[:to]
}

func (n *listNode) check() error {
	b := n.bytes()
	switch {
	case n.count <= 0:
		return fmt.Errorf("it counts %d elements", n.count)
	case n.kind == plainNode && (n.count != 1 || n.lead != 0):
		return fmt.Errorf("it is one element, behind %d bytes, and counts %d", n.lead, n.count)
	case n.kind == plainNode:
		return nil
	case n.kind == rowNode && (len(b) == 0 || len(b)%int(n.count) != 0):
		return fmt.Errorf("%d elements of the same length take %d bytes", n.count, len(b))
	case n.kind == rowNode:
		return nil
	}
	if got := listpack.Len(b); got != int(n.count) {
		return fmt.Errorf("it has %d elements and counts %d", got, n.count)
	}
	return listpack.Validate(b, true)
}
