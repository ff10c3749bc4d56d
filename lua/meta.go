package lua

// event is what a metatable can have a method for.
type event uint8

const (
	eventIndex event = iota
	eventNewIndex
	eventGC
	eventMode
	eventEq // the events up to here are looked up through Table.absent
	eventAdd
	eventSub
	eventMul
	eventDiv
	eventMod
	eventPow
	eventUnm
	eventLen
	eventLt
	eventLe
	eventConcat
	eventCall
	eventCount
)

const maxMetaLoop = 100

var eventNames, eventHashes = func() (names [eventCount]Value, hashes [eventCount]uint32) {
	for i, s := range []string{"index", "newindex", "gc", "mode", "eq", "add", "sub", "mul", "div", "mod", "pow", "unm",
		"len", "lt", "le", "concat", "call"} {
		names[i] = String("__" + s)
		hashes[i] = hashString("__" + s)
	}
	return names, hashes
}()

var modeName = eventNames[eventMode]

// fastEvent finds a metatable's method; nil when it has none.
func fastEvent(mt *Table, e event) *Value {
	if mt == nil || mt.absent&(1<<e) != 0 {
		return nil
	}
	v := mt.getHashed(&eventNames[e], eventHashes[e])
	if v.n == kindNil {
		mt.absent |= 1 << e
		return nil
	}
	return v
}

func (l *State) metatable(v *Value) *Table {
	switch {
	case v.n == kindTable:
		return v.tab().meta
	case v.isStr():
		return l.g.strMeta
	case v.n == kindUserdata:
		return v.userdata().meta
	}
	return nil
}

// metamethod finds a value's method; it points to nil when there is none.
func (l *State) metamethod(v *Value, e event) *Value {
	mt := l.metatable(v)
	if mt == nil {
		return &absentValue
	}
	return mt.getHashed(&eventNames[e], eventHashes[e])
}

// callMeta calls a metamethod for its one result.
func (l *State) callMeta(f, a, b *Value) Value {
	fv, av, bv := *f, *a, *b
	l.checkStack(3)
	s := l.stack[l.top : l.top+3 : l.top+3]
	s[0], s[1], s[2] = fv, av, bv
	l.top += 3
	l.call(l.top-3, 1)
	l.top--
	return l.stack[l.top]
}

// index is t[key] with metamethods. slot is t's register for error messages, -1 when it is in none.
func (l *State) index(t, key *Value, slot int) Value {
	for range maxMetaLoop {
		var tm *Value
		if t.n == kindTable {
			h := t.tab()
			v := h.get(key)
			if v.n != kindNil {
				return *v
			}
			if tm = fastEvent(h.meta, eventIndex); tm == nil {
				return Value{}
			}
		} else if tm = l.metamethod(t, eventIndex); tm.n == kindNil {
			l.typeError(t, slot, "index")
		}
		if tm.IsFunction() {
			return l.callMeta(tm, t, key)
		}
		t, slot = tm, -1
	}
	l.fail("loop in gettable")
	return Value{}
}

const readonlyText = "Attempt to modify a readonly table"

// setIndex is t[key] = v with metamethods.
func (l *State) setIndex(t, key, v *Value, slot int) {
	for range maxMetaLoop {
		var tm *Value
		if t.n == kindTable {
			h := t.tab()
			if h.readonly {
				l.fail(readonlyText)
			}
			old := h.slot(l, key)
			if old.n == kindNil {
				tm = fastEvent(h.meta, eventNewIndex)
			}
			if tm == nil {
				old.store(v)
				return
			}
		} else if tm = l.metamethod(t, eventNewIndex); tm.n == kindNil {
			l.typeError(t, slot, "index")
		}
		if tm.IsFunction() {
			fv, tv, kv, vv := *tm, *t, *key, *v
			l.checkStack(4)
			s := l.stack[l.top : l.top+4 : l.top+4]
			s[0], s[1], s[2], s[3] = fv, tv, kv, vv
			l.top += 4
			l.call(l.top-4, 0)
			return
		}
		copied := *tm
		t, slot = &copied, -1
	}
	l.fail("loop in settable")
}

// arith does an operation on what is not two numbers.
func (l *State) arith(e event, a, b *Value, slotA, slotB int) Value {
	x, okA := l.number(a)
	if okA {
		if y, ok := l.number(b); ok {
			var r Value
			r.setNum(compute(e, x, y))
			return r
		}
	}
	tm := l.metamethod(a, e)
	if tm.n == kindNil {
		tm = l.metamethod(b, e)
	}
	if tm.n != kindNil {
		return l.callMeta(tm, a, b)
	}
	if !okA {
		l.typeError(a, slotA, "perform arithmetic on")
	}
	l.typeError(b, slotB, "perform arithmetic on")
	return Value{}
}

func compute(e event, x, y float64) float64 {
	switch e {
	case eventAdd:
		return x + y
	case eventSub:
		return x - y
	case eventMul:
		return x * y
	case eventDiv:
		return x / y
	case eventMod:
		return modulo(x, y)
	case eventPow:
		return power(x, y)
	}
	return -x
}

func (l *State) length(v *Value, slot int) Value {
	switch {
	case v.n == kindTable:
		return Number(float64(v.tab().border()))
	case v.isStr():
		return Number(float64(v.strLen()))
	}
	tm := l.metamethod(v, eventLen)
	if tm.n == kindNil {
		l.typeError(v, slot, "get length of")
	}
	return l.callMeta(tm, v, &absentValue)
}

// equal compares with __eq, which counts only when both have the same.
func (l *State) equal(a, b *Value) bool {
	if a.n == b.n && a.isStr() {
		l.textSteps(a.strLen(), 8)
	}
	if rawEqual(a, b) {
		return true
	}
	if a.n != b.n || a.n != kindTable && a.n != kindUserdata {
		return false
	}
	m1, m2 := l.metatable(a), l.metatable(b)
	tm := fastEvent(m1, eventEq)
	if tm == nil {
		return false
	}
	if m1 != m2 {
		tm2 := fastEvent(m2, eventEq)
		if tm2 == nil || !rawEqual(tm, tm2) {
			return false
		}
	}
	v := l.callMeta(tm, a, b)
	return v.Truthy()
}

// orderMeta compares with a metamethod that both must have; ok is false when they don't.
func (l *State) orderMeta(a, b *Value, e event) (result, ok bool) {
	tm := l.metamethod(a, e)
	if tm.n == kindNil || !rawEqual(tm, l.metamethod(b, e)) {
		return false, false
	}
	v := l.callMeta(tm, a, b)
	return v.Truthy(), true
}

func (l *State) less(a, b *Value) bool {
	switch {
	case a.isNum() && b.isNum():
		return a.num() < b.num()
	case a.isStr() && b.isStr():
		l.textSteps(min(a.strLen(), b.strLen()), 8)
		return a.str() < b.str()
	case a.Type() == b.Type():
		if r, ok := l.orderMeta(a, b, eventLt); ok {
			return r
		}
	}
	l.orderError(a, b)
	return false
}

func (l *State) lessEqual(a, b *Value) bool {
	switch {
	case a.isNum() && b.isNum():
		return a.num() <= b.num()
	case a.isStr() && b.isStr():
		l.textSteps(min(a.strLen(), b.strLen()), 8)
		return a.str() <= b.str()
	case a.Type() == b.Type():
		if r, ok := l.orderMeta(a, b, eventLe); ok {
			return r
		}
		if r, ok := l.orderMeta(b, a, eventLt); ok {
			return !r
		}
	}
	l.orderError(a, b)
	return false
}

// concat joins the values of the slots from to last; the result is in from.
func (l *State) concat(from, last int) {
	for last > from {
		a, b := &l.stack[last-1], &l.stack[last]
		if !(a.isStr() || a.isNum()) || !(b.isStr() || b.isNum()) {
			l.concatMeta(a, b, last)
			last--
			continue
		}
		if b.isStr() && b.strLen() == 0 {
			if a.isNum() {
				*a = l.newString(l.numberText(a.num()))
			}
			last--
			continue
		}
		first := last - 1
		size := 0
		for i := last; i >= from; i-- {
			v := &l.stack[i]
			if v.isStr() {
				size += v.strLen()
			} else if v.isNum() {
				size += 24
			} else {
				break
			}
			first = i
		}
		l.stack[first] = l.join(l.stack[first:last+1], size)
		last = first
	}
}

func (l *State) join(values []Value, size int) Value {
	if size > 1<<12 {
		l.charge(sizeString + int64(size))
		l.Steps(size >> 8)
		return Bytes(appendValues(make([]byte, 0, size), values))
	}
	l.g.buf = appendValues(l.g.buf[:0], values)
	return l.newBytes(l.g.buf)
}

func appendValues(b []byte, values []Value) []byte {
	for i := range values {
		if v := &values[i]; v.isStr() {
			b = append(b, v.str()...)
		} else {
			b = appendNumber(b, v.num())
		}
	}
	return b
}

func (l *State) concatMeta(a, b *Value, last int) {
	tm := l.metamethod(a, eventConcat)
	if tm.n == kindNil {
		tm = l.metamethod(b, eventConcat)
	}
	if tm.n == kindNil {
		slot := last - 1
		if a.isStr() || a.isNum() {
			a, slot = b, last
		}
		l.typeError(a, slot-l.base, "concatenate")
	}
	v := l.callMeta(tm, a, b)
	l.stack[last-1] = v
}
