package listpack

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestRows makes listpacks of rows, which are as if the elements were added one by one, and rows of them again.
func TestRows(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		width, numbers := 1+rng.IntN([]int{4, 20, 70, 5000}[seed%4]), seed%3 == 0
		want := New()
		for range rng.IntN(3) {
			want = Append(want, []byte("before"))
		}
		got := bytes.Clone(want)
		var row, alone []byte
		alone = New()
		count, anyInt := 1+rng.IntN(40), false
		for range count {
			val := make([]byte, width)
			for i := range val {
				val[i] = "0123456789abc-"[rng.IntN(14)]
			}
			if numbers && width < 19 && rng.IntN(2) == 0 {
				val = []byte(strconv.Itoa(rng.IntN(9) + 1))
				for len(val) < width {
					val = append(val, byte('0'+rng.IntN(10)))
				}
			}
			_, isInt := ParseInt(val)
			anyInt = anyInt || isInt
			row = append(row, val...)
			want, alone = Append(want, val), Append(alone, val)
		}
		got = AppendRow(got, row, width)
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: %d elements of width %d make %q, want %q", seed, count, width, got, want)
		}
		if back, n := RowOf(alone); !anyInt && (!bytes.Equal(back, row) || n != count) || anyInt && back != nil {
			t.Fatalf("seed %d: the row of %q is %q, %d elements", seed, alone, back, n)
		}
		alone = Append(alone, make([]byte, width+1))
		if back, _ := RowOf(alone); back != nil {
			t.Fatalf("seed %d: %q is a row", seed, alone)
		}
	}
	if back, n := RowOf(New()); back != nil || n != 0 {
		t.Errorf("nothing is a row of %d", n)
	}
}
