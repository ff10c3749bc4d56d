package geohash

import "math"

// Sine, cosine and arc sine are calculated step by step as the GNU C library (2.28 and later) does: around the nearest
// of many angles whose sine and cosine are known beyond a float64, or by a polynomial near zero. Both are within 0.55
// of the last bit, and so are not always the nearest float64: whoever calculates better has other digits than Redis.

const (
	halfPi        = 0x1.921fb54442d18p0
	halfPiLow     = 0x1.1a62633145c07p-54 // what halfPi lacks
	tableEnd      = 0.85546875
	threeQuarters = 0x1.368fdp1 // of π, about: so far one subtraction reduces
	tooLarge      = 105414350
)

// angle is the sine and cosine of one of the angles: the nearest float64, and what that lacks.
type angle struct{ sin, sinLow, cos, cosLow float64 }

// nearest splits an angle that is not negative into one of the table and the rest.
func nearest(x float64) (at *angle, rest float64) {
	const big = 0x1.8p45 // adding it leaves seven bits behind the point
	sum := x + big
	return &angles[math.Float64bits(sum)&0xff], x - (sum - big)
}

// The coefficients of polynomials for the sine (s) and cosine (c) of what is left of an angle.
const (
	s3 = -1.66666666666664880952546298448555e-01
	s5 = 8.33333214285722277379541354343671e-03
	c2 = 4.99999999999999999999950396842453e-01
	c4 = -4.16666666666664434524222570944589e-02
	c6 = 1.38888874007937613028114285595617e-03
)

// smallSin are the coefficients of a polynomial for the sine of a small angle: those of x³, x⁵, … x¹¹.
var smallSin = [...]float64{-0x1.5555555555555p-3, 0x1.1111111110ecep-7, -0x1.a01a019db08b8p-13, 0x1.71de27b9a7ed9p-19,
	-0x1.addffc2fcdf59p-26}

// polynomial is the value at x of one with such coefficients, the first for x⁰.
func polynomial(x float64, coefficients []float64) float64 {
	last := len(coefficients) - 1
	sum := coefficients[last]
	for i := last - 1; i >= 0; i-- {
		sum = math.FMA(sum, x, coefficients[i])
	}
	return sum
}

// sinOf is the sine of x+low, |x| < 0.86.
func sinOf(x, low float64) float64 {
	if math.Abs(x) < 0.126 {
		xx := x * x
		p := polynomial(xx, smallSin[:])
		return x + math.FMA(math.FMA(p, x, -float64(0.5*low)), xx, low)
	}
	if x <= 0 {
		low = -low
	}
	at, r := nearest(math.Abs(x))
	rr := r * r
	s := r + math.FMA(float64(r*rr), math.FMA(rr, s5, s3), low)
	c := math.FMA(r, low, float64(rr*math.FMA(rr, math.FMA(rr, c6, c4), c2)))
	tail := math.FMA(at.cos, s, math.FMA(-at.sin, c, math.FMA(s, at.cosLow, at.sinLow)))
	return math.Copysign(at.sin+tail, x)
}

// cosOf is the cosine of x+low, |x| < 0.86.
func cosOf(x, low float64) float64 {
	if x < 0 {
		low = -low
	}
	at, r := nearest(math.Abs(x))
	r += low
	rr := r * r
	s := math.FMA(float64(r*rr), math.FMA(rr, s5, s3), r)
	c := rr * math.FMA(rr, math.FMA(rr, c6, c4), c2)
	tail := math.FMA(-at.sin, s, math.FMA(-at.cos, c, math.FMA(-s, at.sinLow, at.cosLow)))
	return at.cos + tail
}

func sin(x float64) float64 {
	switch a := math.Abs(x); {
	case a < 0x1p-26:
		return x
	case a < tableEnd:
		return sinOf(x, 0)
	case a < threeQuarters:
		return math.Copysign(cosOf(halfPi-a, halfPiLow), x)
	}
	return reduced(x, 0)
}

func cos(x float64) float64 {
	switch a := math.Abs(x); {
	case a < 0x1p-27:
		return 1
	case a < tableEnd:
		return cosOf(x, 0)
	case a < threeQuarters:
		rest := halfPi - a
		sum := rest + halfPiLow
		return sinOf(sum, rest-sum+halfPiLow)
	}
	return reduced(x, 1)
}

// reduced is the sine of a large angle, or that of so many quarters of a circle more.
func reduced(x float64, quarters uint64) float64 {
	if !(math.Abs(x) < tooLarge) { // of no place; its digits are seen nowhere
		return math.Sin(x + float64(quarters)*halfPi)
	}
	const (
		toInteger = 0x1.8p52
		// halfPi in parts
		part1 = 0x1.921fb58p0
		part2 = -0x1.dde973cp-27
		part3 = -0x1.cb3b398p-55
		part4 = -0x1.d747f23e32ed7p-83
	)
	t := math.FMA(x, 0x1.45f306dc9c883p-1, toInteger)
	n := t - toInteger
	y := math.FMA(-n, part2, math.FMA(-n, part1, x))
	a := math.FMA(-n, part3, y)
	low := math.FMA(-n, part3, y-a)
	b := math.FMA(-n, part4, a)
	low += math.FMA(-n, part4, a-b)
	return quadrant(b, low, math.Float64bits(t)+quarters)
}

func quadrant(x, low float64, n uint64) float64 {
	var f float64
	if n&1 != 0 {
		f = cosOf(x, low)
	} else {
		f = sinOf(x, low)
	}
	if n&2 != 0 {
		return -f
	}
	return f
}

// smallArc are the coefficients of a polynomial for the arc sine: those of x³, x⁵, … x¹³.
var smallArc = [...]float64{1.66666666666664110590506577996662e-01, 7.50000000026122686814431784722623e-02,
	4.46428561421059750978517350006940e-02, 3.03821268582119319911193410625235e-02,
	2.23551211026525610742786300334557e-02, 1.81382903404565056280372531963613e-02}

// asin is the arc sine of what is not negative; not a number beyond 1.
func asin(x float64) float64 {
	switch {
	case x < 0x1p-26:
		return x
	case x < 0.125:
		xx := x * x
		return math.FMA(polynomial(xx, smallArc[:]), float64(xx*x), x)
	case x < arcTableEnd:
		i := int(x * arcsPerUnit)
		return arcs[i-firstArc].at(x - (float64(i)+0.5)/arcsPerUnit)
	case x >= 1:
		return math.Asin(x) // a quarter of a circle, or not a number
	}
	// Of the other leg, from the other end: in two parts, of which the first has few digits.
	const few = 1 << 24
	z := 0.5 * (1 - x)
	root := math.Sqrt(z)
	y := (root + few) - few
	rest := math.FMA(-y, y, z) / (root + y)
	p := polynomial(z, smallArc[:]) * z
	tail := math.FMA(-2*(y+rest), p, math.FMA(-2, rest, halfPiLow))
	return math.FMA(-2, y, halfPi) + tail
}

// arc is the arc sine around a point: the polynomial that is nearest to it from 1/512 below to 1/512 above.
type arc struct {
	high, low float64 // in the middle; high has few digits
	slope     float64
	curve     []float64 // coefficients from that of the square on
}

const (
	arcsPerUnit = 256
	firstArc    = arcsPerUnit / 8
	arcTableEnd = 0.96875
)

func (a *arc) at(d float64) float64 {
	return a.high + math.FMA(a.slope, d, math.FMA(float64(d*d), polynomial(d, a.curve), a.low))
}
