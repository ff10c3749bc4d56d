package lua

import (
	"math"
	"strconv"
)

// appendNumber writes a number as C's %.14g does.
func appendNumber(b []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && i > -1e14 && i < 1e14 && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, i, 10)
	}
	if math.IsInf(f, 0) || f != f {
		return appendSpecial(b, f)
	}
	return strconv.AppendFloat(b, f, 'g', 14, 64)
}

// AppendNumber writes a number as C's %.*g does.
func AppendNumber(b []byte, f float64, precision int) []byte {
	switch {
	case precision == 14:
		return appendNumber(b, f)
	case math.IsInf(f, 0) || f != f:
		return appendSpecial(b, f)
	}
	return strconv.AppendFloat(b, f, 'g', max(precision, 1), 64)
}

func appendSpecial(b []byte, f float64) []byte {
	if math.Signbit(f) {
		b = append(b, '-')
	}
	if f != f {
		return append(b, "nan"...)
	}
	return append(b, "inf"...)
}

func formatNumber(f float64) string {
	var b [32]byte
	return string(appendNumber(b[:0], f))
}

// toNumber is the number that a value is or, as a string, reads as.
func toNumber(v *Value) (float64, bool) {
	switch {
	case v.isNum():
		return v.num(), true
	case v.isStr():
		return parseNumber(v.str())
	}
	return 0, false
}

// number is toNumber for what a script gave: reading a long string takes steps.
func (l *State) number(v *Value) (float64, bool) {
	if v.isStr() {
		l.textSteps(v.strLen(), 5)
	}
	return toNumber(v)
}

// toInteger cuts a number off as C does on common machines: what doesn't fit becomes the smallest integer.
func toInteger(f float64) int64 {
	if f >= -0x1p63 && f < 0x1p63 {
		return int64(f)
	}
	return math.MinInt64
}

// parseNumber reads a number as C's strtod does, with spaces around it. Like there, a zero byte ends the string.
func parseNumber(s string) (float64, bool) {
	i := 0
	for i < len(s) && isSpace(int(s[i])) {
		i++
	}
	j := i
	for j < len(s) && !isSpace(int(s[j])) && s[j] != 0 {
		j++
	}
	for k := j; k < len(s) && s[k] != 0; k++ {
		if !isSpace(int(s[k])) {
			return 0, false
		}
	}
	return parseDigits(s[i:j])
}

func parseDigits(s string) (float64, bool) {
	if n := len(s); n > 0 && n < 16 {
		// Most are short and whole.
		var x int64
		for i := 0; ; i++ {
			if i == n {
				return float64(x), true
			}
			if !isDigit(int(s[i])) {
				break
			}
			x = x*10 + int64(s[i]-'0')
		}
	}
	t := s
	if t != "" && (t[0] == '-' || t[0] == '+') {
		t = t[1:]
	}
	if t == "" {
		return 0, false
	}
	switch c := t[0] | 0x20; {
	case len(t) > 1 && t[0] == '0' && t[1]|0x20 == 'x':
		return parseHex(s, t[2:])
	case c == 'i' || c == 'n':
		return parseWord(s, t)
	}
	for i := range len(t) {
		if c := t[i]; !isDigit(int(c)) && c != '.' && c != 'e' && c != 'E' && c != '+' && c != '-' {
			return 0, false
		}
	}
	return rangeless(strconv.ParseFloat(s, 64))
}

// rangeless takes infinities and zeros for what is out of range.
func rangeless(f float64, err error) (float64, bool) {
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return f, true
	}
	return f, err == nil
}

func parseHex(s, digits string) (float64, bool) {
	hasP := false
	for i := range len(digits) {
		switch c := digits[i] | 0x20; {
		case c == 'p':
			hasP = true
		case digits[i] == '_':
			return 0, false
		}
	}
	if !hasP {
		s += "p0"
	}
	return rangeless(strconv.ParseFloat(s, 64))
}

func parseWord(s, word string) (float64, bool) {
	lower := []byte(word)
	for i := range lower {
		lower[i] |= 0x20
	}
	f := 0.0
	switch string(lower) {
	case "inf", "infinity":
		f = math.Inf(1)
	case "nan":
		f = math.Float64frombits(0x7FF8000000000000)
	default:
		return 0, false
	}
	if s[0] == '-' {
		f = -f
	}
	return f, true
}
