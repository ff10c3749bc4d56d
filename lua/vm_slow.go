package lua

// What execute does rarely or what takes long anyway.

// operand is a register or a constant of the running function.
func (l *State) operand(k []Value, x int) *Value {
	if x&constant != 0 {
		return &k[x&^constant]
	}
	return &l.stack[l.base+x]
}

// operandSlot is an operand's register for error messages; -1 for a constant.
func operandSlot(x int) int {
	if x&constant != 0 {
		return -1
	}
	return x
}

func (l *State) slowArith(i instruction, k []Value, e event) {
	b, c := i.b(), i.c()
	x, y := l.operand(k, b), l.operand(k, c)
	if x.isNum() && y.isNum() {
		l.stack[l.base+i.a()].setNum(compute(e, x.num(), y.num()))
		return
	}
	v := l.arith(e, x, y, operandSlot(b), operandSlot(c))
	l.stack[l.base+i.a()] = v
}

// compare does the comparison that an instruction stands for.
func (l *State) compare(i instruction, k []Value) bool {
	x, y := l.operand(k, i.b()), l.operand(k, i.c())
	switch i.op() {
	case opEq:
		return l.equal(x, y)
	case opLt, opLtRR, opLtRK, opLtKR:
		return l.less(x, y)
	}
	return l.lessEqual(x, y)
}

// moveTailCall puts the last frame in the place of the one before.
func (l *State) moveTailCall() {
	at := len(l.frames) - 2
	old, f := &l.frames[at], l.frames[at+1]
	if l.open != nil {
		l.closeUpvalues(int(old.base))
	}
	n := copy(l.stack[old.fn:], l.stack[f.fn:l.top])
	old.base = old.fn + f.base - f.fn
	l.base = int(old.base)
	l.top = int(old.fn) + n
	old.top = int32(l.top)
	old.pc = f.pc
	old.tailCalls++
	l.frames = l.frames[:at+1]
}

func (l *State) forPrep(r *[3]Value) {
	for j, what := range [...]string{"initial value", "limit", "step"} {
		f, ok := l.number(&r[j])
		if !ok {
			l.fail("'for' %s must be a number", what)
		}
		r[j].setNum(f)
	}
	r[0].setNum(r[0].num() - r[2].num())
}

// forCall calls the iterator of a for loop and says whether it goes on.
func (l *State) forCall(i instruction) bool {
	if l.g.steps--; l.g.steps < 0 {
		l.hook()
	}
	a := l.base + i.a()
	call := a + 3
	copy(l.stack[call:call+3], l.stack[a:a+3])
	if f := &l.stack[call]; f.n == kindGo && f.goFunction() == l.g.next && l.stack[call+1].n == kindTable {
		return l.forNext(call, i.c())
	}
	l.top = call + 3
	l.call(call, i.c())
	l.top = int(l.frames[len(l.frames)-1].top)
	if l.stack[call].n == kindNil {
		return false
	}
	l.stack[call-1] = l.stack[call]
	return true
}

// forNext is forCall for the function next, without a call.
func (l *State) forNext(call, wanted int) bool {
	var val Value
	key := l.stack[call+2]
	t := l.stack[call+1].tab()
	more, ok := t.next(&key, &val)
	l.stepsOfNext(t)
	if !ok {
		l.throw(String("invalid key to 'next'"))
	}
	if !more {
		l.stack[call] = Value{}
		return false
	}
	l.stack[call-1] = key
	l.stack[call] = key
	if wanted > 1 {
		l.stack[call+1] = val
		for j := 2; j < wanted; j++ {
			l.stack[call+j] = Value{}
		}
	}
	return true
}

func (l *State) setList(i instruction, block int) {
	a := l.base + i.a()
	n := i.b()
	if n == 0 {
		n = l.top - a - 1
		l.top = int(l.frames[len(l.frames)-1].top)
	}
	t := l.stack[a].tab()
	last := (block-1)*fieldsAtOnce + n
	if last > len(t.arr) {
		t.resize(l, last, len(t.nodes))
	}
	for ; n > 0; n-- {
		t.slotInt(l, last).store(&l.stack[a+n])
		last--
	}
}

// makeClosure returns how many pseudo-instructions said where the upvalues are.
func (l *State) makeClosure(c *Closure, i instruction, code []instruction) int {
	p := c.proto.protos[i.bx()]
	n := len(p.upNames)
	l.charge(sizeClosure + int64(n)*8)
	f := &Closure{proto: p, env: c.env}
	if n > 0 {
		f.up = make([]*upvalue, n)
		for j := range f.up {
			if in := code[j]; in.op() == opGetUpval {
				f.up[j] = c.up[in.b()]
			} else {
				f.up[j] = l.findUpvalue(l.base + in.b())
			}
		}
	}
	l.stack[l.base+i.a()] = closureValue(f)
	return n
}

func (l *State) varargs(fr *frame, params int, i instruction) {
	n := int(fr.base-fr.fn) - params - 1
	wanted := i.b() - 1
	if wanted < 0 {
		l.Steps(n >> 4)
		l.checkStack(n)
		wanted = n
		l.top = l.base + i.a() + n
	}
	to := l.stack[l.base+i.a() : l.base+i.a()+wanted]
	from := l.stack[l.base-n : l.base]
	clear(to[copy(to, from):])
}
