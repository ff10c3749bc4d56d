package lua

import (
	"math/bits"
	"slices"
)

// A host that makes many tables of one kind, as a parser does, need not have each of them grow. What it makes is to the
// last node what growing would have made, since the order in which next walks a table shows that.

// Shape is how a table looks whose keys came in one order.
type Shape struct {
	nodes    []node // without values
	lastFree int32
}

// Shape is that of a table of which all keys are strings, and none was ever deleted.
func (t *Table) Shape() *Shape {
	s := &Shape{nodes: slices.Clone(t.nodes), lastFree: t.lastFree}
	for i := range s.nodes {
		s.nodes[i].val = Value{}
	}
	return s
}

// NewShaped makes a table that has room for the keys of a shape. Before it is shown to a script each of them must be
// set.
func (l *State) NewShaped(s *Shape) *Table {
	l.charge(sizeTable + int64(len(s.nodes))*sizeNode)
	return &Table{g: l.g, nodes: slices.Clone(s.nodes), lastFree: s.lastFree}
}

// Fit has a table that was made with room for more items than the n that it got be as if it had grown with them.
func (t *Table) Fit(n int) {
	size := 0
	if n > 0 {
		size = 1 << bits.Len(uint(n-1))
	}
	if size < len(t.arr) {
		t.resizeArray(size)
	}
}

// Room is how many items a table has room for.
func (t *Table) Room() int { return len(t.arr) }
