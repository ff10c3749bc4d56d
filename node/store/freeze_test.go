package store

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"holdfast/node/listpack"
)

// readItem is all that a large item has, in order.
func readItem(it Item) (all []string) {
	switch it.Type() {
	case TypeString:
		return []string{string(it.Bytes())}
	case TypeList:
		it.ListEach(0, it.Len(), false, func(val []byte) bool { all = append(all, string(val)); return true })
		return all
	case TypeSet:
		it.Set().Each(func(m []byte) bool { all = append(all, fmt.Sprintf("%q %q %d", m, "", 0)); return true })
	case TypeHash:
		it.Hash().Each(func(f, v []byte, at int64) bool {
			all = append(all, fmt.Sprintf("%q %q %d", f, v, max(at, 0)))
			return true
		})
	case TypeZSet:
		for m, score := range it.ZSet().All(0, false) {
			all = append(all, fmt.Sprintf("%q %q %d", m, "", math.Float64bits(score)))
		}
	}
	slices.Sort(all)
	return all
}

func readFrozen(f *Frozen) (all []string) {
	switch f.Type() {
	case TypeString:
		return []string{string(f.Bytes())}
	case TypeList:
		f.Nodes(func(b []byte, plain bool) bool {
			if plain {
				all = append(all, string(b))
				return true
			}
			l := list{limits: DefaultLimits()}
			l.insertNode(0, listNode{block: b, count: int32(listpack.Len(b))})
			l.each(0, l.count, false, func(val []byte) bool { all = append(all, string(val)); return true })
			return true
		})
		return all
	}
	f.Each(func(name, value []byte, word uint64, _ bool) bool {
		all = append(all, fmt.Sprintf("%q %q %d", name, value, word))
		return true
	})
	slices.Sort(all)
	return all
}

// change does something to each of the large values.
func change(rng *rand.Rand, db *DB, i int) {
	name := func() []byte { return fmt.Appendf(nil, "name %d", rng.IntN(6000)) }
	value := make([]byte, rng.IntN(60))
	if rng.IntN(300) == 0 {
		value = make([]byte, arenaMaxCell+rng.IntN(1000))
	}
	switch rng.IntN(12) {
	case 0:
		db.SetRemove([]byte("set"), name(), name())
		db.HashRemove([]byte("hash"), name())
		db.ZSetRemove([]byte("zset"), name())
	case 1:
		db.HashExpire([]byte("hash"), []int64{NoExpiry, rng.Int64N(1 << 40)}[rng.IntN(2)], name())
	case 2, 3:
		db.ListPush([]byte("list"), [][]byte{value, name()}, rng.IntN(2) == 0)
	case 4:
		it, _ := db.Get([]byte("list"))
		db.ListSet([]byte("list"), rng.IntN(it.Len()), value)
	case 5:
		db.ListInsert([]byte("list"), name(), value, rng.IntN(2) == 0)
	case 6:
		db.ListRemove([]byte("list"), name(), 1, rng.IntN(2) == 0)
	case 7:
		db.ListDrop([]byte("list"), rng.IntN(3), rng.IntN(3))
	case 8:
		copy(db.Grow([]byte("string"), 70000+i%100), value)
		db.Touched([]byte("string"))
	default:
		db.SetAdd([]byte("set"), name())
		db.HashSet([]byte("hash"), NoExpiry, name(), value)
		db.ZSetAdd([]byte("zset"), ZAddMode{}, []ZMember{{Member: name(), Score: rng.NormFloat64()}})
	}
}

// TestFrozenStays: what was frozen is read by another goroutine while the values change; with the race detector this
// also shows that no byte of it is written to.
func TestFrozenStays(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := New(1, rand.New(rand.NewPCG(seed, 2)))
	db := s.DB(0)
	for i := range 5000 {
		db.SetAdd([]byte("set"), fmt.Appendf(nil, "name %d", i))
		db.HashSet([]byte("hash"), NoExpiry, fmt.Appendf(nil, "name %d", i), make([]byte, 20))
		db.ZSetAdd([]byte("zset"), ZAddMode{}, []ZMember{{Member: fmt.Appendf(nil, "name %d", i), Score: float64(i)}})
		// mostly of one length
		db.ListPush([]byte("list"), [][]byte{fmt.Appendf(nil, "name %d", i), make([]byte, 9)}, false)
	}
	db.SetString([]byte("string"), make([]byte, 70000), EncRaw, NoExpiry)
	for range 6 {
		var frozen []*Frozen
		var readers sync.WaitGroup
		for _, key := range []string{"set", "hash", "zset", "list", "string"} {
			it, _ := db.Get([]byte(key))
			f, ok := s.Freeze(it)
			if !ok {
				t.Fatalf("%s is not frozen", key)
			}
			want := readItem(it)
			if f.Type() != TypeString && f.Len() != len(want) {
				t.Errorf("%s has %d elements, frozen %d", key, len(want), f.Len())
			}
			frozen = append(frozen, f)
			readers.Go(func() {
				for range 3 {
					if !slices.Equal(readFrozen(f), want) {
						t.Errorf("%s has changed after it was frozen", key)
						return
					}
				}
			})
		}
		for i := range 3000 {
			change(rng, db, i)
		}
		db.CopyTo(db, []byte("set"), []byte("copy"))
		db.SetAdd([]byte("copy"), []byte("more"))
		readers.Wait()
		for _, f := range frozen {
			f.Release()
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// To freeze a large value copies no more of it than a list of its blocks; who changes a string meanwhile, in whatever
// way, leaves the frozen bytes as they are, and copies them no more when they were released.
func TestFreezingCopiesNothing(t *testing.T) {
	const size, elements = 16 << 20, 30_000
	s := New(1, rand.New(rand.NewPCG(1, 1)))
	db := s.DB(0)
	text := func() []byte {
		it, _ := db.Get([]byte("string"))
		return it.Bytes()
	}
	db.SetString([]byte("string"), make([]byte, size), EncRaw, NoExpiry)
	for i := range elements {
		name := fmt.Appendf(nil, "name %d", i)
		db.HashSet([]byte("hash"), NoExpiry, name, make([]byte, 100))
		db.SetAdd([]byte("set"), name)
		db.ZSetAdd([]byte("zset"), ZAddMode{}, []ZMember{{Member: name, Score: float64(i)}})
		db.ListPush([]byte("list"), [][]byte{make([]byte, 100)}, false)
	}
	freeze := func(key string) *Frozen {
		t.Helper()
		it, _ := db.Get([]byte(key))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, ok := s.Freeze(it)
		runtime.ReadMemStats(&after)
		if copied := int64(after.TotalAlloc - before.TotalAlloc); !ok || copied > it.SizeInMemory()/64 {
			t.Errorf("to freeze the %s of %d bytes took %d", key, it.SizeInMemory(), copied)
		}
		return f
	}
	for _, key := range []string{"hash", "set", "zset", "list"} {
		freeze(key).Release()
	}
	for name, change := range map[string]func(){
		"a bit":   func() { db.Grow([]byte("string"), size)[7] = 1 },
		"longer":  func() { db.Grow([]byte("string"), size+1)[7] = 1 },
		"shorter": func() { db.Grow([]byte("string"), size/2)[7] = 1 },
		"another": func() { db.SetString([]byte("string"), bytes.Repeat([]byte{1}, size), EncRaw, NoExpiry) },
		"renamed": func() {
			db.Rename([]byte("string"), []byte("other"))
			db.Grow([]byte("other"), size)[7] = 1
			db.Rename([]byte("other"), []byte("string"))
		},
	} {
		db.SetString([]byte("string"), make([]byte, size), EncRaw, NoExpiry)
		f := freeze("string")
		change()
		if !bytes.Equal(f.Bytes(), make([]byte, size)) {
			t.Errorf("%s: the frozen string has changed", name)
		}
		if text()[7] != 1 {
			t.Errorf("%s: the string has not changed", name)
		}
		f.Release()
		if before := text(); &db.Grow([]byte("string"), len(before))[0] != &before[0] {
			t.Errorf("%s: the string was copied when it was no longer frozen", name)
		}
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}
