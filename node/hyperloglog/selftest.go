package hyperloglog

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// What a self test does is bounded, as everybody waits for it.
const (
	selfTestRounds   = 10
	selfTestElements = 100_000
)

// SelfTest looks whether registers keep what they are set to, whether both forms count alike, and how far they are off.
func SelfTest(rng *rand.Rand, limit int) error {
	d, _ := Dense(New(nil))
	for range selfTestRounds {
		clear(d[headerSize:])
		var want [registers]uint8
		for i := range want {
			want[i] = uint8(rng.UintN(registerMax + 1))
			setDense(d, Element{uint16(i), want[i]})
		}
		for i, n := range want {
			if got := denseAt(d, i); got != n {
				return fmt.Errorf("Register %d should be %d but is %d", i, n, got)
			}
		}
	}
	clear(d[headerSize:])
	other := New(nil)
	seed, next := rng.Uint64(), 1
	for n := 1; n <= selfTestElements; n++ {
		e := []Element{ElementOf(binary.LittleEndian.AppendUint64(nil, uint64(n)^seed))}
		d, _, _ = Add(d, e, limit)
		var err error
		if other, _, err = Add(other, e, limit); err != nil {
			return err
		}
		if n < next {
			continue
		}
		next *= 10
		if n < limit/2 && IsDense(other) {
			return fmt.Errorf("sparse encoding not used")
		}
		a, _ := Count(d)
		b, _ := Count(other)
		if a != b {
			return fmt.Errorf("dense/sparse disagree")
		}
		off := math.Abs(float64(n) - float64(a))
		most := math.Ceil(6 * 1.04 / math.Sqrt(registers) * float64(n))
		if n == 10 {
			most = 1 // two that have the same register are likely to happen now and then
		}
		if off > most {
			return fmt.Errorf("Too big error. card:%d abserr:%.0f", n, off)
		}
	}
	return nil
}
