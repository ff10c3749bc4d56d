package lua

import "math"

func (f *function) invertJump(e *expression) {
	i := f.jumpControl(e.info)
	i.setA(1 - i.a())
}

func (f *function) jumpOnCondition(e *expression, condition bool) int {
	c := 0
	if condition {
		c = 1
	}
	if e.kind == exRelocable {
		if i := f.p.code[e.info]; i.op() == opNot {
			f.p.code = f.p.code[:len(f.p.code)-1]
			f.p.lines = f.p.lines[:len(f.p.lines)-1]
			return f.conditionalJump(opTest, i.b(), 0, 1-c)
		}
	}
	f.dischargeAnyReg(e)
	f.free(e)
	return f.conditionalJump(opTestSet, noReg, e.info, c)
}

func (f *function) goIfTrue(e *expression) {
	f.dischargeVariables(e)
	var at int
	switch e.kind {
	case exConstant, exNumber, exTrue:
		at = noJump
	case exJump:
		f.invertJump(e)
		at = e.info
	default:
		at = f.jumpOnCondition(e, false)
	}
	f.concatJumps(&e.f, at)
	f.patchToHere(e.t)
	e.t = noJump
}

func (f *function) goIfFalse(e *expression) {
	f.dischargeVariables(e)
	var at int
	switch e.kind {
	case exNil, exFalse:
		at = noJump
	case exJump:
		at = e.info
	default:
		at = f.jumpOnCondition(e, true)
	}
	f.concatJumps(&e.t, at)
	f.patchToHere(e.f)
	e.f = noJump
}

func (f *function) codeNot(e *expression) {
	f.dischargeVariables(e)
	switch e.kind {
	case exNil, exFalse:
		e.kind = exTrue
	case exConstant, exNumber, exTrue:
		e.kind = exFalse
	case exJump:
		f.invertJump(e)
	case exRelocable, exNonReloc:
		f.dischargeAnyReg(e)
		f.free(e)
		e.info = f.codeABC(opNot, 0, e.info, 0)
		e.kind = exRelocable
	}
	e.f, e.t = e.t, e.f
	f.removeValues(e.f)
	f.removeValues(e.t)
}

// foldConstants computes at compile time what can't fail and is no NaN.
func foldConstants(op opcode, a, b *expression) bool {
	if !a.isNumeral() || !b.isNumeral() {
		return false
	}
	var r float64
	switch op {
	case opAdd:
		r = a.num + b.num
	case opSub:
		r = a.num - b.num
	case opMul:
		r = a.num * b.num
	case opDiv, opMod:
		if b.num == 0 {
			return false
		}
		if r = a.num / b.num; op == opMod {
			r = modulo(a.num, b.num)
		}
	case opPow:
		r = power(a.num, b.num)
	case opUnm:
		r = -a.num
	default:
		return false
	}
	if math.IsNaN(r) {
		return false
	}
	a.num = r
	return true
}

func (f *function) codeArith(op opcode, a, b *expression) {
	if foldConstants(op, a, b) {
		return
	}
	o2 := 0
	if op != opUnm && op != opLen {
		o2 = f.toOperand(b)
	}
	o1 := f.toOperand(a)
	if o1 > o2 {
		f.free(a)
		f.free(b)
	} else {
		f.free(b)
		f.free(a)
	}
	a.info = f.codeABC(op, 0, o1, o2)
	a.kind = exRelocable
}

func (f *function) codeCompare(op opcode, condition int, a, b *expression) {
	o1 := f.toOperand(a)
	o2 := f.toOperand(b)
	f.free(b)
	f.free(a)
	if condition == 0 && op != opEq {
		o1, o2 = o2, o1
		condition = 1
	}
	a.info = f.conditionalJump(op, condition, o1, o2)
	a.kind = exJump
}

func (f *function) prefix(op unaryOp, e *expression) {
	zero := newExpression(exNumber, 0)
	switch op {
	case unaryMinus:
		if !e.isNumeral() {
			f.toAnyReg(e)
		}
		f.codeArith(opUnm, e, &zero)
	case unaryNot:
		f.codeNot(e)
	case unaryLen:
		f.toAnyReg(e)
		f.codeArith(opLen, e, &zero)
	}
}

func (f *function) infix(op binaryOp, e *expression) {
	switch op {
	case binAnd:
		f.goIfTrue(e)
	case binOr:
		f.goIfFalse(e)
	case binConcat:
		f.toNextReg(e)
	case binAdd, binSub, binMul, binDiv, binMod, binPow:
		if !e.isNumeral() {
			f.toOperand(e)
		}
	default:
		f.toOperand(e)
	}
}

func (f *function) postfix(op binaryOp, a, b *expression) {
	switch op {
	case binAnd:
		f.dischargeVariables(b)
		f.concatJumps(&b.f, a.f)
		*a = *b
	case binOr:
		f.dischargeVariables(b)
		f.concatJumps(&b.t, a.t)
		*a = *b
	case binConcat:
		f.toValue(b)
		if b.kind == exRelocable && f.p.code[b.info].op() == opConcat {
			f.free(a)
			f.p.code[b.info].setB(a.info)
			a.kind, a.info = exRelocable, b.info
		} else {
			f.toNextReg(b)
			f.codeArith(opConcat, a, b)
		}
	case binAdd, binSub, binMul, binDiv, binMod, binPow:
		f.codeArith(opAdd+opcode(op-binAdd), a, b)
	case binEq:
		f.codeCompare(opEq, 1, a, b)
	case binNe:
		f.codeCompare(opEq, 0, a, b)
	case binLt:
		f.codeCompare(opLt, 1, a, b)
	case binLe:
		f.codeCompare(opLe, 1, a, b)
	case binGt:
		f.codeCompare(opLt, 0, a, b)
	case binGe:
		f.codeCompare(opLe, 0, a, b)
	}
}

// modulo has the sign of b.
func modulo(a, b float64) float64 { return a - float64(math.Floor(a/b)*b) }

func power(a, b float64) float64 {
	if b == 2 {
		return a * a
	}
	r := math.Pow(a, b)
	if r != r {
		switch {
		case a != a:
			if math.Abs(math.Mod(b, 2)) == 1 {
				return math.Abs(a) // C takes its sign off: it is -(a*a)
			}
			return a
		case b != b:
			return b
		}
		return negativeNaN()
	}
	return r
}
