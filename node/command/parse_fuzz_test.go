package command

import (
	"bytes"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"holdfast/resp"
)

// What C's strtod takes, but for NaN.
var (
	cBlanks  = regexp.MustCompile(`^[ \t\n\v\f\r]*`)
	cDecimal = regexp.MustCompile(`(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$`)
	cHex     = regexp.MustCompile(`(?i)^[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?[0-9]+)?$`)
	cInf     = regexp.MustCompile(`(?i)^[+-]?inf(inity)?$`)
	exponent = regexp.MustCompile(`(?i)[ep][+-]?0*([0-9]*)$`)
)

// modelNumber reads a number with math/big. rounded is false where that would take for ever: the caller knows no more
// than that it is one.
func modelNumber(text string, prec uint) (f *big.Float, isNumber, rounded bool) {
	switch {
	case cInf.MatchString(text):
		return new(big.Float).SetInf(text[0] == '-'), true, true
	case cDecimal.MatchString(text), cHex.MatchString(text):
	default:
		return nil, false, false
	}
	if m := exponent.FindStringSubmatch(text); cDecimal.MatchString(text) && m != nil && len(m[1]) > 3 ||
		len(text) > 200 {
		return nil, true, false
	} else if cHex.MatchString(text) && regexp.MustCompile(`(?i)p[+-]?0*[0-9]{4,}$`).MatchString(text) {
		return nil, true, false
	}
	if cHex.MatchString(text) && !strings.ContainsAny(text, "pP") {
		text += "p0"
	}
	f, _, err := big.ParseFloat(text, 0, prec, big.ToNearestEven)
	return f, err == nil, true
}

// FuzzScoreBound holds the ends of a range of scores beside arithmetic without rounding.
func FuzzScoreBound(f *testing.F) {
	for _, s := range fuzzValues {
		f.Add([]byte(s))
	}
	f.Add([]byte("( \t1e-5"))
	f.Add([]byte("0x.8p1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		score, ex, ok := parseScoreBound(b)
		text, open := strings.CutPrefix(string(b), "(")
		text, _, _ = strings.Cut(text, "\x00")
		if ex != open {
			t.Fatalf("%q: excluded %v", b, ex)
		}
		if text == "" {
			if score != 0 || !ok {
				t.Fatalf("%q: %v %v, nothing is 0", b, score, ok)
			}
			return
		}
		want, isNumber, rounded := modelNumber(cBlanks.ReplaceAllString(text, ""), 2000)
		if ok != isNumber || math.IsNaN(score) {
			t.Fatalf("%q: %v %v, a number: %v", b, score, ok, isNumber)
		}
		if !rounded {
			return
		}
		if w, _ := want.Float64(); w != score {
			t.Fatalf("%q: %v instead of %v", b, score, w)
		}
	})
}

// FuzzLongDouble holds what INCRBYFLOAT calculates with beside arithmetic that rounds once.
func FuzzLongDouble(f *testing.F) {
	for _, s := range fuzzValues {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parseLongDouble(b)
		want, isNumber, rounded := modelNumber(string(b), longDoubleBits)
		if isNumber && !rounded {
			return // it may be out of range
		}
		if ok != isNumber {
			t.Fatalf("%q: %v, a number: %v", b, ok, isNumber)
		}
		if ok && got.f.Cmp(want) != 0 {
			t.Fatalf("%q: %v instead of %v", b, got.f.Text('p', 0), want.Text('p', 0))
		}
	})
}

// FuzzLexBound: a bound is what it was written as.
func FuzzLexBound(f *testing.F) {
	for _, s := range fuzzValues {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bound, ok := parseLexBound(b)
		var again string
		switch {
		case !ok:
			if len(b) > 0 && (b[0] == '(' || b[0] == '[') || string(b) == "-" || string(b) == "+" {
				t.Fatalf("%q is refused", b)
			}
			return
		case bound.Infinite != 0:
			again = string("-?+"[bound.Infinite+1])
			if text := cText(b); text != again {
				t.Fatalf("%q became %q", b, again)
			}
			return
		case bound.Ex:
			again = "(" + string(bound.Member)
		default:
			again = "[" + string(bound.Member)
		}
		if again != string(b) {
			t.Fatalf("%q became %q", b, again)
		}
	})
}

// FuzzCursor holds SCAN's cursors beside numbers of any size.
func FuzzCursor(f *testing.F) {
	for _, s := range fuzzValues {
		f.Add([]byte(s))
	}
	whole := regexp.MustCompile(`^[+-]?[0-9]+$`)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseCursor(b)
		text, _, _ := strings.Cut(string(b), "\x00")
		if text == "" {
			text = "0"
		}
		n, _ := new(big.Int).SetString(strings.TrimPrefix(text, "+"), 10)
		if ok := whole.MatchString(text) && n != nil && n.BitLen() <= 64; ok != (err == nil) {
			t.Fatalf("%q: %v", b, err)
		}
		if err == nil && n.Mod(n, new(big.Int).Lsh(big.NewInt(1), 64)).Uint64() != got {
			t.Fatalf("%q: %d instead of %d", b, got, n)
		}
	})
}

// FuzzSortPattern: the key that a pattern names is the pattern with the element in the place of its star.
func FuzzSortPattern(f *testing.F) {
	for _, s := range []string{"#", "*", "w_*", "w_*->f", "*->", "->*", "a*b*->c->d", "\x00*", "*\x00->f"} {
		f.Add([]byte(s), []byte("e"))
	}
	f.Fuzz(func(t *testing.T, pattern, element []byte) {
		e, _ := newPlacedEnv(t)
		c := e.client()
		p := parseSortPattern(pattern)
		text, _, _ := strings.Cut(string(pattern), "\x00")
		star := strings.Contains(text, "*")
		if p.element != (text == "#") || p.found != star {
			t.Fatalf("%q: %+v", pattern, p)
		}
		if !star {
			return
		}
		key, field := strings.Replace(string(pattern), "*", string(element), 1), ""
		at := strings.Index(text, "*")
		if arrow := strings.Index(text[at:], "->"); arrow >= 0 && at+arrow+2 < len(text) {
			field = string(pattern[at+arrow+2:])
			key = strings.Replace(string(pattern[:at+arrow]), "*", string(element), 1)
		}
		c.S.DB = 0
		set := []string{"set", key, "value"}
		if field != "" {
			set = []string{"hset", key, field, "value"}
		}
		c.Now = e.now
		e.Execute(c, byteArgs(set))
		if got, found := c.lookUp(&p, element); !found || string(got) != "value" {
			t.Fatalf("%q of %q: %q %v, it was set by %q", pattern, element, got, found, set)
		}
	})
}

// FuzzFieldType: the types of BITFIELD are the letters i and u with a width.
func FuzzFieldType(f *testing.F) {
	for _, s := range fuzzValues {
		f.Add([]byte(s), []byte("0"))
	}
	f.Add([]byte("u8"), []byte("#3"))
	known := map[string]int{}
	for width := 1; width <= 64; width++ {
		known["i"+big.NewInt(int64(width)).String()] = width
		if width < 64 {
			known["u"+big.NewInt(int64(width)).String()] = width
		}
	}
	f.Fuzz(func(t *testing.T, typ, offset []byte) {
		e, _ := newPlacedEnv(t)
		ops, err := e.client().parseFieldOps([][]byte{[]byte("get"), typ, offset})
		text, _, _ := strings.Cut(string(typ), "\x00")
		width, ok := known[text]
		digits, hash := strings.CutPrefix(string(offset), "#")
		at, isInt := resp.ParseInt([]byte(digits))
		if hash && isInt && (at > math.MaxInt64/64 || at < 0) {
			isInt = false
		} else if hash {
			at *= int64(width)
		}
		ok = ok && isInt && at >= 0 && at <= 8*(512<<20)-int64(width)
		if ok != (err == nil) {
			t.Fatalf("%q %q: %v", typ, offset, err)
		}
		if err == nil && (ops[0].width != width || ops[0].signed != (text[0] == 'i') || ops[0].offset != at) {
			t.Fatalf("%q %q: %+v", typ, offset, ops[0])
		}
	})
}

// FuzzLCS: what is answered is a subsequence of both, and as long as the longest one.
func FuzzLCS(f *testing.F) {
	f.Add([]byte("ohmytext"), []byte("mynewtext"))
	f.Add([]byte("aaaa"), []byte("aa"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 200 || len(b) > 200 {
			return
		}
		table := newLCSTable(a, b)
		got := table.common()
		for _, whole := range [][]byte{a, b} {
			rest := whole
			for _, x := range got {
				i := bytes.IndexByte(rest, x)
				if i < 0 {
					t.Fatalf("%q is no subsequence of %q", got, whole)
				}
				rest = rest[i+1:]
			}
		}
		best := make([]int, len(b)+1) // of what follows in a and in b
		for i := len(a) - 1; i >= 0; i-- {
			diagonal := 0
			for j := len(b) - 1; j >= 0; j-- {
				below := best[j]
				if best[j] = max(below, best[j+1]); a[i] == b[j] {
					best[j] = diagonal + 1
				}
				diagonal = below
			}
		}
		if len(got) != best[0] {
			t.Fatalf("%q of %q and %q, the longest has %d bytes", got, a, b, best[0])
		}
		table.runs(func(i, j, n int) {
			if !bytes.Equal(a[i:i+n], b[j:j+n]) {
				t.Fatalf("a run of %d at %d and %d of %q and %q", n, i, j, a, b)
			}
		})
	})
}
