package lua

import (
	"math"
	"strconv"
	"strings"
)

// spec is one item of a format, as C has them.
type spec struct {
	minus, plus, space, alt, zero bool
	width, precision              int // precision is -1 when there is none
	verb                          byte
}

func strFormat(l *State) int {
	format := l.CheckString(1)
	l.textSteps(len(format), 8)
	top := l.NArgs()
	arg := 1
	var b builder
	for format != "" {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			b.add(l, format)
			break
		}
		b.add(l, format[:i])
		format = format[i+1:]
		if format != "" && format[0] == '%' {
			b.add(l, "%")
			format = format[1:]
			continue
		}
		if arg++; arg > top {
			return l.ArgError(arg, "no value")
		}
		var s spec
		format = s.scan(l, format)
		s.add(l, &b, arg)
	}
	l.Push(b.value())
	return 1
}

// scan reads an item and returns what follows it.
func (s *spec) scan(l *State, format string) string {
	i := 0
	digit := func() bool { return i < len(format) && isDigit(int(format[i])) }
	number := func() (n int) {
		for j := 0; j < 2 && digit(); j++ {
			n = n*10 + int(format[i]-'0')
			i++
		}
		return n
	}
flags:
	for ; i < len(format); i++ {
		switch format[i] {
		case '-':
			s.minus = true
		case '+':
			s.plus = true
		case ' ':
			s.space = true
		case '#':
			s.alt = true
		case '0':
			s.zero = true
		default:
			break flags
		}
	}
	if i >= 6 {
		l.Errorf("invalid format (repeated flags)")
	}
	s.width, s.precision = number(), -1
	if i < len(format) && format[i] == '.' {
		i++
		s.precision = number()
	}
	if digit() {
		l.Errorf("invalid format (width or precision too long)")
	}
	if i < len(format) {
		s.verb = format[i]
		i++
	}
	return format[i:]
}

// add formats an argument.
func (s *spec) add(l *State, b *builder, arg int) {
	var room [128]byte
	text := room[:0]
	switch s.verb {
	case 'c':
		c := byte(0) // what does not fit into C's int becomes the smallest, whose last byte that is
		if f := l.CheckNumber(arg); f > -1<<31-1 && f < 1<<31 {
			c = byte(int32(f))
		}
		text = s.pad(text, "", oneByte[c:int(c)+1], false)
		if i := strings.IndexByte(string(text), 0); i >= 0 {
			text = text[:i]
		}
	case 'd', 'i':
		text = s.integer(text, toInteger(l.CheckNumber(arg)))
	case 'o', 'u', 'x', 'X':
		text = s.unsigned(text, toUnsigned(l.CheckNumber(arg)))
	case 'e', 'E', 'f', 'g', 'G':
		text = s.float(text, l.CheckNumber(arg))
	case 'q':
		b.addQuoted(l, l.CheckString(arg))
		return
	case 's':
		str := l.CheckString(arg)
		if s.precision < 0 && len(str) >= 100 {
			b.add(l, str)
			return
		}
		l.textSteps(len(str), 10)
		str = cString(str)
		if s.precision >= 0 {
			str = str[:min(len(str), s.precision)]
		}
		text = s.pad(text, "", str, false)
	default:
		verb := ""
		if s.verb != 0 {
			verb = string([]byte{s.verb})
		}
		l.Errorf("invalid option '%%%s' to 'format'", verb)
	}
	b.add(l, string(text))
}

// toUnsigned converts as compilers for common machines do.
func toUnsigned(f float64) uint64 {
	if f < 0x1p63 || f != f {
		return uint64(toInteger(f))
	}
	return uint64(toInteger(f-0x1p63)) ^ 1<<63
}

// pad adds spaces, or zeros between the sign and the digits.
func (s *spec) pad(b []byte, sign, body string, zeros bool) []byte {
	n := s.width - len(sign) - len(body)
	if n <= 0 {
		return append(append(b, sign...), body...)
	}
	switch {
	case s.minus:
		b = append(append(b, sign...), body...)
		return appendRepeated(b, ' ', n)
	case zeros && s.zero:
		b = appendRepeated(append(b, sign...), '0', n)
		return append(b, body...)
	}
	b = appendRepeated(b, ' ', n)
	return append(append(b, sign...), body...)
}

func appendRepeated(b []byte, c byte, n int) []byte {
	for range n {
		b = append(b, c)
	}
	return b
}

func (s *spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.plus:
		return "+"
	case s.space:
		return " "
	}
	return ""
}

func (s *spec) integer(b []byte, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	return s.pad(b, s.sign(n < 0), s.digits(u, 10), s.precision < 0)
}

// digits writes a whole number with at least as many digits as the precision says; 0 with a precision of 0 has none.
func (s *spec) digits(u uint64, base int) string {
	if u == 0 && s.precision == 0 {
		return ""
	}
	d := strconv.FormatUint(u, base)
	if n := s.precision - len(d); n > 0 {
		d = strings.Repeat("0", n) + d
	}
	return d
}

func (s *spec) unsigned(b []byte, u uint64) []byte {
	base, prefix := 10, ""
	switch s.verb {
	case 'o':
		base = 8
	case 'x', 'X':
		base = 16
		if s.alt && u != 0 {
			prefix = "0" + string([]byte{s.verb})
		}
	}
	d := s.digits(u, base)
	if s.verb == 'o' && s.alt && (d == "" || d[0] != '0') {
		d = "0" + d
	}
	if s.verb == 'X' {
		d = strings.ToUpper(d)
	}
	return s.pad(b, prefix, d, s.precision < 0)
}

func (s *spec) float(b []byte, f float64) []byte {
	negative := math.Signbit(f)
	verb := s.verb | 0x20
	upper := s.verb != verb
	if f != f || math.IsInf(f, 0) {
		word := "inf"
		if f != f {
			word = "nan"
		}
		if upper {
			word = strings.ToUpper(word)
		}
		return s.pad(b, s.sign(negative), word, false)
	}
	precision := s.precision
	if precision < 0 {
		precision = 6
	}
	if verb == 'g' && precision == 0 {
		precision = 1
	}
	var room [64]byte
	d := strconv.AppendFloat(room[:0], math.Abs(f), verb, precision, 64)
	if s.alt {
		d = alternate(d, math.Abs(f), verb, precision)
	}
	body := string(d)
	if upper {
		body = strings.ToUpper(body)
	}
	return s.pad(b, s.sign(negative), body, true)
}

// alternate gives a number its point, and with g the zeros at its end.
func alternate(d []byte, f float64, verb byte, precision int) []byte {
	if verb == 'g' {
		e := strconv.FormatFloat(f, 'e', precision-1, 64)
		exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
		if exp < -4 || exp >= precision {
			d = []byte(e)
		} else {
			d = strconv.AppendFloat(d[:0], f, 'f', precision-1-exp, 64)
		}
	}
	if strings.IndexByte(string(d), '.') >= 0 {
		return d
	}
	if i := strings.IndexByte(string(d), 'e'); i >= 0 {
		return append(append(append([]byte{}, d[:i]...), '.'), d[i:]...)
	}
	return append(d, '.')
}

// addQuoted adds a string as a literal that Lua reads back.
func (b *builder) addQuoted(l *State, s string) {
	b.add(l, `"`)
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			b.add(l, `\`)
			b.add(l, s[i:i+1])
		case '\r':
			b.add(l, `\r`)
		case 0:
			b.add(l, `\000`)
		default:
			b.add(l, s[i:i+1])
		}
	}
	b.add(l, `"`)
}
