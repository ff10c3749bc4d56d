package store

import (
	"bytes"
	"iter"
	"unsafe"
)

// rankTree keeps the members of a big sorted set in order: a counted B+ tree of (score, reference), where the reference
// names a cell of the set's dict. Elements are ordered by score, then by the bytes of the members, which are read only
// to tell equal scores apart.
//
// Leaves hold elements and are linked; inner nodes hold for each child its first element and the number of elements
// below it, so that the rank of an element and the element of a rank take one way down. Nodes are numbers in dense
// pools without pointers: a freed node is filled by the last one, and parents are known, so that it can be told.
//
// Elements that come in ascending or descending order fill leaves to the brim; else a full leaf gives half away.
type rankTree struct {
	member func(ref uint64) []byte
	leaves nodePool[rankLeaf]
	inners nodePool[rankInner]
	root   uint32 // a leaf when height is 0, else an inner node
	height int
	count  int
}

const (
	rankMax   = 64          // elements of a leaf, children of an inner node
	rankSmall = rankMax / 2 // below it, a node is joined with another if they fit
	noNode    = ^uint32(0)
)

// rankRun is a sorted run of elements. References have 40 bits.
type rankRun struct {
	scores [rankMax]float64
	lows   [rankMax]uint32
	highs  [rankMax]uint8
	n      uint8
	parent uint32 // an inner node; noNode for the root
}

type rankLeaf struct {
	rankRun
	prev, next uint32 // leaves; noNode at the ends
}

// rankInner's run has the first element below each child.
type rankInner struct {
	rankRun
	counts [rankMax]uint32
	kids   [rankMax]uint32
	level  uint8 // 1: the children are leaves
}

func (r *rankRun) ref(i int) uint64 { return uint64(r.highs[i])<<32 | uint64(r.lows[i]) }

func (r *rankRun) setRef(i int, ref uint64) { r.lows[i], r.highs[i] = uint32(ref), uint8(ref>>32) }

func (r *rankRun) set(i int, score float64, ref uint64) {
	r.scores[i] = score
	r.setRef(i, ref)
}

// open makes room for n elements before element i.
func (r *rankRun) open(i, n int) {
	end := int(r.n)
	copy(r.scores[i+n:], r.scores[i:end])
	copy(r.lows[i+n:], r.lows[i:end])
	copy(r.highs[i+n:], r.highs[i:end])
	r.n += uint8(n)
}

// cut removes n elements from element i on.
func (r *rankRun) cut(i, n int) {
	end := int(r.n)
	copy(r.scores[i:], r.scores[i+n:end])
	copy(r.lows[i:], r.lows[i+n:end])
	copy(r.highs[i:], r.highs[i+n:end])
	r.n -= uint8(n)
}

// take appends the elements of another run from element i on, which loses them.
func (r *rankRun) take(from *rankRun, i int) {
	at := int(r.n)
	n := copy(r.scores[at:], from.scores[i:from.n])
	copy(r.lows[at:], from.lows[i:from.n])
	copy(r.highs[at:], from.highs[i:from.n])
	r.n += uint8(n)
	from.n = uint8(i)
}

// search finds the first element from element lo on that before is false of.
func (r *rankRun) search(lo int, before func(score float64, ref uint64) bool) int {
	hi := int(r.n)
	for lo < hi {
		mid := (lo + hi) / 2
		if before(r.scores[mid], r.ref(mid)) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (in *rankInner) open(i int) {
	copy(in.counts[i+1:], in.counts[i:in.n])
	copy(in.kids[i+1:], in.kids[i:in.n])
	in.rankRun.open(i, 1)
}

func (in *rankInner) cut(i int) {
	copy(in.counts[i:], in.counts[i+1:in.n])
	copy(in.kids[i:], in.kids[i+1:in.n])
	in.rankRun.cut(i, 1)
}

func (in *rankInner) take(from *rankInner, i int) {
	copy(in.counts[in.n:], from.counts[i:from.n])
	copy(in.kids[in.n:], from.kids[i:from.n])
	in.rankRun.take(&from.rankRun, i)
}

// slot is the place of a child.
func (in *rankInner) slot(kid uint32) int {
	for i, k := range in.kids[:in.n] {
		if k == kid {
			return i
		}
	}
	panic("store: a node of a sorted set is missing from its parent")
}

func (in *rankInner) total() (n uint32) {
	for _, c := range in.counts[:in.n] {
		n += c
	}
	return n
}

// rankPos is the place of an element in the tree, valid until the tree changes.
type rankPos struct {
	leaf uint32
	at   int
}

func newRankTree(member func(ref uint64) []byte) *rankTree { return &rankTree{member: member} }

// seek finds the first element that before is false of, which must be true of a prefix of all elements; behind the last
// element of the last leaf, if there is none.
func (t *rankTree) seek(before func(score float64, ref uint64) bool) (pos rankPos, rank int) {
	if t.count == 0 {
		return rankPos{leaf: noNode}, 0
	}
	id := t.root
	for range t.height {
		in := t.inners.at(id)
		kid := in.search(1, before) - 1
		for _, c := range in.counts[:kid] {
			rank += int(c)
		}
		id = in.kids[kid]
	}
	l := t.leaves.at(id)
	i := l.search(0, before)
	if i == int(l.n) && l.next != noNode {
		return rankPos{l.next, 0}, rank + i
	}
	return rankPos{id, i}, rank + i
}

// rankOf counts the elements that before is true of.
func (t *rankTree) rankOf(before func(score float64, ref uint64) bool) int {
	_, rank := t.seek(before)
	return rank
}

// find is the place that (score, member) has or would get, and its rank.
func (t *rankTree) find(score float64, member []byte) (rankPos, int) {
	return t.seek(func(s float64, ref uint64) bool {
		if s != score {
			return s < score
		}
		return bytes.Compare(t.member(ref), member) < 0
	})
}

// rank is the number of elements before (score, member).
func (t *rankTree) rank(score float64, member []byte) int {
	_, rank := t.find(score, member)
	return rank
}

// at finds the element of a rank, which must be there.
func (t *rankTree) at(rank int) rankPos {
	id := t.root
	for range t.height {
		in := t.inners.at(id)
		kid := 0
		for rank >= int(in.counts[kid]) {
			rank -= int(in.counts[kid])
			kid++
		}
		id = in.kids[kid]
	}
	return rankPos{id, rank}
}

// get is the element at a position.
func (t *rankTree) get(pos rankPos) (score float64, ref uint64) {
	l := t.leaves.at(pos.leaf)
	return l.scores[pos.at], l.ref(pos.at)
}

// forward yields the elements from a rank on. The tree must not change meanwhile.
func (t *rankTree) forward(rank int) iter.Seq2[float64, uint64] {
	return func(yield func(float64, uint64) bool) {
		if rank >= t.count {
			return
		}
		pos := t.at(rank)
		for pos.leaf != noNode {
			l := t.leaves.at(pos.leaf)
			for i := pos.at; i < int(l.n); i++ {
				if !yield(l.scores[i], l.ref(i)) {
					return
				}
			}
			pos = rankPos{leaf: l.next}
		}
	}
}

// backward yields the elements from a rank on towards the first. The tree must not change meanwhile.
func (t *rankTree) backward(rank int) iter.Seq2[float64, uint64] {
	return func(yield func(float64, uint64) bool) {
		if rank < 0 {
			return
		}
		pos := t.at(rank)
		for {
			l := t.leaves.at(pos.leaf)
			for i := pos.at; i >= 0; i-- {
				if !yield(l.scores[i], l.ref(i)) {
					return
				}
			}
			if l.prev == noNode {
				return
			}
			pos = rankPos{l.prev, int(t.leaves.at(l.prev).n) - 1}
		}
	}
}

// rankRange is some elements in order, or in reverse. They are taken out a few at a time, so that what is to be read of
// them can be fetched side by side.
type rankRange struct {
	scores  [WarmKeys]float64
	refs    [WarmKeys]uint64
	pos     rankPos // of the next one
	left    int
	reverse bool
}

// span is the range of n elements, which there must be, from a rank on, or, with reverse, back from it.
func (t *rankTree) span(rank, n int, reverse bool) (r rankRange) {
	if n > 0 {
		r.pos, r.left, r.reverse = t.at(rank), n, reverse
	}
	return r
}

// next puts the next elements of a range into its scores and refs, and returns how many; 0 at its end.
func (t *rankTree) next(r *rankRange) (n int) {
	for n == 0 && r.left > 0 {
		l := t.leaves.at(r.pos.leaf)
		for n < min(len(r.refs), r.left) && r.pos.at >= 0 && r.pos.at < int(l.n) {
			r.scores[n], r.refs[n] = l.scores[r.pos.at], l.ref(r.pos.at)
			n++
			if r.pos.at++; r.reverse {
				r.pos.at -= 2
			}
		}
		r.left -= n
		switch {
		case r.left == 0:
		case r.pos.at < 0:
			r.pos.leaf = l.prev
			r.pos.at = int(t.leaves.at(l.prev).n) - 1
		case r.pos.at >= int(l.n):
			r.pos = rankPos{l.next, 0}
		}
	}
	return n
}

// replace tells that the member of an element is at another reference now.
func (t *rankTree) replace(score float64, member []byte, from, to uint64) {
	pos, _ := t.seek(func(s float64, ref uint64) bool {
		if s != score {
			return s < score
		}
		return ref != from && bytes.Compare(t.member(ref), member) < 0
	})
	l := t.leaves.at(pos.leaf)
	if pos.at >= int(l.n) || l.ref(pos.at) != from {
		panic("store: a member that moves is missing from its sorted set")
	}
	l.setRef(pos.at, to)
	if pos.at == 0 {
		t.settle(0, pos.leaf, 0)
	}
}

// settle tells the nodes above one that it has got delta more elements and, perhaps, another first one.
func (t *rankTree) settle(level int, id uint32, delta int) {
	run, kid := t.run(level, id), id
	score, ref := run.scores[0], run.ref(0)
	for up := run.parent; up != noNode; {
		in := t.inners.at(up)
		i := in.slot(kid)
		in.counts[i] += uint32(delta)
		in.set(i, score, ref)
		score, ref = in.scores[0], in.ref(0)
		kid, up = up, in.parent
	}
}

func (t *rankTree) memory() int64 {
	return t.leaves.nodes()*int64(unsafe.Sizeof(rankLeaf{})) + t.inners.nodes()*int64(unsafe.Sizeof(rankInner{})) +
		int64(cap(t.leaves.segments)+cap(t.inners.segments))*24 + int64(unsafe.Sizeof(rankTree{}))
}

// clone copies the tree for other members.
func (t *rankTree) clone(member func(ref uint64) []byte) *rankTree {
	c := *t
	c.member, c.leaves, c.inners = member, t.leaves.clone(), t.inners.clone()
	return &c
}
