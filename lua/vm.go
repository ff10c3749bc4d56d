package lua

// execute runs the Lua function of the last frame, and what it calls, until depth functions have returned or one
// yields. Calls between Lua functions don't nest here: they push and pop frames.
//
// regs is a window on the stack from the function's base on, so that a register, which is a byte, needs no check. It
// and fr are stale after everything that can call or grow the stack: that goes on at reload.
func (l *State) execute(depth int) {
	g := l.g
	var (
		fr     *frame
		c      *Closure
		regs   *[window]Value
		code   []instruction
		k      []Value
		hashes []uint32
		pc     int
	)
reentry:
	fr = &l.frames[len(l.frames)-1]
	c = l.stack[fr.fn].closure()
	code, k, hashes = c.proto.code, c.proto.k, c.proto.kHash
	pc = int(fr.pc)
reload:
	fr = &l.frames[len(l.frames)-1]
	regs = (*[window]Value)(l.stack[l.base:])
	for {
		i := code[pc]
		pc++
		switch opcode(i) {
		case opMove:
			regs[uint8(i>>8)] = regs[uint8(i>>16)]
		case opLoadK:
			regs[uint8(i>>8)] = k[uint32(i>>16)]
		case opLoadBool:
			regs[uint8(i>>8)].n = kindFalse + uint64(uint8(i>>16))
			if uint8(i>>32) != 0 {
				pc++
			}
		case opLoadNil:
			clear(regs[uint8(i>>8) : int(uint8(i>>16))+1])
		case opGetUpval:
			regs[uint8(i>>8)] = *c.up[uint8(i>>16)].v
		case opSetUpval:
			c.up[uint8(i>>16)].v.store(&regs[uint8(i>>8)])
		case opGetGlobal:
			x := uint32(i >> 16)
			if v := c.env.getHashed(&k[x], hashes[x]); v.n != kindNil {
				regs[uint8(i>>8)] = *v
				continue
			}
			fr.pc = int32(pc)
			env := tableValue(c.env)
			v := l.index(&env, &k[x], -1)
			l.stack[l.base+i.a()] = v
			goto reload
		case opSetGlobal:
			fr.pc = int32(pc)
			env := tableValue(c.env)
			l.setIndex(&env, &k[uint32(i>>16)], &regs[uint8(i>>8)], -1)
			goto reload
		case opGetField:
			x := uint16(i >> 32)
			rb := &regs[uint8(i>>16)]
			if rb.n == kindTable {
				t := rb.tab()
				if v := t.getHashed(&k[x], hashes[x]); v.n != kindNil || t.meta == nil {
					regs[uint8(i>>8)] = *v
					continue
				}
			}
			fr.pc = int32(pc)
			v := l.index(rb, &k[x], i.b())
			l.stack[l.base+i.a()] = v
			goto reload
		case opGetTable:
			rb := &regs[uint8(i>>16)]
			rc := &regs[uint8(i>>32)]
			if i&(constant<<32) != 0 {
				rc = &k[uint16(i>>32)&^constant]
			}
			if rb.n == kindTable {
				t := rb.tab()
				if rc.isNum() {
					f := rc.num()
					if x := int(f) - 1; uint(x) < uint(len(t.arr)) && float64(x+1) == f {
						if v := &t.arr[x]; v.n != kindNil {
							regs[uint8(i>>8)] = *v
							continue
						}
					}
				}
				if v := t.get(rc); v.n != kindNil || t.meta == nil {
					regs[uint8(i>>8)] = *v
					continue
				}
			}
			fr.pc = int32(pc)
			v := l.index(rb, rc, i.b())
			l.stack[l.base+i.a()] = v
			goto reload
		case opSetField:
			x := uint16(i >> 16)
			ra := &regs[uint8(i>>8)]
			if ra.n == kindTable {
				if t := ra.tab(); !t.readonly {
					if v := t.getHashed(&k[x], hashes[x]); v.n != kindNil {
						t.absent = 0
						v.store(&regs[uint8(i>>32)])
						continue
					}
				}
			}
			fr.pc = int32(pc)
			l.setIndex(ra, &k[x], &regs[uint8(i>>32)], i.a())
			goto reload
		case opSetTable:
			ra := &regs[uint8(i>>8)]
			rb := &regs[uint8(i>>16)]
			if i&(constant<<16) != 0 {
				rb = &k[uint16(i>>16)&^constant]
			}
			rc := &regs[uint8(i>>32)]
			if i&(constant<<32) != 0 {
				rc = &k[uint16(i>>32)&^constant]
			}
			if ra.n == kindTable && rb.isNum() {
				t := ra.tab()
				f := rb.num()
				if x := int(f) - 1; uint(x) < uint(len(t.arr)) && float64(x+1) == f && !t.readonly {
					if v := &t.arr[x]; v.n != kindNil || t.meta == nil {
						v.store(rc)
						continue
					}
				}
			}
			fr.pc = int32(pc)
			l.setIndex(ra, rb, rc, i.a())
			goto reload
		case opNewTable:
			fr.pc = int32(pc)
			regs[uint8(i>>8)] = tableValue(newTable(l, fromFloatByte(i.b()), fromFloatByte(i.c())))
		case opSelfField, opSelf:
			rb := &regs[uint8(i>>16)]
			object := *rb
			var v Value
			if opcode(i) == opSelfField {
				x := uint16(i >> 32)
				t := rb
				if rb.isStr() {
					if t = fastEvent(g.strMeta, eventIndex); t == nil {
						t = &absentValue
					}
				}
				if t.n == kindTable {
					if m := t.tab().getHashed(&k[x], hashes[x]); m.n != kindNil {
						regs[uint8(i>>8)+1] = object
						regs[uint8(i>>8)] = *m
						continue
					}
				}
				fr.pc = int32(pc)
				v = l.index(rb, &k[x], i.b())
			} else {
				fr.pc = int32(pc)
				v = l.index(rb, l.operand(k, i.c()), i.b())
			}
			l.stack[l.base+i.a()+1] = object
			l.stack[l.base+i.a()] = v
			goto reload
		case opAddRR:
			rb, rc := &regs[uint8(i>>16)], &regs[uint8(i>>32)]
			if rb.isNum() && rc.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() + rc.num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i, k, eventAdd)
			goto reload
		case opAddRK:
			if rb := &regs[uint8(i>>16)]; rb.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() + k[uint16(i>>32)].num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i|constant<<32, k, eventAdd)
			goto reload
		case opSubRR:
			rb, rc := &regs[uint8(i>>16)], &regs[uint8(i>>32)]
			if rb.isNum() && rc.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() - rc.num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i, k, eventSub)
			goto reload
		case opSubRK:
			if rb := &regs[uint8(i>>16)]; rb.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() - k[uint16(i>>32)].num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i|constant<<32, k, eventSub)
			goto reload
		case opMulRR:
			rb, rc := &regs[uint8(i>>16)], &regs[uint8(i>>32)]
			if rb.isNum() && rc.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() * rc.num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i, k, eventMul)
			goto reload
		case opMulRK:
			if rb := &regs[uint8(i>>16)]; rb.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() * k[uint16(i>>32)].num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i|constant<<32, k, eventMul)
			goto reload
		case opDivRR:
			rb, rc := &regs[uint8(i>>16)], &regs[uint8(i>>32)]
			if rb.isNum() && rc.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() / rc.num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i, k, eventDiv)
			goto reload
		case opDivRK:
			if rb := &regs[uint8(i>>16)]; rb.isNum() {
				regs[uint8(i>>8)].setNum(rb.num() / k[uint16(i>>32)].num())
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i|constant<<32, k, eventDiv)
			goto reload
		case opModRK:
			if rb := &regs[uint8(i>>16)]; rb.isNum() {
				regs[uint8(i>>8)].setNum(modulo(rb.num(), k[uint16(i>>32)].num()))
				continue
			}
			fr.pc = int32(pc)
			l.slowArith(i|constant<<32, k, eventMod)
			goto reload
		case opAdd, opSub, opMul, opDiv, opMod, opPow:
			fr.pc = int32(pc)
			l.slowArith(i, k, eventAdd+event(opcode(i)-opAdd))
			goto reload
		case opUnm:
			if rb := &regs[uint8(i>>16)]; rb.isNum() {
				regs[uint8(i>>8)].setNum(-rb.num())
				continue
			}
			fr.pc = int32(pc)
			rb := &regs[uint8(i>>16)]
			v := l.arith(eventUnm, rb, rb, i.b(), i.b())
			l.stack[l.base+i.a()] = v
			goto reload
		case opNot:
			if regs[uint8(i>>16)].n <= kindFalse {
				regs[uint8(i>>8)].n = kindTrue
			} else {
				regs[uint8(i>>8)].n = kindFalse
			}
		case opLen:
			fr.pc = int32(pc)
			rb := &regs[uint8(i>>16)]
			if rb.n == kindTable {
				regs[uint8(i>>8)].setNum(float64(rb.tab().border()))
				continue
			}
			v := l.length(rb, i.b())
			l.stack[l.base+i.a()] = v
			goto reload
		case opConcat:
			fr.pc = int32(pc)
			b := l.base + i.b()
			l.concat(b, l.base+i.c())
			l.stack[l.base+i.a()] = l.stack[l.base+i.b()]
			goto reload
		case opJmp:
			pc--
			goto jump
		case opEqRK:
			if rawEqual(&regs[uint8(i>>16)], &k[uint16(i>>32)]) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opLtRR:
			rb, rc := &regs[uint8(i>>16)], &regs[uint8(i>>32)]
			if !rb.isNum() || !rc.isNum() {
				goto compare
			}
			if (rb.num() < rc.num()) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opLtRK:
			rb := &regs[uint8(i>>16)]
			if !rb.isNum() {
				i |= constant << 32
				goto compare
			}
			if (rb.num() < k[uint16(i>>32)].num()) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opLtKR:
			rc := &regs[uint8(i>>32)]
			if !rc.isNum() {
				i |= constant << 16
				goto compare
			}
			if (k[uint16(i>>16)].num() < rc.num()) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opLeRR:
			rb, rc := &regs[uint8(i>>16)], &regs[uint8(i>>32)]
			if !rb.isNum() || !rc.isNum() {
				goto compare
			}
			if (rb.num() <= rc.num()) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opLeRK:
			rb := &regs[uint8(i>>16)]
			if !rb.isNum() {
				i |= constant << 32
				goto compare
			}
			if (rb.num() <= k[uint16(i>>32)].num()) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opLeKR:
			rc := &regs[uint8(i>>32)]
			if !rc.isNum() {
				i |= constant << 16
				goto compare
			}
			if (k[uint16(i>>16)].num() <= rc.num()) == (uint8(i>>8) != 0) {
				goto jump
			}
			pc++
		case opEq, opLt, opLe:
			goto compare
		case opTest:
			if (regs[uint8(i>>8)].n > kindFalse) == (uint8(i>>32) != 0) {
				goto jump
			}
			pc++
		case opTestSet:
			if rb := &regs[uint8(i>>16)]; (rb.n > kindFalse) == (uint8(i>>32) != 0) {
				regs[uint8(i>>8)] = *rb
				goto jump
			}
			pc++
		case opCall:
			fn := l.base + i.a()
			if b := i.b(); b != 0 {
				l.top = fn + b
			}
			fr.pc = int32(pc)
			if g.steps--; g.steps < 0 {
				l.hook()
			}
			if v := &l.stack[fn]; v.n == kindClosure {
				l.enterLua(v.closure(), fn, i.c()-1)
				depth++
				goto reentry
			}
			switch l.precall(fn, i.c()-1) {
			case callLua:
				depth++
				goto reentry
			case callYield:
				return
			}
			fr = &l.frames[len(l.frames)-1]
			if i.c() != 0 {
				l.top = int(fr.top)
			}
			regs = (*[window]Value)(l.stack[l.base:])
		case opTailCall:
			fn := l.base + i.a()
			if b := i.b(); b != 0 {
				l.top = fn + b
			}
			fr.pc = int32(pc)
			if g.steps--; g.steps < 0 {
				l.hook()
			}
			switch l.precall(fn, -1) {
			case callLua:
				l.moveTailCall()
				goto reentry
			case callYield:
				return
			}
			goto reload
		case opReturn:
			if b := i.b(); b != 0 {
				l.top = l.base + i.a() + b - 1
			}
			if l.open != nil {
				l.closeUpvalues(l.base)
			}
			wanted := l.postcall(l.base + i.a())
			if depth--; depth == 0 {
				return
			}
			if wanted >= 0 {
				l.top = int(l.frames[len(l.frames)-1].top)
			}
			goto reentry
		case opForLoop:
			a := uint8(i >> 8)
			step := regs[a+2].num()
			x := regs[a].num() + step
			limit := regs[a+1].num()
			if step > 0 && x <= limit || !(step > 0) && limit <= x {
				pc += int(int32(i >> 16))
				regs[a].setNum(x)
				regs[a+3].setNum(x)
				if g.steps--; g.steps < 0 {
					fr.pc = int32(pc - int(int32(i>>16)))
					l.hook()
				}
			}
		case opForPrep:
			fr.pc = int32(pc)
			l.forPrep((*[3]Value)(regs[uint8(i>>8):]))
			pc += int(int32(i >> 16))
		case opTForLoop:
			fr.pc = int32(pc)
			if l.forCall(i) {
				pc += int(int32(code[pc] >> 16))
			}
			pc++
			goto reload
		case opSetList:
			fr.pc = int32(pc)
			block := i.c()
			if block == 0 {
				block = int(code[pc])
				pc++
			}
			l.setList(i, block)
		case opClose:
			l.closeUpvalues(l.base + i.a())
		case opClosure:
			fr.pc = int32(pc)
			pc += l.makeClosure(c, i, code[pc:])
			regs = (*[window]Value)(l.stack[l.base:])
		case opVararg:
			fr.pc = int32(pc)
			l.varargs(fr, c.proto.params, i)
			regs = (*[window]Value)(l.stack[l.base:])
		}
		continue

	compare:
		fr.pc = int32(pc)
		if l.compare(i, k) == (uint8(i>>8) != 0) {
			pc += int(int32(code[pc] >> 16))
		}
		pc++
		if g.steps--; g.steps < 0 {
			l.hook()
		}
		goto reload

	jump: // as the instruction at pc says
		i = code[pc]
		pc += 1 + int(int32(i>>16))
		if int64(i)<<16 < 0 {
			if g.steps--; g.steps < 0 {
				fr.pc = int32(pc - int(int32(i>>16)))
				l.hook()
			}
		}
	}
}
