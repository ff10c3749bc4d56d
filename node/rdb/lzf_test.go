package rdb

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

func checkLZF(t *testing.T, src []byte) {
	t.Helper()
	var z lzf
	packed, ok := z.compress(nil, src, len(src)+len(src)/lzfMaxLiteral+2)
	if !ok {
		t.Fatalf("%d bytes grew beyond the worst case", len(src))
	}
	out, err := lzfDecompress([]byte("before"), packed, len(src))
	if err != nil || string(out) != "before"+string(src) {
		t.Fatalf("%d bytes came back different: %v", len(src), err)
	}
}

func TestLZFRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for n := range 300 {
		checkLZF(t, randomBytes(rng, n, 1+n%5))
		checkLZF(t, bytes.Repeat([]byte{'x'}, n*7))
	}
	far := randomBytes(rng, lzfMaxDistance, 256)
	for _, gap := range []int{0, 1, 2} { // the greatest distance, and one beyond
		checkLZF(t, append(append(bytes.Clone(far), make([]byte, gap)...), far...))
	}
}

func TestLZFShrinks(t *testing.T) {
	var z lzf
	text := []byte(strings.Repeat("the quick brown fox ", 500))
	packed, ok := z.compress(nil, text, len(text))
	if !ok || len(packed) > len(text)/50 {
		t.Errorf("%d bytes became %d", len(text), len(packed))
	}
	noise := randomBytes(rand.New(rand.NewPCG(1, 3)), 1000, 256)
	if out, ok := z.compress([]byte("keep"), noise, len(noise)); ok || string(out) != "keep" {
		t.Errorf("noise: %v, %d bytes", ok, len(out))
	}
}

// TestLZFTableIsReused: what is left of earlier strings must never be used,
// also when the count of bytes wraps around.
func TestLZFTableIsReused(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	z := lzf{base: math.MaxUint32 - 5000}
	for range 2000 {
		src := randomBytes(rng, rng.IntN(60), 3)
		packed, ok := z.compress(nil, src, 1<<20)
		out, err := lzfDecompress(nil, packed, len(src))
		if !ok || err != nil || !bytes.Equal(out, src) {
			t.Fatalf("%q came back as %q, %v", src, out, err)
		}
	}
}

func FuzzLZF(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaabcabcabc"), 30)
	f.Add([]byte{0, 'a', 0xe0, 0xff, 0}, 265)
	f.Fuzz(func(t *testing.T, p []byte, size int) {
		checkLZF(t, p)
		if size < 0 || size > len(p)*lzfMaxGrowth {
			return
		}
		if out, err := lzfDecompress(nil, p, size); err == nil && (len(out) != size || lzfLen(p) != size) {
			t.Fatalf("%d bytes instead of %d, or %d", len(out), size, lzfLen(p))
		}
	})
}

// TestLZFSizeMayBeALie: of a string that says to be much longer than it is no such room is made.
func TestLZFSizeMayBeALie(t *testing.T) {
	src := append([]byte("\x02abc"), bytes.Repeat([]byte{0xe0, 0x0f, 0}, 1<<20)...)
	size := len(src) * lzfMaxGrowth
	for _, c := range []struct {
		claims int
		ok     bool
	}{{size, false}, {lzfLen(src), true}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := lzfDecompress(nil, src, c.claims)
		runtime.ReadMemStats(&after)
		took := int(after.TotalAlloc - before.TotalAlloc)
		if (err == nil) != c.ok || !c.ok && took > lzfTrusted || c.ok && took < c.claims {
			t.Errorf("of a string that says to have %d bytes: %v, it took %d", c.claims, err, took)
		}
	}
}

// TestLargeStringsAreSampled: a large string of which no sample gets shorter is written as it is; one of which a part
// might is tried as a whole, and either comes back.
func TestLargeStringsAreSampled(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	random := make([]byte, sampledSize+100)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	tail := append(bytes.Clone(random[:sampledSize/2]), bytes.Repeat([]byte("ab"), sampledSize)...)
	for name, c := range map[string]struct {
		val     []byte
		shorter bool
	}{"random": {random, false}, "its second half is not": {tail, true}} {
		p, err := NewPayloadWriter().Append(nil, Entry{Type: TypeString, Value: c.val}, true)
		if err != nil {
			t.Fatal(err)
		}
		if shorter := len(p) < len(c.val); shorter != c.shorter {
			t.Errorf("%s: %d bytes became %d", name, len(c.val), len(p))
		}
		var back []byte
		if err := ReadPayload(p, func(e Entry) error { back = bytes.Clone(e.Value); return nil }); err != nil ||
			!bytes.Equal(back, c.val) {
			t.Errorf("%s: %d bytes came back as %d: %v", name, len(c.val), len(back), err)
		}
	}
}
