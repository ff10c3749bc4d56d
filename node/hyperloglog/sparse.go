package hyperloglog

import "strconv"

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
	prev, before := -1, *from
	var r run
	for ; p < len(v); p += r.size {
		if r = runAt(v, p); index < first+r.len {
			break
		}
		if prev >= 0 {
			before.at, before.first = prev, first-runAt(v, prev).len
		}
		prev = p
		first += r.len
	}
	if p >= len(v) || p+r.size > len(v) {
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
