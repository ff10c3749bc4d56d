package clibs

import (
	"fmt"
	"math"

	"holdfast/lua"
)

// jsonCodec is one library table's settings and room.
type jsonCodec struct {
	sparseConvert bool
	sparseRatio   int
	sparseSafe    int
	encodeDepth   int
	decodeDepth   int
	encodeInvalid int // 0 is an error, 1 as they print, 2 null
	decodeInvalid bool
	precision     int
	keepBuffer    bool
	buf           []byte
	shapes        *jsonShapes // of what was decoded before; nil: of each text anew
}

// maxStack is how many values the C library could have on the stack: nesting ends there at the latest.
const maxStack = 8000

// OpenJSON makes the library as the global variable cjson.
func OpenJSON(l *lua.State) {
	l.Globals().SetString(l, "cjson", lua.TableValue(newJSON(l, &jsonShapes{})))
}

// newJSON makes the library's table.
func newJSON(l *lua.State, shapes *jsonShapes) *lua.Table {
	c := &jsonCodec{shapes: shapes,
		sparseRatio: 2, sparseSafe: 10, encodeDepth: 1000, decodeDepth: 1000, decodeInvalid: true,
		precision:  14,
		keepBuffer: true}
	t := l.NewTable(0, 16)
	for _, f := range []struct {
		name string
		f    lua.Function
	}{
		{"encode", c.encode},
		{"decode", c.decode},
		{"encode_sparse_array", c.setSparseArray},
		{"encode_max_depth", func(l *lua.State) int { return setInteger(l, 1, 1, &c.encodeDepth, 1, math.MaxInt32) }},
		{"decode_max_depth", func(l *lua.State) int { return setInteger(l, 1, 1, &c.decodeDepth, 1, math.MaxInt32) }},
		{"encode_number_precision", func(l *lua.State) int { return setInteger(l, 1, 1, &c.precision, 1, 14) }},
		{"encode_keep_buffer", func(l *lua.State) int { return setBool(l, 1, 1, &c.keepBuffer) }},
		{"encode_invalid_numbers", c.setEncodeInvalid},
		{"decode_invalid_numbers", func(l *lua.State) int { return setBool(l, 1, 1, &c.decodeInvalid) }},
		{"new", func(l *lua.State) int {
			l.PushTable(newJSON(l, nil))
			return 1
		}},
	} {
		t.SetString(l, f.name, l.NewFunction(f.f))
	}
	t.SetString(l, "null", lua.Null)
	t.SetString(l, "_NAME", lua.String("cjson"))
	t.SetString(l, "_VERSION", lua.String("2.1.0"))
	return t
}

// checkCount makes sure that there are no more than n arguments.
func checkCount(l *lua.State, n int) {
	if l.NArgs() > n {
		l.ArgError(n+1, "found too many arguments")
	}
}

// setInteger changes a setting if the argument is there, and pushes what it is.
func setInteger(l *lua.State, arg, args int, setting *int, least, most int) int {
	if arg == 1 {
		checkCount(l, args)
	}
	if !l.Arg(arg).IsNil() {
		v := int(int32(l.CheckInteger(arg)))
		if v < least || v > most {
			l.ArgError(1, fmt.Sprintf("expected integer between %d and %d", least, most))
		}
		*setting = v
	}
	l.PushNumber(float64(*setting))
	return 1
}

func setBool(l *lua.State, arg, args int, setting *bool) int {
	if arg == 1 {
		checkCount(l, args)
	}
	switch v := l.Arg(arg); {
	case v.Type() == lua.TypeNil:
	case v.Type() == lua.TypeBoolean:
		*setting = v.Truthy()
	default:
		*setting = checkOption(l, arg, "off", "on") == 1
	}
	l.PushBool(*setting)
	return 1
}

func checkOption(l *lua.State, arg int, options ...string) int {
	name := l.CheckString(arg)
	for i, o := range options {
		if o == name {
			return i
		}
	}
	return l.ArgError(arg, "invalid option '"+name+"'")
}

func (c *jsonCodec) setSparseArray(l *lua.State) int {
	checkCount(l, 3)
	l.SetTop(3)
	setBool(l, 1, 4, &c.sparseConvert)
	setInteger(l, 2, 4, &c.sparseRatio, 0, math.MaxInt32)
	setInteger(l, 3, 4, &c.sparseSafe, 0, math.MaxInt32)
	return 3
}

func (c *jsonCodec) setEncodeInvalid(l *lua.State) int {
	checkCount(l, 1)
	switch v := l.Arg(1); {
	case v.Type() == lua.TypeNil:
	case v.Type() == lua.TypeBoolean:
		c.encodeInvalid = 0
		if v.Truthy() {
			c.encodeInvalid = 1
		}
	default:
		c.encodeInvalid = checkOption(l, 1, "off", "on", "null")
	}
	if c.encodeInvalid == 2 {
		l.Push(lua.String("null"))
	} else {
		l.PushBool(c.encodeInvalid == 1)
	}
	return 1
}
