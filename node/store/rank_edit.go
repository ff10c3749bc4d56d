package store

import "iter"

// insert adds an element, which must not be there.
func (t *rankTree) insert(score float64, member []byte, ref uint64) {
	if t.count == 0 {
		t.root, t.height = t.leaves.push(), 0
		l := t.leaves.at(t.root)
		l.parent, l.prev, l.next = noNode, noNode, noNode
	}
	pos := rankPos{leaf: t.root}
	if t.count > 0 {
		pos, _ = t.find(score, member)
	}
	if t.leaves.at(pos.leaf).n == rankMax {
		pos = t.splitLeaf(pos)
	}
	l := t.leaves.at(pos.leaf)
	l.open(pos.at, 1)
	l.set(pos.at, score, ref)
	t.count++
	t.settle(0, pos.leaf, 1)
}

// extend adds elements that come in order and behind all that are there.
func (t *rankTree) extend(elements iter.Seq2[float64, uint64]) {
	last, added := noNode, 0 // the last leaf, and what was put into it
	settle := func() {
		if added > 0 {
			t.settle(0, last, added)
		}
		added = 0
	}
	for score, ref := range elements {
		if last != noNode && t.leaves.at(last).n < rankMax {
			l := t.leaves.at(last)
			l.set(int(l.n), score, ref)
			l.n++
			t.count++
			added++
			continue
		}
		settle()
		t.insert(score, t.member(ref), ref)
		last = t.at(t.count - 1).leaf
	}
	settle()
}

// splitLeaf makes room in a full leaf and returns where the place for the new element is now. At the ends of the tree,
// nearly all stay together: what comes in order fills the leaves.
func (t *rankTree) splitLeaf(pos rankPos) rankPos {
	keep := rankMax / 2
	switch l := t.leaves.at(pos.leaf); {
	case pos.at == rankMax && l.next == noNode:
		keep = rankMax - 1 // neither may be empty
	case pos.at == 0 && l.prev == noNode:
		keep = 1
	}
	id := t.leaves.push()
	left, right := t.leaves.at(pos.leaf), t.leaves.at(id)
	right.take(&left.rankRun, keep)
	right.prev, right.next, left.next = pos.leaf, left.next, id
	if right.next != noNode {
		t.leaves.at(right.next).prev = id
	}
	t.adopt(1, pos.leaf, id)
	if pos.at > keep {
		return rankPos{id, pos.at - keep}
	}
	return pos
}

// run is a node at a level: 0 for leaves.
func (t *rankTree) run(level int, id uint32) *rankRun {
	if level == 0 {
		return &t.leaves.at(id).rankRun
	}
	return &t.inners.at(id).rankRun
}

// below is how many elements a node holds.
func (t *rankTree) below(level int, id uint32) uint32 {
	if level == 0 {
		return uint32(t.leaves.at(id).n)
	}
	return t.inners.at(id).total()
}

// adopt enters a new node, which got the upper part of the node on its left, into that one's parent, an inner node of
// the given level.
func (t *rankTree) adopt(level int, left, right uint32) {
	up := t.run(level-1, left).parent
	if up == noNode {
		up = t.inners.push()
		in := t.inners.at(up)
		in.level, in.parent = uint8(level), noNode
		t.root, t.height = up, level
		t.enter(up, 0, left)
	} else if t.inners.at(up).n == rankMax {
		up = t.splitInner(up, left)
	}
	i := t.inners.at(up).slot(left)
	t.inners.at(up).counts[i] = t.below(level-1, left)
	t.enter(up, i+1, right)
}

// enter makes a node child i of an inner one.
func (t *rankTree) enter(up uint32, i int, kid uint32) {
	in := t.inners.at(up)
	run := t.run(int(in.level)-1, kid)
	run.parent = up
	in.open(i)
	in.set(i, run.scores[0], run.ref(0))
	in.kids[i] = kid
	in.counts[i] = t.below(int(in.level)-1, kid)
}

// splitInner makes room in a full inner node and returns where its child kid is now.
func (t *rankTree) splitInner(id, kid uint32) uint32 {
	keep := rankMax / 2
	switch in := t.inners.at(id); {
	case in.kids[rankMax-1] == kid && t.isEnd(id, false):
		keep = rankMax - 1
	case in.kids[0] == kid && t.isEnd(id, true):
		keep = 1
	}
	added := t.inners.push()
	left, right := t.inners.at(id), t.inners.at(added)
	level := int(left.level)
	right.level = left.level
	right.take(left, keep)
	for _, k := range right.kids[:right.n] {
		t.run(level-1, k).parent = added
	}
	t.adopt(level+1, id, added)
	return t.run(level-1, kid).parent
}

// isEnd reports whether no element is right, or left, of an inner node.
func (t *rankTree) isEnd(id uint32, left bool) bool {
	for {
		up := t.inners.at(id).parent
		if up == noNode {
			return true
		}
		in := t.inners.at(up)
		end := in.kids[in.n-1]
		if left {
			end = in.kids[0]
		}
		if end != id {
			return false
		}
		id = up
	}
}

// rescore changes the score of an element where it stands, and reports whether that was possible: it stays between the
// two beside it in its leaf.
func (t *rankTree) rescore(pos rankPos, score float64) bool {
	l, i := t.leaves.at(pos.leaf), pos.at
	if i == 0 || i+1 == int(l.n) || score <= l.scores[i-1] || score >= l.scores[i+1] {
		return false
	}
	l.scores[i] = score
	return true
}

// remove takes an element out.
func (t *rankTree) remove(pos rankPos) {
	l := t.leaves.at(pos.leaf)
	l.cut(pos.at, 1)
	t.count--
	if t.count == 0 {
		t.leaves.pop()
		return
	}
	t.settle(0, pos.leaf, -1)
	t.shrunk(0, pos.leaf)
}

// shrunk looks after a node that has lost an element or a child: an empty one goes, a small one joins the one beside
// it.
func (t *rankTree) shrunk(level int, id uint32) {
	run := t.run(level, id)
	switch {
	case run.n >= rankSmall:
	case run.parent == noNode:
		t.lower()
	case run.n == 0:
		t.drop(level, id)
	default:
		t.join(level, id)
	}
}

// drop gives up an empty node.
func (t *rankTree) drop(level int, id uint32) {
	up := t.run(level, id).parent
	in := t.inners.at(up)
	in.cut(in.slot(id))
	if level == 0 {
		l := t.leaves.at(id)
		if l.prev != noNode {
			t.leaves.at(l.prev).next = l.next
		}
		if l.next != noNode {
			t.leaves.at(l.next).prev = l.prev
		}
	}
	up = t.free(level, id, up)
	if t.inners.at(up).n > 0 {
		t.settle(level+1, up, 0)
	}
	t.shrunk(level+1, up)
}

// join moves all of a small node and one beside it into one, if that has some room to spare then.
func (t *rankTree) join(level int, id uint32) {
	up := t.run(level, id).parent
	in := t.inners.at(up)
	i := min(in.slot(id), int(in.n)-2)
	if i < 0 {
		return // an only child
	}
	left, right := in.kids[i], in.kids[i+1]
	if t.run(level, left).n+t.run(level, right).n > rankMax*3/4 {
		return
	}
	in.counts[i] += in.counts[i+1]
	in.cut(i + 1)
	if level == 0 {
		l, r := t.leaves.at(left), t.leaves.at(right)
		l.take(&r.rankRun, 0)
		if l.next = r.next; l.next != noNode {
			t.leaves.at(l.next).prev = left
		}
	} else {
		l, r := t.inners.at(left), t.inners.at(right)
		for _, k := range r.kids[:r.n] {
			t.run(level-1, k).parent = left
		}
		l.take(r, 0)
	}
	t.shrunk(level+1, t.free(level, right, up))
}

// lower makes an only child the root.
func (t *rankTree) lower() {
	for t.height > 0 && t.inners.at(t.root).n == 1 {
		old := t.root
		t.root = t.inners.at(old).kids[0]
		t.height--
		t.run(t.height, t.root).parent = noNode
		t.free(t.height+1, old, noNode)
	}
}

// free gives up a node that nothing refers to any more: the last of the pool takes its number. It returns the number
// that the inner node up has then.
func (t *rankTree) free(level int, hole, up uint32) uint32 {
	if level == 0 {
		t.freeLeaf(hole)
		return up
	}
	last := t.inners.n - 1
	if hole != last {
		in := t.inners.at(hole)
		*in = *t.inners.at(last)
		t.renumber(int(in.level), in.parent, last, hole)
		for _, k := range in.kids[:in.n] {
			t.run(int(in.level)-1, k).parent = hole
		}
	}
	t.inners.pop()
	if up == last {
		return hole
	}
	return up
}

func (t *rankTree) freeLeaf(hole uint32) {
	last := t.leaves.n - 1
	if hole != last {
		l := t.leaves.at(hole)
		*l = *t.leaves.at(last)
		t.renumber(0, l.parent, last, hole)
		if l.prev != noNode {
			t.leaves.at(l.prev).next = hole
		}
		if l.next != noNode {
			t.leaves.at(l.next).prev = hole
		}
	}
	t.leaves.pop()
}

// renumber tells those above a node, which was number from, that it is number to now.
func (t *rankTree) renumber(level int, up, from, to uint32) {
	switch {
	case up != noNode:
		in := t.inners.at(up)
		in.kids[in.slot(from)] = to
	case t.height == level && t.root == from:
		t.root = to
	}
}
