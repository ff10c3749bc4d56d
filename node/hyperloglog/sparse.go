package hyperloglog

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// A sparse value is a sequence of runs of equal registers, each in one of these forms:
//
//	00nnnnnn           n+1 that are zero
//	01nnnnnn nnnnnnnn  the same, up to 16384
//	1vvvvvnn           n+1 that are v+1
const (
	longZeroes = 0x40
	valued     = 0x80

	maxShortZeroes = 1 << 6
	maxValued      = 1 << 2
	maxValue       = 1 << 5
)

// run is one of them.
type run struct {
	len   int
	size  int   // bytes
	value uint8 // 0 for zeroes
}

// runAt reads the run at an offset. If the second byte is missing it is taken for 0.
func runAt(v []byte, p int) run {
	b := v[p]
	switch {
	case b&valued != 0:
		return run{int(b&(maxValued-1)) + 1, 1, b>>2&(maxValue-1) + 1}
	case b&longZeroes == 0:
		return run{int(b) + 1, 1, 0}
	}
	n := int(b&(longZeroes-1)) << 8
	if p+1 < len(v) {
		n |= int(v[p+1])
	}
	return run{n + 1, 2, 0}
}

// lengths are those of the runs that one byte is all of, by that byte; 0 for the first byte of others.
var lengths = func() (n [256]uint8) {
	for b := range n {
		if r := runAt([]byte{byte(b)}, 0); r.size == 1 {
			n[b] = uint8(r.len)
		}
	}
	return n
}()

// runsAhead is how many of the next eight bytes are runs by themselves, up to the first that is not, and how long they
// are together; none at the end of a value. It is what makes finding a register in a long value fast.
func runsAhead(v []byte, p int) (length, count int) {
	if p+8 > len(v) {
		return 0, 0
	}
	const each, pairs = 0x0101010101010101, 0x00ff00ff00ff00ff
	x := binary.LittleEndian.Uint64(v[p:])
	values := (x >> 7 & each) * 0xff
	n := x&(values&(each*(maxValued-1))|^values&(each*(maxShortZeroes-1))) + each
	count = bits.TrailingZeros64(x>>6&^(x>>7)&each) / 8 // 8 if there is no other
	n &= 1<<(8*count) - 1
	n = n&pairs + n>>8&pairs
	return int(n * 0x0001000100010001 >> 48), count
}

func appendZeroes(buf []byte, n int) []byte {
	switch {
	case n == 0:
		return buf
	case n <= maxShortZeroes:
		return append(buf, byte(n-1))
	}
	return append(buf, longZeroes|byte((n-1)>>8), byte(n-1))
}

func appendValued(buf []byte, value uint8, n int) []byte {
	if n == 0 {
		return buf
	}
	return append(buf, valued|(value-1)<<2|byte(n-1))
}

// cursor is where to go on looking for a register beyond one that was set: two runs before that one. The zero value is
// the beginning.
type cursor struct{ at, first int }

// setSparse raises a register, and reports whether it was lower. The run that the register is in is split, and runs
// around it are joined where Redis joins them. From must belong to the value, and to a lower register; nil: it is
// looked for from the beginning.
func setSparse(v []byte, e Element, limit int, from *cursor) (grown []byte, changed bool, err error) {
	if e.count > maxValue {
		return setAsDense(v, e)
	}
	if from == nil {
		from = new(cursor)
	}
	index := int(e.register)
	p, first := max(from.at, headerSize), from.first
	prev, beforePrev := -1, -1
	for near := false; p < len(v); {
		if !near {
			if n, count := runsAhead(v, p); index < first+n {
				near = true // it is in one of these
			} else if count > 0 {
				if beforePrev = prev; count > 1 {
					beforePrev = p + count - 2
				}
				prev = p + count - 1
				p += count
				first += n
				if p >= len(v) {
					break
				}
			}
		}
		n, size := int(lengths[v[p]]), 1
		if n == 0 {
			r := runAt(v, p)
			n, size = r.len, r.size
		}
		if index < first+n {
			break
		}
		beforePrev, prev = prev, p
		p += size
		first += n
	}
	before := *from
	if beforePrev >= 0 {
		before = cursor{beforePrev, first - runAt(v, prev).len - runAt(v, beforePrev).len}
	}
	if p >= len(v) {
		return v, false, ErrCorrupted
	}
	r := runAt(v, p)
	if p+r.size > len(v) {
		return v, false, ErrCorrupted
	}
	if prev < 0 && from.at > headerSize { // the run before has grown; which is before that is not known
		*from = cursor{}
		return setSparse(v, e, limit, from)
	}
	*from = before
	if r.value >= e.count {
		return v, false, nil
	}
	// The run becomes up to three: what is before the register, itself, what is behind.
	var scratch [5]byte
	split := scratch[:0]
	left, right := index-first, first+r.len-1-index
	if r.value > 0 {
		split = appendValued(appendValued(appendValued(split, r.value, left), e.count, 1), r.value, right)
	} else {
		split = appendZeroes(appendValued(appendZeroes(split, left), e.count, 1), right)
	}
	if more := len(split) - r.size; more > 0 {
		if len(v)+more > limit {
			return setAsDense(v, e)
		}
		v = append(v, scratch[:more]...)
		copy(v[p+len(split):], v[p+r.size:len(v)-more])
	} else if more < 0 {
		v = append(v[:p+len(split)], v[p+r.size:]...)
	}
	copy(v[p:], split)
	v = join(v, max(prev, headerSize))
	Forget(v)
	return v, true, nil
}

// joinRuns is how many runs join looks at.
const joinRuns = 5

// join joins runs of the same value, from an offset on.
func join(v []byte, p int) []byte {
	for i := 0; i < joinRuns && p < len(v); i++ {
		r := runAt(v, p)
		if r.value > 0 && p+1 < len(v) {
			if next := runAt(v, p+1); next.value == r.value && r.len+next.len <= maxValued {
				appendValued(v[:p+1], r.value, r.len+next.len)
				v = append(v[:p], v[p+1:]...)
				continue
			}
		}
		p += r.size
	}
	return v
}

func setAsDense(v []byte, e Element) (d []byte, changed bool, err error) {
	if d, err = Dense(v); err != nil {
		return v, false, err
	}
	return d, setDense(d, e), nil
}

// AppendRuns appends the runs of a sparse value as PFDEBUG DECODE prints them.
func AppendRuns(buf, v []byte) []byte {
	for p := headerSize; p < len(v); {
		if p > headerSize {
			buf = append(buf, ' ')
		}
		r := runAt(v, p)
		switch {
		case r.value > 0:
			buf = append(strconv.AppendUint(append(buf, "v:"...), uint64(r.value), 10), ',')
		case r.size > 1:
			buf = append(buf, "Z:"...)
		default:
			buf = append(buf, "z:"...)
		}
		buf = strconv.AppendInt(buf, int64(r.len), 10)
		p += r.size
	}
	return buf
}
