package geohash

import "math/bits"

// Point is a place: longitude and latitude in degrees.
type Point struct{ Lon, Lat float64 }

// The places that have a score: none near the poles, which the Mercator projection has not either.
const (
	MaxLon = 180
	MaxLat = 85.05112878
)

// maxSteps is how often a score halves the world in each direction.
const maxSteps = 26

// Valid reports whether a place can be encoded.
func (p Point) Valid() bool {
	return p.Lon >= -MaxLon && p.Lon <= MaxLon && p.Lat >= -MaxLat && p.Lat <= MaxLat
}

// Encode is the score of a valid place.
func Encode(p Point) uint64 { return encode(p, MaxLon, MaxLat, maxSteps) }

// encode is the cell that a place lies in, in a world of such extent that was halved so often. On the upper edge of the
// world it is a cell beyond the last one.
func encode(p Point, maxLon, maxLat float64, steps uint8) uint64 {
	lat := (p.Lat + maxLat) / (maxLat + maxLat)
	lon := (p.Lon + maxLon) / (maxLon + maxLon)
	cells := float64(uint64(1) << steps)
	return interleave(uint32(float64(lat*cells)), uint32(float64(lon*cells)))
}

// area is what a cell covers.
type area struct{ min, max Point }

func decodeArea(cell uint64, steps uint8) area {
	lat, lon := deinterleave(cell)
	cells := float64(uint64(1) << steps)
	at := func(i uint32, limit float64) float64 {
		return -limit + float64(float64(float64(i)/cells)*(limit+limit))
	}
	return area{Point{at(lon, MaxLon), at(lat, MaxLat)}, Point{at(lon+1, MaxLon), at(lat+1, MaxLat)}}
}

// Decode is the middle of the cell that a score stands for. Any score has one, also those that Encode makes of no
// place.
func Decode(score float64) Point {
	a := decodeArea(asUint(score), maxSteps)
	return Point{
		within((a.min.Lon+a.max.Lon)/2, MaxLon),
		within((a.min.Lat+a.max.Lat)/2, MaxLat),
	}
}

func within(f, limit float64) float64 { return max(min(f, limit), -limit) }

// asUint is what C on x86 makes of a number: those that no uint64 has wrap around, or give a fixed one.
func asUint(f float64) uint64 {
	if f >= 1<<63 {
		return uint64(AsInt(f-1<<63)) ^ 1<<63
	}
	return uint64(AsInt(f))
}

// AsInt is f without its fraction; the least integer for what no int64 has.
func AsInt(f float64) int64 {
	if f >= -1<<63 && f < 1<<63 {
		return int64(f)
	}
	return -1 << 63
}

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// TextLen is the length of a Text.
const TextLen = 11

// Text is a score's place as geohash.org writes it: 10 digits of 5 bits, and a zero for what the 52 bits do not say.
func Text(score float64) (text [TextLen]byte) {
	cell := encode(Decode(score), 180, 90, maxSteps) // which has the poles
	for i := range text {
		text[i] = alphabet[0]
		if i < TextLen-1 {
			text[i] = alphabet[cell>>(2*maxSteps-5*(i+1))&31]
		}
	}
	return text
}

// spread puts the bits of x at the even places.
func spread(x uint32) uint64 {
	v := uint64(x)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & 0x5555555555555555
}

// gather undoes spread.
func gather(v uint64) uint32 {
	v &= 0x5555555555555555
	v = (v | v>>1) & 0x3333333333333333
	v = (v | v>>2) & 0x0f0f0f0f0f0f0f0f
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}

// interleave makes a cell's number of how far north and how far east it is: bits of both in turn, the east's first.
func interleave(lat, lon uint32) uint64 { return spread(lat) | spread(lon)<<1 }

func deinterleave(cell uint64) (lat, lon uint32) { return gather(cell), gather(cell >> 1) }

// AppendCoordinate appends a longitude or latitude as C's "%.17Lf" does, without zeroes at its end.
func AppendCoordinate(buf []byte, f float64) []byte {
	if f < 0 {
		n := len(buf)
		if buf = AppendCoordinate(append(buf, '-'), -f); len(buf) == n+2 && buf[n+1] == '0' {
			return append(buf[:n], '0')
		}
		return buf
	}
	whole := uint64(f)
	fraction := f - float64(whole)
	if f < 1.0/(1<<11) {
		return appendTiny(buf, f)
	}
	// Times 2^64 it is whole, as a number of this size has no finer bits.
	hi, lo := bits.Mul64(uint64(fraction*(1<<32)*(1<<32)), 1e17)
	if lo > 1<<63 || lo == 1<<63 && hi&1 == 1 {
		hi++
	}
	if hi == 1e17 {
		whole, hi = whole+1, 0
	}
	return appendFraction(appendUint(buf, whole), hi)
}
