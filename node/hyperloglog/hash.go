package hyperloglog

import (
	"encoding/binary"
	"math/bits"
)

const (
	indexBits = 14
	registers = 1 << indexBits
	maxCount  = 64 - indexBits + 1
)

// Element is all that a HyperLogLog takes of an element: which register it has, and how many bits of its hash there are
// up to the first that is set.
type Element struct {
	register uint16
	count    uint8
}

// ElementOf hashes an element.
func ElementOf(text []byte) Element {
	h := murmur(text)
	return Element{uint16(h % registers), uint8(bits.TrailingZeros64(h>>indexBits|1<<(maxCount-1))) + 1}
}

// murmur is MurmurHash64A with Redis's seed.
func murmur(text []byte) uint64 {
	const (
		m    = 0xc6a4a7935bd1e995
		r    = 47
		seed = 0xadc83b19
	)
	h := seed ^ uint64(len(text))*m
	for ; len(text) >= 8; text = text[8:] {
		k := binary.LittleEndian.Uint64(text) * m
		k = (k ^ k>>r) * m
		h = (h ^ k) * m
	}
	if len(text) > 0 {
		for i, c := range text {
			h ^= uint64(c) << (8 * i)
		}
		h *= m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}
