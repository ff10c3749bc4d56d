package lua

type expKind uint8

const (
	exVoid expKind = iota
	exNil
	exTrue
	exFalse
	exConstant  // info: index of the constant
	exNumber    // num
	exLocal     // info: register
	exUpvalue   // info: index of the upvalue
	exGlobal    // info: index of the name's constant
	exIndexed   // info: table's register; aux: key's register or constant
	exJump      // info: the jump's instruction
	exRelocable // info: an instruction that can put its result into any register
	exNonReloc  // info: the register it is in
	exCall      // info: the call's instruction
	exVararg    // info: the instruction
)

// expression is the descriptor of one that is being compiled: its code may still have to be finished.
type expression struct {
	kind      expKind
	info, aux int
	num       float64
	t, f      int // lists of jumps out of it when it is true, false
}

func newExpression(kind expKind, info int) expression {
	return expression{kind: kind, info: info, t: noJump, f: noJump}
}

func (e *expression) isMulti() bool   { return e.kind == exCall || e.kind == exVararg }
func (e *expression) hasJumps() bool  { return e.t != e.f }
func (e *expression) isNumeral() bool { return e.kind == exNumber && e.t == noJump && e.f == noJump }

type unaryOp uint8
type binaryOp uint8

const (
	unaryNone unaryOp = iota
	unaryMinus
	unaryNot
	unaryLen
)

const (
	binAdd binaryOp = iota
	binSub
	binMul
	binDiv
	binMod
	binPow
	binConcat
	binNe
	binEq
	binLt
	binLe
	binGt
	binGe
	binAnd
	binOr
	binNone
)

var priorities = [...]struct{ left, right int }{
	{6, 6}, {6, 6}, {7, 7}, {7, 7}, {7, 7},
	{10, 9}, {5, 4}, // right associative
	{3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3},
	{2, 2}, {1, 1},
}

func unaryOf(t token) unaryOp {
	switch t {
	case tkNot:
		return unaryNot
	case '-':
		return unaryMinus
	case '#':
		return unaryLen
	}
	return unaryNone
}

func binaryOf(t token) binaryOp {
	switch t {
	case '+':
		return binAdd
	case '-':
		return binSub
	case '*':
		return binMul
	case '/':
		return binDiv
	case '%':
		return binMod
	case '^':
		return binPow
	case tkConcat:
		return binConcat
	case tkNe:
		return binNe
	case tkEq:
		return binEq
	case '<':
		return binLt
	case tkLe:
		return binLe
	case '>':
		return binGt
	case tkGe:
		return binGe
	case tkAnd:
		return binAnd
	case tkOr:
		return binOr
	}
	return binNone
}

func (f *function) expression(e *expression) { f.subexpression(e, 0) }

// subexpression compiles operators of a higher priority than limit, and returns the first that is not.
func (f *function) subexpression(e *expression, limit int) binaryOp {
	f.enterLevel()
	if u := unaryOf(f.x.t.token); u != unaryNone {
		f.x.next()
		f.subexpression(e, unaryPriority)
		f.prefix(u, e)
	} else {
		f.simple(e)
	}
	op := binaryOf(f.x.t.token)
	for op != binNone && priorities[op].left > limit {
		var right expression
		f.x.next()
		f.infix(op, e)
		next := f.subexpression(&right, priorities[op].right)
		f.postfix(op, e, &right)
		op = next
	}
	f.leaveLevel()
	return op
}

// expressions compiles a list; e is the last, still open, and the others are in registers.
func (f *function) expressions(e *expression) int {
	n := 1
	f.expression(e)
	for f.accept(',') {
		f.toNextReg(e)
		f.expression(e)
		n++
	}
	return n
}

func (f *function) stringExpression(e *expression, s string) {
	*e = newExpression(exConstant, f.stringConstant(s))
}

func (f *function) simple(e *expression) {
	switch f.x.t.token {
	case tkNumber:
		*e = newExpression(exNumber, 0)
		e.num = f.x.t.num
	case tkString:
		f.stringExpression(e, f.x.t.str)
	case tkNil:
		*e = newExpression(exNil, 0)
	case tkTrue:
		*e = newExpression(exTrue, 0)
	case tkFalse:
		*e = newExpression(exFalse, 0)
	case tkDots:
		if f.p.vararg == 0 {
			f.x.syntax("cannot use '...' outside a vararg function")
		}
		f.p.vararg &^= needsArg
		*e = newExpression(exVararg, f.codeABC(opVararg, 0, 1, 0))
	case '{':
		f.constructor(e)
		return
	case tkFunction:
		f.x.next()
		f.body(e, false, f.x.line)
		return
	default:
		f.primary(e)
		return
	}
	f.x.next()
}

// field compiles ".name" or ":name".
func (f *function) field(e *expression) {
	f.toAnyReg(e)
	f.x.next()
	var key expression
	f.stringExpression(&key, f.name())
	f.indexed(e, &key)
}

func (f *function) bracket(key *expression) {
	f.x.next()
	f.expression(key)
	f.toValue(key)
	f.expect(']')
}

func (f *function) prefixExpression(e *expression) {
	switch f.x.t.token {
	case '(':
		line := f.x.line
		f.x.next()
		f.expression(e)
		f.expectMatch(')', '(', line)
		f.dischargeVariables(e)
	case tkName:
		f.variable(e)
	default:
		f.x.syntax("unexpected symbol")
	}
}

func (f *function) primary(e *expression) {
	f.prefixExpression(e)
	for {
		switch f.x.t.token {
		case '.':
			f.field(e)
		case '[':
			var key expression
			f.toAnyReg(e)
			f.bracket(&key)
			f.indexed(e, &key)
		case ':':
			var key expression
			f.x.next()
			f.stringExpression(&key, f.name())
			f.self(e, &key)
			f.arguments(e)
		case '(', tkString, '{':
			f.toNextReg(e)
			f.arguments(e)
		default:
			return
		}
	}
}

func (f *function) arguments(e *expression) {
	line := f.x.line
	args := newExpression(exVoid, 0)
	switch f.x.t.token {
	case '(':
		if line != f.x.lastLine {
			f.x.syntax("ambiguous syntax (function call x new statement)")
		}
		f.x.next()
		if f.x.t.token != ')' {
			f.expressions(&args)
			if args.isMulti() {
				f.setReturns(&args, -1)
			}
		}
		f.expectMatch(')', '(', line)
	case '{':
		f.constructor(&args)
	case tkString:
		f.stringExpression(&args, f.x.t.str)
		f.x.next()
	default:
		f.x.syntax("function arguments expected")
	}
	base, n := e.info, -1
	if !args.isMulti() {
		if args.kind != exVoid {
			f.toNextReg(&args)
		}
		n = f.freeReg - (base + 1)
	}
	*e = newExpression(exCall, f.codeABC(opCall, base, n+1, 2))
	f.fixLine(line)
	f.freeReg = base + 1
}

// Table constructors.

type construction struct {
	item           expression // the last list item, not yet stored
	table          *expression
	records, items int
	toStore        int
}

func (f *function) constructor(e *expression) {
	line := f.x.line
	at := f.codeABC(opNewTable, 0, 0, 0)
	*e = newExpression(exRelocable, at)
	c := construction{table: e, item: newExpression(exVoid, 0)}
	f.toNextReg(e)
	f.expect('{')
	for f.x.t.token != '}' {
		f.closeItem(&c)
		switch {
		case f.x.t.token == '[' || f.x.t.token == tkName && f.x.lookAhead() == '=':
			f.record(&c)
		default:
			f.expression(&c.item)
			c.items++
			c.toStore++
		}
		if !f.accept(',') && !f.accept(';') {
			break
		}
	}
	f.expectMatch('}', '{', line)
	f.lastItem(&c)
	f.p.code[at].setB(toFloatByte(c.items))
	f.p.code[at].setC(toFloatByte(c.records))
}

func (f *function) record(c *construction) {
	reg := f.freeReg
	var key, value expression
	if f.x.t.token == tkName {
		f.stringExpression(&key, f.name())
	} else {
		f.bracket(&key)
	}
	c.records++
	f.expect('=')
	k := f.toOperand(&key)
	f.expression(&value)
	f.codeABC(opSetTable, c.table.info, k, f.toOperand(&value))
	f.freeReg = reg
}

func (f *function) closeItem(c *construction) {
	if c.item.kind == exVoid {
		return
	}
	f.toNextReg(&c.item)
	c.item.kind = exVoid
	if c.toStore == fieldsAtOnce {
		f.codeSetList(c.table.info, c.items, c.toStore)
		c.toStore = 0
	}
}

func (f *function) lastItem(c *construction) {
	if c.toStore == 0 {
		return
	}
	if c.item.isMulti() {
		f.setReturns(&c.item, -1)
		f.codeSetList(c.table.info, c.items, -1)
		c.items--
		return
	}
	if c.item.kind != exVoid {
		f.toNextReg(&c.item)
	}
	f.codeSetList(c.table.info, c.items, c.toStore)
}

// toFloatByte rounds a size up to what a byte holds as eeeeexxx: (1xxx) * 2^(eeeee-1).
func toFloatByte(x int) int {
	e := 0
	for x >= 16 {
		x = (x + 1) >> 1
		e++
	}
	if x < 8 {
		return x
	}
	return (e+1)<<3 | (x - 8)
}

func fromFloatByte(x int) int {
	e := x >> 3 & 31
	if e == 0 {
		return x
	}
	return (x&7 + 8) << (e - 1)
}
