package resp

import (
	"bytes"
	"math"
	"strconv"
)

// ParseInt reads a signed 64 bit decimal as Redis does: no blanks, no plus sign, no leading zeros, no "-0".
func ParseInt(b []byte) (int64, bool) {
	digits := b
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64 // 19 digits fit
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if negative {
		return int64(-n), n <= 1<<63
	}
	return int64(n), n <= math.MaxInt64
}

// ParseFloat reads a double as Redis does, which is C's strtod on the whole text without blanks around it: decimal or
// hexadecimal, "inf", "infinity", but not NaN and nothing too large or too small for a double.
func ParseFloat(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) >= maxFloatText || bytes.IndexByte(b, '_') >= 0 {
		return 0, false
	}
	s := string(b)
	hex := len(bytes.TrimLeft(b, "+-0")) < len(b) && bytes.ContainsAny(b, "xX")
	if hex && !bytes.ContainsAny(b, "pP") {
		s += "p0" // strconv demands the exponent, strtod does not
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	if f == 0 && !zeroText(b, hex) {
		return 0, false // an underflow
	}
	return f, true
}

// maxFloatText is longer than any number a client has reason to send.
const maxFloatText = 5 * 1024

// zeroText says whether the digits of a number are all 0.
func zeroText(b []byte, hex bool) bool {
	for _, c := range b {
		switch {
		case !hex && c|0x20 == 'e', hex && c|0x20 == 'p':
			return true
		case c >= '1' && c <= '9', hex && c|0x20 >= 'a' && c|0x20 <= 'f':
			return false
		}
	}
	return true
}

// AppendDouble appends f as Redis 7.0 prints doubles: C's "%.17g", and "inf", "-inf", "nan".
func AppendDouble(buf []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(buf, "inf"...)
	case math.IsInf(f, -1):
		return append(buf, "-inf"...)
	case math.IsNaN(f):
		return append(buf, "nan"...)
	}
	if i := int64(f); float64(i) == f && i > -1e15 && i < 1e15 && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(buf, i, 10) // the same text, faster
	}
	return strconv.AppendFloat(buf, f, 'g', 17, 64)
}
