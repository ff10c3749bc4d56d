package command

import (
	"math"

	"holdfast/resp"
)

// overflow says what becomes of a number that a bit field can't hold.
type overflow uint8

const (
	overflowWrap overflow = iota
	overflowSaturate
	overflowFail // it is not written
)

type fieldVerb uint8

const (
	fieldGet fieldVerb = iota
	fieldSet
	fieldIncrBy
)

// fieldOp is one operation of BITFIELD: on the integer of width bits that begins at an offset.
type fieldOp struct {
	verb     fieldVerb
	overflow overflow
	signed   bool
	width    int
	offset   int64
	operand  int64 // the new value, or what is added
}

// parseFieldOps reads the operations of BITFIELD.
func (c *Context) parseFieldOps(args [][]byte) ([]fieldOp, error) {
	var ops []fieldOp
	mode := overflowWrap
	for len(args) > 0 {
		if isWord(args[0], "overflow") && len(args) > 1 {
			switch {
			case isWord(args[1], "wrap"):
				mode = overflowWrap
			case isWord(args[1], "sat"):
				mode = overflowSaturate
			case isWord(args[1], "fail"):
				mode = overflowFail
			default:
				return nil, resp.Error("ERR Invalid OVERFLOW type specified")
			}
			args = args[2:]
			continue
		}
		verb, size, ok := fieldVerbOf(args)
		if !ok {
			return nil, ErrSyntax
		}
		op := fieldOp{verb: verb, overflow: mode}
		if err := op.parse(c, args[1:size]); err != nil {
			return nil, err
		}
		ops = append(ops, op)
		args = args[size:]
	}
	return ops, nil
}

// fieldVerbOf is the operation that args begin with and how many of them it takes.
func fieldVerbOf(args [][]byte) (verb fieldVerb, size int, ok bool) {
	switch {
	case isWord(args[0], "get"):
		verb, size = fieldGet, 3
	case isWord(args[0], "set"):
		verb, size = fieldSet, 4
	case isWord(args[0], "incrby"):
		verb, size = fieldIncrBy, 4
	default:
		return 0, 0, false
	}
	return verb, size, len(args) >= size
}

// parse reads type, offset, and operand where there is one.
func (op *fieldOp) parse(c *Context, args [][]byte) (err error) {
	typ := cText(args[0])
	width, ok := int64(0), false
	if typ != "" {
		op.signed = typ[0] == 'i'
		width, ok = resp.ParseInt([]byte(typ[1:]))
		ok = ok && (op.signed || typ[0] == 'u')
	}
	if !ok || width < 1 || width > 64 || width == 64 && !op.signed {
		return resp.Error(
			"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	}
	op.width = int(width)
	if op.offset, err = c.bitOffset(args[1], op.width); err != nil || op.verb == fieldGet {
		return err
	}
	if op.operand, ok = resp.ParseInt(args[2]); !ok {
		return ErrNotInteger
	}
	return nil
}

// end is the number of bytes that a string must have to contain the field.
func (op *fieldOp) end() int64 { return (op.offset+int64(op.width)-1)>>3 + 1 }

// bitField is BITFIELD and BITFIELD_RO.
func bitField(c *Context, args [][]byte, w *resp.Writer) error {
	ops, err := c.parseFieldOps(args[2:])
	if err != nil {
		return err
	}
	size := int64(0)
	for _, op := range ops {
		if op.verb != fieldGet {
			size = max(size, op.end())
		}
	}
	key := args[1]
	if size == 0 {
		it, _, err := c.StringForRead(key)
		if err != nil {
			return err
		}
		w.Array(len(ops))
		for _, op := range ops {
			w.Int(op.get(it.Bytes()))
		}
		return nil
	}
	if c.Cmd.Flags&resp.Write == 0 {
		return resp.Error("ERR BITFIELD_RO only supports the GET subcommand")
	}
	s, err := c.growForBits(key, size)
	if err != nil {
		return err
	}
	changed := s.writeFields(ops, w)
	if changed || s.grew {
		c.DB.Touched(key)
		c.Dirty++
		c.created(key, s.found)
	}
	if changed {
		c.Notify(NotifyString, "setbit", key)
	}
	return nil
}

// writeFields executes operations of any kind on a string that is long enough, and reports whether one of them wrote
// something new.
func (s bitString) writeFields(ops []fieldOp, w *resp.Writer) (changed bool) {
	w.Array(len(ops))
	for _, op := range ops {
		old := op.get(s.val)
		if op.verb == fieldGet {
			w.Int(old)
			continue
		}
		fresh, ok := op.result(old)
		switch {
		case !ok:
			w.Null()
			continue
		case op.verb == fieldSet:
			w.Int(old)
		default:
			w.Int(fresh)
		}
		putBits(s.val, op.offset, op.width, uint64(fresh))
		changed = changed || s.grew || fresh != old
	}
	return changed
}

// get reads the field; behind the end of the string are zeroes.
func (op *fieldOp) get(val []byte) int64 {
	var n uint64
	for at, left := op.offset, op.width; left > 0; {
		shift := int(at & 7)
		take := min(8-shift, left)
		var b byte
		if at>>3 < int64(len(val)) {
			b = val[at>>3]
		}
		n = n<<take | uint64(b<<shift>>(8-take))
		at, left = at+int64(take), left-take
	}
	if op.signed {
		return int64(n<<(64-op.width)) >> (64 - op.width)
	}
	return int64(n)
}

// putBits writes the lowest width bits of n.
func putBits(val []byte, offset int64, width int, n uint64) {
	for left := width; left > 0; {
		shift := int(offset & 7)
		take := min(8-shift, left)
		left -= take
		low := 8 - shift - take // bits behind the field in this byte
		mask := byte(1<<take-1) << low
		val[offset>>3] = val[offset>>3]&^mask | byte(n>>left)<<low&mask
		offset += int64(take)
	}
}

// result is the value that the operation gives a field, and whether it may be written.
func (op *fieldOp) result(old int64) (int64, bool) {
	value, by := old, op.operand
	if op.verb == fieldSet {
		value, by = op.operand, 0
	}
	var over, under bool
	var least, most int64
	if op.signed {
		most = math.MaxInt64 >> (64 - op.width)
		least = -most - 1
		over, under = op.signedOverflow(value, by, least, most)
	} else {
		most = math.MaxInt64 >> (63 - op.width)
		// A value below 0 is, as in Redis, a very large one.
		over = uint64(value) > uint64(most) || by > 0 && by > most-value
		under = !over && by < -value
	}
	switch {
	case !over && !under:
		return value + by, true
	case op.overflow == overflowFail:
		return 0, false
	case op.overflow == overflowWrap && op.signed:
		return (value + by) << (64 - op.width) >> (64 - op.width), true
	case op.overflow == overflowWrap:
		return (value + by) & most, true
	case over:
		return most, true
	}
	return least, true
}

// signedOverflow reports whether value+by is more or less than a field can hold. The differences wrap around where
// value itself is far out of range, and so SAT answers the wrong end for some values then: as in Redis.
func (op *fieldOp) signedOverflow(value, by, least, most int64) (over, under bool) {
	full := op.width == 64
	over = value > most || !full && by > most-value || value >= 0 && by > 0 && by > most-value
	under = !over && (value < least || !full && by < least-value || value < 0 && by < 0 && by < least-value)
	return over, under
}

// bitFieldKeyFlags: with nothing but GET, BITFIELD only reads.
func bitFieldKeyFlags(args [][]byte) resp.KeyFlag {
	const writes = resp.RW | resp.Access | resp.Update
	for args = args[min(2, len(args)):]; len(args) > 0; {
		if isWord(args[0], "overflow") && len(args) > 1 {
			args = args[2:]
			continue
		}
		verb, size, ok := fieldVerbOf(args)
		if !ok || verb != fieldGet {
			return writes
		}
		args = args[size:]
	}
	return resp.RO | resp.Access
}
