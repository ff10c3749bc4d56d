package lua

// statement compiles one statement and says whether it must be the last of its block.
func (f *function) statement() (last bool) {
	line := f.x.line
	switch f.x.t.token {
	case tkIf:
		f.ifStatement(line)
	case tkWhile:
		f.whileStatement(line)
	case tkDo:
		f.x.next()
		f.plainBlock()
		f.expectMatch(tkEnd, tkDo, line)
	case tkFor:
		f.forStatement(line)
	case tkRepeat:
		f.repeatStatement(line)
	case tkFunction:
		f.functionStatement(line)
	case tkLocal:
		f.x.next()
		if f.accept(tkFunction) {
			f.localFunction()
		} else {
			f.localStatement()
		}
	case tkReturn:
		f.returnStatement()
		return true
	case tkBreak:
		f.x.next()
		f.breakStatement()
		return true
	default:
		f.expressionStatement()
	}
	return false
}

func (f *function) condition() int {
	var e expression
	f.expression(&e)
	if e.kind == exNil {
		e.kind = exFalse
	}
	f.goIfTrue(&e)
	return e.f
}

func (f *function) breakStatement() {
	b, hasUp := f.block, false
	for b != nil && !b.breaking {
		hasUp = hasUp || b.hasUp
		b = b.outer
	}
	if b == nil {
		f.x.syntax("no loop to break")
	}
	if hasUp {
		f.codeABC(opClose, b.locals, 0, 0)
	}
	f.concatJumps(&b.breaks, f.jump())
}

func (f *function) whileStatement(line int) {
	f.x.next()
	start := f.label()
	exit := f.condition()
	var b block
	f.enterBlock(&b, true)
	f.expect(tkDo)
	f.plainBlock()
	f.patchList(f.jump(), start)
	f.expectMatch(tkEnd, tkWhile, line)
	f.leaveBlock()
	f.patchToHere(exit)
}

func (f *function) repeatStatement(line int) {
	start := f.label()
	var loop, scope block
	f.enterBlock(&loop, true)
	f.enterBlock(&scope, false)
	f.x.next()
	f.chunk()
	f.expectMatch(tkUntil, tkRepeat, line)
	exit := f.condition()
	if !scope.hasUp {
		f.leaveBlock()
		f.patchList(exit, start)
	} else {
		f.breakStatement()
		f.patchToHere(exit)
		f.leaveBlock()
		f.patchList(f.jump(), start)
	}
	f.leaveBlock()
}

func (f *function) oneExpression() {
	var e expression
	f.expression(&e)
	f.toNextReg(&e)
}

func (f *function) forBody(base, line, nVars int, numeric bool) {
	f.adjustLocals(3)
	f.expect(tkDo)
	var prep int
	if numeric {
		prep = f.codeAsBx(opForPrep, base, noJump)
	} else {
		prep = f.jump()
	}
	var b block
	f.enterBlock(&b, false)
	f.adjustLocals(nVars)
	f.reserve(nVars)
	f.plainBlock()
	f.leaveBlock()
	f.patchToHere(prep)
	var end int
	if numeric {
		end = f.codeAsBx(opForLoop, base, noJump)
	} else {
		end = f.codeABC(opTForLoop, base, 0, nVars)
	}
	f.fixLine(line)
	if !numeric {
		end = f.jump()
	}
	f.patchList(end, prep+1)
}

func (f *function) numericFor(name string, line int) {
	base := f.freeReg
	f.newLocal("(for index)", 0)
	f.newLocal("(for limit)", 1)
	f.newLocal("(for step)", 2)
	f.newLocal(name, 3)
	f.expect('=')
	f.oneExpression()
	f.expect(',')
	f.oneExpression()
	if f.accept(',') {
		f.oneExpression()
	} else {
		f.codeABx(opLoadK, f.freeReg, f.numberConstant(1))
		f.reserve(1)
	}
	f.forBody(base, line, 1, true)
}

func (f *function) genericFor(name string) {
	base, n := f.freeReg, 0
	declare := func(name string) {
		f.newLocal(name, n)
		n++
	}
	declare("(for generator)")
	declare("(for state)")
	declare("(for control)")
	declare(name)
	for f.accept(',') {
		declare(f.name())
	}
	f.expect(tkIn)
	line := f.x.line
	var e expression
	nExps := f.expressions(&e)
	f.adjustAssign(3, nExps, &e)
	f.checkRegisters(3)
	f.forBody(base, line, n-3, false)
}

func (f *function) forStatement(line int) {
	var b block
	f.enterBlock(&b, true)
	f.x.next()
	name := f.name()
	switch f.x.t.token {
	case '=':
		f.numericFor(name, line)
	case ',', tkIn:
		f.genericFor(name)
	default:
		f.x.syntax("'=' or 'in' expected")
	}
	f.expectMatch(tkEnd, tkFor, line)
	f.leaveBlock()
}

func (f *function) testThenBlock() int {
	f.x.next()
	exit := f.condition()
	f.expect(tkThen)
	f.plainBlock()
	return exit
}

func (f *function) ifStatement(line int) {
	escape := noJump
	exit := f.testThenBlock()
	for f.x.t.token == tkElseif {
		f.concatJumps(&escape, f.jump())
		f.patchToHere(exit)
		exit = f.testThenBlock()
	}
	if f.x.t.token == tkElse {
		f.concatJumps(&escape, f.jump())
		f.patchToHere(exit)
		f.x.next()
		f.plainBlock()
	} else {
		f.concatJumps(&escape, exit)
	}
	f.patchToHere(escape)
	f.expectMatch(tkEnd, tkIf, line)
}

func (f *function) localFunction() {
	f.newLocal(f.name(), 0)
	v := newExpression(exLocal, f.freeReg)
	f.reserve(1)
	f.adjustLocals(1)
	var e expression
	f.body(&e, false, f.x.line)
	f.storeVariable(&v, &e)
	f.p.locals[f.active[len(f.active)-1]].start = int32(len(f.p.code))
}

func (f *function) localStatement() {
	n := 0
	for {
		f.newLocal(f.name(), n)
		n++
		if !f.accept(',') {
			break
		}
	}
	var e expression
	nExps := 0
	if f.accept('=') {
		nExps = f.expressions(&e)
	} else {
		e.kind = exVoid
	}
	f.adjustAssign(n, nExps, &e)
	f.adjustLocals(n)
}

func (f *function) functionStatement(line int) {
	f.x.next()
	var v, e expression
	f.variable(&v)
	for f.x.t.token == '.' {
		f.field(&v)
	}
	self := f.x.t.token == ':'
	if self {
		f.field(&v)
	}
	f.body(&e, self, line)
	f.storeVariable(&v, &e)
	f.fixLine(line)
}

func (f *function) returnStatement() {
	f.x.next()
	first, n := 0, 0
	if !blockFollows(f.x.t.token) && f.x.t.token != ';' {
		var e expression
		n = f.expressions(&e)
		switch {
		case e.isMulti():
			f.setReturns(&e, -1)
			if e.kind == exCall && n == 1 {
				f.p.code[e.info].setOp(opTailCall)
			}
			first, n = len(f.active), -1
		case n == 1:
			first = f.toAnyReg(&e)
		default:
			f.toNextReg(&e)
			first = len(f.active)
		}
	}
	f.codeReturn(first, n)
}

// target is one variable of an assignment, linked to those on its left.
type target struct {
	left *target
	e    expression
}

func (f *function) expressionStatement() {
	var t target
	f.primary(&t.e)
	if t.e.kind == exCall {
		f.p.code[t.e.info].setC(1)
		return
	}
	f.assignment(&t, 1)
}

func (f *function) assignment(t *target, n int) {
	if t.e.kind < exLocal || t.e.kind > exIndexed {
		f.x.syntax("syntax error")
	}
	var e expression
	if f.accept(',') {
		right := target{left: t}
		f.primary(&right.e)
		if right.e.kind == exLocal {
			f.checkConflict(t, &right.e)
		}
		f.limit(n, maxCCalls-f.x.level, "variables in assignment")
		f.assignment(&right, n+1)
	} else {
		f.expect('=')
		nExps := f.expressions(&e)
		if nExps == n {
			f.setOneReturn(&e)
			f.storeVariable(&t.e, &e)
			return
		}
		f.adjustAssign(n, nExps, &e)
		if nExps > n {
			f.freeReg -= nExps - n
		}
	}
	e = newExpression(exNonReloc, f.freeReg-1)
	f.storeVariable(&t.e, &e)
}

// checkConflict keeps a copy of a local variable that is assigned to but is also part of a target on its left.
func (f *function) checkConflict(t *target, v *expression) {
	extra, conflict := f.freeReg, false
	for ; t != nil; t = t.left {
		if t.e.kind != exIndexed {
			continue
		}
		if t.e.info == v.info {
			conflict = true
			t.e.info = extra
		}
		if t.e.aux == v.info {
			conflict = true
			t.e.aux = extra
		}
	}
	if conflict {
		f.codeABC(opMove, f.freeReg, v.info, 0)
		f.reserve(1)
	}
}
