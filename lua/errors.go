package lua

import (
	"fmt"
	"strings"
)

// thrown is what travels up the Go stack as a panic until a protected call catches it.
type thrown struct {
	kind  throwKind
	value Value
	cause error
}

type throwKind uint8

const (
	throwError  throwKind = iota
	throwMemory           // not enough memory
	throwNested           // an error while an error was handled
	throwAbort            // the hook ended the script: no pcall catches it
)

// Error is an error that a script raised or ran into.
type Error struct {
	Value Value // what was raised: mostly a string
	Cause error // what the hook returned, when it ended the script
}

func (e *Error) Error() string {
	switch {
	case e.Value.IsString():
		return e.Value.AsString()
	case e.Value.IsNumber():
		return formatNumber(e.Value.AsNumber())
	}
	return fmt.Sprintf("(error object is a %s value)", e.Value.Type())
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf raises an error whose text begins with where the calling Lua function is.
func (l *State) Errorf(format string, args ...any) int {
	l.throw(l.message(l.Where(1) + fmt.Sprintf(format, args...)))
	return 0
}

// message is a text that was made for an error: what is in it may be of any length.
func (l *State) message(text string) Value {
	l.chargeString(len(text))
	return String(text)
}

// joined is a text with a place before it.
func (l *State) joined(place, text string) Value {
	if place == "" {
		return String(text)
	}
	l.chargeString(len(place) + len(text))
	return String(place + text)
}

// Error raises any value as an error.
func (l *State) Error(v Value) int {
	l.throw(v)
	return 0
}

// throw raises v after xpcall's handler has seen it.
func (l *State) throw(v Value) {
	if l.errHandler != 0 {
		h := l.stack[l.errHandler]
		if !h.IsFunction() {
			panic(&thrown{kind: throwNested, value: String("error in error handling")})
		}
		l.checkStack(2)
		l.stack[l.top], l.stack[l.top+1] = h, v
		l.top += 2
		l.call(l.top-2, 1)
		l.top--
		v = l.stack[l.top]
	}
	panic(&thrown{value: v})
}

// fail raises an error of the virtual machine: its text begins with the place when Lua code runs.
func (l *State) fail(format string, args ...any) {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	f := &l.frames[len(l.frames)-1]
	if c := l.luaFunction(f); c != nil {
		msg = fmt.Sprintf("%s:%d: %s", chunkID(c.proto.source, idSize), c.proto.lineOf(int(f.pc)-1), msg)
	}
	l.throw(l.message(msg))
}

// Where is the place "chunk:line: " of the function at a level: 0 is the running one, 1 the one that called it.
func (l *State) Where(level int) string {
	f := l.level(level)
	if f == nil {
		return ""
	}
	c := l.luaFunction(f)
	if c == nil {
		return ""
	}
	line := c.proto.lineOf(int(f.pc) - 1)
	if line <= 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", chunkID(c.proto.source, idSize), line)
}

// Position is where the function at a level is: its chunk's name, as Compile was given it, and the line. Of a Go
// function it is "=[C]", and of callers that tail calls replaced "=(tail call)", both with the line -1. ok is false
// when there are not so many.
func (l *State) Position(level int) (chunk string, line int, ok bool) {
	f := l.level(level)
	if f == nil {
		return "", 0, false
	}
	if f == &lostFrame {
		return "=(tail call)", -1, true
	}
	c := l.luaFunction(f)
	if c == nil {
		return "=[C]", -1, true
	}
	return c.proto.source, c.proto.lineOf(int(f.pc) - 1), true
}

// lostFrame stands for the callers that tail calls replaced.
var lostFrame frame

// level finds an active call; nil when there are not so many.
func (l *State) level(level int) *frame {
	i := len(l.frames) - 1
	for ; level > 0 && i > 0; i-- {
		level--
		if l.luaFunction(&l.frames[i]) != nil {
			level -= int(l.frames[i].tailCalls)
		}
	}
	switch {
	case level == 0 && i > 0:
		return &l.frames[i]
	case level < 0:
		return &lostFrame
	}
	return nil
}

// luaFunction is the closure that runs in a frame; nil for a Go function.
func (l *State) luaFunction(f *frame) *Closure {
	if v := &l.stack[f.fn]; v.n == kindClosure {
		return v.closure()
	}
	return nil
}

const (
	idSize  = 60
	srcSize = 80 // the same in syntax errors
)

// chunkID is a chunk's name as it is shown: after "=" or "@" as it is, else as [string "its first line"].
func chunkID(source string, size int) string {
	if i := strings.IndexByte(source, 0); i >= 0 {
		source = source[:i]
	}
	if source == "" {
		return `[string ""]`
	}
	switch source[0] {
	case '=':
		return source[1:min(len(source), size)]
	case '@':
		source = source[1:]
		if most := size - len(" '...' ") - 1; len(source) > most {
			return "..." + source[len(source)-most:]
		}
		return source
	}
	first := source
	if i := strings.IndexAny(source, "\n\r"); i >= 0 {
		first = source[:i]
	}
	first = first[:min(len(first), size-len(` [string "..."] `)-1)]
	if len(first) < len(source) {
		first += "..."
	}
	return `[string "` + first + `"]`
}

// typeError says that an operation can't be done to v. slot is its register, -1 for what is in none.
func (l *State) typeError(v *Value, slot int, op string) {
	t := v.Type()
	if slot >= 0 {
		f := &l.frames[len(l.frames)-1]
		if kind, name := l.objectName(f, slot); kind != "" {
			l.fail("attempt to %s %s '%s' (a %s value)", op, kind, name, t)
		}
	}
	l.fail("attempt to %s a %s value", op, t)
}

func (l *State) orderError(a, b *Value) {
	t1, t2 := a.Type().String(), b.Type().String()
	if t1[2] == t2[2] {
		l.fail("attempt to compare two %s values", t1)
	}
	l.fail("attempt to compare %s with %s", t1, t2)
}
