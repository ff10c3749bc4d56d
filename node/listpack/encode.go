package listpack

import (
	"encoding/binary"
	"math"
	"strconv"

	"holdfast/internal/bulk"
)

// The first byte of an element tells what it is: a mask to apply and what must remain.
const (
	maskUint7 = 0x80 // 0xxxxxxx: an integer of 0 to 127
	tagStr6   = 0x80 // 10xxxxxx: a string of up to 63 bytes
	maskStr6  = 0xc0
	tagInt13  = 0xc0 // 110xxxxx and a byte: an integer of 13 bits
	maskInt13 = 0xe0
	tagStr12  = 0xe0 // 1110xxxx and a byte: a string of up to 4095 bytes
	maskStr12 = 0xf0
	tagStr32  = 0xf0 // a string, its length in 4 bytes
	tagInt16  = 0xf1
	tagInt24  = 0xf2
	tagInt32  = 0xf3
	tagInt64  = 0xf4
	tagEnd    = 0xff
)

// shape is how a value is stored: an integer or a string, with the bytes that stand before a string.
type shape struct {
	n     int64
	isInt bool
	size  int // of the element without its back length
}

func shapeOf(val []byte) shape {
	if n, ok := ParseInt(val); ok {
		return shape{n: n, isInt: true, size: intSize(n)}
	}
	return shape{size: stringHead(len(val)) + len(val)}
}

func intSize(n int64) int {
	switch {
	case n >= 0 && n <= 127:
		return 1
	case n >= -4096 && n <= 4095:
		return 2
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return 3
	case n >= -1<<23 && n < 1<<23:
		return 4
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return 5
	}
	return 9
}

// stringHead is the number of bytes before a string of n bytes.
func stringHead(n int) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<12:
		return 2
	}
	return 5
}

// backSize is the number of bytes that an element's back length takes. The edges are Redis's, off by one as they are.
func backSize(size int) int {
	switch {
	case size <= 127:
		return 1
	case size < 16383:
		return 2
	case size < 2097151:
		return 3
	case size < 268435455:
		return 4
	}
	return 5
}

// Size is how many bytes val takes as an element.
func Size(val []byte) int {
	s := shapeOf(val)
	return s.size + backSize(s.size)
}

// put writes an element of that shape to the start of dst, which has room for it.
func (s shape) put(dst, val []byte) {
	if s.isInt {
		putInt(dst, s.n)
	} else {
		putString(dst, val)
	}
	putBack(dst[s.size:], s.size)
}

func putString(dst, val []byte) {
	n := len(val)
	switch head := stringHead(n); head {
	case 1:
		dst[0] = tagStr6 | byte(n)
	case 2:
		dst[0], dst[1] = tagStr12|byte(n>>8), byte(n)
	default:
		dst[0] = tagStr32
		binary.LittleEndian.PutUint32(dst[1:], uint32(n))
	}
	bulk.Copy(dst[stringHead(n):], val)
}

func putInt(dst []byte, n int64) {
	switch intSize(n) {
	case 1:
		dst[0] = byte(n)
	case 2:
		dst[0], dst[1] = tagInt13|byte(n>>8)&0x1f, byte(n)
	case 3:
		dst[0] = tagInt16
		binary.LittleEndian.PutUint16(dst[1:], uint16(n))
	case 4:
		dst[0], dst[1], dst[2], dst[3] = tagInt24, byte(n), byte(n>>8), byte(n>>16)
	case 5:
		dst[0] = tagInt32
		binary.LittleEndian.PutUint32(dst[1:], uint32(n))
	default:
		dst[0] = tagInt64
		binary.LittleEndian.PutUint64(dst[1:], uint64(n))
	}
}

// putBack writes the back length: 7 bits a byte, to be read from its last byte on. All but the first byte have the
// upper bit set.
func putBack(dst []byte, size int) {
	for i := backSize(size) - 1; i > 0; i-- {
		dst[i] = byte(size) | 0x80
		size >>= 7
	}
	dst[0] = byte(size)
}

// ParseInt reads an integer in the one form that formatting it gives back: what listpacks and intsets keep as a number.
func ParseInt(s []byte) (int64, bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	digits, negative := s, false
	if s[0] == '-' {
		digits, negative = s[1:], true
	}
	if len(digits) == 1 && digits[0] == '0' {
		return 0, !negative
	}
	if len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' || u > (math.MaxUint64-9)/10 {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	if negative {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

func formatInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
