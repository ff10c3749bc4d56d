package command

import (
	"bytes"
	"math/big"
)

// longDouble is C's long double on x86, in which Redis calculates INCRBYFLOAT: 64 bits of mantissa, 15 of exponent. Its
// denormal numbers are not told apart: all of them print as 0 with the 17 decimals that a result has.
// The zero value is 0.
type longDouble struct{ f big.Float }

const (
	longDoubleBits   = 64
	longDoubleMaxExp = 16384  // anything from 2^16384 on is infinite
	longDoubleMinExp = -16446 // anything up to 2^-16446 rounds to 0

	maxLongDoubleText = 5 * 1024
	// Decimal exponents beyond these need no arithmetic: the number is infinite or 0.
	maxDecimalExp, minDecimalExp = 4940, -4970
)

// parseLongDouble reads what C's strtold reads to the last byte: decimal, hexadecimal, inf; but no blanks, not NaN, and
// nothing that is out of range.
func parseLongDouble(b []byte) (longDouble, bool) {
	if len(b) == 0 || len(b) >= maxLongDoubleText {
		return longDouble{}, false
	}
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	var d longDouble
	var ok bool
	switch {
	case equalWord(b, "inf") || equalWord(b, "infinity"):
		d.f.SetInf(negative)
		return d, true
	case len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x':
		d, ok = parseDigits(b[2:], 16, 'p')
	default:
		d, ok = parseDigits(b, 10, 'e')
	}
	if negative {
		d.f.Neg(&d.f)
	}
	return d, ok
}

func equalWord(b []byte, word string) bool {
	return len(b) == len(word) && bytes.EqualFold(b, []byte(word))
}

// parseDigits reads digits with a point and an exponent after the letter.
func parseDigits(b []byte, base int, letter byte) (d longDouble, ok bool) {
	digits := make([]byte, 0, len(b))
	exp, seen, point := 0, false, false
	i := 0
scan:
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '.' && !point:
			point = true
		case c >= '0' && c <= '9', base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f':
			seen = true
			if point {
				exp--
			}
			if len(digits) > 0 || c != '0' {
				digits = append(digits, c)
			}
		default:
			break scan
		}
	}
	if !seen {
		return d, false
	}
	if base == 16 {
		exp *= 4
	}
	if i < len(b) {
		e, ok := parseExponent(b[i:], letter)
		if !ok {
			return d, false
		}
		exp += e
	}
	if len(digits) == 0 {
		return d, true
	}
	if base == 16 {
		return fromHex(digits, exp)
	}
	return fromDecimal(digits, exp)
}

// parseExponent reads e+12; numbers beyond any range are cut off where they can't be told apart any more.
func parseExponent(b []byte, letter byte) (int, bool) {
	if b[0]|0x20 != letter {
		return 0, false
	}
	b = b[1:]
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n < 1e6 {
			n = n*10 + int(c-'0')
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

func fromHex(digits []byte, exp int) (d longDouble, ok bool) {
	n, _ := new(big.Int).SetString(string(digits), 16)
	d.f.SetPrec(longDoubleBits).SetInt(n)
	d.f.SetMantExp(&d.f, exp)
	return d, d.inRange()
}

func fromDecimal(digits []byte, exp int) (d longDouble, ok bool) {
	if top := len(digits) + exp; top > maxDecimalExp || top < minDecimalExp {
		return d, false
	}
	n, _ := new(big.Int).SetString(string(digits), 10)
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	// SetRat and SetInt round once, correctly; parsing as a Float may not.
	if d.f.SetPrec(longDoubleBits); exp < 0 {
		d.f.SetRat(new(big.Rat).SetFrac(n, ten))
	} else {
		d.f.SetInt(n.Mul(n, ten))
	}
	return d, d.inRange()
}

// inRange reports whether a number that isn't 0 stays finite and different from 0 as a long double.
func (d *longDouble) inRange() bool {
	exp := d.f.MantExp(nil) // the mantissa is in [0.5, 1)
	if exp == longDoubleMinExp+1 {
		var least big.Float
		return new(big.Float).Abs(&d.f).Cmp(least.SetMantExp(big.NewFloat(1), longDoubleMinExp)) > 0
	}
	return exp > longDoubleMinExp && exp <= longDoubleMaxExp
}

// add answers the sum; false when that isn't a finite number.
func (d *longDouble) add(e longDouble) (sum longDouble, ok bool) {
	if d.f.IsInf() || e.f.IsInf() {
		return sum, false
	}
	sum.f.SetPrec(longDoubleBits).Add(&d.f, &e.f)
	return sum, sum.f.MantExp(nil) <= longDoubleMaxExp
}

// appendText appends the number with up to 17 decimals and no exponent.
func (d *longDouble) appendText(buf []byte) []byte {
	start := len(buf)
	buf = d.f.Append(buf, 'f', 17)
	buf = bytes.TrimRight(buf, "0") // there is always a point, so only decimals go
	buf = bytes.TrimSuffix(buf, []byte("."))
	if string(buf[start:]) == "-0" {
		return append(buf[:start], '0')
	}
	return buf
}
