package script

import (
	"bytes"
	"strconv"

	"holdfast/lua"
)

// value makes a value of the first reply in b, and answers what stands behind it. What comes from the host is well
// formed.
func (r *Runner) value(l *lua.State, b []byte) (v lua.Value, rest []byte) {
	kind := b[0]
	line, rest := firstReplyLine(b[1:])
	switch kind {
	case ':':
		return lua.Number(float64(integerOf(line))), rest
	case '$', '=':
		n := int(integerOf(line))
		if n < 0 {
			return lua.Bool(false), rest
		}
		text, rest := rest[:n], rest[n+2:]
		if kind == '=' {
			return r.verbatim(l, text), rest
		}
		return r.text(l, text), rest
	case '+':
		if string(line) == "OK" {
			return r.status(l, lua.String("OK")), rest
		}
		return r.status(l, r.text(l, line)), rest
	case '-':
		return countedError(l, withCode(string(line))), rest
	case '*':
		return r.array(l, int(integerOf(line)), rest)
	case '%':
		return r.mapping(l, int(integerOf(line)), rest)
	case '~', '>':
		return r.set(l, int(integerOf(line)), rest)
	case '|':
		for range 2 * integerOf(line) {
			_, rest = r.value(l, rest)
		}
		return r.value(l, rest)
	case '#':
		return lua.Bool(line[0] == 't'), rest
	case ',':
		f, _ := strconv.ParseFloat(string(line), 64)
		return wrapped(l, "double", lua.Number(f)), rest
	case '(':
		return wrapped(l, "big_number", r.text(l, line)), rest
	}
	return lua.Nil, rest
}

// firstReplyLine cuts b behind its first line.
func firstReplyLine(b []byte) (line, rest []byte) {
	end := bytes.IndexByte(b, '\r')
	return b[:end], b[end+2:]
}

func integerOf(line []byte) (n int64) {
	negative := line[0] == '-'
	if negative {
		line = line[1:]
	}
	for _, c := range line {
		n = n*10 + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

// array makes a table of n replies.
func (r *Runner) array(l *lua.State, n int, b []byte) (lua.Value, []byte) {
	if n < 0 {
		return lua.Bool(false), b
	}
	room := n
	if r.proto == 3 {
		room = 0 // where an item may be nil, how the table has grown shows in its length
	}
	t := l.NewTable(room, 0)
	for i := range n {
		var v lua.Value
		v, b = r.value(l, b)
		t.SetInt(l, i+1, v)
	}
	return lua.TableValue(t), b
}

func wrapped(l *lua.State, name string, v lua.Value) lua.Value {
	t := l.NewTable(0, 1)
	t.SetString(l, name, v)
	return lua.TableValue(t)
}

// mapping makes a table of n pairs.
func (r *Runner) mapping(l *lua.State, n int, b []byte) (lua.Value, []byte) {
	t := l.NewTable(0, 0)
	for range n {
		var k, v lua.Value
		k, b = r.value(l, b)
		v, b = r.value(l, b)
		t.Set(l, k, v)
	}
	return wrapped(l, "map", lua.TableValue(t)), b
}

// set makes a table of n members.
func (r *Runner) set(l *lua.State, n int, b []byte) (lua.Value, []byte) {
	t := l.NewTable(0, 0)
	for range n {
		var k lua.Value
		k, b = r.value(l, b)
		t.Set(l, k, lua.Bool(true))
	}
	return wrapped(l, "set", lua.TableValue(t)), b
}

// verbatim makes a table of a text with its format.
func (r *Runner) verbatim(l *lua.State, b []byte) lua.Value {
	t := l.NewTable(0, 1)
	t.SetString(l, "string", r.text(l, b[4:]))
	t.SetString(l, "format", r.text(l, b[:3]))
	return wrapped(l, "verbatim_string", lua.TableValue(t))
}

// text makes a string of a copy of b.
func (r *Runner) text(l *lua.State, b []byte) lua.Value {
	if r.kept {
		return l.NewString(string(b))
	}
	return r.heap.text(l, b)
}

// status makes the value of a status.
func (r *Runner) status(l *lua.State, text lua.Value) lua.Value {
	if r.kept {
		return wrapped(l, "ok", text)
	}
	return r.heap.status(l, "ok", text)
}
