package clibs

import (
	"math"

	"holdfast/lua"
)

// jsonEncoder writes one value.
type jsonEncoder struct {
	*jsonCodec
	l       *lua.State
	b       []byte
	counted int
	depth   int
	slots   int // values that the C library would have on the stack
}

const keepBytes = 1 << 16 // a larger buffer is not kept

func (c *jsonCodec) encode(l *lua.State) int {
	if l.NArgs() != 1 {
		return l.ArgError(1, "expected 1 argument")
	}
	e := jsonEncoder{jsonCodec: c, l: l, b: c.buf[:0], slots: 1}
	c.buf = nil
	e.value(l.Arg(1))
	l.PushBytes(e.b)
	if cap(e.b) <= keepBytes {
		c.buf = e.b
	}
	return 1
}

// count lets the memory limit and the step budget know of a buffer that grows, or is about to by more bytes.
func (e *jsonEncoder) count(more int) {
	if n := len(e.b) + more; n > e.counted {
		n = 2*n + 256
		if n > keepBytes {
			e.l.Charge(n - e.counted)
		}
		e.l.Steps((n - e.counted) >> 5)
		e.counted = n
	}
}

func (e *jsonEncoder) fail(v lua.Value, reason string) {
	e.l.Errorf("Cannot serialise %s: %s", v.Type(), reason)
}

func (e *jsonEncoder) value(v lua.Value) {
	switch v.Type() {
	case lua.TypeString:
		e.text(v.AsString())
	case lua.TypeNumber:
		e.number(v)
	case lua.TypeBoolean:
		if v.Truthy() {
			e.b = append(e.b, "true"...)
		} else {
			e.b = append(e.b, "false"...)
		}
	case lua.TypeTable:
		e.table(v.AsTable())
	case lua.TypeNil:
		e.b = append(e.b, "null"...)
	default:
		if !v.IsNull() {
			e.fail(v, "type not supported")
		}
		e.b = append(e.b, "null"...)
	}
}

// escapes are what stands for the bytes that may not stand for themselves.
var escapes = func() (t [256]string) {
	const hex = "0123456789abcdef"
	for c := range 32 {
		t[c] = `\u00` + hex[c>>4:c>>4+1] + hex[c&15:c&15+1]
	}
	t[127] = `\u007f`
	t['\b'], t['\t'], t['\n'], t['\f'], t['\r'] = `\b`, `\t`, `\n`, `\f`, `\r`
	t['"'], t['/'], t['\\'] = `\"`, `\/`, `\\`
	return t
}()

func (e *jsonEncoder) text(s string) {
	e.count(len(s) + 2)
	e.b = append(e.b, '"')
	from := 0
	for i := range len(s) {
		if esc := escapes[s[i]]; esc != "" {
			e.b = append(append(e.b, s[from:i]...), esc...)
			e.count(len(s) - i)
			from = i + 1
		}
	}
	e.b = append(append(e.b, s[from:]...), '"')
}

func (e *jsonEncoder) number(v lua.Value) {
	f := v.AsNumber()
	if math.IsInf(f, 0) || math.IsNaN(f) {
		switch {
		case e.encodeInvalid == 0:
			e.fail(v, "must not be NaN or Inf")
		case e.encodeInvalid == 2:
			e.b = append(e.b, "null"...)
			return
		case math.IsNaN(f):
			e.b = append(e.b, "nan"...)
			return
		}
	}
	e.b = lua.AppendNumber(e.b, f, e.precision)
	e.count(0)
}

func (e *jsonEncoder) table(t *lua.Table) {
	e.depth++
	if e.depth > e.encodeDepth || e.slots+3 > maxStack {
		e.l.Errorf("Cannot serialise, excessive nesting (%d)", e.depth)
	}
	if n := e.arrayLength(t); n > 0 {
		e.array(t, n)
	} else {
		e.object(t)
	}
	e.depth--
}

// arrayLength is the largest index of an array; -1 for what has other keys.
func (e *jsonEncoder) arrayLength(t *lua.Table) int {
	most, items := int32(0), int32(0)
	for k, _, at, ok := t.At(0); ok; k, _, at, ok = t.At(at) {
		if !k.IsNumber() {
			return -1
		}
		f := k.AsNumber()
		if math.Floor(f) != f || f < 1 {
			return -1
		}
		if f > float64(most) {
			most = toInt(f)
		}
		items++
	}
	e.l.Steps(int(items) >> 4)
	if e.sparseRatio > 0 && most > items*int32(e.sparseRatio) && int(most) > e.sparseSafe {
		if !e.sparseConvert {
			e.fail(lua.TableValue(t), "excessively sparse array")
		}
		return -1
	}
	return int(most)
}

// toInt converts as C does on common machines.
func toInt(f float64) int32 {
	if f >= -0x1p31 && f < 0x1p31 {
		return int32(f)
	}
	return math.MinInt32
}

func (e *jsonEncoder) array(t *lua.Table, n int) {
	e.b = append(e.b, '[')
	e.slots++
	for i := 1; i <= n; i++ {
		if i > 1 {
			e.b = append(e.b, ',')
		}
		e.value(t.GetInt(i))
		e.count(0)
	}
	e.slots--
	e.b = append(e.b, ']')
}

func (e *jsonEncoder) object(t *lua.Table) {
	e.b = append(e.b, '{')
	e.slots += 2
	first := true
	for k, v, at, ok := t.At(0); ok; k, v, at, ok = t.At(at) {
		if !first {
			e.b = append(e.b, ',')
		}
		first = false
		switch k.Type() {
		case lua.TypeNumber:
			e.b = append(e.b, '"')
			e.number(k)
			e.b = append(e.b, '"', ':')
		case lua.TypeString:
			e.text(k.AsString())
			e.b = append(e.b, ':')
		default:
			e.fail(k, "table key must be a number or string")
		}
		e.value(v)
	}
	e.slots -= 2
	e.b = append(e.b, '}')
	e.count(0)
}
