package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"holdfast/node/listpack"
)

// A ziplist, as Redis before 7.0 kept small collections, is its size (4 bytes), the offset of its last element (4), the
// number of elements (2; 65535: too many to tell), the elements, and 0xff. All is little-endian, except the lengths of
// strings. An element is the size of the one before it (1 byte, or 0xfe and 4), its encoding and its bytes.
const (
	zipHeader    = 10
	zipMany      = 1<<16 - 1
	zipEnd       = 0xff
	zipLongPrev  = 0xfe
	zipStr6      = 0 << 6
	zipStr14     = 1 << 6
	zipStr32     = 2 << 6
	zipInt16     = 0xc0
	zipInt32     = 0xd0
	zipInt64     = 0xe0
	zipInt24     = 0xf0
	zipInt8      = 0xfe
	zipSmall     = 0xf1 // to zipSmallLast: the integers 0 to 12
	zipSmallLast = 0xfd
)

var errZiplistCut = errors.New("an element of a ziplist is cut off")

// ziplistToListpack appends what a ziplist holds to dst, which is empty, as a listpack.
func ziplistToListpack(dst, zl []byte) ([]byte, error) {
	dst = listpack.AppendNew(dst)
	if len(zl) <= zipHeader || len(zl) > listpack.MaxLen || uint64(binary.LittleEndian.Uint32(zl)) != uint64(len(zl)) ||
		zl[len(zl)-1] != zipEnd {
		return dst, fmt.Errorf("a ziplist of %d bytes has no proper frame", len(zl))
	}
	tail, told := int64(binary.LittleEndian.Uint32(zl[4:])), int(binary.LittleEndian.Uint16(zl[8:]))
	end := len(zl) - 1
	last, before, n := zipHeader, 0, 0
	for at := zipHeader; at < end; n++ {
		prev, head, err := zipPrev(zl[at:end])
		if err != nil {
			return dst, err
		}
		if prev != uint64(before) {
			return dst, fmt.Errorf("element %d of a ziplist says that %d bytes stand before it, not %d", n, prev,
				before)
		}
		var size int
		if dst, size, err = zipElement(dst, zl[at+head:end]); err != nil {
			return dst, err
		}
		last, before = at, head+size
		at += before
	}
	if told != zipMany && told != n {
		return dst, fmt.Errorf("a ziplist has %d elements instead of %d", n, told)
	}
	if n > 0 && tail != int64(last) {
		return dst, fmt.Errorf("the last element of a ziplist is at %d, not at %d", last, tail)
	}
	return dst, nil
}

// zipPrev reads the size of the element before the one that p begins with.
func zipPrev(p []byte) (prev uint64, head int, err error) {
	if p[0] < zipLongPrev {
		return uint64(p[0]), 1, nil
	}
	if len(p) < 5 || p[0] == zipEnd {
		return 0, 0, errZiplistCut
	}
	return uint64(binary.LittleEndian.Uint32(p[1:])), 5, nil
}

// zipElement appends the element that p begins with, at its encoding, to a listpack.
func zipElement(lp, p []byte) (_ []byte, size int, err error) {
	var wide [9]byte // an element of which bytes are missing reads as one with zeros, and is refused below
	copy(wide[:], p)
	if len(p) == 0 {
		return lp, 0, errZiplistCut
	}
	isString, n := true, uint64(0)
	switch wide[0] & 0xc0 {
	case zipStr6:
		size, n = 1, uint64(wide[0])
	case zipStr14:
		size, n = 2, uint64(wide[0]&0x3f)<<8|uint64(wide[1])
	case zipStr32:
		size, n = 5, uint64(binary.BigEndian.Uint32(wide[1:]))
	default:
		isString = false
		if size = zipIntSize(wide[0]); size == 0 {
			return lp, 0, fmt.Errorf("an element of a ziplist begins with byte %#x", wide[0])
		}
	}
	if uint64(size)+n > uint64(len(p)) {
		return lp, 0, errZiplistCut
	}
	if !isString {
		return listpack.AppendInt(lp, zipInt(wide)), size, nil
	}
	return listpack.Append(lp, p[size:size+int(n)]), size + int(n), nil
}

// zipIntSize is how many bytes an integer takes with its encoding, 0 if it is none.
func zipIntSize(encoding byte) int {
	switch {
	case encoding == zipInt16:
		return 3
	case encoding == zipInt24:
		return 4
	case encoding == zipInt32:
		return 5
	case encoding == zipInt64:
		return 9
	case encoding == zipInt8:
		return 2
	case encoding >= zipSmall && encoding <= zipSmallLast:
		return 1
	}
	return 0
}

func zipInt(p [9]byte) int64 {
	switch p[0] {
	case zipInt16:
		return int64(int16(binary.LittleEndian.Uint16(p[1:])))
	case zipInt24:
		return int64(int32(binary.LittleEndian.Uint32(p[:])) >> 8)
	case zipInt32:
		return int64(int32(binary.LittleEndian.Uint32(p[1:])))
	case zipInt64:
		return int64(binary.LittleEndian.Uint64(p[1:]))
	case zipInt8:
		return int64(int8(p[1]))
	}
	return int64(p[0] - zipSmall)
}

// A zipmap, as Redis 2.4 kept small hashes, is the number of fields (1 byte; 254: too many to tell), the fields and
// values, and 0xff. A field is its length (1 byte, or 0xfe and 4) and its bytes; a value has a byte between both that
// says how many unused bytes follow it.
const (
	mapMany = 254
	mapLong = 254
	mapEnd  = 255
)

var errZipmapCut = errors.New("a zipmap is cut off")

// zipmapToListpack appends what a zipmap holds to dst, which is empty, as a listpack.
func zipmapToListpack(dst, zm []byte) ([]byte, error) {
	dst = listpack.AppendNew(dst)
	if len(zm) < 2 || zm[len(zm)-1] != mapEnd {
		return dst, errors.New("a zipmap of " + strconv.Itoa(len(zm)) + " bytes has no proper frame")
	}
	told, p, n := zm[0], zm[1:len(zm)-1], 0
	for ; len(p) > 0; n++ {
		field, rest, err := mapString(p, 0)
		if err != nil {
			return dst, err
		}
		value, rest, err := mapString(rest, 1)
		if err != nil {
			return dst, err
		}
		dst = listpack.Append(listpack.Append(dst, field), value)
		p = rest
	}
	if told < mapMany && int(told) != n {
		return dst, fmt.Errorf("a zipmap has %d fields instead of %d", n, told)
	}
	return dst, nil
}

// mapString takes a string from p; free is 1 if a byte for unused bytes stands before it.
func mapString(p []byte, free int) (s, rest []byte, err error) {
	if len(p) == 0 || p[0] == mapEnd {
		return nil, nil, errZipmapCut
	}
	head, n := 1, uint64(p[0])
	if n == mapLong {
		if len(p) < 5 {
			return nil, nil, errZipmapCut
		}
		head, n = 5, uint64(binary.LittleEndian.Uint32(p[1:]))
	}
	if len(p) < head+free {
		return nil, nil, errZipmapCut
	}
	unused := uint64(0)
	if free > 0 {
		unused = uint64(p[head])
	}
	p = p[head+free:]
	if n+unused > uint64(len(p)) {
		return nil, nil, errZipmapCut
	}
	return p[:n], p[n+unused:], nil
}
