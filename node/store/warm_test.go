package store

import (
	"fmt"
	"testing"
)

// TestWarmChangesNothing warms keys that are there and keys that are not, in a store with overflow buckets and large
// entries, and in one that is too small for it.
func TestWarmChangesNothing(t *testing.T) {
	for _, keys := range []int{0, 10, 2 * warmFrom} {
		s := newTestStore(1)
		d := s.DB(0)
		for i := range keys {
			val := make([]byte, i%50)
			if i%100 == 0 {
				val = make([]byte, 2*maxSlot)
			}
			d.SetString(fmt.Appendf(nil, "key:%d", i), val, EncRaw, NoExpiry)
		}
		before := s.Digest()
		for i := range keys/2 + 10 {
			batch := make([][]byte, i%(WarmKeys+3))
			for j := range batch {
				batch[j] = fmt.Appendf(nil, "key:%d", 2*i+j)
			}
			d.Warm(batch)
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if s.Digest() != before {
			t.Fatal("the store has changed")
		}
	}
}

// TestWarmElements warms elements of collections that are tables, of those that are not, and of a value without any.
func TestWarmElements(t *testing.T) {
	for _, count := range []int{1, 200, 2 * warmFrom} {
		s := newTestStore(1)
		d := s.DB(0)
		name := func(i int) []byte { return fmt.Appendf(nil, "name:%d", i) }
		for i := range count {
			d.SetAdd([]byte("set"), name(i))
			d.ZSetAdd([]byte("zset"), ZAddMode{}, []ZMember{{name(i), float64(i)}})
			d.HashSet([]byte("hash"), NoExpiry, name(i), name(i))
			d.ListPush([]byte("list"), [][]byte{name(i)}, false)
		}
		d.SetString([]byte("string"), name(0), EncRaw, NoExpiry)
		before := s.Digest()
		for _, key := range []string{"set", "zset", "hash", "list", "string"} {
			it, _ := d.Get([]byte(key))
			for i := range WarmKeys + 3 {
				names := make([][]byte, i)
				for j := range names {
					names[j] = name(count - 10 + j)
				}
				it.Warm(names)
			}
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if s.Digest() != before {
			t.Fatal("the store has changed")
		}
	}
}
