package store

import (
	"encoding/binary"
	"math"
	"strconv"
)

// StreamID names an entry of a stream: a time in milliseconds, and a number within that.
type StreamID struct{ Ms, Seq uint64 }

// MaxStreamID is the last id there is.
var MaxStreamID = StreamID{math.MaxUint64, math.MaxUint64}

// streamIDSize is the size of an id in a snapshot: both numbers, big-endian.
const streamIDSize = 16

// Compare is negative if id is before other, and positive if it is behind.
func (id StreamID) Compare(other StreamID) int {
	switch {
	case id == other:
		return 0
	case id.Ms < other.Ms || id.Ms == other.Ms && id.Seq < other.Seq:
		return -1
	}
	return 1
}

// Before reports whether id is before other.
func (id StreamID) Before(other StreamID) bool {
	return id.Ms < other.Ms || id.Ms == other.Ms && id.Seq < other.Seq
}

// IsZero reports whether it is 0-0, which no entry has.
func (id StreamID) IsZero() bool { return id == StreamID{} }

// Next is the id after this one; that after the last is 0-0, and not ok.
func (id StreamID) Next() (next StreamID, ok bool) {
	if id.Seq++; id.Seq == 0 {
		id.Ms++
	}
	return id, !id.IsZero()
}

// Prev is the id before this one; that before 0-0 is the last one, and not ok.
func (id StreamID) Prev() (prev StreamID, ok bool) {
	if id.Seq--; id.Seq == math.MaxUint64 {
		id.Ms--
	}
	return id, id != MaxStreamID
}

// AppendTo appends the id as text.
func (id StreamID) AppendTo(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.Ms, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

// String is the id as text.
func (id StreamID) String() string { return string(id.AppendTo(nil)) }

// Bytes is the id as a snapshot has it.
func (id StreamID) Bytes() (b [streamIDSize]byte) {
	binary.BigEndian.PutUint64(b[:], id.Ms)
	binary.BigEndian.PutUint64(b[8:], id.Seq)
	return b
}

// StreamIDOf reads an id of 16 bytes.
func StreamIDOf(b []byte) StreamID {
	return StreamID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}
