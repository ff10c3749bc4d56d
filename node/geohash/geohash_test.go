package geohash

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestTrigonometry: what the GNU C library (2.36, with fused multiplication and addition) answers where the nearest
// float64, or the library on an older processor, is another one.
func TestTrigonometry(t *testing.T) {
	for _, c := range trigonometry {
		if got := c.f(c.x); got != c.want {
			t.Errorf("%s of %x is %x, want %x", c.name, c.x, got, c.want)
		}
	}
}

// TestNearMath: everywhere the last bit may be another one than in Go's library, and hardly more.
func TestNearMath(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	near := func(name string, x, got, want float64) {
		if math.Abs(got-want) > 4.5e-16*max(math.Abs(want), 0.01) {
			t.Fatalf("%s of %v is %v, not %v", name, x, got, want)
		}
	}
	for range 200_000 {
		x := (2*rng.Float64() - 1) * 3.2
		near("sine", x, sin(x), math.Sin(x))
		near("cosine", x, cos(x), math.Cos(x))
		y := rng.Float64()
		near("sine of the arc sine", y, sin(asin(y)), y)
		y = 1 - y*y*y*y
		near("sine of the arc sine", y, sin(asin(y)), y)
	}
	for _, x := range []float64{0, 1e-300, 1e9, 1e300, math.Inf(1)} {
		if got := cos(x); math.Abs(got) > 1 {
			t.Errorf("cosine of %v is %v", x, got)
		}
	}
	if asin(1) != math.Pi/2 || !math.IsNaN(asin(1.0000000000000002)) || asin(0) != 0 {
		t.Error("arc sine at its ends")
	}
}

func randomPoint(rng *rand.Rand) Point {
	return Point{(2*rng.Float64() - 1) * MaxLon, (2*rng.Float64() - 1) * MaxLat}
}

// TestDecode: a place is in the cell that it is encoded as.
func TestDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		p := randomPoint(rng)
		q := Decode(float64(Encode(p)))
		if math.Abs(p.Lon-q.Lon) > 360.0/(1<<27)+1e-12 || math.Abs(p.Lat-q.Lat) > MaxLat/(1<<26)+1e-12 {
			t.Fatalf("%v became %v", p, q)
		}
		if again := Encode(q); again != Encode(p) {
			t.Fatalf("%v: %d, decoded and encoded %d", p, Encode(p), again)
		}
	}
}

// TestSearchFindsAll: what is within a shape that is not half the world is within its ranges, and once.
func TestSearchFindsAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		s := Shape{Center: Point{(2*rng.Float64() - 1) * 170, (2*rng.Float64() - 1) * 70}, Unit: 1}
		size := math.Exp(rng.Float64()*10) * 10 // up to 220 km
		if s.Radius = size; rng.IntN(2) == 0 {
			s.Box, s.Width, s.Height = true, size, size*rng.Float64()
		}
		q, ranges := NewSearch(s), s.Ranges()
		for range 50 {
			p := Point{s.Center.Lon + rng.NormFloat64()*size/50e3, s.Center.Lat + rng.NormFloat64()*size/100e3}
			if !p.Valid() {
				continue
			}
			score := float64(Encode(p))
			p = Decode(score)
			d, ok := q.Find(p)
			if ok && d != Distance(s.Center, p) {
				t.Fatalf("%+v: %v is %v away, and %v", s, p, Distance(s.Center, p), d)
			}
			in := 0
			for _, r := range ranges {
				if score >= r.Min && score < r.Max {
					in++
				}
			}
			if in > 1 || ok && in == 0 {
				t.Fatalf("%+v: %v is in %d ranges", s, p, in)
			}
			if !s.Box && ok != !(Distance(s.Center, p) > s.Radius) {
				t.Fatalf("%+v: %v is %v away, found: %v", s, p, Distance(s.Center, p), ok)
			}
		}
	}
}

// FuzzShape: no shape makes a search panic, or walk more than the nine cells.
func FuzzShape(f *testing.F) {
	f.Add(15.0, 37.0, 200.0, 100.0, 1000.0, false)
	f.Add(-180.0, 85.05112878, math.Inf(1), 0.0, 0.3048, true)
	f.Add(180.0, -85.05112878, 5e-324, 1e308, 1609.34, true)
	f.Fuzz(func(t *testing.T, lon, lat, width, height, unit float64, box bool) {
		s := Shape{Center: Point{lon, lat}, Unit: unit, Radius: width, Box: box, Width: width, Height: height}
		if !s.Center.Valid() || !(width >= 0 && height >= 0 && unit > 0.3 && unit < 2000) {
			return
		}
		ranges := s.Ranges()
		if len(ranges) == 0 || len(ranges) > 9 {
			t.Fatalf("%d ranges", len(ranges))
		}
		score := float64(Encode(s.Center))
		if r := ranges[0]; score < r.Min || score >= r.Max {
			t.Fatalf("the middle, %v, is not in the first range, %v", score, r)
		}
		q := NewSearch(s)
		for _, r := range ranges {
			q.Find(Decode(r.Min))
		}
	})
}

// FuzzScore: any score is a place, with a text.
func FuzzScore(f *testing.F) {
	for _, x := range []float64{0, -1, 1 << 52, 1<<63 + 1<<40, -1 << 63, math.Inf(1), math.Inf(-1), 3479099956230698} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, score float64) {
		if p := Decode(score); !p.Valid() {
			t.Fatalf("%v", p)
		}
		if text := Text(score); strings.Trim(string(text[:]), alphabet) != "" {
			t.Fatalf("%q", text)
		}
		if n := AsInt(score); score >= 0 && score < 1<<53 && float64(n) != math.Trunc(score) {
			t.Fatalf("%v as an integer is %d", score, n)
		}
	})
}

// FuzzText holds what is printed beside strconv.
func FuzzText(f *testing.F) {
	for _, x := range []float64{0, 0.5, 13.361389, -0.00048828124999, 1e-20, 179.99999999999997, -1e-18, 1.0 / 3} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		if !(math.Abs(x) <= 180) {
			return
		}
		want := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x, 'f', 17, 64), "0"), ".")
		if want == "-0" {
			want = "0"
		}
		if got := AppendCoordinate([]byte("x"), x); string(got) != "x"+want {
			t.Fatalf("%x is %s, not %s", x, got[1:], want)
		}
		d := math.Abs(x) * 1e5
		if n := math.RoundToEven(d * 1e4); n < 1<<53 {
			want := strconv.FormatFloat(n, 'f', 0, 64)
			want = strings.Repeat("0", max(0, 5-len(want))) + want
			want = want[:len(want)-4] + "." + want[len(want)-4:]
			if got := AppendDistance(nil, d); string(got) != want {
				t.Fatalf("%x is %s, not %s", d, got, want)
			}
		}
	})
}

// TestDistanceText: numbers that no distance should be.
func TestDistanceText(t *testing.T) {
	for want, d := range map[string]float64{
		"0.0000": 0, "0.0001": 0.00005000001, "-922337203685477.5808": math.NaN(), "20015086.7961": 20015086.79611,
	} {
		if got := AppendDistance(nil, d); !bytes.Equal(got, []byte(want)) {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
