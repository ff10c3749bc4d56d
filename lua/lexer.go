package lua

import (
	"fmt"
	"strings"
)

type token int

const (
	tkAnd token = iota + 257
	tkBreak
	tkDo
	tkElse
	tkElseif
	tkEnd
	tkFalse
	tkFor
	tkFunction
	tkIf
	tkIn
	tkLocal
	tkNil
	tkNot
	tkOr
	tkRepeat
	tkReturn
	tkThen
	tkTrue
	tkUntil
	tkWhile
	tkConcat
	tkDots
	tkEq
	tkGe
	tkLe
	tkNe
	tkNumber
	tkName
	tkString
	tkEOS
)

var tokenTexts = [...]string{"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in",
	"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=",
	"~=", "<number>", "<name>", "<string>", "<eof>"}

var reserved = func() map[string]token {
	m := map[string]token{}
	for i := tkAnd; i <= tkWhile; i++ {
		m[tokenTexts[i-tkAnd]] = i
	}
	return m
}()

func (t token) String() string {
	switch {
	case t >= tkAnd:
		return tokenTexts[t-tkAnd]
	case t < 32 || t == 127:
		return fmt.Sprintf("char(%d)", int(t))
	}
	return string([]byte{byte(t)})
}

const endOfSource = -1

// lexer makes tokens of a source.
type lexer struct {
	src      string
	pos      int           // of what comes after current
	more     func() string // what comes after src; "" is the end
	current  int           // the byte looked at, or endOfSource
	line     int
	lastLine int // of the token before
	source   string
	buf      []byte
	t, ahead lexeme
	strings  map[string]string // one copy of each name and string
	level    int               // of syntax, and nested calls before
	owned    bool              // the functions belong to one state
	declared []declaration     // local variables in scope, of all functions around
	latest   map[string]int    // the place in declared, from 1 on, of the last of a name
}

type lexeme struct {
	token token
	num   float64
	str   string
}

// syntaxError is the panic that ends a compilation.
type syntaxError string

func newLexer(src, source string, level int, more func() string) *lexer {
	x := &lexer{src: src, more: more, line: 1, lastLine: 1, source: source, level: level, strings: map[string]string{},
		latest: map[string]int{}}
	x.ahead.token = tkEOS
	x.advance()
	return x
}

func (x *lexer) advance() {
	if x.pos < len(x.src) {
		x.current = int(x.src[x.pos])
		x.pos++
		return
	}
	if x.more == nil {
		x.current = endOfSource
		return
	}
	if x.src, x.pos = x.more(), 0; x.src == "" {
		x.more = nil
	}
	x.advance()
}

func (x *lexer) save() {
	x.buf = append(x.buf, byte(x.current))
	x.advance()
}

// errorNear ends the compilation. With a token of 0 the message has no "near".
func (x *lexer) errorNear(msg string, t token) {
	msg = fmt.Sprintf("%s:%d: %s", chunkID(x.source, srcSize), x.line, msg)
	if t != 0 {
		text := t.String()
		if t == tkName || t == tkString || t == tkNumber {
			text = cString(string(x.buf))
		}
		msg += " near '" + text + "'"
	}
	panic(syntaxError(msg))
}

func (x *lexer) syntax(msg string) { x.errorNear(msg, x.t.token) }

func (x *lexer) next() {
	x.lastLine = x.line
	if x.ahead.token != tkEOS {
		x.t = x.ahead
		x.ahead = lexeme{token: tkEOS}
		return
	}
	x.scan(&x.t)
}

func (x *lexer) lookAhead() token {
	x.scan(&x.ahead)
	return x.ahead.token
}

func (x *lexer) newline() bool { return x.current == '\n' || x.current == '\r' }

func (x *lexer) skipNewline() {
	old := x.current
	x.advance()
	if x.newline() && x.current != old {
		x.advance()
	}
	x.line++
}

func (x *lexer) intern(b []byte) string {
	if s, ok := x.strings[string(b)]; ok {
		return s
	}
	s := string(b)
	x.strings[s] = s
	return s
}

func isDigit(c int) bool { return '0' <= c && c <= '9' }
func isAlpha(c int) bool { return 'a' <= c|32 && c|32 <= 'z' && c >= 0 }
func isSpace(c int) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// accept saves the byte when it is one of a set. Zero bytes count: C's strchr finds the end of the set.
func (x *lexer) accept(set string) bool {
	if x.current == endOfSource || x.current != 0 && strings.IndexByte(set, byte(x.current)) < 0 {
		return false
	}
	x.save()
	return true
}

func (x *lexer) scan(t *lexeme) {
	x.buf = x.buf[:0]
	for {
		switch c := x.current; {
		case c == '\n' || c == '\r':
			x.skipNewline()
		case c == '-':
			x.advance()
			if x.current != '-' {
				t.token = '-'
				return
			}
			x.comment()
		case c == '[':
			sep := x.separator()
			if sep >= 0 {
				x.longString(t, sep)
				t.token = tkString
				return
			} else if sep != -1 {
				x.errorNear("invalid long string delimiter", tkString)
			}
			t.token = '['
			return
		case c == '=':
			x.twoBytes(t, '=', tkEq)
			return
		case c == '<':
			x.twoBytes(t, '<', tkLe)
			return
		case c == '>':
			x.twoBytes(t, '>', tkGe)
			return
		case c == '~':
			x.twoBytes(t, '~', tkNe)
			return
		case c == '"' || c == '\'':
			x.shortString(t, c)
			return
		case c == '.':
			x.save()
			switch {
			case x.accept("."):
				t.token = tkConcat
				if x.accept(".") {
					t.token = tkDots
				}
			case isDigit(x.current):
				x.number(t)
			default:
				t.token = '.'
			}
			return
		case c == endOfSource:
			t.token = tkEOS
			return
		case isSpace(c):
			x.advance()
		case isDigit(c):
			x.number(t)
			return
		case isAlpha(c) || c == '_':
			x.name(t)
			return
		default:
			x.advance()
			t.token = token(c)
			return
		}
	}
}

func (x *lexer) twoBytes(t *lexeme, one token, two token) {
	x.advance()
	t.token = one
	if x.current == '=' {
		x.advance()
		t.token = two
	}
}

func (x *lexer) name(t *lexeme) {
	for isAlpha(x.current) || isDigit(x.current) || x.current == '_' {
		x.save()
	}
	if word, ok := reserved[string(x.buf)]; ok {
		t.token = word
		return
	}
	t.token, t.str = tkName, x.intern(x.buf)
}

func (x *lexer) comment() {
	x.advance()
	if x.current == '[' {
		sep := x.separator()
		x.buf = x.buf[:0]
		if sep >= 0 {
			x.longString(nil, sep)
			x.buf = x.buf[:0]
			return
		}
	}
	for !x.newline() && x.current != endOfSource {
		x.advance()
	}
}

func (x *lexer) number(t *lexeme) {
	for isDigit(x.current) || x.current == '.' {
		x.save()
	}
	if x.accept("Ee") {
		x.accept("+-")
	}
	for isAlpha(x.current) || isDigit(x.current) || x.current == '_' {
		x.save()
	}
	f, ok := parseNumber(string(x.buf))
	if !ok {
		x.errorNear("malformed number", tkNumber)
	}
	t.token, t.num = tkNumber, f
}

// separator counts the = of a long bracket; below 0 it is none.
func (x *lexer) separator() int {
	count, s := 0, x.current
	x.save()
	for x.current == '=' {
		x.save()
		count++
	}
	if x.current == s {
		return count
	}
	return -count - 1
}

// longString reads up to the closing bracket; t is nil for a comment.
func (x *lexer) longString(t *lexeme, sep int) {
	x.save()
	if x.newline() {
		x.skipNewline()
	}
	for {
		switch x.current {
		case endOfSource:
			if t != nil {
				x.errorNear("unfinished long string", tkEOS)
			}
			x.errorNear("unfinished long comment", tkEOS)
		case '[':
			if x.separator() == sep {
				x.save()
				if sep == 0 {
					x.errorNear("nesting of [[...]] is deprecated", '[')
				}
			}
		case ']':
			if x.separator() == sep {
				x.save()
				if t != nil {
					t.str = x.intern(x.buf[2+sep : len(x.buf)-2-sep])
				}
				return
			}
		case '\n', '\r':
			x.buf = append(x.buf, '\n')
			x.skipNewline()
			if t == nil {
				x.buf = x.buf[:0]
			}
		default:
			if t == nil {
				x.advance()
			} else {
				x.save()
			}
		}
	}
}

func (x *lexer) shortString(t *lexeme, delimiter int) {
	x.save()
	for x.current != delimiter {
		switch x.current {
		case endOfSource:
			x.errorNear("unfinished string", tkEOS)
		case '\n', '\r':
			x.errorNear("unfinished string", tkString)
		case '\\':
			x.escape()
		default:
			x.save()
		}
	}
	x.save()
	t.token, t.str = tkString, x.intern(x.buf[1:len(x.buf)-1])
}

func (x *lexer) escape() {
	x.advance()
	switch c := x.current; c {
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		x.buf = append(x.buf, "\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", byte(c))])
		x.advance()
	case '\n', '\r':
		x.buf = append(x.buf, '\n')
		x.skipNewline()
	case endOfSource:
	default:
		if !isDigit(c) {
			x.save()
			return
		}
		n := 0
		for i := 0; i < 3 && isDigit(x.current); i++ {
			n = 10*n + x.current - '0'
			x.advance()
		}
		if n > 255 {
			x.errorNear("escape sequence too large", tkString)
		}
		x.buf = append(x.buf, byte(n))
	}
}
