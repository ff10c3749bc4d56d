package clibs

import (
	"encoding/binary"
	"math"

	"holdfast/lua"
)

// OpenMsgpack makes the library cmsgpack: MessagePack.
func OpenMsgpack(l *lua.State) {
	t := l.Register("cmsgpack", map[string]lua.Function{
		"pack": msgPack, "unpack": msgUnpack, "unpack_one": msgUnpackOne, "unpack_limit": msgUnpackLimit,
	})
	t.SetString(l, "_NAME", lua.String("cmsgpack"))
	t.SetString(l, "_VERSION", lua.String("lua-cmsgpack 0.4.0"))
	t.SetString(l, "_COPYRIGHT", lua.String("Copyright (C) 2012, Salvatore Sanfilippo"))
	t.SetString(l, "_DESCRIPTION", lua.String("MessagePack C implementation for Lua"))
}

const maxMsgNesting = 16 // tables within tables that are written; deeper ones are nil

// msgEncoder writes values.
type msgEncoder struct {
	l       *lua.State
	b       []byte
	charged int
}

func msgPack(l *lua.State) int {
	n := l.NArgs()
	if n == 0 {
		return l.ArgError(0, "MessagePack pack needs input.")
	}
	e := msgEncoder{l: l}
	for i := 1; i <= n; i++ {
		e.value(l.Arg(i), 0)
	}
	l.PushBytes(e.b)
	return 1
}

// count lets the memory limit and the step budget know of a buffer that grows, or is about to by more bytes.
func (e *msgEncoder) count(more int) {
	if n := len(e.b) + more; n > e.charged {
		e.l.Charge(2*n - e.charged)
		e.l.Steps((2*n - e.charged) >> 5)
		e.charged = 2 * n
	}
}

func (e *msgEncoder) value(v lua.Value, level int) {
	switch v.Type() {
	case lua.TypeString:
		e.text(v.AsString())
	case lua.TypeBoolean:
		if v.Truthy() {
			e.b = append(e.b, 0xc3)
		} else {
			e.b = append(e.b, 0xc2)
		}
	case lua.TypeNumber:
		e.number(v.AsNumber())
	case lua.TypeTable:
		if level == maxMsgNesting {
			e.b = append(e.b, 0xc0)
		} else {
			e.table(v.AsTable(), level)
		}
	default:
		e.b = append(e.b, 0xc0)
	}
	e.count(0)
}

// head writes a type with a count that has its own byte when it is small, else 8 (if there is such a type), 16 or 32
// bits.
func (e *msgEncoder) head(n int, small byte, smallMost int, wide8, wide16, wide32 byte) {
	switch {
	case n <= smallMost:
		e.b = append(e.b, small|byte(n))
	case n <= 0xff && wide8 != 0:
		e.b = append(e.b, wide8, byte(n))
	case n <= 0xffff:
		e.b = binary.BigEndian.AppendUint16(append(e.b, wide16), uint16(n))
	default:
		e.b = binary.BigEndian.AppendUint32(append(e.b, wide32), uint32(n))
	}
}

func (e *msgEncoder) text(s string) {
	e.count(len(s) + 5)
	e.head(len(s), 0xa0, 31, 0xd9, 0xda, 0xdb)
	e.b = append(e.b, s...)
}

func (e *msgEncoder) number(f float64) {
	if i := toInt64(f); float64(i) == f {
		e.integer(i)
		return
	}
	if single := float32(f); float64(single) == f {
		e.b = binary.BigEndian.AppendUint32(append(e.b, 0xca), math.Float32bits(single))
		return
	}
	e.b = binary.BigEndian.AppendUint64(append(e.b, 0xcb), math.Float64bits(f))
}

func (e *msgEncoder) integer(i int64) {
	b := binary.BigEndian
	switch {
	case i >= 0 && i <= 127 || i < 0 && i >= -32:
		e.b = append(e.b, byte(i))
	case i >= 0 && i <= 0xff:
		e.b = append(e.b, 0xcc, byte(i))
	case i >= 0 && i <= 0xffff:
		e.b = b.AppendUint16(append(e.b, 0xcd), uint16(i))
	case i >= 0 && i <= 0xffffffff:
		e.b = b.AppendUint32(append(e.b, 0xce), uint32(i))
	case i >= 0:
		e.b = b.AppendUint64(append(e.b, 0xcf), uint64(i))
	case i >= math.MinInt8:
		e.b = append(e.b, 0xd0, byte(i))
	case i >= math.MinInt16:
		e.b = b.AppendUint16(append(e.b, 0xd1), uint16(i))
	case i >= math.MinInt32:
		e.b = b.AppendUint32(append(e.b, 0xd2), uint32(i))
	default:
		e.b = b.AppendUint64(append(e.b, 0xd3), uint64(i))
	}
}

// isList says whether a table's keys are 1 to n, and counts its pairs.
func isList(t *lua.Table) (list bool, pairs int) {
	most := 0
	list = true
	for k, _, at, ok := t.At(0); ok; k, _, at, ok = t.At(at) {
		pairs++
		if !list {
			continue
		}
		f := math.NaN()
		if k.IsNumber() {
			f = k.AsNumber()
		}
		if f <= 0 || float64(toInt(f)) != f {
			list = false
			continue
		}
		most = max(most, int(f))
	}
	return list && most == pairs, pairs
}

func (e *msgEncoder) table(t *lua.Table, level int) {
	list, n := isList(t)
	e.l.Steps(n >> 4)
	if list {
		n = t.Len()
		e.head(n, 0x90, 15, 0, 0xdc, 0xdd)
		for i := 1; i <= n; i++ {
			e.value(e.l.Index(lua.TableValue(t), lua.Number(float64(i))), level+1)
		}
		return
	}
	e.head(n, 0x80, 15, 0, 0xde, 0xdf)
	for k, v, at, ok := t.At(0); ok; k, v, at, ok = t.At(at) {
		e.value(k, level+1)
		e.value(v, level+1)
	}
}
