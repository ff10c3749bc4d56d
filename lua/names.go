package lua

// Names in error messages come from the code itself: the last instruction that set the register says what is in it.
// That costs nothing until an error happens, and gives the names that the original gives.

// objectName says what a register of a Lua function holds: its kind ("local", "global", "field", …) and name.
func (l *State) objectName(f *frame, reg int) (kind, name string) {
	c := l.luaFunction(f)
	if c == nil {
		return "", ""
	}
	return c.proto.registerName(int(f.pc)-1, reg)
}

func (p *Proto) registerName(pc, reg int) (kind, name string) {
	if name := p.localName(reg+1, pc); name != "" {
		return "local", name
	}
	i := p.lastChange(pc, reg)
	switch i.op() {
	case opGetGlobal:
		return "global", p.k[i.bx()].str()
	case opMove:
		if i.b() < i.a() {
			return p.registerName(pc, i.b())
		}
	case opGetTable, opGetField:
		return "field", p.keyName(i)
	case opGetUpval:
		return "upvalue", p.upNames[i.b()]
	case opSelf, opSelfField:
		return "method", p.keyName(i)
	}
	return "", ""
}

func (p *Proto) keyName(i instruction) string {
	c := i.c()
	switch i.op() {
	case opGetField, opSelfField:
	default:
		if c&constant == 0 {
			return "?"
		}
		c &^= constant
	}
	if k := &p.k[c]; k.isStr() {
		return cString(k.str())
	}
	return "?"
}

// localName is the name of the n-th local variable that is alive at pc.
func (p *Proto) localName(n, pc int) string {
	for _, v := range p.locals {
		if int(v.start) > pc {
			break
		}
		if pc < int(v.end) {
			if n--; n == 0 {
				return v.name
			}
		}
	}
	return ""
}

// lastChange follows the code up to pc and returns the last instruction that set reg. Jumps forward within that are
// taken, so that what is skipped doesn't count.
func (p *Proto) lastChange(pc, reg int) instruction {
	last := len(p.code) - 1
	for at := 0; at < pc; at++ {
		i := p.code[at]
		op, a := i.op(), i.a()
		if opInfo[op]&setsA != 0 && a == reg {
			last = at
		}
		switch op {
		case opLoadNil:
			if a <= reg && reg <= i.b() {
				last = at
			}
		case opSelf, opSelfField:
			if reg == a+1 {
				last = at
			}
		case opTForLoop:
			if reg >= a+2 {
				last = at
			}
		case opCall, opTailCall:
			if reg >= a {
				last = at
			}
		case opJmp, opForLoop, opForPrep:
			if dest := at + 1 + i.sbx(); at < dest && dest <= pc {
				at += i.sbx()
			}
		case opSetList:
			if i.c() == 0 {
				at++
			}
		case opClosure:
			at += len(p.protos[i.bx()].upNames)
		}
	}
	return p.code[last]
}

// calleeName says how the running function of a frame was called, as the calling code has it.
func (l *State) calleeName(i int) (kind, name string) {
	f := &l.frames[i]
	if l.luaFunction(f) != nil && f.tailCalls > 0 || i == 0 {
		return "", ""
	}
	caller := &l.frames[i-1]
	c := l.luaFunction(caller)
	if c == nil {
		return "", ""
	}
	in := c.proto.code[caller.pc-1]
	switch in.op() {
	case opCall, opTailCall, opTForLoop:
		return c.proto.registerName(int(caller.pc)-1, in.a())
	}
	return "", ""
}

// cString is s up to its first zero byte, as C prints it.
func cString(s string) string {
	for i := range len(s) {
		if s[i] == 0 {
			return s[:i]
		}
	}
	return s
}
