package store

import (
	"bytes"
	"fmt"
)

// check verifies order, counts, first elements, links and numbers of all nodes.
func (t *rankTree) check() error {
	if t.count == 0 {
		if t.leaves.n != 0 || t.inners.n != 0 {
			return fmt.Errorf("an empty tree has %d leaves and %d inner nodes", t.leaves.n, t.inners.n)
		}
		return nil
	}
	w := rankWalk{tree: t, prev: noNode}
	if err := w.node(t.height, t.root, noNode); err != nil {
		return err
	}
	switch {
	case w.elements != t.count:
		return fmt.Errorf("%d elements, counted as %d", w.elements, t.count)
	case w.leaves != t.leaves.n || w.inners != t.inners.n:
		return fmt.Errorf("%d leaves and %d inner nodes in pools of %d and %d", w.leaves, w.inners, t.leaves.n,
			t.inners.n)
	case t.leaves.at(w.prev).next != noNode:
		return fmt.Errorf("the last leaf has a next one")
	}
	return nil
}

// rankWalk is a check under way.
type rankWalk struct {
	tree           *rankTree
	prev           uint32 // the leaf before
	score          float64
	member         []byte
	elements       int
	leaves, inners uint32
}

func (w *rankWalk) node(level int, id, parent uint32) error {
	run := w.tree.run(level, id)
	if run.n == 0 || run.n > rankMax || run.parent != parent {
		return fmt.Errorf("node %d of level %d has %d elements, and parent %d, not %d", id, level, run.n, run.parent,
			parent)
	}
	if level == 0 {
		return w.leaf(id)
	}
	w.inners++
	in := w.tree.inners.at(id)
	if int(in.level) != level {
		return fmt.Errorf("node %d of level %d says %d", id, level, in.level)
	}
	for i, kid := range in.kids[:in.n] {
		before := w.elements
		first := w.tree.run(level-1, kid)
		if first.ref(0) != in.ref(i) || first.scores[0] != in.scores[i] {
			return fmt.Errorf("node %d of level %d: child %d begins otherwise", id, level, i)
		}
		if err := w.node(level-1, kid, id); err != nil {
			return err
		}
		if n := w.elements - before; n != int(in.counts[i]) {
			return fmt.Errorf("node %d of level %d: child %d has %d elements, counted as %d", id, level, i, n,
				in.counts[i])
		}
	}
	return nil
}

func (w *rankWalk) leaf(id uint32) error {
	l := w.tree.leaves.at(id)
	if l.prev != w.prev || w.prev != noNode && w.tree.leaves.at(w.prev).next != id {
		return fmt.Errorf("leaf %d follows leaf %d, by its links %d", id, w.prev, l.prev)
	}
	w.leaves++
	w.prev = id
	for i := range int(l.n) {
		score, member := l.scores[i], w.tree.member(l.ref(i))
		if w.elements > 0 && (score < w.score || score == w.score && bytes.Compare(member, w.member) <= 0) {
			return fmt.Errorf("leaf %d: (%g, %q) stands behind (%g, %q)", id, score, member, w.score, w.member)
		}
		w.score, w.member = score, member
		w.elements++
	}
	return nil
}
