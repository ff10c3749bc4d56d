package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// rankModel is a sorted slice beside a tree; a reference is an index into names.
type rankModel struct {
	t     *testing.T
	tree  *rankTree
	names []string
	list  []rankElement
}

type rankElement struct {
	score float64
	name  string
	ref   uint64
}

func newRankModel(t *testing.T) *rankModel {
	m := &rankModel{t: t}
	m.tree = newRankTree(func(ref uint64) []byte { return []byte(m.names[ref]) })
	return m
}

// index is where an element is or would be.
func (m *rankModel) index(score float64, name string) (int, bool) {
	return slices.BinarySearchFunc(m.list, rankElement{score: score, name: name}, func(a, b rankElement) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return bytes.Compare([]byte(a.name), []byte(b.name))
	})
}

func (m *rankModel) insert(score float64, name string) {
	i, found := m.index(score, name)
	if found {
		return
	}
	ref := uint64(len(m.names))
	m.names = append(m.names, name)
	m.tree.insert(score, []byte(name), ref)
	m.list = slices.Insert(m.list, i, rankElement{score, name, ref})
}

func (m *rankModel) remove(i int) {
	e := m.list[i]
	pos, rank := m.tree.find(e.score, []byte(e.name))
	if rank != i {
		m.t.Fatalf("(%g, %q) has rank %d, not %d", e.score, e.name, rank, i)
	}
	m.tree.remove(pos)
	m.list = slices.Delete(m.list, i, i+1)
}

// move gives an element's member another reference.
func (m *rankModel) move(i int) {
	e := &m.list[i]
	to := uint64(len(m.names))
	m.names = append(m.names, e.name)
	m.tree.replace(e.score, []byte(e.name), e.ref, to)
	m.names[e.ref] = "gone"
	e.ref = to
}

func (m *rankModel) check() {
	m.t.Helper()
	if err := m.tree.check(); err != nil {
		m.t.Fatal(err)
	}
	if m.tree.count != len(m.list) {
		m.t.Fatalf("%d elements, not %d", m.tree.count, len(m.list))
	}
}

// compare reads the whole tree both ways.
func (m *rankModel) compare(tree *rankTree) {
	m.t.Helper()
	i := 0
	for score, ref := range tree.forward(0) {
		if e := m.list[i]; e.score != score || e.ref != ref {
			m.t.Fatalf("element %d is (%g, %d), not (%g, %d)", i, score, ref, e.score, e.ref)
		}
		i++
	}
	for score, ref := range tree.backward(tree.count - 1) {
		i--
		if e := m.list[i]; e.score != score || e.ref != ref {
			m.t.Fatalf("backwards: element %d is (%g, %d), not (%g, %d)", i, score, ref, e.score, e.ref)
		}
	}
	if i != 0 {
		m.t.Fatalf("%d elements more forward than backward", i)
	}
}

func TestRankTreeAgainstSlice(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for round := range 20 {
		m := newRankModel(t)
		scores := []int{1, 3, 50, 1 << 30}[round%4]
		bias := 50 // percent of steps that insert
		for step := range 20000 {
			if step%2000 == 0 {
				bias = 20 + rng.IntN(80)
			}
			m.step(rng, scores, bias)
			if step%97 == 0 || len(m.list) < 3 {
				m.check()
			}
		}
		m.check()
		m.compare(m.tree)
		copied := m.tree.clone(m.tree.member)
		old := slices.Clone(m.list)
		for len(m.list) > 0 {
			m.remove(rng.IntN(len(m.list)))
			if len(m.list)%50 == 0 {
				m.check()
			}
		}
		m.check()
		if err := copied.check(); err != nil {
			t.Fatal(err)
		}
		m.list = old
		m.compare(copied)
	}
}

func (m *rankModel) step(rng *rand.Rand, scores, bias int) {
	n := len(m.list)
	switch {
	case n == 0 || rng.IntN(100) < bias:
		m.insert(float64(rng.IntN(scores)), fmt.Sprint(rng.IntN(1<<20)))
	case rng.IntN(10) == 0:
		m.move(rng.IntN(n))
	case rng.IntN(10) == 0:
		i := rng.IntN(n)
		score, ref := m.tree.get(m.tree.at(i))
		if e := m.list[i]; e.score != score || e.ref != ref {
			m.t.Fatalf("rank %d is (%g, %d), not (%g, %d)", i, score, ref, e.score, e.ref)
		}
	case rng.IntN(10) == 0:
		limit := float64(rng.IntN(scores))
		want, _ := m.index(limit, "")
		if got := m.tree.rankOf(func(s float64, _ uint64) bool { return s < limit }); got != want {
			m.t.Fatalf("%d elements below %g, not %d", got, limit, want)
		}
	case rng.IntN(50) == 0:
		first := rng.IntN(n)
		for range min(rng.IntN(500), n-first) {
			m.remove(first)
		}
	default:
		m.remove(rng.IntN(n))
	}
}

// TestRankTreeFill: elements in order fill the leaves, and a tree that shrinks gives memory back.
func TestRankTreeFill(t *testing.T) {
	const n = 100_000
	per := func(tree *rankTree) float64 { return float64(tree.memory()) / float64(tree.count) }
	var m *rankModel
	for _, direction := range []float64{-1, 1} {
		m = newRankModel(t)
		for i := range n {
			m.names = append(m.names, fmt.Sprintf("%08d", i))
			m.tree.insert(float64(i)*direction, []byte(m.names[i]), uint64(i))
		}
		if err := m.tree.check(); err != nil {
			t.Fatal(err)
		}
		if got := per(m.tree); got > 14.5 {
			t.Errorf("in direction %g: %.1f bytes an element", direction, got)
		}
	}
	full := m.tree.memory()
	for m.tree.count > 10 {
		m.tree.remove(m.tree.at(m.tree.count / 2))
	}
	if err := m.tree.check(); err != nil {
		t.Fatal(err)
	}
	if m.tree.memory() > full/50 {
		t.Errorf("10 elements of %d take %d bytes of %d", n, m.tree.memory(), full)
	}
	random := newRankModel(t)
	for i, at := range rand.Perm(n) {
		random.names = append(random.names, fmt.Sprintf("%08d", at))
		random.tree.insert(0, []byte(random.names[i]), uint64(i))
	}
	if got := per(random.tree); got > 21 {
		t.Errorf("in random order: %.1f bytes an element", got)
	}
}

func BenchmarkRankInsert(b *testing.B) {
	t := newRankTree(func(uint64) []byte { return nil })
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b.N {
		t.insert(rng.Float64(), nil, uint64(i))
	}
}
