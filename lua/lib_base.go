package lua

import "strconv"

// OpenBase opens the base library, but for what reads files.
func (l *State) OpenBase() {
	for _, name := range sortedNames(baseFunctions) {
		l.setGlobal(name, l.NewFunction(baseFunctions[name]))
	}
	l.setGlobal("_G", tableValue(l.globals))
	l.setGlobal("_VERSION", String("Lua 5.1"))
	next := l.globals.GetString("next")
	l.g.next = next.goFunction()
	l.setGlobal("pairs", l.NewFunction(basePairs, next))
	l.setGlobal("ipairs", l.NewFunction(baseIpairs, l.NewFunction(ipairsNext)))
	proxies := newTable(l, 0, 0)
	proxies.meta = newTable(l, 0, 1)
	proxies.meta.SetString(l, "__mode", String("k"))
	l.g.proxies = proxies
	l.setGlobal("newproxy", l.NewFunction(baseNewproxy, tableValue(proxies)))
}

var baseFunctions = map[string]Function{
	"assert": baseAssert, "collectgarbage": baseCollectgarbage, "error": baseError, "gcinfo": baseGcinfo,
	"getfenv": baseGetfenv, "getmetatable": baseGetmetatable, "load": baseLoad, "loadstring": baseLoadstring,
	"next": baseNext, "pcall": basePcall, "print": basePrint, "rawequal": baseRawequal, "rawget": baseRawget,
	"rawset": baseRawset, "select": baseSelect, "setfenv": baseSetfenv, "setmetatable": baseSetmetatable,
	"tonumber": baseTonumber, "tostring": baseTostring, "type": baseType, "unpack": baseUnpack, "xpcall": baseXpcall,
}

func baseAssert(l *State) int {
	l.CheckAny(1)
	if !l.Arg(1).Truthy() {
		return l.Errorf("%s", cString(l.OptString(2, "assertion failed!")))
	}
	return l.NArgs()
}

func baseCollectgarbage(l *State) int {
	opt := cString(l.OptString(1, "collect"))
	l.optInt(2, 0)
	switch opt {
	case "collect":
		l.collect()
		l.PushNumber(0)
	case "count":
		l.PushNumber(float64(l.MemoryUsed()) / 1024)
	case "step":
		// There is nothing to do in steps. Those who wait for the end of a cycle find it sometimes.
		l.g.collected++
		done := l.g.collected%8 == 0
		if done {
			l.collect()
		}
		l.PushBool(done)
	case "stop", "restart":
		l.PushNumber(0)
	case "setpause", "setstepmul":
		l.PushNumber(200)
	default:
		return l.ArgError(1, "invalid option '"+opt+"'")
	}
	return 1
}

func baseGcinfo(l *State) int {
	l.PushNumber(float64(l.MemoryUsed() / 1024))
	return 1
}

func baseError(l *State) int {
	level := l.optInt(2, 1)
	v := l.Arg(1)
	if (v.isStr() || v.isNum()) && level > 0 {
		return l.Error(l.joined(l.Where(level), l.CheckString(1)))
	}
	return l.Error(v)
}

// metafield is a field of a value's metatable.
func (l *State) metafield(v *Value, name string) Value {
	if mt := l.metatable(v); mt != nil {
		return mt.GetString(name)
	}
	return Value{}
}

func baseGetmetatable(l *State) int {
	l.CheckAny(1)
	v := l.Arg(1)
	mt := l.metatable(&v)
	if mt == nil {
		l.PushNil()
		return 1
	}
	if protected := mt.GetString("__metatable"); !protected.IsNil() {
		l.Push(protected)
	} else {
		l.PushTable(mt)
	}
	return 1
}

func baseSetmetatable(l *State) int {
	mt := l.Arg(2)
	t := l.CheckTable(1)
	if !mt.IsTable() && (!mt.IsNil() || l.NArgs() < 2) {
		return l.ArgError(2, "nil or table expected")
	}
	v := l.Arg(1)
	if protected := l.metafield(&v, "__metatable"); !protected.IsNil() {
		return l.Errorf("cannot change a protected metatable")
	}
	l.checkWritable(t)
	t.meta = mt.AsTable()
	l.Push(v)
	return 1
}

// functionArg is the function that getfenv and setfenv are about: given as it is or as a level.
func (l *State) functionArg(optional bool) Value {
	if v := l.Arg(1); v.IsFunction() {
		return v
	}
	var level int
	if optional {
		level = l.optInt(1, 1)
	} else {
		level = l.checkInt(1)
	}
	if level < 0 {
		l.ArgError(1, "level must be non-negative")
	}
	f := l.level(level)
	if f == nil {
		l.ArgError(1, "invalid level")
	}
	if f == &lostFrame {
		l.Errorf("no function environment for tail call at level %d", level)
	}
	return l.stack[f.fn]
}

func baseGetfenv(l *State) int {
	f := l.functionArg(true)
	if f.n == kindClosure {
		l.PushTable(f.closure().env)
	} else {
		l.PushTable(l.globals)
	}
	return 1
}

func baseSetfenv(l *State) int {
	env := l.CheckTable(2)
	f := l.functionArg(false)
	if v := l.Arg(1); v.isNum() || v.isStr() {
		if n, ok := toNumber(&v); ok && n == 0 {
			l.globals = env
			return 0
		}
	}
	if f.n != kindClosure {
		return l.Errorf("'setfenv' cannot change environment of given object")
	}
	f.closure().env = env
	l.Push(f)
	return 1
}

func baseNext(l *State) int {
	t := l.CheckTable(1)
	key := l.Arg(2)
	var val Value
	more, ok := t.next(&key, &val)
	l.stepsOfNext(t)
	switch {
	case !ok:
		l.throw(String("invalid key to 'next'"))
	case !more:
		l.PushNil()
		return 1
	}
	l.Push(key)
	l.Push(val)
	return 2
}

func basePairs(l *State) int {
	l.CheckTable(1)
	l.Push(*l.Upvalue(1))
	l.Push(l.Arg(1))
	l.PushNil()
	return 3
}

func baseIpairs(l *State) int {
	l.CheckTable(1)
	l.Push(*l.Upvalue(1))
	l.Push(l.Arg(1))
	l.PushNumber(0)
	return 3
}

func ipairsNext(l *State) int {
	i := l.checkInt(2) + 1
	v := l.CheckTable(1).getInt(i)
	if v.n == kindNil {
		return 0
	}
	l.PushNumber(float64(i))
	l.Push(*v)
	return 2
}

// finishProtected gives a protected call's results, with the status before them at slot at.
func (l *State) finishProtected(t *thrown, at int) int {
	if t == nil {
		l.stack[at] = Bool(true)
		return l.top - at
	}
	if t.kind == throwAbort {
		panic(t)
	}
	l.stack[at] = Bool(false)
	l.top = at + 1
	l.Push(t.value)
	return 2
}

func basePcall(l *State) int {
	l.CheckAny(1)
	// The function moves up a slot, so that the status can take its place.
	l.checkStack(1)
	at := l.base
	copy(l.stack[at+1:l.top+1], l.stack[at:l.top])
	l.top++
	return l.finishProtected(l.protect(at+1, -1, 0), at)
}

func baseXpcall(l *State) int {
	l.CheckAny(2)
	l.SetTop(2)
	at := l.base
	l.Push(l.stack[at])
	return l.finishProtected(l.protect(at+2, -1, at+1), at+1)
}

func basePrint(l *State) int {
	n := l.NArgs()
	var line []byte
	for i := 1; i <= n; i++ {
		name := String("tostring")
		l.Push(l.globals.Get(name))
		l.Push(l.Arg(i))
		l.Call(1, 1)
		s := l.Top()
		if !s.isStr() && !s.isNum() {
			return l.Errorf("'tostring' must return a string to 'print'")
		}
		if i > 1 {
			line = append(line, '\t')
		}
		line = append(line, cString(l.ToString(s))...)
		l.Pop(1)
	}
	if l.g.Output != nil {
		_, _ = l.g.Output.Write(append(line, '\n'))
	}
	return 0
}

func baseRawequal(l *State) int {
	l.CheckAny(1)
	l.CheckAny(2)
	l.PushBool(Equal(l.Arg(1), l.Arg(2)))
	return 1
}

func baseRawget(l *State) int {
	t := l.CheckTable(1)
	l.CheckAny(2)
	l.Push(t.Get(l.Arg(2)))
	return 1
}

func baseRawset(l *State) int {
	t := l.CheckTable(1)
	l.CheckAny(2)
	l.CheckAny(3)
	l.checkWritable(t)
	key, v := l.Arg(2), l.Arg(3)
	t.slot(l, &key).store(&v)
	l.SetTop(1)
	return 1
}

func baseSelect(l *State) int {
	n := l.NArgs()
	if v := l.Arg(1); v.isStr() && v.strLen() > 0 && v.str()[0] == '#' {
		l.PushNumber(float64(n - 1))
		return 1
	}
	i := l.checkInt(1)
	if i < 0 {
		i = n + i
	} else if i > n {
		i = n
	}
	if i < 1 {
		return l.ArgError(1, "index out of range")
	}
	return n - i
}

func baseTonumber(l *State) int {
	base := l.optInt(2, 10)
	if base == 10 {
		l.CheckAny(1)
		v := l.Arg(1)
		if f, ok := l.number(&v); ok {
			l.PushNumber(f)
			return 1
		}
	} else {
		s := l.CheckString(1)
		l.textSteps(len(s), 5)
		if base < 2 || base > 36 {
			return l.ArgError(2, "base out of range")
		}
		if n, ok := parseBase(cString(s), base); ok {
			l.PushNumber(float64(n))
			return 1
		}
	}
	l.PushNil()
	return 1
}

// parseBase reads a whole number as C's strtoul does: a sign is allowed, and what is too large becomes the largest.
func parseBase(s string, base int) (uint64, bool) {
	for s != "" && isSpace(int(s[0])) {
		s = s[1:]
	}
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' && digitValue(s[2]) < 16 {
		s = s[2:]
	}
	end := 0
	for end < len(s) && digitValue(s[end]) < base {
		end++
	}
	if end == 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:end], base, 64)
	if err != nil {
		n, negative = 1<<64-1, false
	}
	for _, c := range []byte(s[end:]) {
		if !isSpace(int(c)) {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

func digitValue(c byte) int {
	switch {
	case isDigit(int(c)):
		return int(c - '0')
	case isAlpha(int(c)):
		return int(c|0x20-'a') + 10
	}
	return 99
}

func baseTostring(l *State) int {
	l.CheckAny(1)
	v := l.Arg(1)
	if tm := l.metafield(&v, "__tostring"); !tm.IsNil() {
		l.Push(tm)
		l.Push(v)
		l.Call(1, 1)
		return 1
	}
	switch {
	case v.isStr():
		l.Push(v)
	case v.isNum():
		l.g.buf = appendNumber(l.g.buf[:0], v.num())
		l.PushBytes(l.g.buf)
	default:
		l.PushString(l.ToString(v))
	}
	return 1
}

func baseType(l *State) int {
	l.CheckAny(1)
	l.Push(String(l.Arg(1).Type().String()))
	return 1
}

func baseUnpack(l *State) int {
	t := l.CheckTable(1)
	i := l.optInt(2, 1)
	var e int
	if l.Arg(3).IsNil() {
		e = t.border()
	} else {
		e = l.checkInt(3)
	}
	if i > e {
		return 0
	}
	n := int(int32(e - i + 1))
	if n <= 0 || !l.hasRoom(n) {
		return l.Errorf("too many results to unpack")
	}
	l.Steps(n >> 4)
	for ; i <= e; i++ {
		l.Push(*t.getInt(i))
	}
	return n
}

func baseNewproxy(l *State) int {
	arg := l.Arg(1)
	l.charge(sizeClosure)
	u := &Userdata{}
	proxies := l.Upvalue(1).tab()
	switch {
	case arg.n == kindTrue:
		u.meta = newTable(l, 0, 0)
		key := tableValue(u.meta)
		proxies.Set(l, key, Bool(true))
	case arg.Truthy():
		mt := l.metatable(&arg)
		if mt == nil || !proxies.Get(tableValue(mt)).Truthy() {
			return l.ArgError(1, "boolean or proxy expected")
		}
		u.meta = mt
	}
	l.Push(userdataValue(u))
	return 1
}
