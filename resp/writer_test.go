package resp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func(w *Writer)
		resp2 string
		resp3 string // empty: the same
	}{
		{"ok", func(w *Writer) { w.OK() }, "+OK\r\n", ""},
		{"simple", func(w *Writer) { w.Simple("PONG") }, "+PONG\r\n", ""},
		{"error", func(w *Writer) { w.Error(Error("WRONGTYPE a\r\nb")) }, "-WRONGTYPE a  b\r\n", ""},
		{"wrapped error", func(w *Writer) { w.Error(fmt.Errorf("x: %w", Error("OOM no"))) }, "-OOM no\r\n", ""},
		{"foreign error", func(w *Writer) { w.Error(errors.New("disk full")) }, "-ERR disk full\r\n", ""},
		{"protocol error", func(w *Writer) { w.Error(ProtocolError("bad")) }, "-ERR Protocol error: bad\r\n", ""},
		{"int", func(w *Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ""},
		{"bulk", func(w *Writer) { w.Bulk([]byte("a\r\n")) }, "$3\r\na\r\n\r\n", ""},
		{"nil bulk", func(w *Writer) { w.Bulk(nil) }, "$0\r\n\r\n", ""},
		{"long bulk", func(w *Writer) { w.BulkString("0123456789") }, "$10\r\n0123456789\r\n", ""},
		{"bulk int", func(w *Writer) { w.BulkInt(-12) }, "$3\r\n-12\r\n", ""},
		{"null", func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{"null array", func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{"array", func(w *Writer) { w.Array(12) }, "*12\r\n", ""},
		{"map", func(w *Writer) { w.Map(2) }, "*4\r\n", "%2\r\n"},
		{"set", func(w *Writer) { w.Set(2) }, "*2\r\n", "~2\r\n"},
		{"push", func(w *Writer) { w.Push(3) }, "*3\r\n", ">3\r\n"},
		{"attribute", func(w *Writer) { w.Attr(1) }, "|1\r\n", ""},
		{"true", func(w *Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n"},
		{"false", func(w *Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n"},
		{"double", func(w *Writer) { w.Double(3.141) }, "$5\r\n3.141\r\n", ",3.141\r\n"},
		{"infinity", func(w *Writer) { w.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n"},
		{"big number", func(w *Writer) { w.BigNumber("123") }, "$3\r\n123\r\n", "(123\r\n"},
		{"verbatim", func(w *Writer) { w.Verbatim("txt", "hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{"raw", func(w *Writer) { w.Raw([]byte(":1\r\n")) }, ":1\r\n", ""},
		{"nested later", func(w *Writer) {
			outer := w.MapLater()
			w.BulkString("k")
			inner := w.SetLater()
			w.Int(1)
			w.SetLen(inner, 1)
			w.SetLen(outer, 1)
			w.SetLen(w.ArrayLater(), 0)
		}, "*2\r\n$1\r\nk\r\n*1\r\n:1\r\n*0\r\n", "%1\r\n$1\r\nk\r\n~1\r\n:1\r\n*0\r\n"},
	} {
		if test.resp3 == "" {
			test.resp3 = test.resp2
		}
		for proto, want := range map[int]string{0: test.resp2, 2: test.resp2, 3: test.resp3} {
			w := Writer{Proto: proto}
			if test.write(&w); string(w.Buf) != want {
				t.Errorf("%s in RESP%d: %q, want %q", test.name, proto, w.Buf, want)
			}
		}
	}
}

func TestAppendDouble(t *testing.T) {
	for _, test := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-17, "-17"}, {100000, "100000"}, {1e15, "1000000000000000"},
		{1e16, "10000000000000000"}, {1e17, "1e+17"}, {1e21, "1e+21"}, {123456789012345678, "1.2345678901234568e+17"},
		{0.1, "0.10000000000000001"}, {0.5, "0.5"}, {1e-4, "0.0001"}, {1e-5, "1.0000000000000001e-05"},
		{5e-324, "4.9406564584124654e-324"}, {math.MaxFloat64, "1.7976931348623157e+308"},
		{math.Inf(1), "inf"}, {math.NaN(), "nan"}, {1.5e300, "1.5000000000000001e+300"}, {3.25, "3.25"},
	} {
		if got := string(AppendDouble(nil, test.f)); got != test.want {
			t.Errorf("%v: %s, want %s", test.f, got, test.want)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "-1": -1, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if got, ok := ParseInt([]byte(text)); !ok || got != want {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "-", "-0", "+1", "01", "-01", " 1", "1 ", "1a", "9223372036854775808", "-9223372036854775809",
		"99999999999999999999", "0x1",
	} {
		if got, ok := ParseInt([]byte(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestParseFloat(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0.0": 0, "1.5": 1.5, "+2": 2, ".5": .5, "5.": 5, "1e3": 1000, "inf": math.Inf(1),
		"-Infinity": math.Inf(-1),
		"0x10":      16, "0x1p3": 8, "0x0": 0, "0e5": 0, "1e-310": 1e-310,
	} {
		if got, ok := ParseFloat([]byte(text)); !ok || got != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", " 1", "1 ", "nan", "1_0", "1e400", "1e-400", "abc", "--1", "1\x00", "0x"} {
		if got, ok := ParseFloat([]byte(text)); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		nocase     bool
		want       bool
	}{
		{"*", "abc", false, true}, {"*", "", false, false}, {"", "", false, true}, {"", "a", false, false},
		{"a*c", "abbc", false, true}, {"a*c", "ab", false, false}, {"**a**", "ba", false, true},
		{"h?llo", "hello", false, true}, {"h?llo", "hllo", false, false}, {"?", "", false, false},
		{"h[ae]llo", "hallo", false, true}, {"h[^e]llo", "hello", false, false}, {"h[a-c]llo", "hbllo", false, true},
		{"h[c-a]llo", "hbllo", false, true}, {"[\\]]", "]", false, true}, {"[a", "a", false, true},
		{"[", "a", false, false},
		{"[^", "a", false, true}, {"\\*", "*", false, true}, {"\\*", "a", false, false}, {"a\\", "a\\", false, true},
		{"ABC", "abc", true, true}, {"ABC", "abc", false, false}, {"[A-C]", "b", true, true}, {"[b]", "B", true, true},
		{"a*b*c*d", "aXbXcXcXd", false, true}, {"a*", "a", false, true}, {"abc", "ab", false, false},
		{"ab", "abc", false, false},
		{"[]a]", "a", false, false}, {"[a-]", "-", false, false}, {"*[ab]?", "xxbz", false, true},
	} {
		if got := Match([]byte(test.pattern), []byte(test.s), test.nocase); got != test.want {
			t.Errorf("Match(%q, %q, %v) = %v", test.pattern, test.s, test.nocase, got)
		}
	}
}

// TestMatchIsNotExponential would not come back if every * were tried against every other.
func TestMatchIsNotExponential(t *testing.T) {
	pattern, s := make([]byte, 0, 400), make([]byte, 20_000)
	for i := range s {
		s[i] = 'a'
	}
	for range 100 {
		pattern = append(pattern, "a*a?"...)
	}
	if Match(append(pattern, 'b'), s, false) {
		t.Error("matched")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte("a*[b-c]?\\*"), []byte("abcd*"), true)
	f.Fuzz(func(t *testing.T, pattern, s []byte, nocase bool) {
		got := Match(pattern, s, nocase)
		if len(s) > 0 && !Match([]byte("*"), s, nocase) {
			t.Fatal("* is not everything")
		}
		if got && len(s) > 0 && !Match(append([]byte("*"), pattern...), s, nocase) {
			t.Fatalf("%q matches %q, *%q does not", pattern, s, pattern)
		}
		literal := []byte{}
		for _, c := range s {
			literal = append(literal, '\\', c)
		}
		if !Match(literal, s, nocase) {
			t.Fatalf("%q does not match %q", literal, s)
		}
	})
}

func BenchmarkWriterBulk16(b *testing.B) {
	value := []byte("xxxxxxxxxxxxxxxx")
	var w Writer
	b.ReportAllocs()
	for b.Loop() {
		w.Buf = w.Buf[:0]
		for range 16 {
			w.Bulk(value)
		}
	}
}

func TestWriterInt(t *testing.T) {
	numbers := []int64{math.MinInt64, math.MaxInt64, -1, 0}
	for power := int64(1); power > 0 && power <= math.MaxInt64/10; power *= 10 {
		numbers = append(numbers, power-1, power, power+1, 9*power, -power, math.MaxInt64-power)
	}
	for _, n := range numbers {
		var w Writer
		w.Raw([]byte("+OK\r\n"))
		w.Int(n)
		if want := "+OK\r\n:" + strconv.FormatInt(n, 10) + "\r\n"; string(w.Buf) != want {
			t.Errorf("%q, want %q", w.Buf, want)
		}
	}
}

// TestPiecesAreTheSameBytes writes the same at random to a writer that keeps pieces and to one that doesn't.
func TestPiecesAreTheSameBytes(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		proto := 2 + int(seed%2)
		pieced, plain := &Writer{Proto: proto, Pieces: true}, &Writer{Proto: proto}
		type open struct{ of [2]Later }
		var later []open
		var marks []int
		for range 400 {
			both := func(write func(w *Writer)) {
				write(pieced)
				write(plain)
			}
			text := bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, rng.IntN([]int{20, 200, 5000, 100_000}[rng.IntN(4)]))
			n := rng.Int64N(1 << rng.IntN(60))
			switch rng.IntN(12) {
			case 0:
				both(func(w *Writer) { w.Int(n) })
			case 1:
				both(func(w *Writer) { w.BulkString(string(text)) })
			case 2:
				both(func(w *Writer) { w.Null(); w.NullArray(); w.OK(); w.Bool(n%2 == 0) })
			case 3:
				both(func(w *Writer) { w.Verbatim("txt", string(text)); w.Double(float64(n)); w.Simple("fine") })
			case 4:
				later = append(later, open{[2]Later{pieced.SetLater(), plain.SetLater()}})
			case 5:
				if last := len(later) - 1; last >= 0 {
					pieced.SetLen(later[last].of[0], int(n))
					plain.SetLen(later[last].of[1], int(n))
					later = later[:last]
				}
			case 6:
				marks = append(marks, plain.Len())
			case 7:
				if last := len(marks) - 1; last >= 0 && len(later) == 0 {
					if tail := pieced.Tail(marks[last]); !bytes.Equal(tail, plain.Buf[marks[last]:]) {
						t.Fatalf("seed %d: the tail differs", seed)
					}
					both(func(w *Writer) { w.Truncate(marks[last]) })
					marks = marks[:last]
				}
			case 8:
				if rng.IntN(20) == 0 {
					long := bytes.Repeat([]byte{'l'}, mostPiece+rng.IntN(3)*4096)
					both(func(w *Writer) {
						w.Bulk(long)
						w.BulkPieces([][]byte{bytes.Clone(long[:7]), bytes.Clone(long[7:])})
						w.BulkPieces([][]byte{text})
						w.BulkPieces(nil)
					})
				}
			default:
				both(func(w *Writer) { w.Bulk(text) })
			}
			if pieced.Len() != plain.Len() {
				t.Fatalf("seed %d: %d bytes, want %d", seed, pieced.Len(), plain.Len())
			}
		}
		pieces := append(pieced.TakePieces(), pieced.Buf)
		if len(pieces) < 2 {
			t.Fatalf("seed %d: %d bytes are in one piece", seed, plain.Len())
		}
		if !bytes.Equal(bytes.Join(pieces, nil), plain.Buf) {
			t.Fatalf("seed %d: the bytes differ", seed)
		}
	}
}
