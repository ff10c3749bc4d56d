package store

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// zsetWorld is a store with sorted sets beside a plain model.
type zsetWorld struct {
	t     *testing.T
	rng   *rand.Rand
	s     *Store
	d     *DB
	model map[string]map[string]float64
	large map[string]bool // keys that have been past the limits
}

func newZSetWorld(t *testing.T, seed uint64) *zsetWorld {
	rng := rand.New(rand.NewPCG(seed, 7))
	s := New(1, rng)
	s.Limits.ZSetEntries, s.Limits.ZSetValue = 20, 30
	return &zsetWorld{t, rng, s, s.DB(0), map[string]map[string]float64{}, map[string]bool{}}
}

func (w *zsetWorld) member() string {
	n := w.rng.IntN(400)
	switch {
	case n%3 == 0:
		return fmt.Sprint(n)
	case n%50 == 1:
		return strings.Repeat("long", n)
	}
	return fmt.Sprintf("m%d", n)
}

func (w *zsetWorld) score() float64 {
	switch w.rng.IntN(12) {
	case 0:
		return math.Inf(1 - 2*w.rng.IntN(2))
	case 1:
		return w.rng.NormFloat64()
	case 2:
		return float64(w.rng.IntN(100)) * 1e20
	case 3:
		return 0
	}
	return float64(w.rng.IntN(30))
}

// sorted is the model's order.
func (w *zsetWorld) sorted(key string) []ZMember {
	var list []ZMember
	for member, score := range w.model[key] {
		list = append(list, ZMember{[]byte(member), score})
	}
	slices.SortFunc(list, func(a, b ZMember) int {
		switch {
		case a.Score < b.Score:
			return -1
		case a.Score > b.Score:
			return 1
		}
		return bytes.Compare(a.Member, b.Member)
	})
	return list
}

func (w *zsetWorld) get(key string) ZSet {
	it, ok := w.d.Get([]byte(key))
	if !ok {
		return Item{}.ZSet()
	}
	want := EncListpack
	if w.large[key] {
		want = EncSkiplist
	}
	if it.Encoding() != want {
		w.t.Fatalf("key %s is encoded as %v", key, it.Encoding())
	}
	return it.ZSet()
}

func (w *zsetWorld) add(key string) {
	mode := ZAddMode{NX: w.rng.IntN(8) == 0, Incr: w.rng.IntN(8) == 0}
	if !mode.NX {
		mode.XX, mode.GT = w.rng.IntN(8) == 0, w.rng.IntN(8) == 0
		mode.LT = !mode.GT && w.rng.IntN(8) == 0
	}
	list := make([]ZMember, 1+w.rng.IntN(8))
	if mode.Incr {
		list = list[:1]
	}
	for i := range list {
		list[i] = ZMember{[]byte(w.member()), w.score()}
	}
	var want ZAddResult
	m := w.model[key]
	if m == nil {
		m = map[string]float64{}
	}
	nan := false
	for _, e := range list {
		old, had := m[string(e.Member)]
		score := e.Score
		if had && mode.Incr {
			score += old
		}
		switch {
		case had && mode.NX, !had && mode.XX:
			want.Skipped++
		case math.IsNaN(score):
			nan = true
		case had && (mode.GT && score <= old || mode.LT && score >= old):
			want.Skipped++
		default:
			want.Score = score
			if !had {
				want.Added++
			} else if score != old {
				want.Updated++
			}
			m[string(e.Member)] = score
			w.limit(key, m, e.Member)
		}
	}
	if len(m) > 0 {
		w.model[key] = m
	}
	got, ok := w.d.ZSetAdd([]byte(key), mode, list)
	if ok == nan || ok && got != want {
		w.t.Fatalf("ZSetAdd %s %+v %v: %+v, %v, want %+v", key, mode, list, got, ok, want)
	}
}

// limit notes whether a sorted set is past the limits now.
func (w *zsetWorld) limit(key string, m map[string]float64, member []byte) {
	if len(m) > w.s.Limits.ZSetEntries || len(member) > w.s.Limits.ZSetValue {
		w.large[key] = true
	}
}

func (w *zsetWorld) step() {
	key := fmt.Sprint("k", w.rng.IntN(3))
	list := w.sorted(key)
	n := len(list)
	switch w.rng.IntN(10) {
	case 0, 1:
		members := make([][]byte, 1+w.rng.IntN(6))
		want := 0
		for i := range members {
			members[i] = []byte(w.member())
			if n > 0 && w.rng.IntN(2) == 0 {
				members[i] = list[w.rng.IntN(n)].Member
			}
			if _, ok := w.model[key][string(members[i])]; ok {
				want++
				delete(w.model[key], string(members[i]))
			}
		}
		if got := w.d.ZSetRemove([]byte(key), members...); got != want {
			w.t.Fatalf("ZSetRemove: %d, not %d", got, want)
		}
	case 2:
		if n == 0 || w.rng.IntN(3) > 0 {
			return
		}
		lo := w.rng.IntN(n)
		hi := lo + w.rng.IntN(n-lo+1)
		w.d.ZSetRemoveRange([]byte(key), lo, hi)
		for _, e := range list[lo:hi] {
			delete(w.model[key], string(e.Member))
		}
	case 3:
		w.store(key)
	default:
		w.add(key)
	}
	if len(w.model[key]) == 0 {
		delete(w.model, key)
		delete(w.large, key)
	}
}

// store builds a sorted set aside.
func (w *zsetWorld) store(key string) {
	if w.rng.IntN(10) > 0 {
		return
	}
	b, m := w.s.NewZSet(), map[string]float64{}
	w.large[key] = false
	for range 1 + w.rng.IntN([]int{20, 60, 300}[w.rng.IntN(3)]) {
		member, score := w.member(), w.score()
		b.Set([]byte(member), score)
		m[member] = score
		w.limit(key, m, []byte(member))
	}
	w.d.ZSetStore([]byte(key), b)
	w.model[key] = m
}

// compare reads a sorted set in all ways.
func (w *zsetWorld) compare(key string) {
	w.t.Helper()
	z, list := w.get(key), w.sorted(key)
	if z.Len() != len(list) {
		w.t.Fatalf("key %s has %d members, not %d", key, z.Len(), len(list))
	}
	from := 0
	if len(list) > 0 {
		from = w.rng.IntN(len(list))
	}
	for _, reverse := range []bool{false, true} {
		i := from
		for member, score := range z.All(from, reverse) {
			if string(member) != string(list[i].Member) || score != list[i].Score {
				w.t.Fatalf("key %s, rank %d: (%q, %g), not (%q, %g)", key, i, member, score, list[i].Member,
					list[i].Score)
			}
			if reverse {
				i--
			} else {
				i++
			}
		}
		if !reverse && i != len(list) || reverse && len(list) > 0 && i != -1 {
			w.t.Fatalf("key %s: stopped at rank %d", key, i)
		}
		step, n := 1, len(list)-from
		i = from
		if reverse {
			step, n = -1, min(from+1, len(list))
		}
		n = w.rng.IntN(n + 1)
		z.Range(from, n, reverse, func(member []byte, score float64) {
			if n--; string(member) != string(list[i].Member) || score != list[i].Score {
				w.t.Fatalf("key %s, rank %d of a range: (%q, %g), not (%q, %g)", key, i, member, score, list[i].Member,
					list[i].Score)
			}
			i += step
		})
		if n != 0 {
			w.t.Fatalf("key %s: %d members of a range are missing", key, n)
		}
	}
	for i, e := range list {
		if rank, score, ok := z.Rank(e.Member); !ok || rank != i || score != e.Score {
			w.t.Fatalf("key %s, member %q: rank %d, score %g, %v, not rank %d, score %g", key, e.Member, rank, score,
				ok, i, e.Score)
		}
	}
	if _, ok := z.Score([]byte("absent")); ok {
		w.t.Fatal("an absent member has a score")
	}
	r := ScoreRange{Min: w.score(), Max: w.score(), MinEx: w.rng.IntN(2) == 0, MaxEx: w.rng.IntN(2) == 0}
	lo, hi := z.ByScore(r)
	for i, e := range list {
		in := e.Score >= r.Min && e.Score <= r.Max && !(r.MinEx && e.Score == r.Min) && !(r.MaxEx && e.Score == r.Max)
		if in != (i >= lo && i < hi) {
			w.t.Fatalf("key %s, %+v: ranks %d to %d, but %d has score %g", key, r, lo, hi, i, e.Score)
		}
	}
}

func TestZSetAgainstModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range uint64(3) {
		w := newZSetWorld(t, seed+round)
		for range 1200 {
			w.step()
			if err := w.s.Check(); err != nil {
				t.Fatal(err)
			}
			w.compare(fmt.Sprint("k", w.rng.IntN(3)))
			if w.d.Len() != len(w.model) {
				t.Fatalf("%d keys, not %d", w.d.Len(), len(w.model))
			}
		}
	}
}

// TestZSetChurn has cells move under the tree.
func TestZSetChurn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := New(1, rng)
	d, key := s.DB(0), []byte("k")
	for i := range 60000 {
		m := fmt.Appendf(nil, "member:%06d", rng.IntN(5000))
		if rng.IntN(3) > 0 {
			d.ZSetAdd(key, ZAddMode{Incr: rng.IntN(2) == 0}, []ZMember{{m, rng.Float64() / float64(1+rng.IntN(1000))}})
		} else if rng.IntN(2) == 0 {
			d.ZSetAdd(key, ZAddMode{}, []ZMember{{m, float64(rng.IntN(3))}})
		} else {
			d.ZSetRemove(key, m)
		}
		if i%1000 == 0 {
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	it, _ := d.Get(key)
	z := it.ZSet()
	copied := z.table.clone()
	full := z.Len()
	for z.Len() > 1 {
		n := min(z.Len()-1, 500)
		lo := rng.IntN(z.Len() - n)
		d.ZSetRemoveRange(key, lo, lo+n)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		it, _ = d.Get(key)
		z = it.ZSet()
	}
	if err := copied.check(); err != nil || (ZSet{table: copied.(*zsetTable)}).Len() != full {
		t.Fatalf("the copy: %v", err)
	}
}

// TestZSetRemoveShare removes small and large parts of sorted sets, which are done in different ways.
func TestZSetRemoveShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	key := []byte("k")
	for _, n := range []int{fewRemoved, 1000, 10_000} {
		for _, share := range []int{1, 3, rebuiltFrom, 2 * rebuiltFrom} {
			s := New(1, rng)
			d := s.DB(0)
			for i := range n {
				d.ZSetAdd(key, ZAddMode{}, []ZMember{{fmt.Appendf(nil, "member:%d", i), float64(rng.IntN(n / 2))}})
			}
			d.SetExpire(key, 1e15)
			it, _ := d.Get(key)
			copied := it.ZSet().table.clone().(*zsetTable)
			var want []string
			removed := max(n/share-1, 1)
			lo := rng.IntN(n - removed)
			rank := 0
			for member, score := range it.ZSet().All(0, false) {
				if rank < lo || rank >= lo+removed {
					want = append(want, fmt.Sprint(string(member), score))
				}
				rank++
			}
			d.ZSetRemoveRange(key, lo, lo+removed)
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			if it, _ = d.Get(key); it.ExpireAt() != 1e15 {
				t.Errorf("%d of %d: expires at %d", removed, n, it.ExpireAt())
			}
			var got []string
			for member, score := range it.ZSet().All(0, false) {
				got = append(got, fmt.Sprint(string(member), score))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d of %d from %d on: %d are left, not %d", removed, n, lo, len(got), len(want))
			}
			for i := range n {
				d.ZSetAdd(key, ZAddMode{}, []ZMember{{fmt.Appendf(nil, "member:%d", i), float64(i)}})
			}
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			if err := copied.check(); err != nil || copied.ranks.count != n {
				t.Fatalf("a copy: %v", err)
			}
		}
	}
}

func TestZSetByLex(t *testing.T) {
	bound := func(text string) LexBound {
		switch text {
		case "-":
			return LexBound{Infinite: -1}
		case "+":
			return LexBound{Infinite: 1}
		}
		return LexBound{Member: []byte(text[1:]), Ex: text[0] == '('}
	}
	for _, entries := range []int{-1, 0, 128} {
		s := New(1, rand.New(rand.NewPCG(1, 2)))
		s.Limits.ZSetEntries = entries
		if entries < 0 {
			s.DB(0).ZSetAdd([]byte("k"), ZAddMode{}, []ZMember{{bytes.Repeat([]byte("x"), packedZSetAlways), 0}})
		}
		for _, m := range []string{"a", "b", "c", "d", "e"} {
			s.DB(0).ZSetAdd([]byte("k"), ZAddMode{}, []ZMember{{[]byte(m), 1}})
		}
		if entries < 0 {
			s.DB(0).ZSetRemoveRange([]byte("k"), 0, 1) // a table, which it stays
		}
		for _, c := range []struct {
			min, max string
			lo, hi   int
		}{
			{"-", "+", 0, 5}, {"-", "-", 0, 0}, {"+", "+", 0, 0}, {"+", "-", 0, 0}, {"[b", "[d", 1, 4},
			{"(b", "(d", 2, 3},
			{"[b", "[b", 1, 2}, {"(b", "[b", 0, 0}, {"[d", "[b", 0, 0}, {"-", "(c", 0, 2}, {"[bb", "+", 2, 5},
			{"[x", "+", 0, 0}, {"-", "[", 0, 0},
		} {
			it, _ := s.DB(0).Get([]byte("k"))
			for _, reverse := range []bool{false, true} {
				lo, hi := it.ZSet().ByLex(LexRange{bound(c.min), bound(c.max)}, reverse)
				if lo == hi {
					lo, hi = 0, 0
				}
				if lo != c.lo || hi != c.hi {
					t.Errorf("%d entries packed, %s to %s, reverse %v: ranks %d to %d, not %d to %d", entries, c.min,
						c.max, reverse, lo, hi, c.lo, c.hi)
				}
			}
		}
	}
}

func TestZSetMemory(t *testing.T) {
	const n = 200_000
	s := New(1, rand.New(rand.NewPCG(1, 2)))
	d := s.DB(0)
	for i := range n {
		d.ZSetAdd([]byte("k"), ZAddMode{}, []ZMember{{fmt.Appendf(nil, "member:%09d", i), rand.Float64()}})
	}
	it, _ := d.Get([]byte("k"))
	per := float64(it.SizeInMemory()) / n
	t.Logf("%.1f bytes a member of 16 bytes", per)
	if per > 75 {
		t.Errorf("%.1f bytes a member", per)
	}
}

func BenchmarkZSetAdd(b *testing.B) {
	s := New(1, rand.New(rand.NewPCG(1, 2)))
	d := s.DB(0)
	rng := rand.New(rand.NewPCG(5, 6))
	list := []ZMember{{make([]byte, 0, 16), 0}}
	for range b.N {
		list[0].Member = fmt.Appendf(list[0].Member[:0], "member:%09d", rng.IntN(1000000))
		list[0].Score = rng.Float64()
		d.ZSetAdd([]byte("k"), ZAddMode{}, list)
	}
}

func BenchmarkZSetPopMin(b *testing.B) {
	s := New(1, rand.New(rand.NewPCG(1, 2)))
	d := s.DB(0)
	rng := rand.New(rand.NewPCG(5, 6))
	list := make([]ZMember, 1)
	for i := range b.N + 1 {
		list[0] = ZMember{fmt.Appendf(nil, "member:%09d", i), rng.Float64()}
		d.ZSetAdd([]byte("k"), ZAddMode{}, list)
	}
	b.ResetTimer()
	for range b.N {
		d.ZSetRemoveRange([]byte("k"), 0, 1)
	}
}
