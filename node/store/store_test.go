package store

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
)

func newTestStore(databases int) *Store { return New(databases, rand.New(rand.NewPCG(1, 2))) }

func TestTryEncode(t *testing.T) {
	for text, want := range map[string]Encoding{
		"0": EncInt, "-1": EncInt, "9223372036854775807": EncInt, "-9223372036854775808": EncInt,
		"9223372036854775808": EncEmbstr, "-9223372036854775809": EncEmbstr, "": EncEmbstr, "-": EncEmbstr,
		"-0": EncEmbstr, "01": EncEmbstr, "+1": EncEmbstr, " 1": EncEmbstr, "1x": EncEmbstr,
		"99999999999999999999": EncEmbstr, "18446744073709551616": EncEmbstr,
		string(make([]byte, 44)): EncEmbstr, string(make([]byte, 45)): EncRaw,
	} {
		if got := TryEncode([]byte(text)); got != want {
			t.Errorf("TryEncode(%q) = %v, want %v", text, got, want)
		}
	}
	for range 1000 {
		n := int64(rand.Uint64() >> rand.IntN(64))
		if got := TryEncode(strconv.AppendInt(nil, n, 10)); got != EncInt {
			t.Errorf("TryEncode(%d) = %v", n, got)
		}
	}
}

// The digests were answered by DEBUG DIGEST of a redis-server 7.0.15 with this data.
func TestDigestIsRediss(t *testing.T) {
	s := newTestStore(16)
	digest := func() string { d := s.Digest(); return hex.EncodeToString(d[:]) }
	if got := digest(); got != "0000000000000000000000000000000000000000" {
		t.Error("empty:", got)
	}
	s.DB(0).SetString([]byte("foo"), []byte("bar"), EncEmbstr, NoExpiry)
	if got, want := digest(), digestOne; got != want {
		t.Errorf("one key: %s, want %s", got, want)
	}
	s.DB(0).SetString([]byte("n"), []byte("12345"), EncInt, 33177117420000)
	s.DB(3).SetString([]byte("foo"), []byte("bar"), EncEmbstr, NoExpiry)
	s.DB(3).SetString([]byte("empty"), nil, EncEmbstr, NoExpiry)
	if got, want := digest(), digestFour; got != want {
		t.Errorf("four keys: %s, want %s", got, want)
	}
}

func TestSizeClasses(t *testing.T) {
	if last := slotSizes[classCount-1]; last != maxSlot {
		t.Fatalf("the last class is %d bytes", last)
	}
	for size := 1; size <= maxSlot; size++ {
		c := classFor(size)
		if int(slotSizes[c]) < size || c > 0 && int(slotSizes[c-1]) >= size {
			t.Fatalf("%d bytes go to class %d of %d bytes", size, c, slotSizes[c])
		}
	}
}

// An entry present all the time is returned by a scan whatever the table does meanwhile.
func TestScanGuarantee(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := New(1, rng)
		d := s.DB(0)
		stay, others := 50+rng.IntN(300), rng.IntN(6000)
		put := func(prefix string, i int) { d.SetString(fmt.Appendf(nil, "%s%d", prefix, i), nil, EncEmbstr, NoExpiry) }
		for i := range stay {
			put("stay", i)
		}
		for i := range others {
			put("x", i)
		}
		seen := map[string]bool{}
		grow := rng.IntN(2) == 0
		for cursor, calls := uint64(0), 0; ; calls++ {
			cursor = d.Scan(cursor, 1+rng.IntN(20), func(it Item) { seen[string(it.Key())] = true })
			if cursor == 0 {
				break
			}
			if rng.IntN(15) == 0 {
				grow = !grow
			}
			for range rng.IntN(300) {
				if grow && calls < 400 {
					put("x", others)
					others++
				} else if others > 0 {
					others--
					d.Delete(fmt.Appendf(nil, "x%d", others))
				}
			}
		}
		for i := range stay {
			if !seen["stay"+strconv.Itoa(i)] {
				t.Fatalf("seed %d: the scan missed stay%d", seed, i)
			}
		}
	}
}

func TestScanTakesAnyCursor(t *testing.T) {
	s := newTestStore(1)
	for i := range 1000 {
		s.DB(0).SetString(strconv.AppendInt(nil, int64(i), 10), nil, EncEmbstr, NoExpiry)
	}
	for range 1000 {
		cursor := rand.Uint64()
		for steps := 0; cursor != 0; steps++ {
			cursor = s.DB(0).Scan(cursor, math.MaxInt, func(Item) {})
			if steps > 2 {
				t.Fatal("the scan does not end")
			}
		}
	}
}

func TestRandomIsUniform(t *testing.T) {
	const keys, draws = 1000, 200_000
	s := newTestStore(1)
	d := s.DB(0)
	if _, ok := d.Random(s.rngForTest()); ok {
		t.Fatal("an empty database has a random key")
	}
	for i := range keys {
		d.SetString(strconv.AppendInt(nil, int64(i), 10), nil, EncInt, NoExpiry)
	}
	rng := s.rngForTest()
	counts := map[string]int{}
	for range draws {
		it, _ := d.Random(rng)
		counts[string(it.Key())]++
	}
	chi := 0.0
	for i := range keys {
		diff := float64(counts[strconv.Itoa(i)] - draws/keys)
		chi += diff * diff / (draws / keys)
	}
	if chi > 1250 { // 999 degrees of freedom: beyond five sigma
		t.Errorf("chi² = %.0f", chi)
	}
}

func (s *Store) rngForTest() *rand.Rand { return rand.New(rand.NewPCG(5, 6)) }

// ExpireScan finds every due key in a bounded number of calls, however few have an expiry.
func TestExpireScanComesAround(t *testing.T) {
	s := newTestStore(1)
	d := s.DB(0)
	for i := range 100_000 {
		at := NoExpiry
		if i%1000 == 0 {
			at = int64(i)
		}
		d.SetString(strconv.AppendInt(nil, int64(i), 10), nil, EncInt, at)
	}
	total := 0
	for range 400 {
		_, expired := d.ExpireScan(49_999, 20, func(k []byte) { d.Delete(k) })
		total += expired
	}
	if total != 50 || d.Expires() != 50 {
		t.Errorf("%d expired, %d left, want 50 and 50", total, d.Expires())
	}
}

// Snapshots given up one after the other, more than there are generations, don't confuse a later one.
func TestManyUnfinishedSnapshots(t *testing.T) {
	s := newTestStore(1)
	d := s.DB(0)
	for i := range 500 {
		d.SetString(strconv.AppendInt(nil, int64(i), 10), []byte("v"), EncRaw, NoExpiry)
	}
	for range 200 {
		sn := s.BeginSnapshot(func(int, Item) error { return nil })
		if done, err := sn.Step(rand.IntN(300)); done || err != nil {
			t.Fatal(done, err)
		}
		d.SetString(strconv.AppendInt(nil, rand.Int64N(500), 10), []byte("v"), EncRaw, NoExpiry)
		sn.Close()
		if _, err := sn.Step(1); err == nil {
			t.Fatal("a closed snapshot goes on")
		}
	}
	n := 0
	sn := s.BeginSnapshot(func(int, Item) error { n++; return nil })
	defer sn.Close()
	if done, err := sn.Step(10_000); !done || err != nil || n != 500 {
		t.Fatalf("done %v, error %v, %d entries", done, err, n)
	}
}

// A snapshot goes on seeing databases that were flushed and swapped after it began.
func TestSnapshotOutlivesFlush(t *testing.T) {
	s := newTestStore(2)
	s.DB(0).SetString([]byte("a"), []byte("1"), EncInt, NoExpiry)
	s.DB(1).SetString([]byte("b"), []byte("2"), EncInt, NoExpiry)
	got := ""
	sn := s.BeginSnapshot(func(db int, it Item) error {
		got += fmt.Sprintf("%d:%s=%s ", db, it.Key(), it.Bytes())
		return nil
	})
	s.SwapDB(0, 1)
	s.DB(0).SetString([]byte("b"), []byte("3"), EncInt, NoExpiry)
	before := s.Memory()
	s.FlushAll()
	if s.Memory() != before {
		t.Error("Memory leaves out what the snapshot keeps")
	}
	s.DB(0).SetString([]byte("new"), []byte("4"), EncInt, NoExpiry)
	for done := false; !done; {
		done, _ = sn.Step(1)
	}
	sn.Close()
	if got != "1:b=2 0:a=1 " {
		t.Error(got)
	}
	if s.Memory() >= before {
		t.Error("flushed databases are still held")
	}
}

func TestNoAllocation(t *testing.T) {
	s := newTestStore(1)
	d := s.DB(0)
	key, val := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	d.SetString(key, val, EncEmbstr, NoExpiry)
	for name, f := range map[string]func(){
		"Get":       func() { d.Get(key) },
		"SetString": func() { d.SetString(key, val, EncEmbstr, NoExpiry) },
		"SetExpire": func() { d.SetExpire(key, 5); d.SetExpire(key, NoExpiry) },
		"Delete":    func() { d.Delete(key); d.SetString(key, val, EncEmbstr, NoExpiry) },
		"Grow":      func() { d.Grow(key, 40); d.Touched(key) },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// Bytes per key stay within the target at every size, and a store that shrinks gives memory back.
func TestMemoryPerKey(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    int64
		limit float64
	}{{"plain", NoExpiry, 70}, {"expiry", 1 << 40, 90}} {
		before := heap()
		s := newTestStore(1)
		d := s.DB(0)
		key := func(i int) []byte { return fmt.Appendf(nil, "key:%012d", i) }
		sum, samples, worst := 0.0, 0, 0.0
		const keys = 1_000_000
		for i := range keys {
			d.SetString(key(i), []byte("0123456789abcdef"), EncEmbstr, c.at)
			if i >= keys/4 && i%50_000 == 0 {
				per := float64(s.Memory()) / float64(i+1)
				sum, samples, worst = sum+per, samples+1, max(worst, per)
			}
		}
		held, inuse := s.Memory(), heap()-before
		t.Logf("%s: %.1f bytes a key on average from 250k to 1M keys, worst %.1f; at 1M Memory %.1f, heap %.1f",
			c.name, sum/float64(samples), worst, float64(held)/keys, float64(inuse)/keys)
		if worst > c.limit || float64(inuse)/keys > c.limit {
			t.Errorf("%s: more than %.0f bytes a key", c.name, c.limit)
		}
		if diff := float64(held-inuse) / float64(held); math.Abs(diff) > 0.05 {
			t.Errorf("%s: Memory says %d, the heap holds %d", c.name, held, inuse)
		}
		for i := range keys {
			if i%10 != 0 {
				d.Delete(key(i))
			}
		}
		for s.Step(1000) {
		}
		left := float64(s.Memory()) / float64(d.Len())
		t.Logf("%s: after deleting 90%%: %.1f bytes a key", c.name, left)
		if left > 1.6*c.limit {
			t.Errorf("%s: after deleting 90%% still %.1f bytes a key", c.name, left)
		}
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}
