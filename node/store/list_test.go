package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"holdfast/node/listpack"
)

// listModel is a store with one list, and what the list must be.
type listModel struct {
	t    *testing.T
	rng  *rand.Rand
	s    *Store
	db   *DB
	want [][]byte
	copy *DB  // where a copy of the list is
	wide bool // elements of many sizes
	row  int  // the length of most elements; 0: they have none in common

	copyWant [][]byte
}

var listKey = []byte("k")

func (m *listModel) value() []byte {
	switch r := m.rng.IntN(20); {
	case m.row > 0 && m.rng.IntN(50) > 0:
		return bytes.Repeat([]byte{'a' + byte(r%5)}, m.row)
	case r < 4:
		return strconv.AppendInt(nil, m.rng.Int64()>>m.rng.IntN(64), 10)
	case r < 10:
		return []byte{'a' + byte(m.rng.IntN(3))}
	case r == 10 && m.wide:
		return bytes.Repeat([]byte{'z'}, m.rng.IntN(5000))
	case r == 11:
		return nil
	}
	return bytes.Repeat([]byte{'x'}, m.rng.IntN(100))
}

// present is an element of the list, mostly.
func (m *listModel) present() []byte {
	if len(m.want) == 0 || m.rng.IntN(8) == 0 {
		return m.value()
	}
	return m.want[m.rng.IntN(len(m.want))]
}

func (m *listModel) step() string {
	front, n := m.rng.IntN(2) == 0, len(m.want)
	op := m.rng.IntN(16)
	switch {
	case op < 5 || n == 0:
		vals := make([][]byte, 1+m.rng.IntN(3))
		if m.rng.IntN(8) == 0 {
			vals = make([][]byte, m.rng.IntN(100))
		}
		for i := range vals {
			vals[i] = m.value()
		}
		if len(vals) == 0 {
			vals = [][]byte{nil}
		}
		for _, v := range vals {
			if front {
				m.want = slices.Insert(m.want, 0, v)
			} else {
				m.want = append(m.want, v)
			}
		}
		if it, _ := m.db.Get(listKey); m.rng.IntN(2) == 0 {
			m.same("length", m.db.ListPushTo(&it, listKey, vals, front), len(m.want))
		} else {
			m.same("length", m.db.ListPush(listKey, vals, front), len(m.want))
		}
		return fmt.Sprint("push ", len(vals), front)
	case op < 8:
		k := min(n, 1+m.rng.IntN(3))
		if m.rng.IntN(4) == 0 {
			k = m.rng.IntN(n + 1)
		}
		back := m.rng.IntN(n - k + 1)
		if m.rng.IntN(2) == 0 {
			k, back = back, 0
		} else if m.rng.IntN(2) == 0 {
			back = 0
		}
		m.want = m.want[k : n-back]
		if it, _ := m.db.Get(listKey); m.rng.IntN(2) == 0 {
			m.same("length", m.db.ListDropFrom(&it, listKey, k, back), len(m.want))
		} else {
			m.same("length", m.db.ListDrop(listKey, k, back), len(m.want))
		}
		return fmt.Sprint("drop ", k, back)
	case op < 10:
		i, v := m.rng.IntN(n), m.value()
		m.want = slices.Clone(m.want)
		m.want[i] = v
		m.db.ListSet(listKey, i, v)
		return fmt.Sprint("set ", i, len(v))
	case op < 13:
		pivot, v := m.present(), m.value()
		i := m.index(pivot)
		if i < 0 {
			m.same("length", m.db.ListInsert(listKey, pivot, v, front), 0)
			return "insert nowhere"
		}
		if front {
			i++
		}
		m.want = slices.Insert(slices.Clone(m.want), i, v)
		m.same("length", m.db.ListInsert(listKey, pivot, v, front), len(m.want))
		return fmt.Sprint("insert ", i, len(v))
	case op < 15:
		v, k := m.present(), m.rng.IntN(4)
		removed := m.remove(v, k, front)
		gone, left := m.db.ListRemove(listKey, v, k, front)
		m.same("removed", gone, removed)
		m.same("length", left, len(m.want))
		return fmt.Sprint("remove ", k, front)
	}
	if front {
		m.want = append(slices.Clone(m.want[1:]), m.want[0])
	} else {
		m.want = slices.Insert(slices.Clone(m.want[:n-1]), 0, m.want[n-1])
	}
	m.db.ListMoveEnd(listKey, front)
	return "move"
}

func (m *listModel) index(v []byte) int {
	return slices.IndexFunc(m.want, func(w []byte) bool { return bytes.Equal(v, w) })
}

func (m *listModel) remove(v []byte, n int, backwards bool) (removed int) {
	var kept [][]byte
	list := slices.Clone(m.want)
	if backwards {
		slices.Reverse(list)
	}
	for _, w := range list {
		if bytes.Equal(v, w) && (n == 0 || removed < n) {
			removed++
			continue
		}
		kept = append(kept, w)
	}
	if backwards {
		slices.Reverse(kept)
	}
	m.want = kept
	return removed
}

func (m *listModel) same(what string, got, want int) {
	m.t.Helper()
	if got != want {
		m.t.Fatalf("%s is %d, want %d", what, got, want)
	}
}

// compare reads the list in all ways.
func (m *listModel) compare() {
	m.t.Helper()
	if err := m.s.Check(); err != nil {
		m.t.Fatal(err)
	}
	it, ok := m.db.Get(listKey)
	n := len(m.want)
	if ok != (n > 0) {
		m.t.Fatalf("the list of %d elements is there: %v", n, ok)
	}
	if !ok {
		return
	}
	m.same("length", it.ListLen(), n)
	m.compareNodes(it)
	from := m.rng.IntN(n)
	var number [20]byte
	if got := it.ListIndex(from, number[:]); !bytes.Equal(got, m.want[from]) {
		m.t.Fatalf("element %d is %q, want %q", from, got, m.want[from])
	}
	for _, backwards := range []bool{false, true} {
		i, count := from, n-from
		if backwards {
			count = from + 1
		}
		if m.rng.IntN(3) > 0 {
			count = min(count, m.rng.IntN(10))
		}
		seen := 0
		it.ListEach(from, count, backwards, func(val []byte) bool {
			if !bytes.Equal(val, m.want[i]) {
				m.t.Fatalf("element %d is %q, want %q", i, val, m.want[i])
			}
			seen++
			if i++; backwards {
				i -= 2
			}
			return true
		})
		m.same("elements seen", seen, count)
		m.compareFind(it, backwards)
	}
}

// compareNodes reads the list as a snapshot does.
func (m *listModel) compareNodes(it Item) {
	m.t.Helper()
	i, nodes := 0, 0
	next := func(val []byte) {
		if i >= len(m.want) || !bytes.Equal(val, m.want[i]) {
			m.t.Fatalf("element %d is %q in a node", i, val)
		}
		i++
	}
	it.ListNodes(func(b []byte, plain bool) bool {
		nodes++
		if plain {
			next(b)
			return true
		}
		if err := listpack.Validate(b, true); err != nil {
			m.t.Fatal(err)
		}
		for at := listpack.First(b); at >= 0; at = listpack.Next(b, at) {
			next(listpack.Get(b, at, nil))
		}
		return true
	})
	m.same("elements in nodes", i, len(m.want))
	m.same("nodes", it.ListNodeCount(), nodes)
}

func (m *listModel) compareFind(it Item, backwards bool) {
	m.t.Helper()
	v, limit := m.present(), m.rng.IntN(len(m.want)+2)
	var got, want []int
	it.ListFind(v, backwards, limit, func(i int) bool {
		got = append(got, i)
		return true
	})
	for seen := range m.want {
		i := seen
		if backwards {
			i = len(m.want) - 1 - seen
		}
		if (limit == 0 || seen < limit) && bytes.Equal(m.want[i], v) {
			want = append(want, i)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("%q is at %v, want %v", v, got, want)
	}
}

func TestListAgainstModel(t *testing.T) {
	sizes := []int{-2, -1, -5, 1, 2, 7, 128, 0, -9, 1 << 20}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := New(2, rng)
		s.Limits.ListSize = sizes[int(seed)%len(sizes)]
		if seed%3 == 0 {
			s.Limits.ListPlain = 60
		}
		m := &listModel{t: t, rng: rng, s: s, db: s.DB(0), copy: s.DB(1), wide: seed%2 == 0}
		rows := []int{0, 1, 16, 0, 70, 700, 5000}
		for i := range 400 {
			what := m.step()
			if t.Failed() {
				t.Fatalf("seed %d step %d: %s", seed, i, what)
			}
			m.compare()
			if i%10 == 0 {
				m.copied()
			}
			if i%50 == 0 {
				m.row = rows[m.rng.IntN(len(rows))]
				if m.rng.IntN(2) == 0 {
					s.Limits.ListSize = sizes[m.rng.IntN(len(sizes))]
				}
			}
		}
	}
}

// copied compares the copy that was made last with what the list was then: whatever has become of the list, or of the
// copy. Then it goes on with either of them, and makes a new copy.
func (m *listModel) copied() {
	m.t.Helper()
	swap := func() {
		m.db, m.want, m.copy, m.copyWant = m.copy, m.copyWant, m.db, m.want
	}
	swap()
	m.compare()
	if m.rng.IntN(2) == 0 {
		swap()
	}
	m.copy.Delete(listKey)
	m.copyWant = nil
	if len(m.want) == 0 {
		return
	}
	m.db.CopyTo(m.copy, listKey, listKey)
	m.copyWant = slices.Clone(m.want)
	if it, _ := m.db.Get(listKey); m.rng.IntN(2) == 0 {
		if f, ok := m.s.Freeze(it); ok {
			f.Release()
		}
	}
	if m.rng.IntN(4) == 0 { // the other is alone with the blocks
		m.db.Rename(listKey, []byte("other key"))
		m.db.Delete([]byte("other key"))
		m.want = nil
	}
}

// TestListMemory has lists of 16-byte elements in less than Redis's 18.5 bytes each, pushed to either end.
func TestListMemory(t *testing.T) {
	for _, front := range []bool{false, true} {
		s := New(1, rand.New(rand.NewPCG(1, 1)))
		size := func() int64 {
			it, _ := s.DB(0).Get(listKey)
			return it.SizeInMemory()
		}
		const n = 200_000
		for i := range n {
			s.DB(0).ListPush(listKey, [][]byte{fmt.Appendf(nil, "element:%08d", i)}, front)
		}
		if each := float64(size()) / n; each > 16.3 {
			t.Errorf("front %v: %.2f bytes an element", front, each)
		}
		for range n - 10 {
			s.DB(0).ListDrop(listKey, 1, 0)
		}
		if left := size(); left > 1000 {
			t.Errorf("front %v: 10 elements keep %d bytes", front, left)
		}
	}
}

// TestListOfPackedNodes puts lists together of listpacks and elements, under limits that are not those of who made the
// listpacks.
func TestListOfPackedNodes(t *testing.T) {
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 5))
		s := New(1, rng)
		s.Limits.ListSize = []int{-2, -1, -5, 1, 7, 128, 0, 1 << 20}[seed%8]
		if seed%5 == 0 {
			s.Limits.ListPlain = 60
		}
		m := &listModel{t: t, rng: rng, s: s, db: s.DB(0), wide: seed%2 == 0}
		b := s.NewList()
		for range 1 + rng.IntN(6) {
			m.row = []int{0, 1, 16, 70, 700}[rng.IntN(5)]
			lp := listpack.New()
			for range rng.IntN([]int{3, 30, 300, 3000}[rng.IntN(4)]) {
				val := m.value()
				lp = listpack.Append(lp, val)
				m.want = append(m.want, val)
			}
			b.AddPacked(lp)
			if rng.IntN(3) == 0 {
				val := m.value()
				b.Add(val)
				m.want = append(m.want, val)
			}
		}
		if b.Len() != len(m.want) {
			t.Fatalf("seed %d: %d elements, want %d", seed, b.Len(), len(m.want))
		}
		if b.Len() > 0 {
			s.DB(0).ListStore(listKey, b)
		}
		m.compare()
		for range 30 {
			what := m.step()
			m.compare()
			if t.Failed() {
				t.Fatalf("seed %d: %s", seed, what)
			}
		}
	}
}
