package listpack

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// contents reads lp forwards and backwards and fails if they differ.
func contents(t testing.TB, lp []byte) []string {
	t.Helper()
	if err := Validate(lp, true); err != nil {
		t.Fatalf("%v\n%x", err, lp)
	}
	var forward, backward []string
	for at := First(lp); at >= 0; at = Next(lp, at) {
		forward = append(forward, string(Get(lp, at, nil)))
	}
	for at := Last(lp); at >= 0; at = Prev(lp, at) {
		backward = append(backward, string(Get(lp, at, nil)))
	}
	slices.Reverse(backward)
	if !slices.Equal(forward, backward) || Len(lp) != len(forward) {
		t.Fatalf("%d elements, forwards %q, backwards %q", Len(lp), forward, backward)
	}
	return forward
}

func pack(vals ...string) []byte {
	lp := New()
	for _, v := range vals {
		lp = Append(lp, []byte(v))
	}
	return lp
}

// TestAsRedis compares with what the DUMP of a list in redis-server 7.0.15 holds.
func TestAsRedis(t *testing.T) {
	const want = "4e0000001000" + "816102" + "0101" + "7f01" + "c08002" + "dfff02" + "8001" + "d00002" + "cfff02" +
		"f1001003" + "f2ff7fff04" +
		"f2ffff7f04" + "f3ffff7fff05" + "f40000008000000000" + "09" + "f40000000000000080" + "09" + "83312e3504" +
		"8330303704" + "ff"
	lp := pack("a", "1", "127", "128", "-1", "", "-4096", "4095", "4096", "-32769", "8388607", "-8388609", "2147483648",
		"-9223372036854775808", "1.5", "007")
	if got := hex.EncodeToString(lp); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

var edges = []string{
	"", "0", "-0", "00", "01", "-1", "1", "127", "128", "-4096", "-4097", "4095", "4096", "32767", "32768", "-32768",
	"-32769", "8388607", "8388608",
	"-8388608", "-8388609", "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
	"9223372036854775808",
	"-9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999", "+1", " 1", "1 ",
	"1.5", "-", "--1", "\xff", "\x00",
}

func TestEdges(t *testing.T) {
	vals := slices.Clone(edges)
	for _, n := range []int{62, 63, 64, 65, 125, 126, 127, 128, 4094, 4095, 4096, 16376, 16377, 16378, 16379, 16380,
		16390, 2097140, 2097145, 2097146, 2097150} {
		vals = append(vals, strings.Repeat("x", n))
	}
	lp := pack(vals...)
	if got := contents(t, lp); !slices.Equal(got, vals) {
		t.Fatal("came back different")
	}
	for i, v := range vals {
		at := At(lp, i)
		if at != At(lp, i-len(vals)) || Find(lp, First(lp), []byte(v), 0) != at {
			t.Errorf("%.20q is not found at %d", v, i)
		}
		if n, ok := Int(lp, at); ok && fmt.Sprint(n) != v {
			t.Errorf("%q reads as %d", v, n)
		}
		if grown := len(pack(v)) - emptyLen; grown != Size([]byte(v)) {
			t.Errorf("%.20q takes %d bytes, not %d", v, grown, Size([]byte(v)))
		}
		if p := AppendInt(New(), int64(i)<<i); !bytes.Equal(p, pack(fmt.Sprint(int64(i)<<i))) {
			t.Errorf("%d differs", int64(i)<<i)
		}
	}
	if At(lp, len(vals)) != -1 || At(lp, -len(vals)-1) != -1 || Find(lp, First(lp), []byte("none"), 0) != -1 {
		t.Error("found what is not there")
	}
}

func TestManyElements(t *testing.T) {
	lp := New()
	for i := range 70000 {
		lp = AppendInt(lp, int64(i))
	}
	if Len(lp) != 70000 {
		t.Fatal(Len(lp))
	}
	for _, i := range []int{0, 65535, 69999, -1, -70000} {
		want := int64((i + 70000) % 70000)
		if n, _ := Int(lp, At(lp, i)); n != want {
			t.Errorf("%d at %d", n, i)
		}
	}
	if At(lp, 70000) != -1 || At(lp, -70001) != -1 {
		t.Error("found what is not there")
	}
	lp = Delete(lp, First(lp), 69000)
	if got := contents(t, lp); len(got) != 1000 || got[0] != "69000" {
		t.Error(len(got), got[0])
	}
}

func randomValue(rng *rand.Rand) string {
	switch rng.IntN(6) {
	case 0:
		return edges[rng.IntN(len(edges))]
	case 1:
		return fmt.Sprint(rng.Int64() >> rng.IntN(64))
	case 2:
		return strings.Repeat("v", rng.IntN(200))
	case 3:
		return strings.Repeat("w", rng.IntN(20000))
	}
	return fmt.Sprint("m", rng.IntN(50))
}

// TestModel does random changes to a listpack and to a slice.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 40 {
		lp, model := New(), []string{}
		for range 150 {
			v := randomValue(rng)
			i := 0
			if len(model) > 0 {
				i = rng.IntN(len(model))
			}
			switch op := rng.IntN(8); {
			case op == 0:
				lp, model = Append(lp, []byte(v)), append(model, v)
			case op == 1 || len(model) == 0:
				block := append(make([]byte, Size([]byte(v))), lp...)
				lead := PrependInto(block, Size([]byte(v)), []byte(v))
				lp, model = block[lead:], slices.Insert(model, 0, v)
			case op <= 3:
				lp, model = Insert(lp, At(lp, i), []byte(v), Before), slices.Insert(model, i, v)
			case op == 4:
				lp, model = Insert(lp, At(lp, i-len(model)), []byte(v), After), slices.Insert(model, i+1, v)
			case op <= 6:
				lp, model[i] = Replace(lp, At(lp, i), []byte(v)), v
			default:
				n := rng.IntN(4)
				lp, model = Delete(lp, At(lp, i), n), slices.Delete(model, i, min(i+n, len(model)))
			}
			if got := contents(t, lp); !slices.Equal(got, model) {
				t.Fatalf("got  %.300q\nwant %.300q", got, model)
			}
			step := rng.IntN(3)
			want := -1
			for j := i; j < len(model); j += step + 1 {
				if model[j] == v {
					want = At(lp, j)
					break
				}
			}
			if len(model) > 0 && Find(lp, At(lp, i), []byte(v), step) != want {
				t.Fatalf("%q from %d in steps of %d: want %d", v, i, step, want)
			}
		}
	}
}

// FuzzValidate: what is accepted can be read and changed without a panic.
func FuzzValidate(f *testing.F) {
	f.Add(pack(), "")
	f.Add(pack(edges[:30]...), "1")
	f.Add(pack(strings.Repeat("x", 5000), "y"), "y")
	f.Fuzz(func(t *testing.T, lp []byte, v string) {
		if Validate(lp, true) != nil {
			return
		}
		was := contents(t, lp)
		if got := contents(t, Append(bytes.Clone(lp), []byte(v))); len(got) != len(was)+1 {
			t.Fatal("append")
		}
		for i := range was {
			lp := Replace(bytes.Clone(lp), At(lp, i), []byte(v))
			if got := contents(t, lp); got[i] != v {
				t.Fatal("replace")
			}
			if got := contents(t, Delete(lp, At(lp, i), 1)); len(got) != len(was)-1 {
				t.Fatal("delete")
			}
		}
	})
}

func TestIntset(t *testing.T) {
	if is, _ := IntsetInsert(IntsetNew(), 5); hex.EncodeToString(is) != "02000000010000000500" {
		t.Errorf("%x", is)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for round := range 60 {
		is, model := IntsetNew(), []int64{}
		for range 100 {
			v := rng.Int64N(40) - 20
			if rng.IntN(10) == 0 {
				v = []int64{math.MaxInt64, math.MinInt64, math.MaxInt16, math.MaxInt16 + 1, math.MinInt16,
					math.MinInt32, math.MaxInt32, math.MinInt32 - 1}[rng.IntN(1+round%8)]
			}
			i, found := slices.BinarySearch(model, v)
			if at, ok := IntsetFind(is, v); widthOf(v) <= intsetWidth(is) && (at != i || ok != found) {
				t.Fatalf("%d found at %d %v, want %d %v", v, at, ok, i, found)
			}
			var changed bool
			if rng.IntN(3) > 0 {
				is, changed = IntsetInsert(is, v)
				if !found {
					model = slices.Insert(model, i, v)
				}
				found = !found
			} else {
				is, changed = IntsetDelete(is, v)
				if found {
					model = slices.Delete(model, i, i+1)
				}
			}
			if changed != found || IntsetLen(is) != len(model) || IntsetValidate(is, true) != nil {
				t.Fatalf("changed %v, %d of %d, %v", changed, IntsetLen(is), len(model), IntsetValidate(is, true))
			}
			for i, v := range model {
				if IntsetAt(is, i) != v {
					t.Fatalf("%d at %d, want %d", IntsetAt(is, i), i, v)
				}
			}
		}
	}
}

func FuzzIntsetValidate(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 1, 0, 0, 0, 5, 0}, int64(7))
	f.Fuzz(func(t *testing.T, is []byte, v int64) {
		if IntsetValidate(is, true) != nil {
			return
		}
		is, _ = IntsetInsert(bytes.Clone(is), v)
		if _, ok := IntsetFind(is, v); !ok || IntsetValidate(is, true) != nil {
			t.Fatalf("%x", is)
		}
	})
}

// TestEnds adds and removes at the front of a listpack that moves in its block.
func TestEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var want []string
	block, lead := append(make([]byte, 4000), New()...), 4000
	for range 2000 {
		if v := edges[rng.IntN(len(edges))]; rng.IntN(2) == 0 && lead >= Size([]byte(v)) {
			lead = PrependInto(block, lead, []byte(v))
			want = slices.Insert(want, 0, v)
		} else if len(want) > 0 {
			n := rng.IntN(min(3, len(want)) + 1)
			lead = len(block) - len(DropFirst(block[lead:], n))
			want = want[n:]
		}
		if got := contents(t, block[lead:]); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for _, format := range []string{"member:%d", "%d"} {
		b.Run(format, func(b *testing.B) {
			lp := New()
			for i := range 100 {
				lp = Append(lp, fmt.Appendf(nil, format, i))
				lp = AppendInt(lp, int64(i*3000))
			}
			for b.Loop() {
				Find(lp, First(lp), fmt.Appendf(nil, format, 99), 1)
			}
		})
	}
}

func TestDeleteFunc(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		var want, rest []string
		for range rng.IntN(50) {
			want = append(want, edges[rng.IntN(len(edges))])
		}
		lp := pack(want...)
		goes := func(s string) bool { return len(s)%3 == 1 }
		for _, s := range want {
			if !goes(s) {
				rest = append(rest, s)
			}
		}
		lp = DeleteFunc(lp, func(at int) bool { return goes(string(Get(lp, at, nil))) })
		if got := contents(t, lp); !slices.Equal(got, rest) {
			t.Fatalf("of %q is left %q, want %q", want, got, rest)
		}
	}
}
