package clibs

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"holdfast/lua"
)

type tokenType uint8

const (
	objectBegin tokenType = iota
	objectEnd
	arrayBegin
	arrayEnd
	stringToken
	numberToken
	booleanToken
	nullToken
	colonToken
	commaToken
	endToken
	errorToken
)

var tokenNames = [...]string{"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_NUMBER",
	"T_BOOLEAN", "T_NULL", "T_COLON", "T_COMMA", "T_END", "T_ERROR"}

// jsonDecoder reads one text. Like C's, it takes a zero byte for the end.
type jsonDecoder struct {
	*jsonCodec
	l     *lua.State
	s     string
	pos   int
	depth int
	slots int
	tmp   []byte
	*jsonShapes
	likely lua.Value // the key that may well come next; nil where none is known

	// The last token.
	token   tokenType
	index   int // where it begins
	number  float64
	text    lua.Value
	boolean bool
	problem string // what an errorToken is
}

func (c *jsonCodec) decode(l *lua.State) int {
	if l.NArgs() != 1 {
		return l.ArgError(1, "expected 1 argument")
	}
	s := l.CheckString(1)
	if len(s) >= 2 && (s[0] == 0 || s[1] == 0) {
		return l.Errorf("JSON parser does not support UTF-16 or UTF-32")
	}
	d := jsonDecoder{jsonCodec: c, l: l, s: s, slots: 1, jsonShapes: c.shapes}
	if d.jsonShapes == nil {
		d.jsonShapes = &jsonShapes{}
	}
	l.Steps(len(s) >> 5)
	d.next()
	d.value()
	d.next()
	if d.token != endToken {
		d.expected("the end")
	}
	return 1
}

func (d *jsonDecoder) expected(what string) {
	found := d.problem
	if d.token != errorToken {
		found = tokenNames[d.token]
	}
	d.l.Errorf("Expected %s but found %s at character %d", what, found, d.index+1)
}

// byteAt is a byte of the text; 0 at its end.
func (d *jsonDecoder) byteAt(i int) byte {
	if i < len(d.s) {
		return d.s[i]
	}
	return 0
}

func (d *jsonDecoder) fail(problem string) {
	d.token, d.index, d.problem = errorToken, d.pos, problem
}

func (d *jsonDecoder) next() {
	for d.pos < len(d.s) && (d.s[d.pos] == ' ' || '\t' <= d.s[d.pos] && d.s[d.pos] <= '\r' &&
		d.s[d.pos] != '\v' && d.s[d.pos] != '\f') {
		d.pos++
	}
	d.index = d.pos
	c := d.byteAt(d.pos)
	switch c {
	case '{':
		d.token = objectBegin
	case '}':
		d.token = objectEnd
	case '[':
		d.token = arrayBegin
	case ']':
		d.token = arrayEnd
	case ',':
		d.token = commaToken
	case ':':
		d.token = colonToken
	case 0:
		d.token = endToken
		return
	case '"':
		d.scanString()
		return
	default:
		d.scanWord(c)
		return
	}
	d.pos++
}

func (d *jsonDecoder) scanWord(c byte) {
	rest := d.s[d.pos:]
	switch {
	case c == '-' || '0' <= c && c <= '9':
		if !d.decodeInvalid && d.invalidNumber() {
			d.fail("invalid number")
			return
		}
		d.scanNumber()
	case strings.HasPrefix(rest, "true"):
		d.token, d.boolean = booleanToken, true
		d.pos += 4
	case strings.HasPrefix(rest, "false"):
		d.token, d.boolean = booleanToken, false
		d.pos += 5
	case strings.HasPrefix(rest, "null"):
		d.token = nullToken
		d.pos += 4
	case strings.IndexByte("iInN+", c) >= 0 && d.decodeInvalid && d.invalidNumber():
		d.scanNumber()
	default:
		d.fail("invalid token")
	}
}

// invalidNumber says whether C would read a number here that is none of JSON.
func (d *jsonDecoder) invalidNumber() bool {
	i := d.pos
	if d.byteAt(i) == '+' {
		return true
	}
	if d.byteAt(i) == '-' {
		i++
	}
	c := d.byteAt(i)
	if c == '0' {
		c = d.byteAt(i + 1)
		return c|0x20 == 'x' || '0' <= c && c <= '9'
	} else if c <= '9' {
		return false
	}
	word := strings.ToLower(d.s[i:min(i+3, len(d.s))])
	return word == "inf" || word == "nan"
}

func (d *jsonDecoder) scanNumber() {
	f, n := readNumber(d.s[d.pos:])
	if n == 0 {
		d.fail("invalid number")
		return
	}
	d.token, d.number = numberToken, f
	d.pos += n
}

// readNumber reads a number as C's strtod does, and says how long it is.
func readNumber(s string) (f float64, n int) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	rest := strings.ToLower(s[i:min(i+8, len(s))])
	sign := 1.0
	if s[0] == '-' {
		sign = -1
	}
	switch {
	case strings.HasPrefix(rest, "infinity"):
		return math.Inf(int(sign)), i + 8
	case strings.HasPrefix(rest, "inf"):
		return math.Inf(int(sign)), i + 3
	case strings.HasPrefix(rest, "nan"):
		return math.Copysign(math.NaN(), sign), i + 3
	case strings.HasPrefix(rest, "0x"):
		if f, n, ok := readHex(s, i+2); ok {
			return f, n
		}
	}
	start := i
	digits := func() (n int) {
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
			n++
		}
		return n
	}
	some := digits()
	if some > 0 && some < 16 && (i == len(s) || s[i] != '.' && s[i]|0x20 != 'e') {
		var x int64
		for _, c := range []byte(s[start:i]) {
			x = x*10 + int64(c-'0')
		}
		return sign * float64(x), i
	}
	if i < len(s) && s[i] == '.' {
		i++
		more := digits()
		some += more
	}
	if some == 0 {
		return 0, 0
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		end := i
		i++
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
		if digits() == 0 {
			i = end
		}
	}
	f, _ = strconv.ParseFloat(s[:i], 64)
	return f, i
}

// readHex reads a hexadecimal number whose digits begin at i.
func readHex(s string, i int) (f float64, n int, ok bool) {
	some := 0
	for point := false; i < len(s); i++ {
		switch c := s[i]; {
		case hexDigit(c) >= 0:
			some++
		case c == '.' && !point:
			point = true
		default:
			goto exponent
		}
	}
exponent:
	if some == 0 {
		return 0, 0, false
	}
	text := s[:i] + "p0"
	if i < len(s) && s[i]|0x20 == 'p' {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		end := j
		for end < len(s) && '0' <= s[end] && s[end] <= '9' {
			end++
		}
		if end > j {
			i = end
			text = s[:i]
		}
	}
	f, _ = strconv.ParseFloat(text, 64)
	return f, i, true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func (d *jsonDecoder) scanString() {
	d.pos++
	start := d.pos
	for i := start; i < len(d.s); i++ {
		switch d.s[i] {
		case '"':
			d.token = stringToken
			d.pos = i + 1
			if text := d.s[start:i]; d.likely.IsString() && d.likely.AsString() == text {
				d.text = d.likely
			} else {
				d.text = d.l.NewString(text)
			}
			return
		case '\\', 0:
			d.scanEscaped(start, i)
			return
		}
	}
	d.pos = len(d.s)
	d.fail("unexpected end of string")
}

// scanEscaped reads a string on from the first byte that is not plain.
func (d *jsonDecoder) scanEscaped(start, i int) {
	b := append(d.tmp[:0], d.s[start:i]...)
	d.pos = i
	for {
		c := d.byteAt(d.pos)
		switch c {
		case '"':
			d.pos++
			d.tmp = b
			d.token = stringToken
			d.text = d.l.NewString(string(b))
			return
		case 0:
			d.fail("unexpected end of string")
			return
		case '\\':
			esc := d.byteAt(d.pos + 1)
			if esc == 'u' {
				r, n := d.unicodeEscape()
				if n == 0 {
					d.fail("invalid unicode escape code")
					return
				}
				b = utf8.AppendRune(b, r)
				d.pos += n
				continue
			}
			at := strings.IndexByte(`"\/btnfr`, esc)
			if at < 0 || esc == 0 {
				d.fail("invalid escape code")
				return
			}
			c = "\"\\/\b\t\n\f\r"[at]
			d.pos++
		}
		b = append(b, c)
		d.pos++
	}
}

// unicodeEscape reads one or, for a surrogate pair, two escapes; n is how long they are, 0 when they are wrong.
func (d *jsonDecoder) unicodeEscape() (r rune, n int) {
	high, ok := d.hex4(d.pos + 2)
	if !ok {
		return 0, 0
	}
	if high&0xF800 != 0xD800 {
		return high, 6
	}
	if high&0x400 != 0 || d.byteAt(d.pos+6) != '\\' || d.byteAt(d.pos+7) != 'u' {
		return 0, 0
	}
	low, ok := d.hex4(d.pos + 8)
	if !ok || low&0xFC00 != 0xDC00 {
		return 0, 0
	}
	return (high&0x3FF<<10 | low&0x3FF) + 0x10000, 12
}

func (d *jsonDecoder) hex4(i int) (r rune, ok bool) {
	for j := range 4 {
		digit := hexDigit(d.byteAt(i + j))
		if digit < 0 {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

func (d *jsonDecoder) descend(room, used int) {
	d.depth++
	if d.depth > d.decodeDepth || d.slots+room > maxStack {
		d.l.Errorf("Found too many nested data structures (%d) at character %d", d.depth, d.pos)
	}
	d.slots += used
}

func (d *jsonDecoder) ascend(used int) {
	d.depth--
	d.slots -= used
}

// value pushes what the last token begins.
func (d *jsonDecoder) value() {
	switch d.token {
	case stringToken:
		d.l.Push(d.text)
	case numberToken:
		d.l.PushNumber(d.number)
	case booleanToken:
		d.l.PushBool(d.boolean)
	case nullToken:
		d.l.Push(lua.Null)
	case objectBegin:
		d.object()
	case arrayBegin:
		d.array()
	default:
		d.expected("value")
	}
}
