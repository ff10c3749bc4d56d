package store

import (
	"bytes"
	"math"
	"strconv"

	"holdfast/node/listpack"
)

// packedZSet is a sorted set in a listpack: member and score in turn, ordered by score, then by member. With encoding
// listpack it has the very bytes that Redis would have, where a score that is an integer stands as one, and so there is
// no negative zero. With encoding skiplist scores stand as they print.
type packedZSet []byte

// maxPackedZSet bounds the bytes of a packed sorted set, whatever Limits say, as Redis does.
const maxPackedZSet = 1 << 30

func (p packedZSet) len() int { return listpack.Len(p) / 2 }

// find returns the offset of a member, -1 if it is absent.
func (p packedZSet) find(member []byte) int {
	if len(p) == 0 {
		return -1
	}
	return listpack.Find(p, listpack.First(p), member, 1)
}

// score returns the score of the member at an offset.
func (p packedZSet) score(at int) float64 { return p.scoreAt(listpack.Next(p, at)) }

// scoreAt returns the score that stands at an offset.
func (p packedZSet) scoreAt(at int) float64 {
	text, n := listpack.Read(p, at)
	if text == nil {
		return float64(n)
	}
	f, _ := strconv.ParseFloat(string(text), 64) // it was printed from a number
	return f
}

func (p packedZSet) rank(member []byte) (rank int, score float64, ok bool) {
	want := p.find(member)
	if want < 0 {
		return 0, 0, false
	}
	for at := listpack.First(p); at != want; at = p.next(at) {
		rank++
	}
	return rank, p.score(want), true
}

// next is the offset of the member after the one at an offset, -1 if there is none.
func (p packedZSet) next(at int) int { return listpack.Next(p, listpack.Next(p, at)) }

func (p packedZSet) prev(at int) int {
	if at = listpack.Prev(p, at); at < 0 {
		return -1
	}
	return listpack.Prev(p, at)
}

func (p packedZSet) all(rank int, reverse bool, yield func([]byte, float64) bool) {
	var scratch [maxIntText]byte
	for at := listpack.At(p, 2*rank); at >= 0; {
		behind := listpack.Next(p, at)
		if !yield(listpack.Get(p, at, scratch[:0]), p.scoreAt(behind)) {
			return
		}
		if reverse {
			at = p.prev(at)
		} else {
			at = listpack.Next(p, behind)
		}
	}
}

func (p packedZSet) eachText(fn func(member, score []byte)) {
	if len(p) == 0 {
		return
	}
	var a, b [maxIntText]byte
	for at := listpack.First(p); at >= 0; {
		behind := listpack.Next(p, at)
		fn(listpack.Get(p, at, a[:0]), listpack.Get(p, behind, b[:0]))
		at = listpack.Next(p, behind)
	}
}

// insert adds a member, which must not be there, and returns the grown set.
func (p packedZSet) insert(enc Encoding, member []byte, score float64) packedZSet {
	var a [maxIntText]byte
	var b [maxDoubleText]byte
	text := appendScore(b[:0], enc, score)
	for at := listpack.First(p); at >= 0; {
		behind := listpack.Next(p, at)
		if s := p.scoreAt(behind); s > score || s == score && bytes.Compare(listpack.Get(p, at, a[:0]), member) > 0 {
			p = listpack.Insert(p, at, member, listpack.Before)
			return listpack.Insert(p, at, text, listpack.After)
		}
		at = listpack.Next(p, behind)
	}
	return listpack.Append(listpack.Append(p, member), text)
}

// append adds a member that belongs at the end.
func (p packedZSet) append(enc Encoding, member []byte, score float64) packedZSet {
	var b [maxDoubleText]byte
	return listpack.Append(listpack.Append(p, member), appendScore(b[:0], enc, score))
}

// remove takes n members out from the one at an offset on.
func (p packedZSet) remove(at, n int) packedZSet { return listpack.Delete(p, at, 2*n) }

// maxDoubleText is enough for the text of any double.
const maxDoubleText = 32

// appendScore appends the text of a score in a listpack.
func appendScore(buf []byte, enc Encoding, f float64) []byte {
	if enc == EncListpack && f >= -math.MaxInt64/2 && f <= math.MaxInt64/2 && f == math.Trunc(f) {
		return strconv.AppendInt(buf, int64(f), 10)
	}
	return appendDouble(buf, f)
}

// appendDouble appends f as C's "%.17g" does.
func appendDouble(buf []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(buf, "inf"...)
	case math.IsInf(f, -1):
		return append(buf, "-inf"...)
	}
	return strconv.AppendFloat(buf, f, 'g', 17, 64)
}
