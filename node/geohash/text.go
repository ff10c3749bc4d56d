package geohash

import (
	"bytes"
	"math"
	"strconv"
)

func appendUint(buf []byte, n uint64) []byte { return strconv.AppendUint(buf, n, 10) }

// appendFraction appends 17 digits behind a point, without zeroes at the end.
func appendFraction(buf []byte, digits uint64) []byte {
	if digits == 0 {
		return buf
	}
	var text [18]byte
	text[0] = '.'
	last := 0
	for i := len(text) - 1; i > 0; i-- {
		text[i] = '0' + byte(digits%10)
		if last == 0 && text[i] != '0' {
			last = i
		}
		digits /= 10
	}
	return append(buf, text[:last+1]...)
}

// appendTiny is AppendCoordinate for any number that is not negative.
func appendTiny(buf []byte, f float64) []byte {
	buf = strconv.AppendFloat(buf, f, 'f', 17, 64)
	return bytes.TrimSuffix(bytes.TrimRight(buf, "0"), []byte(".")) // there is always a point, so only decimals go
}

// AppendDistance appends a distance with four decimals. What is no number is written as Redis does, which takes it for
// the least integer.
func AppendDistance(buf []byte, d float64) []byte {
	n := AsInt(math.RoundToEven(d * 10000))
	u := uint64(n)
	if n < 0 {
		buf, u = append(buf, '-'), -u
	}
	buf = append(appendUint(buf, u/10000), '.')
	u = u%10000 + 10000
	at := len(buf)
	buf = appendUint(buf, u)
	return append(buf[:at], buf[at+1:]...) // without the 1 that keeps the zeroes
}
