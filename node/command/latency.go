package command

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that are at most 1/16 of their value wide. The zero value is empty, and takes
// no memory beyond itself.
type Histogram struct {
	counts []uint32 // by bucket, as far as any was needed
	total  uint64
}

// Each power of two is cut into this many buckets.
const (
	subBits = 4
	subs    = 1 << subBits
)

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	i := bucketOf(uint64(max(d, 0)))
	if i >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, i+1-len(h.counts))...)
	}
	h.counts[i]++
	h.total++
}

func bucketOf(n uint64) int {
	if n < subs {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - subBits
	return (shift+1)<<subBits + int(n>>shift)&(subs-1)
}

// bucketEnd is the greatest value of a bucket.
func bucketEnd(i int) uint64 {
	if i < subs {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return (uint64(subs+i&(subs-1))+1)<<shift - 1
}

// Percentile is the value that p per cent of the observations do not exceed, to the histogram's precision.
func (h *Histogram) Percentile(p float64) time.Duration {
	want := max(uint64(p/100*float64(h.total)+0.5), 1)
	seen, last := uint64(0), 0
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		last = i
		if seen += uint64(n); seen >= want {
			break
		}
	}
	return time.Duration(bucketEnd(last))
}

// Empty reports whether nothing was observed.
func (h *Histogram) Empty() bool { return h.total == 0 }
