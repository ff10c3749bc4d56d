package listpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// An intset is the width of its integers (4 bytes: 2, 4 or 8), their number (4 bytes) and the integers in order, all
// little-endian. The width grows with the first integer that needs it and never shrinks.
const intsetHeader = 8

// IntsetNew returns an empty intset.
func IntsetNew() []byte { return []byte{2, 0, 0, 0, 0, 0, 0, 0} }

// IntsetLen is the number of integers.
func IntsetLen(is []byte) int { return int(binary.LittleEndian.Uint32(is[4:])) }

// IntsetAt returns the integer with that index.
func IntsetAt(is []byte, i int) int64 { return intAt(is, i, intsetWidth(is)) }

func intsetWidth(is []byte) int { return int(is[0]) }

func intAt(is []byte, i, width int) int64 {
	p := is[intsetHeader+i*width:]
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(p)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(p)))
	}
	return int64(binary.LittleEndian.Uint64(p))
}

func putIntAt(is []byte, i, width int, v int64) {
	p := is[intsetHeader+i*width:]
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	default:
		binary.LittleEndian.PutUint64(p, uint64(v))
	}
}

func widthOf(v int64) int {
	switch {
	case v >= math.MinInt16 && v <= math.MaxInt16:
		return 2
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return 4
	}
	return 8
}

// IntsetFind returns the index of v, or, if it is not there, the index that it would have.
func IntsetFind(is []byte, v int64) (index int, found bool) {
	width := intsetWidth(is)
	low, high := 0, IntsetLen(is)
	for low < high {
		mid := int(uint(low+high) / 2)
		switch at := intAt(is, mid, width); {
		case at == v:
			return mid, true
		case at < v:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

// IntsetInsert adds v and tells whether it was not there before.
func IntsetInsert(is []byte, v int64) ([]byte, bool) {
	if widthOf(v) > intsetWidth(is) {
		is = widen(is, widthOf(v))
	}
	index, found := IntsetFind(is, v)
	if found {
		return is, false
	}
	width := intsetWidth(is)
	at, old := intsetHeader+index*width, len(is)
	is = slices.Grow(is, width)[:old+width]
	copy(is[at+width:], is[at:old])
	putIntAt(is, index, width, v)
	setIntsetLen(is, IntsetLen(is)+1)
	return is, true
}

// IntsetDelete removes v and tells whether it was there.
func IntsetDelete(is []byte, v int64) ([]byte, bool) {
	index, found := IntsetFind(is, v)
	if !found {
		return is, false
	}
	width := intsetWidth(is)
	is = slices.Delete(is, intsetHeader+index*width, intsetHeader+(index+1)*width)
	setIntsetLen(is, IntsetLen(is)-1)
	return is, true
}

func setIntsetLen(is []byte, n int) { binary.LittleEndian.PutUint32(is[4:], uint32(n)) }

// widen gives the integers more bytes each, from the last to the first, so that none is overwritten before it was
// moved.
func widen(is []byte, width int) []byte {
	was, n := intsetWidth(is), IntsetLen(is)
	is = slices.Grow(is, n*(width-was))[:intsetHeader+n*width]
	for i := n - 1; i >= 0; i-- {
		putIntAt(is, i, width, intAt(is, i, was))
	}
	is[0] = byte(width)
	return is
}

// IntsetValidate tells whether is is an intset; deep, also that its integers stand in order, each once.
func IntsetValidate(is []byte, deep bool) error {
	if len(is) < intsetHeader {
		return errors.New("intset: shorter than its header")
	}
	width, n := binary.LittleEndian.Uint32(is), binary.LittleEndian.Uint32(is[4:])
	if width != 2 && width != 4 && width != 8 {
		return fmt.Errorf("intset: integers of %d bytes", width)
	}
	if uint64(len(is)) != intsetHeader+uint64(width)*uint64(n) {
		return fmt.Errorf("intset: %d bytes for %d integers of %d bytes", len(is), n, width)
	}
	for i := 1; deep && i < int(n); i++ {
		if IntsetAt(is, i-1) >= IntsetAt(is, i) {
			return fmt.Errorf("intset: the integer %d is out of order", i)
		}
	}
	return nil
}
