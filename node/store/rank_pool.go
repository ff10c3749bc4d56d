package store

// nodePool is a growing and shrinking array of nodes without pointers. Nodes stand in segments, so that growing moves
// none; only the first segment, as long as it is the only one, grows by doubling, so that a small tree is small.
type nodePool[T any] struct {
	segments [][]T
	n        uint32
}

const segmentNodes = 16

func (p *nodePool[T]) at(i uint32) *T { return &p.segments[i/segmentNodes][i%segmentNodes] }

// push adds a zero node, which is number n-1 then. In a small pool it moves the others: pointers got before are stale.
func (p *nodePool[T]) push() uint32 {
	id := p.n
	p.n++
	s := int(id / segmentNodes)
	switch {
	case s == len(p.segments) && s > 0:
		p.segments = append(p.segments, make([]T, segmentNodes))
	case s == len(p.segments):
		p.segments = append(p.segments, make([]T, 1))
	case int(id%segmentNodes) == len(p.segments[s]):
		p.segments[s] = resized(p.segments[s], 2*len(p.segments[s]))
	}
	var zero T
	*p.at(id) = zero
	return id
}

// pop gives up the last node. An empty segment goes when the one before it is half empty.
func (p *nodePool[T]) pop() {
	p.n--
	last := len(p.segments) - 1
	switch {
	case last > 0 && int(p.n) <= last*segmentNodes-segmentNodes/2:
		p.segments[last] = nil
		p.segments = p.segments[:last]
	case last == 0 && p.n > 0 && int(p.n) <= len(p.segments[0])/4:
		p.segments[0] = resized(p.segments[0], len(p.segments[0])/2)
	}
}

func resized[T any](s []T, n int) []T {
	t := make([]T, n)
	copy(t, s)
	return t
}

// nodes is how many nodes there is room for.
func (p *nodePool[T]) nodes() int64 {
	switch len(p.segments) {
	case 0:
		return 0
	case 1:
		return int64(len(p.segments[0]))
	}
	return int64(len(p.segments)) * segmentNodes
}

func (p *nodePool[T]) clone() nodePool[T] {
	c := nodePool[T]{segments: make([][]T, len(p.segments)), n: p.n}
	for i, s := range p.segments {
		c.segments[i] = resized(s, len(s))
	}
	return c
}
