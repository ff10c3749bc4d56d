package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
	// base comes from an earlier string: so the table need not be cleared for each.
	seen [1 << lzfHashBits]uint32
	base uint32
}

// compress appends the compressed form of src to dst. It reports false if that
// would not be shorter than limit bytes. src has less than 4 GiB.
func (z *lzf) compress(dst, src []byte, limit int) ([]byte, bool) {
	if z.base == 0 || uint64(z.base)+uint64(len(src)) > math.MaxUint32 {
		clear(z.seen[:])
		z.base = 1
	}
	base := z.base
	z.base += uint32(len(src))
	start := len(dst)
	literal := 0 // where the run of uncompressed bytes begins
	at := 0
	for at+lzfMinCopy < len(src) {
		h := lzfHash(src[at:])
		before := int(z.seen[h]) - int(base)
		z.seen[h] = base + uint32(at)
		if before < 0 || at-before > lzfMaxDistance || !sameGroup(src, before, at) {
			at++
			continue
		}
		length := lzfMinCopy
		for longest := min(lzfMaxCopy, len(src)-at); length < longest && src[before+length] == src[at+length]; {
			length++
		}
		dst = appendLiteral(dst, src[literal:at])
		dst = appendCopy(dst, at-before, length)
		if len(dst)-start >= limit {
			return dst[:start], false
		}
		for end := at + length; at < end; at++ {
			if at+lzfMinCopy < len(src) {
				z.seen[lzfHash(src[at:])] = base + uint32(at)
			}
		}
		literal = at
	}
	dst = appendLiteral(dst, src[literal:])
	if len(dst)-start >= limit {
		return dst[:start], false
	}
	return dst, true
}

func lzfHash(p []byte) uint32 {
	group := binary.LittleEndian.Uint32(p[:4]) << 8
	return group * 2654435761 >> (32 - lzfHashBits)
}

func sameGroup(src []byte, a, b int) bool {
	return src[a] == src[b] && src[a+1] == src[b+1] && src[a+2] == src[b+2]
}

func appendLiteral(dst, run []byte) []byte {
	for len(run) > 0 {
		n := min(len(run), lzfMaxLiteral)
		dst = append(dst, byte(n-1))
		dst = append(dst, run[:n]...)
		run = run[n:]
	}
	return dst
}

func appendCopy(dst []byte, distance, length int) []byte {
	distance--
	length -= 2
	if length < 7 {
		return append(dst, byte(length<<5|distance>>8), byte(distance))
	}
	return append(dst, byte(7<<5|distance>>8), byte(length-7), byte(distance))
}

var errLZFCut = errors.New("compressed string ends in the middle of a run")

// lzfDecompress appends what src stands for to dst: exactly size bytes.
func lzfDecompress(dst, src []byte, size int) ([]byte, error) {
	start := len(dst)
	for len(src) > 0 {
		control := int(src[0])
		src = src[1:]
		if control < lzfMaxLiteral {
			n := control + 1
			if n > len(src) {
				return nil, errLZFCut
			}
			if len(dst)-start+n > size {
				return nil, fmt.Errorf("compressed string is longer than its %d bytes", size)
			}
			dst = append(dst, src[:n]...)
			src = src[n:]
			continue
		}
		length := control >> 5
		if length == 7 {
			if len(src) == 0 {
				return nil, errLZFCut
			}
			length += int(src[0])
			src = src[1:]
		}
		length += 2
		if len(src) == 0 {
			return nil, errLZFCut
		}
		distance := (control&31)<<8 + int(src[0]) + 1
		src = src[1:]
		if distance > len(dst)-start {
			return nil, errors.New("compressed string refers to before its start")
		}
		if len(dst)-start+length > size {
			return nil, fmt.Errorf("compressed string is longer than its %d bytes", size)
		}
		// Source and target may overlap, which repeats the source.
		for from := len(dst) - distance; length > 0; {
			n := min(length, len(dst)-from)
			dst = append(dst, dst[from:from+n]...)
			length -= n
		}
	}
	if len(dst)-start != size {
		return nil, fmt.Errorf("compressed string has %d bytes instead of %d", len(dst)-start, size)
	}
	return dst, nil
}
