package lua

// What compiles at run time.

func baseLoadstring(l *State) int {
	s := l.CheckString(1)
	return l.loadSource(s, cString(l.OptString(2, s)))
}

func (l *State) loadSource(s, name string) int {
	// What the compiler takes is counted as if it were more than it can be, until it is known.
	guess := int64(len(s)) * 8
	l.charge(guess)
	l.Steps(len(s) >> 4)
	p, err := compile(s, name, l.nCalls, true, nil)
	l.g.memory.used -= guess
	return l.pushCompiled(p, err, guess/2)
}

func (l *State) pushCompiled(p *Proto, err error, size int64) int {
	if err != nil {
		v := err.(*Error).Value
		l.charge(sizeString + int64(v.strLen()))
		l.PushNil()
		l.Push(v)
		return 2
	}
	l.charge(size)
	l.Load(p)
	return 1
}

// baseLoad compiles what a function gives, part by part and no further than up to the first error.
func baseLoad(l *State) int {
	name := l.OptString(2, "=(load)")
	l.checkFunction(1)
	reader := l.Arg(1)
	l.Push(l.NewFunction(func(l *State) int {
		guess := int64(0)
		p, err := compile("", name, l.nCalls, true, func() string {
			l.Push(reader)
			l.Call(0, 1)
			part := l.Top()
			l.Pop(1)
			if part.IsNil() {
				return ""
			}
			if !part.isStr() && !part.isNum() {
				l.throw(l.message(l.Where(2) + "reader function must return a string"))
			}
			text := l.ToString(part)
			l.charge(int64(len(text)) * 8)
			l.Steps(len(text) >> 4)
			guess += int64(len(text)) * 8
			return text
		})
		l.g.memory.used -= guess
		return l.pushCompiled(p, err, guess/2)
	}))
	fn := l.top - 1
	if t := l.protect(fn, -1, l.errHandler); t != nil {
		if t.kind == throwAbort {
			panic(t)
		}
		l.PushNil()
		l.Push(t.value)
		return 2
	}
	return l.top - fn
}
