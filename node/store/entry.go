package store

import (
	"encoding/binary"
	"math/bits"
)

// An entry in a slot, all bytes little-endian:
//
//	0     type << 4 | encoding (0xf in the high nibble: the slot is free)
//	1     generation << 2 | large << 1 | has expiry
//	2..4  access statistics, 24 bits
//
// and then, for a small entry,
//
//	length of the key, varint
//	length of the value, varint
//	expiry, 8 bytes, if it has one
//	key, value
//
// or, for a large one, whose key and value are objects of their own,
//
//	5..8  number of its record (see large.go)
//	9..16 expiry, valid if it has one
//
// The index and the slabs know nothing of values. A type whose value is packed bytes is
// stored like a string; one with a Go object would put it into the record of a large entry.
const (
	flagTTL   = 1
	flagLarge = 2
	genShift  = 2
	genMask   = 1<<(8-genShift) - 1

	headerSize   = 5
	largeSize    = 17
	largeRecAt   = 5
	largeTTLAt   = 9
	maxSmallSize = maxSlot
)

// meta is everything about an entry except its key and value.
type meta struct {
	typ      Type
	enc      Encoding
	access   uint32
	expireAt int64 // NoExpiry for none
}

func (m meta) hasTTL() bool { return m.expireAt >= 0 }

func uvarintLen(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

// smallSize returns the size of a small entry.
func smallSize(klen, vlen int, ttl bool) int {
	n := headerSize + uvarintLen(klen) + uvarintLen(vlen) + klen + vlen
	if ttl {
		n += 8
	}
	return n
}

// layout is where the parts of a small entry are.
type layout struct{ ttl, key, val, end int }

// parse finds the parts of the small entry at the start of b. Lengths below 128 take one
// byte; that case is decided first.
func parse(b []byte) layout {
	at := headerSize
	klen := int(b[at])
	at++
	if klen >= 0x80 {
		n, size := binary.Uvarint(b[headerSize:])
		klen, at = int(n), headerSize+size
	}
	vlen := int(b[at])
	if vlen < 0x80 {
		at++
	} else {
		n, size := binary.Uvarint(b[at:])
		vlen, at = int(n), at+size
	}
	l := layout{ttl: at}
	if b[1]&flagTTL != 0 {
		at += 8
	}
	l.key, l.val, l.end = at, at+klen, at+klen+vlen
	return l
}

func putHeader(b []byte, m meta, gen uint8) {
	b[0] = byte(m.typ)<<4 | byte(m.enc)
	b[1] = gen << genShift
	if m.hasTTL() {
		b[1] |= flagTTL
	}
	putAccess(b, m.access)
}

func putAccess(b []byte, access uint32) {
	b[2], b[3], b[4] = byte(access), byte(access>>8), byte(access>>16)
}

func getMeta(b []byte) meta {
	m := meta{
		typ:      Type(b[0] >> 4),
		enc:      Encoding(b[0] & 0xf),
		access:   uint32(b[2]) | uint32(b[3])<<8 | uint32(b[4])<<16,
		expireAt: NoExpiry,
	}
	if b[1]&flagTTL != 0 {
		at := largeTTLAt
		if b[1]&flagLarge == 0 {
			at = parse(b).ttl
		}
		m.expireAt = int64(binary.LittleEndian.Uint64(b[at:]))
	}
	return m
}

// putSmall writes a small entry whose value has vlen bytes and returns the place of the value.
func putSmall(b []byte, m meta, gen uint8, key []byte, vlen int) []byte {
	putHeader(b, m, gen)
	at := headerSize
	at += binary.PutUvarint(b[at:], uint64(len(key)))
	at += binary.PutUvarint(b[at:], uint64(vlen))
	if m.hasTTL() {
		binary.LittleEndian.PutUint64(b[at:], uint64(m.expireAt))
		at += 8
	}
	at += copy(b[at:], key)
	return b[at : at+vlen]
}

func putLarge(b []byte, m meta, gen uint8, rec uint32) {
	putHeader(b, m, gen)
	b[1] |= flagLarge
	binary.LittleEndian.PutUint32(b[largeRecAt:], rec)
	binary.LittleEndian.PutUint64(b[largeTTLAt:], uint64(m.expireAt))
}

func largeRec(b []byte) uint32 { return binary.LittleEndian.Uint32(b[largeRecAt:]) }
