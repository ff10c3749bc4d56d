package clibs

import (
	"encoding/binary"
	"math"

	"holdfast/lua"
)

type msgProblem uint8

const (
	msgFine msgProblem = iota
	msgShort
	msgBad
)

// msgDecoder reads values.
type msgDecoder struct {
	l       *lua.State
	s       string // what is left
	problem msgProblem
}

func msgUnpack(l *lua.State) int { return unpackMessages(l, 0, 0) }

func msgUnpackOne(l *lua.State) int { return unpackMessages(l, 1, l.OptInteger(2, 0)) }

func msgUnpackLimit(l *lua.State) int {
	return unpackMessages(l, l.CheckInteger(2), l.OptInteger(3, 0))
}

// unpackMessages reads limit values from an offset on, and gives where it ended first; with neither, it reads all.
func unpackMessages(l *lua.State, limit, offset int64) int {
	all := limit == 0 && offset == 0
	s := l.CheckString(1)
	switch {
	case offset < 0 || limit < 0:
		return l.Errorf("Invalid request to unpack with offset of %d and limit of %d.", int32(offset), int32(len(s)))
	case offset > int64(len(s)):
		return l.Errorf("Start offset %d greater than input length %d.", int32(offset), int32(len(s)))
	}
	if all {
		limit = math.MaxInt32
	}
	l.SetTop(1)
	d := msgDecoder{l: l, s: s[offset:]}
	if !all {
		l.PushNil() // where the next offset will be
	}
	n := 0
	for ; d.s != "" && int64(n) < limit; n++ {
		d.value()
		switch d.problem {
		case msgShort:
			return l.Errorf("Missing bytes in input.")
		case msgBad:
			return l.Errorf("Bad data format in input.")
		}
	}
	if all {
		return n
	}
	next := -1.0
	if d.s != "" {
		next = float64(len(s) - len(d.s))
	}
	l.SetArg(2, lua.Number(next))
	return n + 1
}

// take is the next n bytes; ok is false when there are not so many.
func (d *msgDecoder) take(n int) (b string, ok bool) {
	if len(d.s) < n {
		d.problem = msgShort
		return "", false
	}
	b, d.s = d.s[:n], d.s[n:]
	return b, true
}

// unsigned reads a number of n bytes after the type.
func (d *msgDecoder) unsigned(n int) (uint64, bool) {
	b, ok := d.take(n + 1)
	var u uint64
	for i := 1; i < len(b); i++ {
		u = u<<8 | uint64(b[i])
	}
	return u, ok
}

// value pushes the next value.
func (d *msgDecoder) value() {
	if d.s == "" {
		d.problem = msgShort
		return
	}
	d.l.CheckStack(1, "too many return values at once; use unpack_one or unpack_limit instead.")
	c := d.s[0]
	switch {
	case c <= 0x7f:
		d.l.PushNumber(float64(c))
		d.s = d.s[1:]
	case c >= 0xe0:
		d.l.PushNumber(float64(int8(c)))
		d.s = d.s[1:]
	case c <= 0x8f:
		d.s = d.s[1:]
		d.mapping(int(c & 15))
	case c <= 0x9f:
		d.s = d.s[1:]
		d.list(int(c & 15))
	case c <= 0xbf:
		d.text(1, int(c&31))
	default:
		d.wide(c)
	}
}

func (d *msgDecoder) wide(c byte) {
	switch c {
	case 0xc0, 0xc2, 0xc3:
		d.s = d.s[1:]
		if c == 0xc0 {
			d.l.PushNil()
		} else {
			d.l.PushBool(c == 0xc3)
		}
	case 0xcc, 0xcd, 0xce, 0xcf:
		if u, ok := d.unsigned(1 << (c - 0xcc)); ok {
			d.l.PushNumber(float64(int64(u))) // C's library takes even these for signed ones
		}
	case 0xd0, 0xd1, 0xd2, 0xd3:
		n := 1 << (c - 0xd0)
		if u, ok := d.unsigned(n); ok {
			shift := 64 - 8*n
			d.l.PushNumber(float64(int64(u<<shift) >> shift))
		}
	case 0xca:
		if u, ok := d.unsigned(4); ok {
			d.l.PushNumber(float64(math.Float32frombits(uint32(u))))
		}
	case 0xcb:
		if u, ok := d.unsigned(8); ok {
			d.l.PushNumber(math.Float64frombits(u))
		}
	case 0xd9, 0xda, 0xdb:
		n := 1 << (c - 0xd9)
		if size, ok := d.peek(n); ok {
			d.text(1+n, size)
		}
	case 0xdc, 0xdd:
		if size, ok := d.unsigned(2 << (c - 0xdc)); ok {
			d.list(int(size))
		}
	case 0xde, 0xdf:
		if size, ok := d.unsigned(2 << (c - 0xde)); ok {
			d.mapping(int(size))
		}
	default:
		d.problem = msgBad
	}
}

// peek reads a size of n bytes after the type and leaves it there.
func (d *msgDecoder) peek(n int) (int, bool) {
	if len(d.s) < n+1 {
		d.problem = msgShort
		return 0, false
	}
	var b [8]byte
	copy(b[8-n:], d.s[1:n+1])
	return int(binary.BigEndian.Uint64(b[:])), true
}

func (d *msgDecoder) text(head, size int) {
	if b, ok := d.take(head + size); ok {
		d.l.Push(d.l.NewString(b[head:]))
	}
}

func (d *msgDecoder) list(n int) {
	t := d.l.NewTable(0, 0)
	d.l.PushTable(t)
	d.l.CheckStack(1, "in function mp_decode_to_lua_array")
	for i := 1; i <= n; i++ {
		d.l.PushNil() // the C library has the index here, so that its nesting ends at the same depth
		d.value()
		if d.problem != msgFine {
			return
		}
		v := d.l.Top()
		d.l.Pop(2)
		d.set(t, lua.Number(float64(i)), v)
	}
}

func (d *msgDecoder) mapping(n int) {
	t := d.l.NewTable(0, 0)
	d.l.PushTable(t)
	for range n {
		d.value()
		if d.problem != msgFine {
			return
		}
		d.value()
		if d.problem != msgFine {
			return
		}
		v := d.l.Top()
		d.l.Pop(1)
		k := d.l.Top()
		d.l.Pop(1)
		d.set(t, k, v)
	}
}

func (d *msgDecoder) set(t *lua.Table, k, v lua.Value) { d.l.SetIndex(lua.TableValue(t), k, v) }
