package compat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// The numbers of queries and of HyperLogLogs that are compared by default; COMPAT_GEO and COMPAT_HLL say other ones.
const (
	defaultGeoQueries = 2000
	defaultHLLs       = 300
)

// same sends a command to both servers and wants the same bytes back.
func (p *pair) same(t *testing.T, args ...string) reply {
	t.Helper()
	a, b, err := p.both(0, args)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.raw) != string(b.raw) {
		t.Fatal((&difference{op{args: args}, a, b}).Error())
	}
	return a
}

// TestGeoDigits: places and searches of all sizes have the same digits and the same order, and stored distances the
// same bits. The processor must have fused multiplication and addition, as almost all have.
func TestGeoDigits(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	seed := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	n := knob(t, "COMPAT_GEO", defaultGeoQueries)
	t.Logf("COMPAT_SEED=%d COMPAT_GEO=%d", seed, n)
	rng := rand.New(rand.NewPCG(seed, 1))
	const members = 2000
	var centers [20][2]float64 // around which places are dense
	for i := range centers {
		centers[i] = [2]float64{rng.Float64()*360 - 180, rng.Float64()*170 - 85}
	}
	text := func(f, limit float64) string {
		return strconv.FormatFloat(max(-limit, min(limit, f)), 'g', -1, 64)
	}
	place := func() (lon, lat string) {
		if rng.IntN(3) == 0 {
			return text(rng.Float64()*360-180, 180), text(rng.Float64()*170.1-85.05, 85.05112878)
		}
		c := centers[rng.IntN(len(centers))]
		spread := math.Exp(-rng.Float64() * 12)
		return text(c[0]+spread*rng.NormFloat64(), 180), text(c[1]+spread*rng.NormFloat64(), 85.05112878)
	}
	for i := range members {
		lon, lat := place()
		p.same(t, "geoadd", fmt.Sprintf("geo%d", i%4/3), lon, lat, fmt.Sprintf("m%d", i)) // a large and a smaller one
	}
	size := func() string { return text(math.Exp(rng.Float64()*18), 1e9) } // to 66,000 km
	for range n {
		key := fmt.Sprintf("geo%d", rng.IntN(2))
		lon, lat := place()
		one, other := fmt.Sprintf("m%d", rng.IntN(members)), fmt.Sprintf("m%d", rng.IntN(members))
		unit := []string{"m", "km", "mi", "ft"}[rng.IntN(4)]
		p.same(t, "geodist", key, one, other, unit)
		p.same(t, "geopos", key, one, other)
		p.same(t, "geohash", key, one, other)
		shape := []string{"byradius", size(), "m"}
		if rng.IntN(2) == 0 {
			shape = []string{"bybox", size(), size(), "m"}
		}
		orders := [][]string{nil, {"asc"}, {"desc"}, {"count", "10"}, {"count", "10", "desc"}, {"count", "5", "any"}}
		order := orders[rng.IntN(len(orders))]
		p.same(t, cmd("geosearch", key, "fromlonlat", lon, lat, shape, order, "withdist", "withcoord", "withhash")...)
		// what Redis stores must not be of half the world, where it finds members twice
		p.same(t, "geosearchstore", "near", key, "fromlonlat", lon, lat, "byradius",
			text(math.Exp(rng.Float64()*8), 1e4), "km", "storedist")
		p.same(t, "zrange", "near", "0", "-1", "withscores")
	}
}

// TestHLLBytes: the same elements, in the same portions, make the same bytes.
func TestHLLBytes(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	seed := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	n := knob(t, "COMPAT_HLL", defaultHLLs)
	t.Logf("COMPAT_SEED=%d COMPAT_HLL=%d", seed, n)
	rng := rand.New(rand.NewPCG(seed, 2))
	for i := range n {
		if i%20 == 0 {
			p.same(t, "config", "set", "hll-sparse-max-bytes", []string{"3000", "0", "100", "16000"}[rng.IntN(4)])
		}
		key := fmt.Sprintf("hll%d", i%16)
		p.same(t, "del", key)
		portion := 1 + rng.IntN(200)
		many := rng.IntN(1 << (1 + rng.IntN(14))) // of all sizes
		of := 1 + rng.IntN(1<<(1+rng.IntN(20)))
		for many > 0 {
			args := []string{"pfadd", key}
			for range min(portion, many) {
				args = append(args, fmt.Sprintf("%d:%d", seed, rng.IntN(of)))
			}
			many -= len(args) - 2
			p.same(t, args...)
			if rng.IntN(8) == 0 {
				p.same(t, "pfcount", key)
			}
			if rng.IntN(4) == 0 {
				p.same(t, "get", key)
			}
		}
		p.same(t, "pfmerge", "all", key, fmt.Sprintf("hll%d", rng.IntN(16)))
		for _, k := range []string{key, "all"} {
			p.same(t, "get", k)
			p.same(t, "pfcount", k, fmt.Sprintf("hll%d", rng.IntN(16)))
			p.same(t, "pfcount", k)
		}
		if rng.IntN(10) == 0 {
			p.same(t, "del", "all")
		}
	}
}
