package lua

import (
	"fmt"
)

// What Go functions use: arguments by number from 1 on, results by pushing.

// NArgs is how many arguments the running Go function has, plus what it has pushed.
func (l *State) NArgs() int { return l.top - l.base }

// Arg is an argument; nil when there are not so many.
func (l *State) Arg(i int) Value {
	if at := l.base + i - 1; at < l.top {
		return l.stack[at]
	}
	return Value{}
}

// SetArg changes an argument, or a value pushed after them.
func (l *State) SetArg(i int, v Value) { l.stack[l.base+i-1] = v }

// ToNumber is the number that a value is or, as a string, reads as.
func ToNumber(v Value) (float64, bool) { return toNumber(&v) }

// NewString makes a string of a copy of s.
func (l *State) NewString(s string) Value { return l.newString(s) }

// Top is the last value pushed.
func (l *State) Top() Value { return l.stack[l.top-1] }

// Pop takes n values off the stack.
func (l *State) Pop(n int) { l.top -= n }

// SetTop makes the stack of the running Go function n values high.
func (l *State) SetTop(n int) {
	to := l.base + n
	if l.top < to {
		l.checkStack(to - l.top)
		clear(l.stack[l.top:to])
	}
	l.top = to
}

func (l *State) pushValue(v Value) {
	if len(l.stack)-l.top <= window {
		l.growStack(1)
	}
	l.stack[l.top] = v
	l.top++
}

// Push pushes any value.
func (l *State) Push(v Value) { l.pushValue(v) }

// PushNil pushes nil.
func (l *State) PushNil() { l.pushValue(Value{}) }

// PushNumber pushes a number.
func (l *State) PushNumber(f float64) { l.pushValue(Number(f)) }

// PushBool pushes a boolean.
func (l *State) PushBool(b bool) { l.pushValue(Bool(b)) }

// PushString pushes a string without copying it; it counts as made.
func (l *State) PushString(s string) {
	l.charge(sizeString + int64(len(s)))
	l.pushValue(String(s))
}

// PushBytes pushes a copy of b as a string.
func (l *State) PushBytes(b []byte) { l.pushValue(l.newBytes(b)) }

// oneByte holds all strings of one byte.
var oneByte = func() (s string) {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// newBytes makes a string of a copy of b.
func (l *State) newBytes(b []byte) Value {
	switch len(b) {
	case 0:
		return String("")
	case 1:
		return String(oneByte[b[0] : int(b[0])+1])
	}
	l.chargeString(len(b))
	return String(string(b))
}

// newString makes a string of a copy of s, for what is part of a longer string.
func (l *State) newString(s string) Value {
	if len(s) < 2 {
		if s == "" {
			return String("")
		}
		return String(oneByte[s[0] : int(s[0])+1])
	}
	l.chargeString(len(s))
	return Bytes([]byte(s))
}

// chargeString counts a string of n bytes that is about to be made, and what it takes to make it.
func (l *State) chargeString(n int) {
	l.charge(sizeString + int64(n))
	l.textSteps(n, 8)
}

// longText is from how many bytes on it matters that something takes its time for each of them.
const longText = 512

// textSteps lets work on n bytes of text cost a step for each 1<<shift of them.
func (l *State) textSteps(n, shift int) {
	if n > longText {
		l.Steps(n >> shift)
	}
}

func (l *State) numberText(f float64) string {
	l.g.buf = appendNumber(l.g.buf[:0], f)
	return string(l.g.buf)
}

// Charge counts n bytes against the limit of memory, for what a Go function is about to make.
func (l *State) Charge(n int) { l.charge(int64(n)) }

// NewTable makes a table with room for narr items and nhash other keys.
func (l *State) NewTable(narr, nhash int) *Table { return newTable(l, narr, nhash) }

// PushTable pushes a table.
func (l *State) PushTable(t *Table) { l.pushValue(tableValue(t)) }

// TableValue is a table as a value.
func TableValue(t *Table) Value { return tableValue(t) }

// NewFunction makes a function of a Go function, which finds up as Upvalue(1) and so on.
func (l *State) NewFunction(f Function, up ...Value) Value {
	l.charge(sizeClosure + int64(len(up))*sizeValue)
	return goValue(&GoFunction{fn: f, up: up})
}

// Upvalue is what the running Go function was made with.
func (l *State) Upvalue(i int) *Value {
	return &l.stack[l.frames[len(l.frames)-1].fn].goFunction().up[i-1]
}

// Globals is the table of global variables.
func (l *State) Globals() *Table { return l.globals }

// SetGlobals has another table be that of global variables, for what is loaded from here on.
func (l *State) SetGlobals(t *Table) { l.globals = t }

// Registry is a table that scripts can't see.
func (l *State) Registry() *Table { return l.g.registry }

// Register makes a library: a table of functions as a global variable.
func (l *State) Register(name string, functions map[string]Function) *Table {
	t := l.globals.GetString(name).AsTable()
	if t == nil {
		t = newTable(l, 0, len(functions))
		l.globals.SetString(l, name, tableValue(t))
	}
	for _, n := range sortedNames(functions) {
		t.SetString(l, n, l.NewFunction(functions[n]))
	}
	return t
}

// Get is t[key] without metamethods.
func (t *Table) Get(key Value) Value { return *t.get(&key) }

// GetString is t[key] without metamethods.
func (t *Table) GetString(key string) Value {
	k := String(key)
	return *t.getStr(&k)
}

// GetInt is t[i] without metamethods.
func (t *Table) GetInt(i int) Value { return *t.getInt(i) }

// Set is t[key] = v without metamethods, whether or not t is read-only.
func (t *Table) Set(l *State, key, v Value) { t.slot(l, &key).store(&v) }

// SetString is t[key] = v without metamethods.
func (t *Table) SetString(l *State, key string, v Value) {
	k := String(key)
	t.slot(l, &k).store(&v)
}

// SetInt is t[i] = v without metamethods.
func (t *Table) SetInt(l *State, i int, v Value) { t.slotInt(l, i).store(&v) }

// Len is the length that # gives.
func (t *Table) Len() int { return t.border() }

// Next is the pair after key, the first one after nil.
func (t *Table) Next(key Value) (k, v Value, ok bool) {
	more, _ := t.next(&key, &v)
	return key, v, more
}

// At walks the table: it is the first pair at the place i or after it, and the place after that one. A walk begins at
// 0 and ends when ok is false; it may change values, but make no new keys.
func (t *Table) At(i int) (k, v Value, next int, ok bool) {
	for ; i < len(t.arr); i++ {
		if t.arr[i].n != kindNil {
			return Number(float64(i + 1)), t.arr[i], i + 1, true
		}
	}
	for j := i - len(t.arr); j < len(t.nodes); j++ {
		if n := &t.nodes[j]; n.val.n != kindNil {
			return n.key, n.val, len(t.arr) + j + 1, true
		}
	}
	return Nil, Nil, 0, false
}

// Recycle empties a table that nothing refers to any more, for another use, and says for how many items and other keys
// it has room.
func (t *Table) Recycle() (items, keys int) {
	clear(t.arr)
	clear(t.nodes)
	*t = Table{arr: t.arr, nodes: t.nodes, lastFree: int32(len(t.nodes)), mark: t.mark, g: t.g}
	return len(t.arr), len(t.nodes)
}

// Metatable is the table's metatable, or nil.
func (t *Table) Metatable() *Table { return t.meta }

// SetMetatable changes the table's metatable.
func (t *Table) SetMetatable(mt *Table) { t.meta = mt }

// SetReadonly makes writes to the table errors, or allows them again.
func (t *Table) SetReadonly(readonly bool) { t.readonly = readonly }

// Readonly says whether writes to the table are errors.
func (t *Table) Readonly() bool { return t.readonly }

// checkWritable raises an error for a read-only table.
func (l *State) checkWritable(t *Table) {
	if t.readonly {
		l.fail(readonlyText)
	}
}

// Index is t[key] with metamethods.
func (l *State) Index(t, key Value) Value { return l.index(&t, &key, -1) }

// SetIndex is t[key] = v with metamethods.
func (l *State) SetIndex(t, key, v Value) { l.setIndex(&t, &key, &v, -1) }

// Arguments.

// ArgError raises the error of a bad argument.
func (l *State) ArgError(i int, msg string) int {
	kind, name := l.calleeName(len(l.frames) - 1)
	if kind == "method" {
		i--
		if i == 0 {
			return l.Errorf("calling '%s' on bad self (%s)", name, msg)
		}
	}
	if kind == "" {
		name = "?"
	}
	return l.Errorf("bad argument #%d to '%s' (%s)", i, name, msg)
}

func (l *State) typeName(i int) string {
	if l.base+i-1 >= l.top {
		return "no value"
	}
	return l.Arg(i).Type().String()
}

// ArgTypeError raises the error of an argument of the wrong type.
func (l *State) ArgTypeError(i int, want string) int {
	return l.ArgError(i, fmt.Sprintf("%s expected, got %s", want, l.typeName(i)))
}

// CheckAny makes sure that there are i arguments.
func (l *State) CheckAny(i int) {
	if l.base+i-1 >= l.top {
		l.ArgError(i, "value expected")
	}
}

// CheckNumber is an argument as a number.
func (l *State) CheckNumber(i int) float64 {
	if at := l.base + i - 1; at < l.top {
		if v := &l.stack[at]; v.isNum() {
			return v.num()
		} else if f, ok := l.number(v); ok {
			return f
		}
	}
	l.ArgTypeError(i, "number")
	return 0
}

// CheckInteger is an argument as an integer, cut off.
func (l *State) CheckInteger(i int) int64 { return toInteger(l.CheckNumber(i)) }

// checkInt is an argument as C's int.
func (l *State) checkInt(i int) int { return int(int32(l.CheckInteger(i))) }

// OptInteger is an argument as an integer, or d when it is absent or nil.
func (l *State) OptInteger(i int, d int64) int64 {
	if l.Arg(i).IsNil() {
		return d
	}
	return l.CheckInteger(i)
}

func (l *State) optInt(i, d int) int {
	if l.Arg(i).IsNil() {
		return d
	}
	return l.checkInt(i)
}

// CheckString is an argument as a string; a number counts as its text.
func (l *State) CheckString(i int) string {
	if at := l.base + i - 1; at < l.top {
		v := &l.stack[at]
		if v.isNum() {
			*v = l.newString(l.numberText(v.num()))
		}
		if v.isStr() {
			return v.str()
		}
	}
	l.ArgTypeError(i, "string")
	return ""
}

// OptString is an argument as a string, or d when it is absent or nil.
func (l *State) OptString(i int, d string) string {
	if l.Arg(i).IsNil() {
		return d
	}
	return l.CheckString(i)
}

// CheckTable is an argument that must be a table.
func (l *State) CheckTable(i int) *Table {
	v := l.Arg(i)
	if v.n != kindTable {
		l.ArgTypeError(i, "table")
	}
	return v.tab()
}

func (l *State) checkFunction(i int) {
	if !l.Arg(i).IsFunction() {
		l.ArgTypeError(i, "function")
	}
}

// CheckStack makes sure that a Go function can push n values; what are too many is an error.
func (l *State) CheckStack(n int, msg string) {
	if n > maxGoStack || l.top-l.base+n > maxGoStack {
		l.Errorf("stack overflow (%s)", msg)
	}
	l.checkStack(n)
}

// hasRoom is CheckStack without the error.
func (l *State) hasRoom(n int) bool {
	if n > maxGoStack || l.top-l.base+n > maxGoStack {
		return false
	}
	l.checkStack(n)
	return true
}

// ToString is what tostring gives for a value, without metamethods.
func (l *State) ToString(v Value) string {
	switch v.Type() {
	case TypeNil:
		return "nil"
	case TypeBoolean:
		if v.n == kindTrue {
			return "true"
		}
		return "false"
	case TypeNumber:
		return formatNumber(v.AsNumber())
	case TypeString:
		return v.AsString()
	}
	if v.n == kindNull {
		return "userdata: (nil)"
	}
	return fmt.Sprintf("%s: 0x%x", v.Type(), v.address())
}
