package store

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// hasher hashes keys with four secret words by folded 64x64 bit multiplication. It is seeded from
// the store's own source of randomness, so that a run with a known seed repeats exactly, index
// layout and all, while a client that does not know the seed can't aim at one bucket.
type hasher struct{ k0, k1, k2, k3 uint64 }

func newHasher(rng *rand.Rand) hasher {
	return hasher{rng.Uint64() | 1, rng.Uint64() | 1, rng.Uint64() | 1, rng.Uint64() | 1}
}

// fold multiplies and mixes both halves of the product.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func (h *hasher) sum(key []byte) uint64 {
	n := len(key)
	var a, b uint64
	seed := h.k3
	switch {
	case n > 16:
		rest := key
		for len(rest) > 16 {
			seed = fold(binary.LittleEndian.Uint64(rest)^h.k0, binary.LittleEndian.Uint64(rest[8:])^seed)
			rest = rest[16:]
		}
		a = binary.LittleEndian.Uint64(key[n-16:])
		b = binary.LittleEndian.Uint64(key[n-8:])
	case n >= 8:
		a = binary.LittleEndian.Uint64(key)
		b = binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		a = uint64(binary.LittleEndian.Uint32(key))
		b = uint64(binary.LittleEndian.Uint32(key[n-4:]))
	case n > 0:
		a = uint64(key[0])<<16 | uint64(key[n>>1])<<8 | uint64(key[n-1])
	}
	return fold(fold(a^h.k1, b^seed)^h.k2, uint64(n)^h.k3)
}
