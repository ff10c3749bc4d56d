package lua

import (
	"slices"
	"strings"
)

// OpenString opens the library string, whose functions are the methods of strings.
func (l *State) OpenString() {
	t := l.Register("string", stringFunctions)
	t.SetString(l, "gfind", t.GetString("gmatch"))
	l.g.strMeta = newTable(l, 0, 1)
	l.g.strMeta.SetString(l, "__index", tableValue(t))
}

var stringFunctions = map[string]Function{
	"byte": strByte, "char": strChar, "dump": strDump, "find": strFind, "format": strFormat, "gmatch": strGmatch,
	"gsub": strGsub, "len": strLen, "lower": strLower, "match": strMatch, "rep": strRep, "reverse": strReverse,
	"sub": strSub, "upper": strUpper,
}

func strLen(l *State) int {
	l.PushNumber(float64(len(l.CheckString(1))))
	return 1
}

// position makes a position that may count from the end one from the start, at least 0.
func position(pos int64, n int) int64 {
	if pos < 0 {
		pos += int64(n) + 1
	}
	return max(pos, 0)
}

func strSub(l *State) int {
	s := l.CheckString(1)
	start := max(position(l.CheckInteger(2), len(s)), 1)
	end := min(position(l.OptInteger(3, -1), len(s)), int64(len(s)))
	switch {
	case start > end:
		l.Push(String(""))
	case start == 1 && end == int64(len(s)):
		l.Push(l.Arg(1))
	default:
		l.Push(l.newString(s[start-1 : end]))
	}
	return 1
}

// buffer is room for a string of n bytes that is about to be made, counted already.
func (l *State) buffer(n int) []byte {
	l.charge(sizeString + int64(n))
	l.Steps(n >> 8)
	return make([]byte, n)
}

func strReverse(l *State) int {
	s := l.CheckString(1)
	b := l.buffer(len(s))
	for i := range len(s) {
		b[len(s)-1-i] = s[i]
	}
	l.Push(Bytes(b))
	return 1
}

func strLower(l *State) int {
	s := l.CheckString(1)
	b := l.buffer(len(s))
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b[i] = c
	}
	l.Push(Bytes(b))
	return 1
}

func strUpper(l *State) int {
	s := l.CheckString(1)
	b := l.buffer(len(s))
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b[i] = c
	}
	l.Push(Bytes(b))
	return 1
}

// maxString is the most that a string may have without a memory limit.
const maxString = 1 << 31

func strRep(l *State) int {
	s := l.CheckString(1)
	n := l.checkInt(2)
	if n <= 0 || s == "" {
		l.Push(String(""))
		return 1
	}
	size := int64(len(s)) * int64(n)
	if size > maxString {
		panic(&thrown{kind: throwMemory, value: String("not enough memory")})
	}
	b := l.buffer(int(size))
	for i := copy(b, s); i < len(b); i *= 2 {
		copy(b[i:], b[:i])
	}
	l.Push(Bytes(b))
	return 1
}

func strByte(l *State) int {
	s := l.CheckString(1)
	from := position(l.OptInteger(2, 1), len(s))
	to := position(l.OptInteger(3, from), len(s))
	from = max(from, 1)
	to = min(to, int64(len(s)))
	if from > to {
		return 0
	}
	n := int(to - from + 1)
	l.CheckStack(n, "string slice too long")
	for i := from; i <= to; i++ {
		l.PushNumber(float64(s[i-1]))
	}
	return n
}

func strChar(l *State) int {
	n := l.NArgs()
	b := l.g.buf[:0]
	for i := 1; i <= n; i++ {
		c := l.checkInt(i)
		if c != int(uint8(c)) {
			return l.ArgError(i, "invalid value")
		}
		b = append(b, byte(c))
	}
	l.g.buf = b
	l.PushBytes(b)
	return 1
}

func strDump(l *State) int {
	l.checkFunction(1)
	return l.Errorf("unable to dump given function")
}

const specials = "^$*+?.([%-"

func strFind(l *State) int  { return l.find(true) }
func strMatch(l *State) int { return l.find(false) }

func (l *State) find(find bool) int {
	s := l.CheckString(1)
	p := l.CheckString(2)
	init := position(l.OptInteger(3, 1), len(s)) - 1
	init = min(max(init, 0), int64(len(s)))
	l.textSteps(len(p), 6)
	if find && (l.Arg(4).Truthy() || !strings.ContainsAny(cString(p), specials)) {
		l.Steps((len(s) - int(init)) >> 8)
		at := strings.Index(s[init:], p)
		if at < 0 {
			l.PushNil()
			return 1
		}
		l.PushNumber(float64(int(init) + at + 1))
		l.PushNumber(float64(int(init) + at + len(p)))
		return 2
	}
	var m matcher
	anchor := m.begin(l, s, p)
	for at := int(init); ; at++ {
		m.level = 0
		if end := m.match(at, 0); end >= 0 {
			m.finish()
			if find {
				l.PushNumber(float64(at + 1))
				l.PushNumber(float64(end))
				return m.pushCaptures(-1, 0) + 2
			}
			return m.pushCaptures(at, end)
		}
		if at >= len(s) || anchor {
			break
		}
	}
	m.finish()
	l.PushNil()
	return 1
}

func strGmatch(l *State) int {
	s := l.CheckString(1)
	p := l.CheckString(2)
	l.Push(l.NewFunction(gmatchNext, String(s), String(p), Number(0)))
	return 1
}

func gmatchNext(l *State) int {
	s, p := l.Upvalue(1).str(), l.Upvalue(2).str()
	var m matcher
	m.begin(l, s, p)
	m.pattern = cString(p) // "^" is not special here
	for at := int(l.Upvalue(3).num()); at <= len(s); at++ {
		m.level = 0
		if end := m.match(at, 0); end >= 0 {
			m.finish()
			next := end
			if end == at {
				next++
			}
			l.Upvalue(3).setNum(float64(next))
			return m.pushCaptures(at, end)
		}
	}
	m.finish()
	return 0
}

func strGsub(l *State) int {
	s := l.CheckString(1)
	p := l.CheckString(2)
	most := l.optInt(4, len(s)+1)
	switch t := l.Arg(3).Type(); t {
	case TypeNumber, TypeString, TypeFunction, TypeTable:
	default:
		return l.ArgError(3, "string/function/table expected")
	}
	l.SetTop(4)
	var m matcher
	anchor := m.begin(l, s, p)
	var b builder
	at, n := 0, 0
	for n < most {
		m.level = 0
		end := m.match(at, 0)
		if end >= 0 {
			n++
			m.replace(&b, at, end)
		}
		if end > at {
			at = end
		} else if at < len(s) {
			b.add(l, s[at:at+1])
			at++
		} else {
			break
		}
		if anchor {
			break
		}
	}
	m.finish()
	if n == 0 {
		l.Push(l.Arg(1))
	} else {
		b.add(l, s[at:])
		l.Push(b.value())
	}
	l.PushNumber(float64(n))
	return 2
}

// replace adds what a match from at to end is replaced by.
func (m *matcher) replace(b *builder, at, end int) {
	l := m.l
	by := l.Arg(3)
	switch by.Type() {
	case TypeFunction:
		l.Push(by)
		n := m.pushCaptures(at, end)
		l.Call(n, 1)
	case TypeTable:
		m.pushCapture(0, at, end)
		key := l.Top()
		v := l.index(&by, &key, -1)
		l.stack[l.top-1] = v
	default:
		m.replaceByText(b, at, end)
		return
	}
	v := l.Top()
	l.Pop(1)
	switch {
	case !v.Truthy():
		b.add(l, m.src[at:end])
	case v.isStr():
		b.add(l, v.str())
	case v.isNum():
		b.add(l, formatNumber(v.num()))
	default:
		l.Errorf("invalid replacement value (a %s)", v.Type())
	}
}

func (m *matcher) replaceByText(b *builder, at, end int) {
	l := m.l
	text := l.CheckString(3)
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			b.add(l, text)
			return
		}
		b.add(l, text[:i])
		c := byte(0)
		if i+1 < len(text) {
			c = text[i+1]
			text = text[i+2:]
		} else {
			text = ""
		}
		switch {
		case !isDigit(int(c)):
			b.add(l, oneByte[c:int(c)+1])
		case c == '0':
			b.add(l, m.src[at:end])
		default:
			v := m.capture(int(c-'1'), at, end)
			if v.isStr() {
				b.add(l, v.str())
			} else {
				b.add(l, formatNumber(v.num()))
			}
		}
	}
}

// builder builds a string and counts its memory as it grows.
type builder struct {
	b       []byte
	counted int
}

func (b *builder) add(l *State, s string) {
	if n := len(b.b) + len(s); n > b.counted {
		b.count(l, n)
	}
	b.b = append(b.b, s...)
}

// count makes room for twice as many as n bytes. append would make room more often, and leave more garbage.
func (b *builder) count(l *State, n int) {
	n *= 2
	l.charge(int64(n - b.counted))
	l.Steps((n - b.counted) >> 6)
	b.counted = n
	if n > 1<<12 {
		b.b = slices.Grow(b.b, n-len(b.b))
	}
}

// value is the string, without much room that it will never use.
func (b *builder) value() Value {
	if cap(b.b)-len(b.b) > len(b.b)/4 && len(b.b) > 1<<10 {
		return String(string(b.b))
	}
	return Bytes(b.b)
}
