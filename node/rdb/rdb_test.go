package rdb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// contents is what a snapshot says, for comparisons.
type contents struct {
	aux     map[string]string
	entries []string
}

func (c *contents) callbacks() Callbacks {
	c.aux = make(map[string]string)
	return Callbacks{
		Aux: func(name, value []byte) error { c.aux[string(name)] = string(value); return nil },
		Entry: func(e Entry) error {
			c.entries = append(c.entries, describe(e))
			return nil
		},
	}
}

func describe(e Entry) string {
	var elements []byte
	if e.Elements != nil {
		for el := range e.Elements {
			elements = fmt.Appendf(elements, " {%q %q %v %v %d}", el.Name, el.Value, el.Packed, el.Score, el.ExpireAt)
		}
	}
	return fmt.Sprintf("%d %q=%q expire %d idle %d freq %d", e.DB, e.Key, e.Value, e.ExpireAt, e.Idle, e.Freq) +
		string(elements)
}

func read(p []byte) (contents, error) {
	var c contents
	// A small buffer, as many tests read very little very often.
	err := NewReader(bufio.NewReaderSize(bytes.NewReader(p), 16)).Read(c.callbacks())
	return c, err
}

func write(t testing.TB, entries []Entry, options ...func(*Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, o := range options {
		o(w)
	}
	w.Header(map[string]string{"redis-ver": "7.0.15", "redis-bits": "64", "zz-own": "1"})
	db := -1
	for _, e := range entries {
		if e.DB != db {
			db = e.DB
			w.SelectDB(db, len(entries), 0)
		}
		w.Entry(e)
	}
	if err := w.EOF(); err != nil {
		t.Fatal(err)
	}
	if w.Offset() != int64(b.Len()) {
		t.Errorf("offset %d after %d bytes", w.Offset(), b.Len())
	}
	return b.Bytes()
}

func randomBytes(rng *rand.Rand, n, alphabet int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.IntN(alphabet))
	}
	return p
}

func sample(rng *rand.Rand, n int) []Entry {
	var out []Entry
	for i := range n {
		e := NewEntry(fmt.Appendf(nil, "key:%d", i), nil)
		switch rng.IntN(4) {
		case 0:
			e.Value = fmt.Append(nil, rng.Int64()>>rng.IntN(64))
		case 1:
			e.Value = randomBytes(rng, rng.IntN(40), 256)
		case 2:
			e.Value = randomBytes(rng, rng.IntN(1<<rng.IntN(18)), 3)
		case 3:
			e.Value = bytes.Repeat([]byte("abc"), rng.IntN(3000))
		}
		if rng.IntN(3) == 0 {
			e.ExpireAt = rng.Int64()
		}
		if rng.IntN(3) == 0 {
			e.Idle = rng.Int64() >> rng.IntN(63)
		} else if rng.IntN(3) == 0 {
			e.Freq = rng.IntN(256)
		}
		e.DB = i * 3 / n
		out = append(out, e)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		entries := sample(rng, 60)
		p := write(t, entries, func(w *Writer) { w.Compress, w.Checksum = seed%3 != 0, seed%4 != 0 })
		var c contents
		r := NewReader(iotest.OneByteReader(bytes.NewReader(p)))
		if err := r.Read(c.callbacks()); err != nil {
			t.Fatal(err)
		}
		if r.Offset() != int64(len(p)) || r.Version() != Version || c.aux["redis-ver"] != "7.0.15" ||
			c.aux["zz-own"] != "1" {
			t.Fatalf("offset %d of %d, version %d, aux %v", r.Offset(), len(p), r.Version(), c.aux)
		}
		for i, e := range entries {
			if c.entries[i] != describe(e) {
				t.Fatalf("got  %.200s\nwant %.200s", c.entries[i], describe(e))
			}
		}
	}
}

func TestIntegerCodings(t *testing.T) {
	for s, size := range map[string]int{
		"0": 2, "-128": 2, "127": 2, "128": 3, "-32768": 3, "32768": 5, "-2147483648": 5, "2147483647": 5,
		"2147483648": 11, "-0": 3, "007": 4, "+1": 3, "": 1, "1x": 3, "-": 2,
	} {
		var b bytes.Buffer
		w := NewWriter(&b)
		w.string([]byte(s))
		w.flush()
		if b.Len() != size {
			t.Errorf("%q takes %d bytes, want %d", s, b.Len(), size)
		}
		got, err := NewReader(&b).string(nil)
		if err != nil || string(got) != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
	}
}

func TestLengths(t *testing.T) {
	for _, n := range []uint64{0, 63, 64, 16383, 16384, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64} {
		var b bytes.Buffer
		w := NewWriter(&b)
		w.length(n)
		w.flush()
		if got, err := NewReader(&b).length(); got != n || err != nil {
			t.Errorf("%d came back as %d, %v", n, got, err)
		}
	}
}

func TestBytesBehindTheSnapshotStay(t *testing.T) {
	p := write(t, []Entry{NewEntry([]byte("a"), []byte("b"))})
	b := bufio.NewReader(strings.NewReader(string(p) + "rest"))
	if err := NewReader(b).Read(Callbacks{}); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(b); string(rest) != "rest" || err != nil {
		t.Errorf("left: %q, %v", rest, err)
	}
}

// TestEveryByteFlipped: each damaged byte is detected, or is harmless.
func TestEveryByteFlipped(t *testing.T) {
	e := NewEntry([]byte("key"), bytes.Repeat([]byte("abcd"), 20))
	e.ExpireAt, e.Freq = 1<<42, 7
	p := write(t, []Entry{e, NewEntry([]byte("n"), []byte("12345")), NewEntry([]byte("k"), []byte("v"))})
	for i := range p {
		for bits := 1; bits < 256; bits++ {
			q := bytes.Clone(p)
			q[i] ^= byte(bits)
			_, err := read(q)
			var damage *DamageError
			var unknown *UnknownTypeError
			if !errors.As(err, &damage) && !errors.As(err, &unknown) {
				t.Fatalf("byte %d ^ %#x: %v", i, bits, err)
			}
		}
	}
	for n := range p {
		if _, err := read(p[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "rdb: damaged at byte 0: unexpected EOF",
		"REDIX0010":          `rdb: damaged at byte 0: no rdb file: it begins with "REDIX"`,
		"REDIS00x0":          `rdb: damaged at byte 5: version is "00x0"`,
		"REDIS0080\xff":      "rdb: damaged at byte 5: version 80 is not supported",
		"VALKEY079":          "rdb: damaged at byte 6: version 79 is not supported",
		"VALKEY0x0":          `rdb: damaged at byte 6: version is "0x0"`,
		"VALKIE080":          `rdb: damaged at byte 0: no rdb file: it begins with "VALKI"`,
		"REDIS0014\x1c\x01k": `rdb: value of unsupported type 28 (an array of Redis 8.8) at byte 9, of the key "k"`,
		"REDIS0013\x1a\x01k": "rdb: value of unsupported type 26 (a stream of Redis 8.6) at byte 9, " +
			`of the key "k"`,
		"REDIS0017\x22\x01k": "rdb: value of unsupported type 34 (a set of Redis 8.12 whose members expire) at " +
			`byte 9, of the key "k"`,
		"REDIS0017\xf1\x00\x01k\x01v": "rdb: value of unsupported type 241 (a key of Redis 8.12 that is never " +
			"evicted) at byte 9",
		"VALKEY080\xf3\x01k": "rdb: value of unsupported type 243 (metadata of a key of Redis 8.6, or a slot " +
			"that Valkey 9.0 imports) at byte 9",
		"VALKEY080\x17\x01k": `rdb: value of unsupported type 23 at byte 9, of the key "k"`,
		"REDIS0013\x99\x01k": `rdb: value of unsupported type 153 at byte 9, of the key "k"`,
		"VALKEY080\x16\x01k\x01\x01f\x01v\xfe\xff\xff\xff\xff\xff\xff\xff": "rdb: damaged at byte " +
			"17: a field expires at -2",
		"REDIS0000":                         "rdb: damaged at byte 5: version 0 is not supported",
		"REDIS0010\x06":                     "rdb: value of unsupported type 6 (a module's) at byte 9",
		"REDIS0010\x00\x82":                 "rdb: damaged at byte 10: length begins with byte 0x82",
		"REDIS0010\x00\xc4":                 "rdb: damaged at byte 10: unknown coding 4 of a string",
		"REDIS0010\xfe\xc0":                 "rdb: damaged at byte 10: coded string (0) where a length should be",
		"REDIS0010\x00\xc3\x01\x7f":         "rdb: damaged at byte 13: unexpected EOF",
		"REDIS0010\x00\xc3\x01\x41\x00\x00": "rdb: damaged at byte 12: 1 compressed bytes can't hold 256",
		"REDIS0010\x00\xc3\x02\x03\x20\x00": "rdb: damaged at byte 13: compressed string refers to before its start",
		"REDIS0010\xff\x01\x00\x00\x00\x00\x00\x00\x00": "rdb: damaged at byte 10: checksum is " +
			"0000000000000001 instead of eb7ea789fe37fda9",
		"REDIS0010\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffabcdefg": "rdb: damaged at byte 26: unexpected EOF",
	} {
		_, err := read([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got  %v\n want %s", text, err, want)
		}
	}
}

func TestOldVersions(t *testing.T) {
	c, err := read([]byte("REDIS0003\xfe\x02\xfd\x10\x00\x00\x00\x00\x01k\x01v\xff"))
	if err != nil || len(c.entries) != 1 || c.entries[0] != `2 "k"="v" expire 16000 idle -1 freq -1` {
		t.Errorf("%q, %v", c.entries, err)
	}
}

// TestLaterVersions: Redis 8.6 to 8.12 name later versions than they need for most values, and Valkey 9.0 begins in
// another way; its hashes with fields that expire have a number of Redis's (https://github.com/HDT3213/rdb/pull/62).
func TestLaterVersions(t *testing.T) {
	const end = "\xff\x00\x00\x00\x00\x00\x00\x00\x00"
	for text, want := range map[string]string{
		"REDIS0013\x00\x01k\x01v":                     `0 "k"="v" expire -1 idle -1 freq -1`,
		"REDIS0017\x00\x01k\x01v":                     `0 "k"="v" expire -1 idle -1 freq -1`,
		"VALKEY080\x00\x01k\x01v":                     `0 "k"="v" expire -1 idle -1 freq -1`,
		"VALKEY081\xf4\x01\x02\x03\x02\x01k\x01\x01m": `{"m" "" false 0 0}`,
		"VALKEY080\x16\x01k\x02\x01a\x01b\xff\xff\xff\xff\xff\xff\xff\xff\x01c\x01d\x51" +
			"\x00\x00\x00\x00\x00\x00\x00": ` {"a" "b" ` +
			`false 0 0} {"c" "d" false 0 81}`,
		"REDIS0013\x16\x01k\x02\x00\x01a\x01b\x40\x51\x01c\x01d": ` {"a" "b" false 0 0} {"c" "d" false 0 81}`,
	} {
		c, err := read([]byte(text + end))
		if err != nil || len(c.entries) != 1 || !strings.Contains(c.entries[0], want) {
			t.Errorf("%q: %q, %v", text, c.entries, err)
		}
	}
}

// TestLyingLengthCostsNothing: a length of a terabyte must not be believed.
func TestLyingLengthCostsNothing(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		if _, err := read([]byte("REDIS0010\x00\x81\x00\x00\x01\x00\x00\x00\x00\x00abc")); err == nil {
			t.Fatal("accepted")
		}
		if _, err := read([]byte(
			"REDIS0010\x00\xc3\x81\x00\x00\x01\x00\x00\x00\x00\x00\x80\x7f\xff\xff\xffabc")); err == nil {
			t.Fatal("accepted")
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 20*(readBufferLen+firstChunkLen+64<<10) {
		t.Errorf("%d bytes allocated", n)
	}
}

func TestCallbackErrorsEndTheReading(t *testing.T) {
	p := write(t, []Entry{NewEntry([]byte("a"), []byte("b"))})
	stop := errors.New("stop")
	for name, c := range map[string]Callbacks{
		"aux":    {Aux: func(_, _ []byte) error { return stop }},
		"select": {SelectDB: func(int) error { return stop }},
		"resize": {Resize: func(int, uint64, uint64) error { return stop }},
		"entry":  {Entry: func(Entry) error { return stop }},
	} {
		if err := NewReader(bytes.NewReader(p)).Read(c); err != stop {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := NewReader(iotest.ErrReader(stop)).Read(Callbacks{}); !errors.Is(err, stop) {
		t.Errorf("reader: %v", err)
	}
}

func TestWriterKeepsItsError(t *testing.T) {
	w := NewWriter(failingWriter{})
	w.Header(nil)
	w.SelectDB(0, 1, 0)
	w.Entry(NewEntry([]byte("a"), randomBytes(rand.New(rand.NewPCG(1, 1)), 1<<18, 256)))
	if err := w.EOF(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestCRC64(t *testing.T) {
	if got := CRC64(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("checksum is %x", got)
	}
	p := randomBytes(rand.New(rand.NewPCG(1, 2)), 300, 256)
	for i := range p {
		if CRC64(CRC64(0, p[:i]), p[i:]) != CRC64(0, p) {
			t.Fatalf("differs when cut at %d", i)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	entries := make([]Entry, 1000)
	for i := range entries {
		entries[i] = NewEntry(fmt.Appendf(nil, "key:%012d", i), fmt.Appendf(nil, "value:%010d", i))
	}
	b.ReportAllocs()
	for i := range entries {
		if i%4 == 0 {
			entries[i].Value = bytes.Repeat(entries[i].Value, 4)
		}
	}
	for b.Loop() {
		w := NewWriter(io.Discard)
		for _, e := range entries {
			w.Entry(e)
		}
		w.EOF()
	}
}

func BenchmarkRead(b *testing.B) {
	entries := make([]Entry, 1000)
	for i := range entries {
		entries[i] = NewEntry(fmt.Appendf(nil, "key:%012d", i), fmt.Appendf(nil, "value:%010d", i))
	}
	p := write(b, entries)
	b.ReportAllocs()
	for b.Loop() {
		if err := NewReader(bytes.NewReader(p)).Read(Callbacks{Entry: func(Entry) error { return nil }}); err != nil {
			b.Fatal(err)
		}
	}
}
