package listpack

import (
	"encoding/binary"
	"slices"
)

const (
	headerLen   = 6
	emptyLen    = headerLen + 1
	manyElement = 1<<16 - 1 // the count in the header says no more than "at least so many"
)

// MaxLen is how large a listpack may become, as in Redis. Callers take another form long before.
const MaxLen = 1 << 30

// Where says on which side of an element Insert puts the new one.
type Where bool

// The two sides.
const (
	Before Where = false
	After  Where = true
)

// New returns an empty listpack.
func New() []byte { return AppendNew(nil) }

// AppendNew appends an empty listpack to dst, which must be empty itself: for memory that is used again.
func AppendNew(dst []byte) []byte { return append(dst, emptyLen, 0, 0, 0, 0, 0, tagEnd) }

// Len is the number of elements. Beyond 65534 they are counted.
func Len(lp []byte) int {
	if n := count(lp); n < manyElement {
		return n
	}
	n := 0
	for at := First(lp); at >= 0; at = Next(lp, at) {
		n++
	}
	return n
}

func count(lp []byte) int { return int(binary.LittleEndian.Uint16(lp[4:])) }

func setCount(lp []byte, n int) { binary.LittleEndian.PutUint16(lp[4:], uint16(min(n, manyElement))) }

// First is the offset of the first element, -1 if there is none.
func First(lp []byte) int { return orNone(lp, headerLen) }

// Last is the offset of the last element, -1 if there is none.
func Last(lp []byte) int { return Prev(lp, len(lp)-1) }

// Next is the offset of the element after the one at at, -1 if that is the last.
func Next(lp []byte, at int) int { return orNone(lp, skip(lp, at)) }

// Prev is the offset of the element before the one at at, -1 if that is the first.
func Prev(lp []byte, at int) int {
	if at <= headerLen {
		return -1
	}
	size := backLen(lp[:at])
	return at - size - backSize(size)
}

func orNone(lp []byte, at int) int {
	if at >= len(lp)-1 {
		return -1
	}
	return at
}

// skip is the offset behind the element at at.
func skip(lp []byte, at int) int {
	if n := wholeSizes[lp[at]]; n > 0 {
		return at + int(n)
	}
	size := sizeAt(lp[at:])
	return at + size + backSize(size)
}

// wholeSizes are the bytes that elements take with their back length, by their first byte, where that is enough to
// tell.
var wholeSizes = func() (sizes [256]uint8) {
	for b := range sizes {
		p := [9]byte{byte(b)}
		if b := byte(b); b&maskStr12 != tagStr12 && b != tagStr32 {
			sizes[b] = uint8(sizeAt(p[:]) + 1)
		}
	}
	return sizes
}()

// backLen reads the back length that p ends with.
func backLen(p []byte) int {
	size, shift := 0, 0
	for i := len(p) - 1; ; i-- {
		size |= int(p[i]&0x7f) << shift
		if p[i]&0x80 == 0 || shift >= 28 || i == 0 {
			return size
		}
		shift += 7
	}
}

// At is the offset of the element with that index, counted from the end if it is negative; -1 if there is none.
func At(lp []byte, index int) int {
	n := count(lp)
	if n < manyElement {
		if index < -n || index >= n {
			return -1
		}
		if index >= 0 && index > n/2 {
			index -= n
		} else if index < -n/2-1 {
			index += n
		}
	}
	if index < 0 {
		at := Last(lp)
		for ; index < -1 && at >= 0; index++ {
			at = Prev(lp, at)
		}
		return at
	}
	at := First(lp)
	for ; index > 0 && at >= 0; index-- {
		at = Next(lp, at)
	}
	return at
}

// headAt tells what the element that p begins with is: an integer, or a string of n bytes behind head bytes.
func headAt(p []byte) (head, n int, isInt bool) {
	switch b := p[0]; {
	case b&maskUint7 == 0:
		return 1, 0, true
	case b&maskStr6 == tagStr6:
		return 1, int(b &^ maskStr6), false
	case b&maskInt13 == tagInt13:
		return 2, 0, true
	case b&maskStr12 == tagStr12:
		return 2, int(b&^maskStr12)<<8 | int(p[1]), false
	case b == tagStr32:
		return 5, int(binary.LittleEndian.Uint32(p[1:])), false
	case b == tagInt16:
		return 3, 0, true
	case b == tagInt24:
		return 4, 0, true
	case b == tagInt32:
		return 5, 0, true
	}
	return 9, 0, true
}

// sizeAt is how many bytes the element that p begins with takes without its back length.
func sizeAt(p []byte) int {
	head, n, _ := headAt(p)
	return head + n
}

// Read returns the element at at: its bytes, which lie in lp, or, if it is an integer, nil and the number.
func Read(lp []byte, at int) (s []byte, n int64) {
	p := lp[at:]
	head, length, isInt := headAt(p)
	if !isInt {
		return p[head : head+length : head+length], 0
	}
	switch head {
	case 1:
		return nil, int64(p[0])
	case 2:
		return nil, int64(p[0])<<59>>51 | int64(p[1])
	case 3:
		return nil, int64(int16(binary.LittleEndian.Uint16(p[1:])))
	case 4:
		return nil, int64(int32(uint32(p[1])<<8|uint32(p[2])<<16|uint32(p[3])<<24) >> 8)
	case 5:
		return nil, int64(int32(binary.LittleEndian.Uint32(p[1:])))
	}
	return nil, int64(binary.LittleEndian.Uint64(p[1:]))
}

// Get returns the element at at as text. An integer is written to the start of scratch, so that its text lasts as long
// as that; a string lies in lp.
func Get(lp []byte, at int, scratch []byte) []byte {
	s, n := Read(lp, at)
	if s == nil {
		return formatInt(scratch[:0], n)
	}
	return s
}

// Int returns the element at at if it is an integer.
func Int(lp []byte, at int) (int64, bool) {
	s, n := Read(lp, at)
	if s == nil {
		return n, true
	}
	return ParseInt(s)
}

// Find returns the offset of the first element equal to val, looking at the one at from and then at each after skipping
// skip others; -1 if there is none.
func Find(lp []byte, from int, val []byte, skipping int) int {
	want, canBeInt := ParseInt(val)
	small := -1 // what an element of one byte must be
	if canBeInt && want >= 0 && want < maskUint7 {
		small = int(want)
	}
	end := len(lp) - 1
	for at := from; at >= 0 && at < end; {
		b := lp[at]
		switch {
		case b&maskUint7 == 0:
			if int(b) == small {
				return at
			}
		case b&maskStr6 == tagStr6:
			if int(b&^maskStr6) == len(val) && string(lp[at+1:at+1+len(val)]) == string(val) {
				return at
			}
		default:
			if s, n := Read(lp, at); s == nil && canBeInt && n == want || s != nil && string(s) == string(val) {
				return at
			}
		}
		for i := 0; i <= skipping && at < end; i++ {
			// What skip does, by branches: they are foretold, where a table of sizes has each look wait for the one
			// before.
			switch b := lp[at]; {
			case b&maskUint7 == 0:
				at += 2
			case b&maskStr6 == tagStr6:
				at += 2 + int(b&^maskStr6)
			case b&maskInt13 == tagInt13:
				at += 3
			case b == tagInt16:
				at += 4
			case b == tagInt24:
				at += 5
			default:
				at = skip(lp, at)
			}
		}
	}
	return -1
}

// Insert puts val before or after the element at at. Before: the new one is at at then. After: it is at Next.
func Insert(lp []byte, at int, val []byte, where Where) []byte {
	if where == After {
		at = skip(lp, at)
	}
	return splice(lp, at, at, shapeOf(val), val, 1)
}

// Append puts val at the end.
func Append(lp, val []byte) []byte {
	end := len(lp) - 1
	return splice(lp, end, end, shapeOf(val), val, 1)
}

// AppendInt puts n at the end, as Append does with its text.
func AppendInt(lp []byte, n int64) []byte {
	end := len(lp) - 1
	return splice(lp, end, end, shape{n: n, isInt: true, size: intSize(n)}, nil, 1)
}

// PrependInto puts val at the front of the listpack that begins at lead of a block, into the room before it, so that no
// other element moves. There must be Size(val) bytes of it. The listpack begins at what it returns.
func PrependInto(block []byte, lead int, val []byte) int {
	s := shapeOf(val)
	size := s.size + backSize(s.size)
	n := count(block[lead:])
	lp := block[lead-size:]
	s.put(lp[headerLen:], val)
	setCount(lp, n)
	settle(lp, 1)
	return lead - size
}

// DropFirst removes the first n elements of at least so many. No other element moves: the listpack that is left is the
// end of lp.
func DropFirst(lp []byte, n int) []byte {
	to := headerLen
	for range n {
		to = skip(lp, to)
	}
	total := count(lp)
	lp = lp[to-headerLen:]
	setCount(lp, total)
	settle(lp, -n)
	return lp
}

// Replace puts val in the place of the element at at.
func Replace(lp []byte, at int, val []byte) []byte {
	return splice(lp, at, skip(lp, at), shapeOf(val), val, 0)
}

// Delete removes up to count elements from the one at at on. What followed them is at at then: if that is still less
// than len(lp)-1 there is such an element.
func Delete(lp []byte, at, count int) []byte {
	to, gone := at, 0
	for ; gone < count && to < len(lp)-1; gone++ {
		to = skip(lp, to)
	}
	lp = slices.Delete(lp, at, to)
	settle(lp, -gone)
	return lp
}

// DeleteFunc removes the elements of which gone says so, in one pass.
func DeleteFunc(lp []byte, gone func(at int) bool) []byte {
	to, removed, end := headerLen, 0, len(lp)-1
	for at := headerLen; at < end; {
		next := skip(lp, at)
		if gone(at) {
			removed++
		} else {
			to += copy(lp[to:], lp[at:next])
		}
		at = next
	}
	lp[to] = tagEnd
	lp = lp[:to+1]
	settle(lp, -removed)
	return lp
}

// splice replaces lp[from:to] by an element; more is by how many elements lp grows.
func splice(lp []byte, from, to int, s shape, val []byte, more int) []byte {
	size := s.size + backSize(s.size)
	old := len(lp)
	if grown := size - (to - from); grown > 0 {
		lp = slices.Grow(lp, grown)[:old+grown]
		copy(lp[from+size:], lp[to:old])
	} else {
		copy(lp[from+size:], lp[to:old])
		lp = lp[:old+grown]
	}
	s.put(lp[from:], val)
	settle(lp, more)
	return lp
}

// settle brings the header up to date.
func settle(lp []byte, more int) {
	binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
	if n := count(lp); n < manyElement {
		setCount(lp, n+more)
	}
}
