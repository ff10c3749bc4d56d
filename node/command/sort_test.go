package command

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/resp"
)

// TestSortOrder sorts lists of many lengths and kinds as a stable sort does that compares whole weights, one with
// another.
func TestSortOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	number := func() string { return strconv.Itoa(rng.IntN(2000) - 1000) }
	kinds := map[string]func() string{
		"numbers":   number,
		"few":       func() string { return strconv.Itoa(rng.IntN(5)) },
		"zeroes":    func() string { return []string{"0", "-0", "0.0", "-0.000", "+0", "00"}[rng.IntN(6)] },
		"fractions": func() string { return number() + "." + strconv.Itoa(rng.IntN(1000)) },
		"huge":      func() string { return number() + "e" + strconv.Itoa(rng.IntN(600)-300) },
		"exact":     func() string { return strconv.FormatUint(rng.Uint64(), 10) },
		"infinite":  func() string { return []string{"inf", "-inf", "1e300", "-1e300"}[rng.IntN(4)] },
		"prefixed":  func() string { return "member:" + number() },
		"long":      func() string { return strings.Repeat("x", rng.IntN(40)) + number() },
		"nested":    func() string { return strings.Repeat("y", rng.IntN(60)) },
		"bytes":     func() string { return string([]byte{byte(rng.IntN(256)), byte(rng.IntN(256))}) },
		"zeros":     func() string { return number() + "\x00" + number() },
		"same":      func() string { return "same" },
	}
	for name, kind := range kinds {
		for range 6 {
			e := newTestEnv(t)
			elements := make([]string, rng.IntN(3*fewRanked+1)+rng.IntN(2)*500)
			for i := range elements {
				elements[i] = kind()
			}
			weights := map[string]string{}
			for _, element := range elements {
				if rng.IntN(4) > 0 {
					weights[element] = kind()
					e.do("set", "w"+element, weights[element])
				}
			}
			e.do(append([]string{"rpush", "list", "x"}, elements...)...)
			e.do("lpop", "list")
			for i := range 16 {
				desc, alpha, by, stores := i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0
				if !alpha && slices.Contains([]string{"prefixed", "long", "nested", "bytes", "same"}, name) {
					continue
				}
				want := slices.Clone(elements)
				slices.SortStableFunc(want, func(x, y string) int {
					order := compareAsRedis(x, y, weights, alpha, by, stores)
					if desc {
						return -order
					}
					return order
				})
				args := []string{"sort", "list"}
				for word, said := range map[string]bool{"desc": desc, "alpha": alpha, "by w*": by, "store to": stores} {
					if said {
						args = append(args, strings.Fields(word)...)
					}
				}
				got := e.do(args...)
				if stores {
					got = e.do("lrange", "to", "0", "-1")
				}
				if text := rendered(want); got != text {
					t.Fatalf("%s, %d elements, %v:\n%.500s\nnot\n%.500s", name, len(elements), args, got, text)
				}
			}
		}
	}
}

// compareAsRedis is what SORT compares two elements by.
func compareAsRedis(x, y string, weights map[string]string, alpha, by, stores bool) int {
	v, w, foundV, foundW := x, y, true, true
	if by {
		v, foundV = weights[x]
		w, foundW = weights[y]
	}
	switch {
	case !alpha:
		a, b := asDouble(v), asDouble(w)
		return cmp.Or(cmp.Compare(a, b), strings.Compare(x, y))
	case !foundV || !foundW:
		return cmp.Compare(oneIf(foundV), oneIf(foundW))
	case stores:
		return strings.Compare(v, w)
	}
	v, _, _ = strings.Cut(v, "\x00")
	w, _, _ = strings.Cut(w, "\x00")
	return strings.Compare(v, w)
}

func asDouble(text string) float64 {
	text, _, _ = strings.Cut(text, "\x00")
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && text != "" {
		panic(err)
	}
	return f
}

// rendered is a list as a test sees it in a reply.
func rendered(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, " ") + "]"
}

// TestPlainNumbers: what is read quickly is read as by whoever takes the time.
func TestPlainNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	plain := 0
	for range 100_000 {
		text := []byte(strconv.FormatUint(rng.Uint64()>>rng.IntN(64), 10))
		if rng.IntN(2) == 0 {
			text = slices.Insert(text, rng.IntN(len(text)+1), '.')
		}
		if rng.IntN(3) == 0 {
			text = append([]byte("-"), text...)
		}
		if rng.IntN(10) == 0 {
			text = slices.Insert(text, rng.IntN(len(text)+1), "+-. exE\x000"[rng.IntN(9)])
		}
		f, ok := plainNumber(text)
		if !ok {
			continue
		}
		plain++
		want, ok := resp.ParseFloat(text)
		if !ok || math.Float64bits(f) != math.Float64bits(want) {
			t.Fatalf("%q is %v, not %v", text, f, want)
		}
	}
	if plain < 50_000 {
		t.Fatalf("only %d of these numbers are plain", plain)
	}
}

// BenchmarkSort is SORT of 100,000 elements.
func BenchmarkSort(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	e := newTestEnv(b)
	var members bytes.Buffer
	for _, i := range rng.Perm(100_000) {
		members.Reset()
		fmt.Fprint(&members, i)
		e.Store.DB(0).SetAdd([]byte("set"), members.Bytes())
	}
	for _, words := range [][]string{{"SORT", "set"}, {"SORT", "set", "ALPHA"}, {"SORT", "set", "LIMIT", "0", "10"}} {
		b.Run(strings.Join(words, " "), func(b *testing.B) {
			args := byteArgs(words)
			for range b.N {
				e.Execute(e.c, args)
				e.c.S.W.Buf = e.c.S.W.Buf[:0]
			}
		})
	}
}
