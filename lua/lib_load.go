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
	p, err := compile(s, name, l.nCalls, true)
	l.g.memory.used -= guess
	if err != nil {
		l.PushNil()
		v := err.(*Error).Value
		l.charge(sizeString + int64(v.strLen()))
		l.Push(v)
		return 2
	}
	l.charge(guess / 2)
	l.Load(p)
	return 1
}

func baseLoad(l *State) int {
	name := l.OptString(2, "=(load)")
	l.checkFunction(1)
	var source []byte
	for {
		l.Push(l.Arg(1))
		if t := l.protect(l.top-1, 1, l.errHandler); t != nil {
			if t.kind == throwAbort {
				panic(t)
			}
			l.PushNil()
			l.Push(t.value)
			return 2
		}
		part := l.Top()
		l.Pop(1)
		if part.IsNil() || part.isStr() && part.strLen() == 0 {
			b := Bytes(source)
			return l.loadSource(b.str(), name)
		}
		if !part.isStr() && !part.isNum() {
			l.PushNil()
			l.Push(String(l.Where(1) + "reader function must return a string"))
			return 2
		}
		text := l.ToString(part)
		l.charge(2 * int64(len(text))) // append leaves room
		source = append(source, text...)
	}
}
