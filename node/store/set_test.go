package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// setModel is a set as plain as can be.
type setModel map[string]bool

func members(s Set) []string {
	var list []string
	s.Each(func(m []byte) bool { list = append(list, string(m)); return true })
	slices.Sort(list)
	return list
}

func (m setModel) members() []string { return slices.Sorted(maps.Keys(m)) }

func byteSlices(list []string) [][]byte {
	b := make([][]byte, len(list))
	for i, s := range list {
		b[i] = []byte(s)
	}
	return b
}

// drawMembers are some members: integers of all widths, words, long ones, the empty one.
func drawMembers(rng *rand.Rand, n int) []string {
	list := make([]string, n)
	for i := range list {
		switch rng.IntN(8) {
		case 0:
			list[i] = strconv.FormatInt(int64(rng.Uint64())>>rng.IntN(64), 10)
		case 1:
			list[i] = fmt.Sprintf("word%d", rng.IntN(500))
		case 2:
			if rng.IntN(20) == 0 {
				list[i] = strings.Repeat("x", rng.IntN(3000))
			}
		default:
			list[i] = strconv.Itoa(rng.IntN(600))
		}
		if rng.IntN(50) > 0 && rng.IntN(2) == 0 {
			list[i] = strconv.Itoa(rng.IntN(200)) // mostly an intset
		}
	}
	return list
}

func TestSetModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := New(1, rng)
	s.Limits.SetIntset = 100
	d := s.DB(0)
	models := map[string]setModel{}
	key := func() string { return fmt.Sprintf("key%d", rng.IntN(6)) }
	for step := range 6000 {
		k := key()
		m := models[k]
		if m == nil {
			m = setModel{}
			models[k] = m
		}
		before := len(m)
		switch op := rng.IntN(12); {
		case op < 5:
			list := drawMembers(rng, 1+rng.IntN(30))
			for _, x := range list {
				m[x] = true
			}
			add := d.SetAdd
			if it, _ := d.Get([]byte(k)); rng.IntN(2) == 0 {
				add = func(key []byte, members ...[]byte) int { return d.SetAddTo(&it, key, members...) }
			}
			if got := add([]byte(k), byteSlices(list)...); got != len(m)-before {
				t.Fatalf("step %d: added %d, want %d", step, got, len(m)-before)
			}
		case op < 9:
			list := append(drawMembers(rng, rng.IntN(10)), sampleOf(rng, m, rng.IntN(40))...)
			for _, x := range list {
				delete(m, x)
			}
			if got := d.SetRemove([]byte(k), byteSlices(list)...); got != before-len(m) {
				t.Fatalf("step %d: removed %d, want %d", step, got, before-len(m))
			}
		case op == 9 && before > 1:
			n := 1 + rng.IntN(before-1)
			d.SetPop([]byte(k), rng, n, func(x []byte) {
				if !m[string(x)] {
					t.Fatalf("step %d: popped %q, which is not there or was popped before", step, x)
				}
				delete(m, string(x))
			})
			if len(m) != before-n {
				t.Fatalf("step %d: popped %d, want %d", step, before-len(m), n)
			}
		case op == 10 && before > 0:
			to := key()
			d.CopyTo(d, []byte(k), []byte(to))
			models[to] = maps.Clone(m)
		case op == 11 && rng.IntN(10) == 0:
			d.Delete([]byte(k))
			models[k] = setModel{}
		}
		if err := s.Check(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		checkSet(t, d, k, models[k], rng)
	}
}

// TestSetAddNothing adds members that are there already to a set that has become sparse: nothing may move unaccounted.
func TestSetAddNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := New(1, rng)
	d, key, m := s.DB(0), []byte("set"), setModel{}
	for i := range 400 {
		m[fmt.Sprintf("%0*d", 20+i%50, i)] = true
	}
	d.SetAdd(key, byteSlices(m.members())...)
	for len(m) > 1 {
		list := sampleOf(rng, m, 2)
		d.SetRemove(key, []byte(list[0]))
		delete(m, list[0])
		for range 3 {
			if n := d.SetAdd(key, []byte(list[1])); n != 0 {
				t.Fatalf("added %d", n)
			}
			if err := s.Check(); err != nil {
				t.Fatalf("with %d members: %v", len(m), err)
			}
		}
	}
}

// sampleOf is some of the members.
func sampleOf(rng *rand.Rand, m setModel, n int) []string {
	list := m.members()
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

func checkSet(t *testing.T, d *DB, key string, m setModel, rng *rand.Rand) {
	t.Helper()
	it, found := d.Get([]byte(key))
	if found != (len(m) > 0) {
		t.Fatalf("%s: found %v with %d members", key, found, len(m))
	}
	s := it.Set()
	if s.Len() != len(m) || !slices.Equal(members(s), m.members()) {
		t.Fatalf("%s has\n%q, want\n%q", key, members(s), m.members())
	}
	if !found {
		return
	}
	if it.Encoding() == EncIntset {
		for x := range m {
			if !isCanonicalInt([]byte(x)) {
				t.Fatalf("%s: %q in an intset", key, x)
			}
		}
	}
	for _, x := range drawMembers(rng, 5) {
		if s.Has([]byte(x)) != m[x] {
			t.Fatalf("%s: having %q is %v", key, x, !m[x])
		}
	}
	if x := s.Random(rng, nil); !m[string(x)] {
		t.Fatalf("%s: the random member %q is not there", key, x)
	}
	n, seen := rng.IntN(len(m)+2), setModel{}
	s.Sample(rng, n, func(x []byte) { seen[string(x)] = m[string(x)] })
	if len(seen) != min(n, len(m)) || slices.Contains(slices.Collect(maps.Values(seen)), false) {
		t.Fatalf("%s: a sample of %d is %q", key, n, seen.members())
	}
	scanned := setModel{}
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = s.Scan(cursor, 10, func(x []byte) { scanned[string(x)] = true })
	}
	if !maps.Equal(scanned, m) {
		t.Fatalf("%s: scanned %q, want %q", key, scanned.members(), m.members())
	}
}

func TestSetEncodings(t *testing.T) {
	s := New(1, rand.New(rand.NewPCG(1, 2)))
	s.Limits.SetIntset = 3
	d := s.DB(0)
	for _, c := range []struct {
		members string
		enc     Encoding
		dict    bool
	}{
		{"1 2 3", EncIntset, false},
		{"1 2 3 3 2 1", EncIntset, false},
		{"1 2 3 4", EncHashtable, false},
		{"a", EncHashtable, false},
		{"1 2 a", EncHashtable, false},
		{"01", EncHashtable, false},
		{"9223372036854775808", EncHashtable, false},
		{strings.Repeat("x", 500), EncHashtable, false},
		{strings.Repeat("x", 510), EncHashtable, true},
	} {
		d.Delete([]byte("k"))
		d.SetAdd([]byte("k"), byteSlices(strings.Fields(c.members))...)
		it, _ := d.Get([]byte("k"))
		if it.Encoding() != c.enc || (it.obj != nil) != c.dict {
			t.Errorf("%.20s: %v, a dict: %v", c.members, it.Encoding(), it.obj != nil)
		}
	}
}

func TestSetAlgebra(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := New(1, rng)
	for range 300 {
		models, sets := make([]setModel, 1+rng.IntN(4)), []Set(nil)
		for i := range models {
			b := s.NewSet()
			models[i] = setModel{}
			for _, x := range drawMembers(rng, rng.IntN(200)) {
				b.Add([]byte(x))
				models[i][x] = true
			}
			sets = append(sets, b.Set)
		}
		inter, union, diff := maps.Clone(models[0]), maps.Clone(models[0]), maps.Clone(models[0])
		for _, m := range models[1:] {
			maps.DeleteFunc(inter, func(x string, _ bool) bool { return !m[x] })
			maps.DeleteFunc(diff, func(x string, _ bool) bool { return m[x] })
			maps.Copy(union, m)
		}
		var got []string
		collect := func(m []byte) bool { got = append(got, string(m)); return true }
		for _, c := range []struct {
			name string
			run  func()
			want setModel
		}{
			{"inter", func() { SetInter(sets, collect) }, inter},
			{"union", func() { SetUnion(sets, func(m []byte) { collect(m) }) }, union},
			{"diff", func() { SetDiff(sets, func(m []byte) { collect(m) }) }, diff},
			{"union by AddAll", func() {
				b := s.NewSet()
				for _, x := range sets {
					b.AddAll(x)
				}
				b.Each(collect)
			}, union},
			{"diff by RemoveAll", func() {
				b := s.NewSet()
				b.AddAll(sets[0])
				for _, x := range sets[1:] {
					b.RemoveAll(x)
				}
				b.Each(collect)
			}, diff},
		} {
			got = nil
			c.run()
			slices.Sort(got)
			if !slices.Equal(got, c.want.members()) {
				t.Fatalf("%s of %d sets: %q, want %q", c.name, len(sets), got, c.want.members())
			}
		}
	}
}

// TestSetFairness draws members of sets of every kind and looks whether some come too often (chi-square, 99.99 %).
func TestSetFairness(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := New(1, rng)
	for _, c := range []struct{ name, format string }{{"intset", "%d"}, {"listpack", "m%d"},
		{"dict", "a longer member %d"}} {
		b := s.NewSet()
		const n, draws = 50, 50_000
		for i := range n {
			b.Add(fmt.Appendf(nil, c.format, i))
		}
		for name, draw := range map[string]func(func([]byte)){
			"random": func(fn func([]byte)) { fn(b.Random(rng, nil)) },
			"sample": func(fn func([]byte)) { b.Sample(rng, 1, fn) },
			"sample of half": func(fn func([]byte)) {
				if rng.IntN(n/2) == 0 {
					b.Sample(rng, n/2, fn)
				}
			},
		} {
			counts, total := map[string]int{}, 0
			for range draws {
				draw(func(m []byte) { counts[string(m)]++; total++ })
			}
			expected, chi := float64(total)/n, 0.0
			for i := range n {
				d := float64(counts[fmt.Sprintf(c.format, i)]) - expected
				chi += d * d / expected
			}
			if chi > 96 {
				t.Errorf("%s, %s: chi-square %.1f", c.name, name, chi)
			}
		}
	}
}
