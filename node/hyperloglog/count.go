package hyperloglog

import (
	"encoding/binary"
	"math"
)

// histogram is how many registers have each value.
type histogram [registerMax + 1]int

// parts are histograms of some registers each: adding to the same number again and again takes its time.
type parts [4][registerMax + 1]uint32

func (h *histogram) add(p *parts) {
	for i := range h {
		h[i] += int(p[0][i] + p[1][i] + p[2][i] + p[3][i])
	}
}

func (h *histogram) addDense(v []byte) {
	var p parts
	eachDense(v, func(_ int, r uint64) {
		p[0][r&registerMax]++
		p[1][r>>6&registerMax]++
		p[2][r>>12&registerMax]++
		p[3][r>>18&registerMax]++
		p[0][r>>24&registerMax]++
		p[1][r>>30&registerMax]++
		p[2][r>>36&registerMax]++
		p[3][r>>42&registerMax]++
	})
	h.add(&p)
}

func (h *histogram) addUnion(u *Union) {
	var p parts
	for i := 0; i < registers; i += 8 {
		r := binary.LittleEndian.Uint64(u[i:])
		if r == 0 {
			h[0] += 8
			continue
		}
		p[0][r&registerMax]++
		p[1][r>>8&registerMax]++
		p[2][r>>16&registerMax]++
		p[3][r>>24&registerMax]++
		p[0][r>>32&registerMax]++
		p[1][r>>40&registerMax]++
		p[2][r>>48&registerMax]++
		p[3][r>>56&registerMax]++
	}
	h.add(&p)
}

// addSparse reports whether there are as many registers as there should be.
func (h *histogram) addSparse(v []byte) bool {
	n := 0
	for p := headerSize; p < len(v); {
		r := runAt(v, p)
		h[r.value] += r.len
		n += r.len
		p += r.size
	}
	return n == registers
}

// estimate is Otmar Ertl's estimator (New cardinality estimation algorithms for HyperLogLog sketches, 2017). Products
// are rounded before they are added, as Redis has them.
func (h *histogram) estimate() uint64 {
	const alpha = 0.721347520444481703680 // 0.5 / ln 2
	m := float64(registers)
	z := m * tau((m-float64(h[maxCount]))/m)
	for i := maxCount - 1; i >= 1; i-- {
		z += float64(h[i])
		z *= 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	n := math.Round(alpha * m * m / z)
	if n >= 1<<63 {
		return 1 << 63 // what C makes of a number that is too large: registers were set to what no element has
	}
	return uint64(n)
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	for y, z := 1.0, x; ; y += y {
		x *= x
		before := z
		if z += float64(x * y); z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	for y, z := 0.5, 1-x; ; y *= 0.5 {
		x = math.Sqrt(x)
		before := z
		if z -= float64(float64((1-x)*(1-x)) * y); z == before {
			return z / 3
		}
	}
}
