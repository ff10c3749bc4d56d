package command

import (
	"encoding/binary"
	"math/bits"

	"holdfast/resp"
)

// bitRange is the part of a string that BITCOUNT and BITPOS look at: bits from to to, both included.
type bitRange struct{ from, to int64 }

// bitUnit reads BYTE or BIT.
func bitUnit(arg []byte) (perUnit int64, err error) {
	switch {
	case isWord(arg, "bit"):
		return 1, nil
	case isWord(arg, "byte"):
		return 8, nil
	}
	return 0, ErrSyntax
}

// clampBits makes a range of bits of indexes that may count from the end of a string of size bytes.
func clampBits(start, end, perUnit int64, size int) bitRange {
	n := int64(size) * 8 / perUnit
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return bitRange{0, -1}
	}
	return bitRange{start * perUnit, end*perUnit + perUnit - 1}
}

func bitCount(c *Context, args [][]byte, w *resp.Writer) error {
	it, found, err := c.StringForRead(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Int(0)
		return nil
	}
	val := it.Bytes()
	start, end, perUnit := int64(0), int64(-1), int64(8)
	switch len(args) {
	case 2:
	case 4, 5:
		var ok1, ok2 bool
		start, ok1 = resp.ParseInt(args[2])
		end, ok2 = resp.ParseInt(args[3])
		if !ok1 || !ok2 {
			return ErrNotInteger
		}
		if start < 0 && end < 0 && start > end {
			w.Int(0)
			return nil
		}
		if len(args) == 5 {
			if perUnit, err = bitUnit(args[4]); err != nil {
				return err
			}
		}
	default:
		return ErrSyntax
	}
	w.Int(countBits(val, clampBits(start, end, perUnit, len(val))))
	return nil
}

func bitPos(c *Context, args [][]byte, w *resp.Writer) error {
	bit, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if bit != 0 && bit != 1 {
		return resp.Error("ERR The bit argument must be 1 or 0.")
	}
	it, found, err := c.StringForRead(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Int(-bit) // zeroes without end
		return nil
	}
	val := it.Bytes()
	start, end, perUnit := int64(0), int64(-1), int64(8)
	if len(args) > 6 {
		return ErrSyntax
	}
	if len(args) > 3 {
		if start, ok = resp.ParseInt(args[3]); !ok {
			return ErrNotInteger
		}
	}
	if len(args) > 5 {
		if perUnit, err = bitUnit(args[5]); err != nil {
			return err
		}
	}
	if len(args) > 4 {
		if end, ok = resp.ParseInt(args[4]); !ok {
			return ErrNotInteger
		}
	}
	r := clampBits(start, end, perUnit, len(val))
	pos := findBit(val, r, bit == 1)
	if pos < 0 && bit == 0 && len(args) < 5 && r.from <= r.to {
		pos = r.to + 1 // without an end, zeroes follow the string
	}
	w.Int(pos)
	return nil
}

// mask has the bits of byte number at that lie in the range.
func (r bitRange) mask(at int64) byte {
	m := byte(0xff)
	if at == r.from>>3 {
		m >>= r.from & 7
	}
	if at == r.to>>3 {
		m &= 0xff << (7 - r.to&7)
	}
	return m
}

func countBits(val []byte, r bitRange) int64 {
	if r.from > r.to {
		return 0
	}
	first, last := r.from>>3, r.to>>3
	n := bits.OnesCount8(val[first] & r.mask(first))
	if last == first {
		return int64(n)
	}
	n += bits.OnesCount8(val[last] & r.mask(last))
	rest := val[first+1 : last]
	for ; len(rest) >= 8; rest = rest[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(rest))
	}
	for _, b := range rest {
		n += bits.OnesCount8(b)
	}
	return int64(n)
}

// findBit returns where the first bit of that kind is in the range, or -1.
func findBit(val []byte, r bitRange, set bool) int64 {
	if r.from > r.to {
		return -1
	}
	flip := byte(0xff) // what is looked for becomes a one
	skip := ^uint64(0)
	if set {
		flip, skip = 0, 0
	}
	last := r.to >> 3
	for at := r.from >> 3; at <= last; at++ {
		if b := (val[at] ^ flip) & r.mask(at); b != 0 {
			return at*8 + int64(bits.LeadingZeros8(b))
		}
		if at < last {
			at += int64(leading(val[at+1:last], skip))
		}
	}
	return -1
}

// leading is how many bytes at the beginning, in eights, are those of a word of which all bits are the same.
func leading(p []byte, word uint64) (n int) {
	for ; len(p) >= n+32; n += 32 {
		q := p[n : n+32]
		a, b := binary.LittleEndian.Uint64(q)^word, binary.LittleEndian.Uint64(q[8:])^word
		c, d := binary.LittleEndian.Uint64(q[16:])^word, binary.LittleEndian.Uint64(q[24:])^word
		if a|b|c|d != 0 {
			break
		}
	}
	for len(p) >= n+8 && binary.LittleEndian.Uint64(p[n:]) == word {
		n += 8
	}
	return n
}
