package lua

// function is the state of the compilation of one function.
type function struct {
	p          *Proto
	x          *lexer
	outer      *function
	block      *block
	freeReg    int
	jumps      int // list of pending jumps to the next instruction
	lastTarget int // the last instruction that something jumps to
	constants  map[constantKey]int
	active     []int // indices in p.locals of the variables in scope
	pending    []int // declared, but not yet in scope
	ups        []upvalueSource
}

// upvalueSource says where a closure finds an upvalue: in a register of the function around it, or in its upvalues.
type upvalueSource struct {
	kind expKind
	info int
}

type constantKey struct {
	kind uint64
	num  uint64
	str  string
}

func (f *function) code(i instruction) int {
	f.dischargeJumps()
	f.p.code = append(f.p.code, i)
	f.p.lines = append(f.p.lines, int32(f.x.lastLine))
	return len(f.p.code) - 1
}

func (f *function) codeABC(op opcode, a, b, c int) int { return f.code(makeABC(op, a, b, c)) }
func (f *function) codeABx(op opcode, a, bx int) int   { return f.code(makeABx(op, a, bx)) }
func (f *function) codeAsBx(op opcode, a, s int) int   { return f.code(makeABx(op, a, s)) }
func (f *function) codeReturn(first, n int)            { f.codeABC(opReturn, first, n+1, 0) }
func (f *function) fixLine(line int)                   { f.p.lines[len(f.p.lines)-1] = int32(line) }

// codeNil sets n registers to nil, together with those that the instruction before sets.
func (f *function) codeNil(from, n int) {
	if pc := len(f.p.code); pc > f.lastTarget && pc > 0 {
		if prev := &f.p.code[pc-1]; prev.op() == opLoadNil {
			if first, last := prev.a(), prev.b(); first <= from && from <= last+1 {
				if from+n-1 > last {
					prev.setB(from + n - 1)
				}
				return
			}
		}
	}
	f.codeABC(opLoadNil, from, from+n-1, 0)
}

func (f *function) codeSetList(base, items, toStore int) {
	c := (items-1)/fieldsAtOnce + 1
	b := max(toStore, 0)
	if c <= 511 {
		f.codeABC(opSetList, base, b, c)
	} else {
		f.codeABC(opSetList, base, b, 0)
		f.code(instruction(c))
	}
	f.freeReg = base + 1
}

// Jumps.

func (f *function) jump() int {
	pending := f.jumps
	f.jumps = noJump
	j := f.codeAsBx(opJmp, 0, noJump)
	f.concatJumps(&j, pending)
	return j
}

func (f *function) conditionalJump(op opcode, a, b, c int) int {
	f.codeABC(op, a, b, c)
	return f.jump()
}

func (f *function) fixJump(at, dest int) {
	offset := dest - (at + 1)
	if offset > maxSBx || -offset > maxSBx {
		f.x.syntax("control structure too long")
	}
	f.p.code[at].setSBx(offset)
}

// label is the next instruction, marked as one that may be jumped to.
func (f *function) label() int {
	f.lastTarget = len(f.p.code)
	return f.lastTarget
}

func (f *function) nextJump(at int) int {
	offset := f.p.code[at].sbx()
	if offset == noJump {
		return noJump
	}
	return at + 1 + offset
}

func (f *function) jumpControl(at int) *instruction {
	if at >= 1 && opInfo[f.p.code[at-1].op()]&tests != 0 {
		return &f.p.code[at-1]
	}
	return &f.p.code[at]
}

// needsValue says whether some jump of a list doesn't bring a value along.
func (f *function) needsValue(list int) bool {
	for ; list != noJump; list = f.nextJump(list) {
		if f.jumpControl(list).op() != opTestSet {
			return true
		}
	}
	return false
}

func (f *function) patchTestReg(at, reg int) bool {
	i := f.jumpControl(at)
	if i.op() != opTestSet {
		return false
	}
	if reg != noReg && reg != i.b() {
		i.setA(reg)
	} else {
		*i = makeABC(opTest, i.b(), 0, i.c())
	}
	return true
}

func (f *function) removeValues(list int) {
	for ; list != noJump; list = f.nextJump(list) {
		f.patchTestReg(list, noReg)
	}
}

func (f *function) patchListTo(list, valueTarget, reg, target int) {
	for list != noJump {
		next := f.nextJump(list)
		if f.patchTestReg(list, reg) {
			f.fixJump(list, valueTarget)
		} else {
			f.fixJump(list, target)
		}
		list = next
	}
}

func (f *function) dischargeJumps() {
	pc := len(f.p.code)
	f.patchListTo(f.jumps, pc, noReg, pc)
	f.jumps = noJump
}

func (f *function) patchList(list, target int) {
	if target == len(f.p.code) {
		f.patchToHere(list)
		return
	}
	f.patchListTo(list, target, noReg, target)
}

func (f *function) patchToHere(list int) {
	f.label()
	f.concatJumps(&f.jumps, list)
}

func (f *function) concatJumps(to *int, list int) {
	switch {
	case list == noJump:
	case *to == noJump:
		*to = list
	default:
		// The shorter of the lists is put before the other one. Their order does not matter, but one of them may have a
		// hundred thousand jumps, and get one more as often.
		a, b := *to, list
		for {
			nextA, nextB := f.nextJump(a), f.nextJump(b)
			if nextA == noJump {
				f.fixJump(a, list)
				return
			}
			if nextB == noJump {
				f.fixJump(b, *to)
				*to = list
				return
			}
			a, b = nextA, nextB
		}
	}
}

// Registers and constants.

func (f *function) checkRegisters(n int) {
	if size := f.freeReg + n; size > f.p.stackSize {
		if size >= maxRegisters {
			f.x.syntax("function or expression too complex")
		}
		f.p.stackSize = size
	}
}

func (f *function) reserve(n int) {
	f.checkRegisters(n)
	f.freeReg += n
}

func (f *function) freeRegister(reg int) {
	if reg&constant == 0 && reg >= len(f.active) {
		f.freeReg--
	}
}

func (f *function) free(e *expression) {
	if e.kind == exNonReloc {
		f.freeRegister(e.info)
	}
}

func (f *function) constant(key constantKey, v Value) int {
	if i, ok := f.constants[key]; ok {
		return i
	}
	i := len(f.p.k)
	if i > maxBx {
		f.x.syntax("constant table overflow")
	}
	f.constants[key] = i
	f.p.k = append(f.p.k, v)
	return i
}

func (f *function) stringConstant(s string) int {
	return f.constant(constantKey{kind: kindString, str: s}, String(s))
}

func (f *function) numberConstant(n float64) int {
	v := Number(n)
	if n == 0 {
		// Both zeros are one key in the original, where the first that a function uses is meant by all.
		return f.constant(constantKey{kind: minNumber}, v)
	}
	return f.constant(constantKey{kind: minNumber, num: v.n}, v)
}

func (f *function) literalConstant(kind uint64) int {
	return f.constant(constantKey{kind: kind}, Value{n: kind})
}

// Expressions.

func (f *function) setReturns(e *expression, n int) {
	switch e.kind {
	case exCall:
		f.p.code[e.info].setC(n + 1)
	case exVararg:
		f.p.code[e.info].setB(n + 1)
		f.p.code[e.info].setA(f.freeReg)
		f.reserve(1)
	}
}

func (f *function) setOneReturn(e *expression) {
	switch e.kind {
	case exCall:
		e.kind = exNonReloc
		e.info = f.p.code[e.info].a()
	case exVararg:
		f.p.code[e.info].setB(2)
		e.kind = exRelocable
	}
}

func (f *function) dischargeVariables(e *expression) {
	switch e.kind {
	case exLocal:
		e.kind = exNonReloc
	case exUpvalue:
		e.info = f.codeABC(opGetUpval, 0, e.info, 0)
		e.kind = exRelocable
	case exGlobal:
		e.info = f.codeABx(opGetGlobal, 0, e.info)
		e.kind = exRelocable
	case exIndexed:
		f.freeRegister(e.aux)
		f.freeRegister(e.info)
		e.info = f.codeABC(opGetTable, 0, e.info, e.aux)
		e.kind = exRelocable
	case exCall, exVararg:
		f.setOneReturn(e)
	}
}

func (f *function) discharge(e *expression, reg int) {
	f.dischargeVariables(e)
	switch e.kind {
	case exNil:
		f.codeNil(reg, 1)
	case exFalse:
		f.codeABC(opLoadBool, reg, 0, 0)
	case exTrue:
		f.codeABC(opLoadBool, reg, 1, 0)
	case exConstant:
		f.codeABx(opLoadK, reg, e.info)
	case exNumber:
		f.codeABx(opLoadK, reg, f.numberConstant(e.num))
	case exRelocable:
		f.p.code[e.info].setA(reg)
	case exNonReloc:
		if reg != e.info {
			f.codeABC(opMove, reg, e.info, 0)
		}
	default:
		return
	}
	e.info = reg
	e.kind = exNonReloc
}

func (f *function) dischargeAnyReg(e *expression) {
	if e.kind != exNonReloc {
		f.reserve(1)
		f.discharge(e, f.freeReg-1)
	}
}

func (f *function) codeLabel(a, b, jump int) int {
	f.label()
	return f.codeABC(opLoadBool, a, b, jump)
}

func (f *function) toReg(e *expression, reg int) {
	f.discharge(e, reg)
	if e.kind == exJump {
		f.concatJumps(&e.t, e.info)
	}
	if e.hasJumps() {
		loadFalse, loadTrue := noJump, noJump
		if f.needsValue(e.t) || f.needsValue(e.f) {
			over := noJump
			if e.kind != exJump {
				over = f.jump()
			}
			loadFalse = f.codeLabel(reg, 0, 1)
			loadTrue = f.codeLabel(reg, 1, 0)
			f.patchToHere(over)
		}
		end := f.label()
		f.patchListTo(e.f, end, reg, loadFalse)
		f.patchListTo(e.t, end, reg, loadTrue)
	}
	e.f, e.t = noJump, noJump
	e.info = reg
	e.kind = exNonReloc
}

func (f *function) toNextReg(e *expression) {
	f.dischargeVariables(e)
	f.free(e)
	f.reserve(1)
	f.toReg(e, f.freeReg-1)
}

func (f *function) toAnyReg(e *expression) int {
	f.dischargeVariables(e)
	if e.kind == exNonReloc {
		if !e.hasJumps() {
			return e.info
		}
		if e.info >= len(f.active) {
			f.toReg(e, e.info)
			return e.info
		}
	}
	f.toNextReg(e)
	return e.info
}

func (f *function) toValue(e *expression) {
	if e.hasJumps() {
		f.toAnyReg(e)
	} else {
		f.dischargeVariables(e)
	}
}

// toOperand puts e where an instruction can have it as RK.
func (f *function) toOperand(e *expression) int {
	f.toValue(e)
	switch e.kind {
	case exNumber, exTrue, exFalse, exNil:
		if len(f.p.k) > maxIndex {
			break
		}
		switch e.kind {
		case exNumber:
			e.info = f.numberConstant(e.num)
		case exTrue:
			e.info = f.literalConstant(kindTrue)
		case exFalse:
			e.info = f.literalConstant(kindFalse)
		default:
			e.info = f.literalConstant(kindNil)
		}
		e.kind = exConstant
		return e.info | constant
	case exConstant:
		if e.info <= maxIndex {
			return e.info | constant
		}
	}
	return f.toAnyReg(e)
}

func (f *function) storeVariable(v, e *expression) {
	switch v.kind {
	case exLocal:
		f.free(e)
		f.toReg(e, v.info)
		return
	case exUpvalue:
		f.codeABC(opSetUpval, f.toAnyReg(e), v.info, 0)
	case exGlobal:
		f.codeABx(opSetGlobal, f.toAnyReg(e), v.info)
	case exIndexed:
		f.codeABC(opSetTable, v.info, v.aux, f.toOperand(e))
	}
	f.free(e)
}

func (f *function) self(e, key *expression) {
	f.toAnyReg(e)
	f.free(e)
	base := f.freeReg
	f.reserve(2)
	f.codeABC(opSelf, base, e.info, f.toOperand(key))
	f.free(key)
	e.info = base
	e.kind = exNonReloc
}

func (f *function) indexed(t, key *expression) {
	t.aux = f.toOperand(key)
	t.kind = exIndexed
}
