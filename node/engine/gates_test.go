package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGatesOpenInOrder compares the heap with a sorted list.
func TestGatesOpenInOrder(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var g Gates[*int]
		gateOf := map[*int]int64{}
		commit := int64(0)
		for range 200 {
			if rng.IntN(3) > 0 {
				d := new(int)
				gateOf[d] = commit + rng.Int64N(50)
				g.Add(gateOf[d], d)
				continue
			}
			commit += rng.Int64N(20)
			var want []int64
			for _, gate := range gateOf {
				if gate <= commit {
					want = append(want, gate)
				}
			}
			slices.Sort(want)
			var got []int64
			for _, d := range g.Open(commit) {
				got = append(got, gateOf[d])
				delete(gateOf, d)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, commit %d: opened %v, want %v", seed, commit, got, want)
			}
		}
	}
}

func TestLastChangeIsNeverTooEarly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	changes := newLastChanges()
	last := map[string]int64{}
	for end := int64(1); end < 5000; end++ {
		key := []byte{byte(rng.Uint32()), byte(rng.Uint32())}
		changes.note(3, key)
		changes.mark(end)
		last[string(key)] = end
	}
	for key, at := range last {
		if got := changes.of(3, []byte(key)); got < at {
			t.Fatalf("key %x changed at %d, %d is claimed", key, at, got)
		}
	}
}
