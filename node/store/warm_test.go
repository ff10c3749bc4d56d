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
