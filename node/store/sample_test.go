package store

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// Each key is sampled about as often as any other, at sizes where some buckets have split and others have not.
func TestSampleIsUniform(t *testing.T) {
	for _, which := range []Keys{AllKeys, VolatileKeys} {
		for _, size := range []int{1, 3, 40, 3000, 7000} {
			rng := rand.New(rand.NewPCG(uint64(size), 5))
			s := New(1, rng)
			d := s.DB(0)
			for i := range size {
				d.SetString(strconv.AppendInt(nil, int64(i), 10), nil, EncEmbstr, 1)
				d.SetString(strconv.AppendInt([]byte("other"), int64(i), 10), nil, EncEmbstr, NoExpiry)
			}
			if which == VolatileKeys {
				size = d.Count(VolatileKeys)
			} else {
				size = d.Len()
			}
			seen := map[string]int{}
			draws := 0
			for draws < 200*size {
				n := 0
				d.Sample(rng, which, 5, func(it Item) {
					if which == VolatileKeys && it.ExpireAt() < 0 {
						t.Fatalf("%q has no expiry", it.Key())
					}
					seen[string(it.Key())]++
					n++
				})
				if n < min(5, size) {
					t.Fatalf("%d keys of %d", n, size)
				}
				draws += n
			}
			for k, n := range seen {
				// Whole buckets are drawn, so the numbers vary more than those of single keys would.
				if each := draws / size; n < each/3 || n > each*3 {
					t.Errorf("%d keys, volatile %v: %s was drawn %d times, %d expected", size, which, k, n, each)
				}
			}
			if len(seen) != size {
				t.Errorf("%d keys, volatile %v: only %d were ever drawn", size, which, len(seen))
			}
		}
	}
}

func TestRandomKeyFindsTheOnlyVolatileOne(t *testing.T) {
	s := newTestStore(1)
	d, rng := s.DB(0), rand.New(rand.NewPCG(1, 1))
	for i := range 20000 {
		d.SetString(strconv.AppendInt(nil, int64(i), 10), nil, EncEmbstr, NoExpiry)
	}
	if _, ok := d.RandomKey(rng, VolatileKeys); ok {
		t.Fatal("there is none")
	}
	d.SetExpire([]byte("777"), 5)
	if it, ok := d.RandomKey(rng, VolatileKeys); !ok || string(it.Key()) != "777" {
		t.Fatalf("found %q", it.Key())
	}
}

// Used falls with every deletion and is 0 at the end; Memory is never less.
func TestUsedFollowsTheData(t *testing.T) {
	s := newTestStore(2)
	d := s.DB(1)
	for i := range 5000 {
		d.SetString(strconv.AppendInt(nil, int64(i), 10), make([]byte, i), EncRaw, NoExpiry)
	}
	if used, held := s.Used(), s.Memory(); used < 5000*2500 || used > held {
		t.Fatalf("used %d, held %d", used, held)
	}
	for i := range 5000 {
		before := s.Used()
		d.Delete(strconv.AppendInt(nil, int64(i), 10))
		if s.Used() >= before {
			t.Fatalf("deleting key %d brought it from %d to %d", i, before, s.Used())
		}
	}
	if s.Used() != 0 {
		t.Fatal(s.Used())
	}
}
