package store

import "math"

// commonBytes is how many bytes the ids of two blocks have in common at the front.
func commonBytes(a, b StreamID) int {
	x, y := a.Bytes(), b.Bytes()
	n := 0
	for n < streamIDSize && x[n] == y[n] {
		n++
	}
	return n
}

// nodesFor is how many nodes Redis's radix tree gets with a block that is about to stand at a place: as many as it
// loses when that has been taken out. Besides one for each key, the tree has a node where keys part, and one for
// each stretch of bytes between such places.
func (s *Stream) nodesFor(p idPlace, id StreamID) int {
	x := &s.blocks
	if x.count == 0 {
		return 1 // the empty root becomes the stretch to the one key
	}
	left, right := 0, 0
	if prev := s.before(p); x.valid(prev) {
		left = commonBytes(x.at(prev).id, id)
	}
	if x.valid(p) {
		right = commonBytes(x.at(p).id, id)
	}
	fork := max(left, right) // bytes up to where the key parts from the others
	leaf := 1 + stretch(fork, streamIDSize)
	first, last := s.sharing(id, fork)
	below := streamIDSize // where the others that have so much in common part, or end
	if first != last {
		below = commonBytes(x.at(first).id, x.at(last).id)
	}
	if below == fork {
		return leaf // they part here already
	}
	above := -1 // where those part from all others
	if prev := s.before(first); x.valid(prev) {
		above = max(above, commonBytes(x.at(prev).id, x.at(first).id))
	}
	if next := x.next(last); x.valid(next) {
		above = max(above, commonBytes(x.at(next).id, x.at(last).id))
	}
	return leaf + 1 + stretch(above, fork) + stretch(fork, below) - stretch(above, below)
}

// stretch is the number of nodes between two places where keys part: the byte by which they do is the upper one's.
func stretch(above, below int) int {
	if below-above > 1 {
		return 1
	}
	return 0
}

// before is the place before one, which may be behind all.
func (s *Stream) before(p idPlace) idPlace {
	if !s.blocks.valid(p) {
		return s.blocks.last()
	}
	return s.blocks.prev(p)
}

// sharing are the places of the first and the last block whose id has so many bytes in common with id; there is one.
func (s *Stream) sharing(id StreamID, n int) (first, last idPlace) {
	mask := StreamID{math.MaxUint64, math.MaxUint64} // of the bytes after these
	switch {
	case n == 0:
	case n <= 8:
		mask.Ms = uint64(1)<<(8*(8-n)) - 1
	default:
		mask = StreamID{0, uint64(1)<<(8*(16-n)) - 1}
	}
	first = s.blocks.seek(StreamID{id.Ms &^ mask.Ms, id.Seq &^ mask.Seq})
	end := StreamID{id.Ms | mask.Ms, id.Seq | mask.Seq}
	last = s.blocks.seek(end)
	if !s.blocks.valid(last) || s.blocks.at(last).id != end {
		last = s.before(last)
	}
	return first, last
}

// countNodes counts the nodes of Redis's radix tree.
func (s *Stream) countNodes() int {
	nodes := 1
	if s.blocks.count == 0 {
		return nodes
	}
	// open are the depths of the places where keys part on the way to the present key, the root's above.
	open := []int{-1}
	nodes = 0
	var before StreamID
	closeTo := func(depth int) {
		for below := streamIDSize; ; {
			top := open[len(open)-1]
			nodes += 1 + stretch(max(top, depth), below)
			if top <= depth {
				if top < depth {
					open = append(open, depth)
				}
				return
			}
			below, open = top, open[:len(open)-1]
		}
	}
	for p, i := (idPlace{}), 0; s.blocks.valid(p); p, i = s.blocks.next(p), i+1 {
		id := s.blocks.at(p).id
		if i > 0 {
			closeTo(commonBytes(before, id))
		}
		before = id
	}
	closeTo(-1)
	return nodes
}
