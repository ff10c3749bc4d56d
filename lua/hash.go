package lua

import "math"

// The order in which next walks a table follows from these functions and from how nodes are placed. Both are as in the
// original, so that tables with the same history are walked in the same order there and here.

// hashString mixes at most 32 of the bytes.
func hashString(s string) uint32 {
	h := uint32(len(s))
	step := len(s)>>5 + 1
	for i := len(s); i >= step; i -= step {
		h ^= h<<5 + h>>2 + uint32(s[i-1])
	}
	return h
}

func hashNumber(f float64) uint32 {
	bits := math.Float64bits(f)
	return uint32(bits) + uint32(bits>>32)
}

// mainPosition is the index of the node where key lives if nothing collides.
func (t *Table) mainPosition(key *Value) int {
	size := uint32(len(t.nodes))
	switch {
	case key.isNum():
		f := key.num()
		if f == 0 {
			return 0
		}
		return int(hashNumber(f) % ((size - 1) | 1))
	case key.isStr():
		return int(hashString(key.str()) & (size - 1))
	case key.n == kindFalse || key.n == kindNull:
		return 0
	case key.n == kindTrue:
		return int(1 & (size - 1))
	}
	return int(uint32(key.address()) % ((size - 1) | 1))
}
