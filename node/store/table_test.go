package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestReserve: an index that was made for more, as many, or fewer entries than it gets is whole at every size, and
// shrinks again.
func TestReserve(t *testing.T) {
	for _, made := range []int{1, 7, 44, 45, 1000, 5 * segmentBuckets, 30_000} {
		for _, get := range []int{1, made / 2, made, 3 * made} {
			s := New(1, rand.New(rand.NewPCG(1, 1)))
			d := s.DB(0)
			d.Reserve(made)
			before := d.space.table.main.n
			for i := range get {
				d.SetString(fmt.Append(nil, i), []byte("v"), TryEncode([]byte("v")), NoExpiry)
			}
			if now := d.space.table.main.n; get <= made && now != before {
				t.Errorf("made for %d, %d came: %d buckets have become %d", made, get, before, now)
			}
			if err := s.Check(); err != nil {
				t.Fatalf("made for %d, %d came: %v", made, get, err)
			}
			for i := range get {
				if !d.Delete(fmt.Append(nil, i)) {
					t.Fatalf("made for %d, %d came: %d is missing", made, get, i)
				}
			}
			if err := s.Check(); err != nil {
				t.Fatalf("made for %d, emptied: %v", made, err)
			}
		}
	}
}
