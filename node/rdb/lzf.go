package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"holdfast/internal/bulk"
)

// LZF is a sequence of runs. A control byte below 32 says that so many bytes
// plus one follow as they are. Any other is a copy of earlier output: its upper
// 3 bits are the length minus 2, continued in the next byte if they are all
// set; its lower 5 bits and a further byte are the distance minus 1.
const (
	lzfMaxLiteral  = 32
	lzfMinCopy     = 3
	lzfMaxCopy     = 264
	lzfMaxDistance = 1 << 13
	lzfHashBits    = 14

	// lzfMaxGrowth bounds how much output a byte of input can make: 264 of 3.
	lzfMaxGrowth = lzfMaxCopy / 3
)

// lzf compresses. Its table is reused, so one belongs to one Writer.
type lzf struct {
	// seen is where a group of 3 bytes was met last, plus base. What is less than
	// base comes from an earlier string, and is too far away: so the table need not be cleared for each.
	seen [1 << lzfHashBits]uint32
	base uint32
}

// compress appends the compressed form of src to dst. It reports false if that
// would not be shorter than limit bytes. src has less than 4 GiB.
func (z *lzf) compress(dst, src []byte, limit int) ([]byte, bool) {
	if z.base == 0 || uint64(z.base)+uint64(len(src))+lzfMaxDistance > math.MaxUint32 {
		clear(z.seen[:])
		z.base = lzfMaxDistance + 1
	}
	base := z.base
	z.base += uint32(len(src)) + lzfMaxDistance
	start := len(dst)
	out, n := dst[:cap(dst)], start // of out so much was made
	literal := 0                    // where the run of uncompressed bytes begins
	for at := 0; at+lzfMinCopy < len(src); {
		until := min(at+lzfStride, len(src)-lzfMinCopy)
		// Room for all of the stride, so that it needs not be looked for each time.
		out = bulk.Grow(out[:n], lzfMost(until-literal)+lzfMaxCopy)
		out = out[:cap(out)]
		for {
			var before int
			if at, before = z.next(src, base, at, until); before < 0 {
				break
			}
			length := sameBytes(src, before, at, min(lzfMaxCopy, len(src)-at))
			if run := at - literal; run == 1 { // as most are
				out[n], out[n+1] = 0, src[literal]
				n += 2
			} else if run > 0 {
				n = putLiteral(out, n, src, literal, at)
			}
			distance := at - before - 1
			if length < 9 {
				out[n], out[n+1] = byte((length-2)<<5|distance>>8), byte(distance)
				n += 2
			} else {
				out[n], out[n+1], out[n+2] = byte(7<<5|distance>>8), byte(length-9), byte(distance)
				n += 3
			}
			if n-start >= limit {
				return out[:start], false
			}
			at += length
			literal = at
			// of what was copied only the end is remembered, as Redis does: all of it would take longer than to find it
			if at+6 <= len(src) {
				end := binary.LittleEndian.Uint64(src[at-2:])
				z.seen[lzfHash(uint32(end))] = base + uint32(at-2)
				z.seen[lzfHash(uint32(end>>8))] = base + uint32(at-1)
			}
		}
		whole := (at - literal) / lzfMaxLiteral * lzfMaxLiteral
		n = putLiteral(out, n, src, literal, literal+whole)
		literal += whole
	}
	out = bulk.Grow(out[:n], lzfMost(len(src)-literal))
	n = putLiteral(out[:cap(out)], n, src, literal, len(src))
	if n-start >= limit {
		return out[:start], false
	}
	return out[:n], true
}

// next finds the next group of src, from at to until, that stands not too far before it as well, and where it does;
// -1 if there is none. Until is at least a word before the end of src, and what is remembered is before at: it is read
// without looking at the bounds again, which would take a fifth of all the time.
func (z *lzf) next(src []byte, base uint32, at, until int) (group, before int) {
	seen := &z.seen
	p := unsafe.Pointer(unsafe.SliceData(src))
	for ; at < until; at++ {
		group := *(*uint32)(unsafe.Add(p, at))
		h := lzfHash(group)
		before := int(seen[h]) - int(base)
		seen[h] = base + uint32(at)
		if at-before <= lzfMaxDistance && (*(*uint32)(unsafe.Add(p, before))^group)<<8 == 0 {
			return at, before
		}
	}
	return at, -1
}

// lzfStride is how much of its input the compressor goes through before it looks for room again.
const lzfStride = 32 << 10

// lzfMost is the most that so many bytes become.
func lzfMost(size int) int { return size + size/lzfMaxLiteral + lzfMaxLiteral }

// putLiteral writes src[from:to] as it is to out from n on, where there is room for lzfMost bytes, and returns what is
// behind it.
func putLiteral(out []byte, n int, src []byte, from, to int) int {
	// Most are short: two words, of which what is too much is written over.
	if size := to - from; uint(size) <= 16 && from+16 <= len(src) {
		p := out[n : n+17]
		p[0] = byte(size - 1)
		*(*[16]byte)(p[1:]) = *(*[16]byte)(src[from:])
		if size == 0 {
			return n
		}
		return n + 1 + size
	}
	for from < to {
		size := min(to-from, lzfMaxLiteral)
		out[n] = byte(size - 1)
		n += 1 + copy(out[n+1:], src[from:from+size])
		from += size
	}
	return n
}

func lzfHash(group uint32) uint32 { return group << 8 * 2654435761 >> (32 - lzfHashBits) }

// sameBytes is how many bytes are the same from a and from b on, up to most of them, of which the first group is. From
// b, which is behind a, on there are that many.
func sameBytes(src []byte, a, b, most int) int {
	n := lzfMinCopy
	p := unsafe.Pointer(unsafe.SliceData(src))
	for ; n+8 <= most; n += 8 {
		if diff := *(*uint64)(unsafe.Add(p, a+n)) ^ *(*uint64)(unsafe.Add(p, b+n)); diff != 0 {
			// A loop, not a count of zeroes: the processor guesses where it ends, and goes on with what is behind.
			for ; byte(diff) == 0; diff >>= 8 {
				n++
			}
			return n
		}
	}
	for n < most && src[a+n] == src[b+n] {
		n++
	}
	return n
}

var errLZFCut = errors.New("compressed string ends in the middle of a run")

// lzfLen is how many bytes src stands for, found out without making them, if it is not cut off.
func lzfLen(src []byte) (n int) {
	for at := 0; at < len(src); {
		control := int(src[at])
		switch length := control >> 5; {
		case control < lzfMaxLiteral:
			n += control + 1
			at += control + 2
		case length < 7:
			n += length + 2
			at += 2
		default:
			n += length + 2
			if at+1 < len(src) {
				n += int(src[at+1])
			}
			at += 3
		}
	}
	return n
}

// lzfTrusted is up to how many bytes room is made for what a compressed string says to be, before it is looked at.
const lzfTrusted = 1 << 20

// lzfDecompress appends what src stands for to dst: exactly size bytes.
func lzfDecompress(dst, src []byte, size int) ([]byte, error) {
	if size > lzfTrusted {
		if n := lzfLen(src); n != size {
			return nil, fmt.Errorf("compressed string has %d bytes instead of %d", n, size)
		}
	}
	start := len(dst)
	dst = bulk.Grow(dst, size)
	out := dst[start : start+size]
	made := 0
	for at := 0; at < len(src); {
		control := int(src[at])
		at++
		if control < lzfMaxLiteral {
			n := control + 1
			if n <= 16 && at+16 <= len(src) && made+16 <= size { // what is too much is written over
				*(*[16]byte)(out[made:]) = *(*[16]byte)(src[at:])
			} else if at+n > len(src) {
				return nil, errLZFCut
			} else if made+n > size {
				return nil, fmt.Errorf("compressed string is longer than its %d bytes", size)
			} else {
				copy(out[made:made+n], src[at:])
			}
			made += n
			at += n
			continue
		}
		length := control >> 5
		if length == 7 {
			if at == len(src) {
				return nil, errLZFCut
			}
			length += int(src[at])
			at++
		}
		length += 2
		if at == len(src) {
			return nil, errLZFCut
		}
		distance := (control&31)<<8 + int(src[at]) + 1
		at++
		if distance > made {
			return nil, errors.New("compressed string refers to before its start")
		}
		if made+length > size {
			return nil, fmt.Errorf("compressed string is longer than its %d bytes", size)
		}
		if length <= min(16, distance) && made+16 <= size {
			*(*[16]byte)(out[made:]) = *(*[16]byte)(out[made-distance:])
			made += length
			continue
		}
		// Source and target may overlap, which repeats the source.
		for from, end := made-distance, made+length; made < end; {
			made += copy(out[made:end], out[from:made])
		}
	}
	if made != size {
		return nil, fmt.Errorf("compressed string has %d bytes instead of %d", made, size)
	}
	return dst[:start+size], nil
}
