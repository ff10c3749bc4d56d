package lua

import "fmt"

const (
	maxLocals     = 200
	maxUpvalues   = 60
	maxRegisters  = 250
	fieldsAtOnce  = 50 // items of a constructor that one instruction stores
	unaryPriority = 8
)

// Compile makes a function of a source. name is what errors call the chunk: "@file", "=name", or the source itself.
// What it returns may be loaded into any number of states.
func Compile(source, name string) (*Proto, error) { return compile(source, name, 0, false, nil) }

// compile is Compile at a level of nested calls; owned says whether a script asked for it. more gives what comes after
// the source, part by part.
func compile(source, name string, level int, owned bool, more func() string) (p *Proto, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case syntaxError:
			err = &Error{Value: String(string(e))}
		default:
			panic(e)
		}
	}()
	x := newLexer(source, name, level, more)
	x.owned = owned
	f := x.openFunction(nil)
	f.p.vararg = isVararg
	x.next()
	f.chunk()
	f.check(tkEOS)
	f.close()
	return f.p, nil
}

// block is a lexical block of a function.
type block struct {
	outer    *block
	breaks   int // list of jumps out of this loop
	locals   int // how many were active outside
	hasUp    bool
	breaking bool // it is a loop
}

func (x *lexer) openFunction(outer *function) *function {
	p := &Proto{source: x.source, stackSize: 2, owned: x.owned}
	return &function{p: p, x: x, outer: outer, jumps: noJump, lastTarget: -1, constants: map[constantKey]int{}}
}

func (f *function) close() {
	f.removeLocals(0)
	f.codeReturn(0, 0)
	p := f.p
	p.kHash = make([]uint32, len(p.k))
	for i := range p.k {
		if k := &p.k[i]; k.isStr() {
			p.kHash[i] = hashString(k.str())
		}
	}
	p.specialise()
}

func (f *function) accept(t token) bool {
	if f.x.t.token == t {
		f.x.next()
		return true
	}
	return false
}

func (f *function) check(t token) {
	if f.x.t.token != t {
		f.x.syntax("'" + t.String() + "' expected")
	}
}

func (f *function) expect(t token) {
	f.check(t)
	f.x.next()
}

func (f *function) expectMatch(what, who token, line int) {
	if f.accept(what) {
		return
	}
	if line == f.x.line {
		f.check(what)
	}
	f.x.syntax(fmt.Sprintf("'%s' expected (to close '%s' at line %d)", what, who, line))
}

func (f *function) name() string {
	f.check(tkName)
	s := f.x.t.str
	f.x.next()
	return s
}

func (f *function) limit(n, most int, what string) {
	if n <= most {
		return
	}
	if f.p.line == 0 {
		f.x.errorNear(fmt.Sprintf("main function has more than %d %s", most, what), 0)
	}
	f.x.errorNear(fmt.Sprintf("function at line %d has more than %d %s", f.p.line, most, what), 0)
}

func (f *function) enterLevel() {
	f.x.level++
	if f.x.level > maxCCalls {
		f.x.errorNear("chunk has too many syntax levels", 0)
	}
}

func (f *function) leaveLevel() { f.x.level-- }

// Variables.

func (f *function) newLocal(name string, n int) {
	f.limit(len(f.active)+n+1, maxLocals, "local variables")
	if len(f.p.locals) >= 1<<15-1 {
		f.x.syntax("too many local variables")
	}
	f.p.locals = append(f.p.locals, localInfo{name: name})
	f.pending = append(f.pending[:n], len(f.p.locals)-1)
}

func (f *function) adjustLocals(n int) {
	for i := range n {
		f.p.locals[f.pending[i]].start = int32(len(f.p.code))
		name := f.p.locals[f.pending[i]].name
		f.x.declared = append(f.x.declared, declaration{f: f, index: len(f.active), before: f.x.latest[name]})
		f.x.latest[name] = len(f.x.declared)
		f.active = append(f.active, f.pending[i])
	}
	f.pending = f.pending[:copy(f.pending, f.pending[n:])]
}

func (f *function) removeLocals(to int) {
	for len(f.active) > to {
		v := &f.p.locals[f.active[len(f.active)-1]]
		v.end = int32(len(f.p.code))
		f.active = f.active[:len(f.active)-1]
		last := len(f.x.declared) - 1
		f.x.latest[v.name] = f.x.declared[last].before
		f.x.declared = f.x.declared[:last]
	}
}

// declaration is a local variable in scope. They come and go as on a stack.
type declaration struct {
	f      *function
	index  int // in f.active
	before int // the place of the one of the same name that it hides; 0 is none
}

func (f *function) upvalueIndex(name string, e *expression) int {
	for i, u := range f.ups {
		if u.kind == e.kind && u.info == e.info {
			return i
		}
	}
	f.limit(len(f.ups)+1, maxUpvalues, "upvalues")
	f.p.upNames = append(f.p.upNames, name)
	f.ups = append(f.ups, upvalueSource{e.kind, e.info})
	return len(f.ups) - 1
}

// reach makes e a local variable of f, or of a function around it.
func (f *function) reach(name string, d declaration, e *expression, base bool) {
	if f != d.f {
		f.outer.reach(name, d, e, false)
		e.info = f.upvalueIndex(name, e)
		e.kind = exUpvalue
		return
	}
	*e = newExpression(exLocal, d.index)
	if base {
		return
	}
	b := f.block
	for b != nil && b.locals > d.index {
		b = b.outer
	}
	if b != nil {
		b.hasUp = true
	}
}

func (f *function) variable(e *expression) {
	name := f.name()
	if at := f.x.latest[name]; at > 0 {
		f.reach(name, f.x.declared[at-1], e, true)
		return
	}
	*e = newExpression(exGlobal, f.stringConstant(name))
}

// adjustAssign makes nExps expressions, of which e is the last, give nVars values.
func (f *function) adjustAssign(nVars, nExps int, e *expression) {
	extra := nVars - nExps
	if e.isMulti() {
		extra = max(extra+1, 0)
		f.setReturns(e, extra)
		if extra > 1 {
			f.reserve(extra - 1)
		}
		return
	}
	if e.kind != exVoid {
		f.toNextReg(e)
	}
	if extra > 0 {
		reg := f.freeReg
		f.reserve(extra)
		f.codeNil(reg, extra)
	}
}

// Blocks.

func (f *function) enterBlock(b *block, breaking bool) {
	*b = block{outer: f.block, breaks: noJump, locals: len(f.active), breaking: breaking}
	f.block = b
}

func (f *function) leaveBlock() {
	b := f.block
	f.block = b.outer
	f.removeLocals(b.locals)
	if b.hasUp {
		f.codeABC(opClose, b.locals, 0, 0)
	}
	f.freeReg = len(f.active)
	f.patchToHere(b.breaks)
}

func blockFollows(t token) bool {
	switch t {
	case tkElse, tkElseif, tkEnd, tkUntil, tkEOS:
		return true
	}
	return false
}

func (f *function) chunk() {
	f.enterLevel()
	for last := false; !last && !blockFollows(f.x.t.token); {
		last = f.statement()
		f.accept(';')
		f.freeReg = len(f.active)
	}
	f.leaveLevel()
}

func (f *function) plainBlock() {
	var b block
	f.enterBlock(&b, false)
	f.chunk()
	f.leaveBlock()
}

// body compiles a function's parameters and statements.
func (f *function) body(e *expression, self bool, line int) {
	g := f.x.openFunction(f)
	g.p.line = line
	g.expect('(')
	if self {
		g.newLocal("self", 0)
		g.adjustLocals(1)
	}
	g.parameters()
	g.expect(')')
	g.chunk()
	g.p.lastLine = f.x.line
	g.expectMatch(tkEnd, tkFunction, line)
	g.close()
	f.closure(g, e)
}

func (f *function) closure(g *function, e *expression) {
	if len(f.p.protos) > maxBx {
		f.x.syntax("constant table overflow")
	}
	f.p.protos = append(f.p.protos, g.p)
	*e = newExpression(exRelocable, f.codeABx(opClosure, 0, len(f.p.protos)-1))
	for _, u := range g.ups {
		op := opGetUpval
		if u.kind == exLocal {
			op = opMove
		}
		f.codeABC(op, 0, u.info, 0)
	}
}

func (f *function) parameters() {
	n := 0
	if f.x.t.token != ')' {
		for {
			switch f.x.t.token {
			case tkName:
				f.newLocal(f.name(), n)
				n++
			case tkDots:
				f.x.next()
				f.newLocal("arg", n)
				n++
				f.p.vararg = hasArg | needsArg | isVararg
			default:
				f.x.syntax("<name> or '...' expected")
			}
			if f.p.vararg != 0 || !f.accept(',') {
				break
			}
		}
	}
	f.adjustLocals(n)
	f.p.params = len(f.active) - int(f.p.vararg&hasArg)
	f.reserve(len(f.active))
}
