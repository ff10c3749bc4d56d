package listpack

import (
	"encoding/binary"
	"slices"
)

// A bare element is one without its back length: what is only walked through forwards needs none. It is as canonical as
// an element of a listpack, so that two of them are equal if their bytes are.

// AppendBare appends val as a bare element.
func AppendBare(dst, val []byte) []byte {
	if n := len(val); n > 0 && n < 1<<6 && val[0] > '9' { // what most are: a short text that is no number
		return append(append(dst, tagStr6|byte(n)), val...)
	}
	s := shapeOf(val)
	at := len(dst)
	dst = slices.Grow(dst, s.size)[:at+s.size]
	s.putBare(dst[at:], val)
	return dst
}

// SizeOfBare is how many bytes a bare element takes in a listpack.
func SizeOfBare(size int) int { return size + backSize(size) }

// SizeOfInt is how many bytes n takes in a listpack.
func SizeOfInt(n int64) int { return SizeOfBare(intSize(n)) }

// SkipBare is how many bytes the bare element that p begins with takes.
func SkipBare(p []byte) int {
	b := p[0]
	if b < maskUint7 {
		return 1
	}
	if b < tagInt13 {
		return 1 + int(b&^maskStr6)
	}
	return sizeAt(p)
}

// ReadBare returns the bare element that p begins with, as Read does, and how many bytes it takes.
func ReadBare(p []byte) (s []byte, n int64, size int) {
	if b := p[0]; b&maskStr6 == tagStr6 {
		size = 1 + int(b&^maskStr6)
		return p[1:size:size], 0, size
	}
	s, n = Read(p, 0)
	if s != nil {
		head, length, _ := headAt(p)
		return s, 0, head + length
	}
	return nil, n, intSizeAt(p)
}

// intSizeAt is how many bytes the integer that p begins with takes.
func intSizeAt(p []byte) int {
	head, _, _ := headAt(p)
	return head
}

// AppendFromBare puts the bare element that p begins with at the end of the elements of a listpack that is being made,
// and returns what follows it. They stand behind Begin, and End makes a listpack of them.
func AppendFromBare(dst, p []byte) (elements, rest []byte) {
	size := SkipBare(p)
	dst = append(dst, p[:size]...)
	return appendBack(dst, size), p[size:]
}

// AppendIntElement puts n at the end of such elements.
func AppendIntElement(dst []byte, n int64) []byte {
	size := intSize(n)
	at := len(dst)
	dst = slices.Grow(dst, size)[:at+size]
	putInt(dst[at:], n)
	return appendBack(dst, size)
}

func appendBack(dst []byte, size int) []byte {
	if size <= 127 {
		return append(dst, byte(size))
	}
	var back [5]byte
	putBack(back[:], size)
	return append(dst, back[:backSize(size)]...)
}

// Begin begins a listpack in the memory of dst. Elements are appended to it with AppendFromBare and AppendIntElement.
func Begin(dst []byte) []byte { return append(dst[:0], 0, 0, 0, 0, 0, 0) }

// End makes a listpack of what was begun and has that many elements.
func End(lp []byte, elements int) []byte {
	lp = append(lp, tagEnd)
	binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
	setCount(lp, elements)
	return lp
}

// putBare writes an element of that shape, without its back length.
func (s shape) putBare(dst, val []byte) {
	if s.isInt {
		putInt(dst, s.n)
		return
	}
	putString(dst, val)
}
