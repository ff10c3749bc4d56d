package lua

type callResult uint8

const (
	callLua   callResult = iota // a Lua function is ready to run
	callGo                      // a Go function has run
	callYield                   // a Go function yielded
)

// pushFrame begins a call.
func (l *State) pushFrame(f frame) {
	if len(l.frames) == cap(l.frames) || len(l.frames) >= maxCalls {
		l.growFrames()
	}
	l.frames = append(l.frames, f)
}

// growFrames makes room for one more call, or ends a recursion that is too deep. What handles that error may go deeper
// by as much again.
func (l *State) growFrames() {
	n := len(l.frames)
	switch {
	case n >= 2*maxCalls:
		panic(&thrown{kind: throwNested, value: String("error in error handling")})
	case n >= maxCalls && !l.deep:
		l.deep = true
		l.fail("stack overflow")
	case n == cap(l.frames):
		l.charge(int64(2*n) * sizeFrame)
		frames := make([]frame, n, 2*n)
		copy(frames, l.frames)
		l.frames = frames
	}
}

// enterLua makes the frame of a Lua function whose arguments are on the stack from fn+1 to top.
func (l *State) enterLua(c *Closure, fn, wanted int) {
	p := c.proto
	if len(l.stack)-l.top < p.stackSize+p.params+window {
		l.growStack(p.stackSize + p.params)
	}
	base := fn + 1
	if p.vararg == 0 {
		for end := base + p.params; l.top < end; l.top++ {
			l.stack[l.top] = Value{}
		}
	} else {
		base = l.adjustVarargs(p, l.top-fn-1)
	}
	top := base + p.stackSize
	l.pushFrame(frame{fn: int32(fn), base: int32(base), top: int32(top), wanted: int32(wanted)})
	l.base = base
	l.top = top
}

// adjustVarargs moves the fixed parameters above the other arguments.
func (l *State) adjustVarargs(p *Proto, actual int) (base int) {
	for ; actual < p.params; actual++ {
		l.stack[l.top] = Value{}
		l.top++
	}
	var arg *Table
	if p.vararg&needsArg != 0 {
		n := actual - p.params
		arg = newTable(l, n, 1)
		for i := range n {
			arg.arr[i].store(&l.stack[l.top-n+i])
		}
		*arg.slot(l, &nName) = Number(float64(n))
	}
	fixed := l.top - actual
	base = l.top
	for i := range p.params {
		l.stack[l.top] = l.stack[fixed+i]
		l.stack[fixed+i] = Value{}
		l.top++
	}
	if p.vararg&hasArg != 0 {
		l.stack[l.top] = Value{}
		if arg != nil {
			l.stack[l.top] = tableValue(arg)
		}
		l.top++
	}
	return base
}

var nName = String("n")

// callable puts the __call metamethod in front of what is no function.
func (l *State) callable(fn int) {
	tm := l.metamethod(&l.stack[fn], eventCall)
	if !tm.IsFunction() {
		l.typeError(&l.stack[fn], fn-l.base, "call")
	}
	l.checkStack(1)
	copy(l.stack[fn+1:l.top+1], l.stack[fn:l.top])
	l.top++
	l.stack[fn] = *tm
}

// precall begins the call of what is at fn, with its arguments above it up to top. A Go function runs at once.
func (l *State) precall(fn, wanted int) callResult {
	if !l.stack[fn].IsFunction() {
		l.callable(fn)
	}
	v := &l.stack[fn]
	if v.n == kindClosure {
		l.enterLua(v.closure(), fn, wanted)
		return callLua
	}
	g := v.goFunction()
	if len(l.stack)-l.top < minGoStack+window {
		l.growStack(minGoStack)
	}
	l.pushFrame(frame{fn: int32(fn), base: int32(fn + 1), top: int32(l.top + minGoStack), wanted: int32(wanted)})
	l.base = fn + 1
	n := g.fn(l)
	if n < 0 {
		return callYield
	}
	l.postcall(l.top - n)
	return callGo
}

// postcall ends the running call: the results from first to top go where the function was.
func (l *State) postcall(first int) (wanted int) {
	at := len(l.frames) - 1
	f := &l.frames[at]
	to := int(f.fn)
	wanted = int(f.wanted)
	l.frames = l.frames[:at]
	l.base = int(l.frames[at-1].base)
	if wanted == 1 {
		if first < l.top {
			l.stack[to] = l.stack[first]
		} else {
			l.stack[to] = Value{}
		}
		l.top = to + 1
		return wanted
	}
	n := l.top - first
	if wanted >= 0 {
		n = min(n, wanted)
	}
	to += copy(l.stack[to:], l.stack[first:first+n])
	for ; n < wanted; n++ {
		l.stack[to] = Value{}
		to++
	}
	l.top = to
	return wanted
}

// call calls what is at fn from Go; the results begin at fn.
func (l *State) call(fn, wanted int) {
	l.nCalls++
	if l.nCalls >= maxCCalls {
		if l.nCalls == maxCCalls {
			l.fail("C stack overflow")
		} else if l.nCalls >= maxCCalls+maxCCalls>>3 {
			panic(&thrown{kind: throwNested, value: String("error in error handling")})
		}
	}
	if l.g.steps--; l.g.steps < 0 {
		l.hook()
	}
	if l.precall(fn, wanted) == callLua {
		l.execute(1)
	}
	l.nCalls--
}

// unwindSteps is what leaving one nested call by an error costs of the step budget.
const unwindSteps = 8

// protect calls what is at fn and returns the error that came of it. Whatever was active above is gone then, and the
// stack ends at fn.
func (l *State) protect(fn, wanted, handler int) (err *thrown) {
	nCalls, depth, oldHandler := l.nCalls, len(l.frames), l.errHandler
	l.errHandler = handler
	defer func() {
		l.errHandler = oldHandler
		r := recover()
		if r == nil {
			return
		}
		t, ok := r.(*thrown)
		if !ok {
			panic(r)
		}
		err = t
		l.g.steps -= unwindSteps * (1 + l.nCalls - nCalls)
		l.closeUpvalues(fn)
		l.nCalls = nCalls
		l.frames = l.frames[:depth]
		l.deep = l.deep && depth >= maxCalls
		l.base = int(l.frames[depth-1].base)
		l.top = fn
	}()
	l.call(fn, wanted)
	return nil
}

// Protect is for what a host does with a state outside of all calls: it returns what f raised, for want of memory.
func (l *State) Protect(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			t, ok := r.(*thrown)
			if !ok {
				panic(r)
			}
			err = &Error{Value: t.value, Cause: t.cause}
		}
	}()
	f()
	return nil
}

// Call calls the function below nArgs arguments on the stack; wanted results take their place, all if it is -1.
func (l *State) Call(nArgs, wanted int) { l.call(l.top-nArgs-1, wanted) }

// PCall is Call, but it returns what the function raised.
func (l *State) PCall(nArgs, wanted int) error {
	if t := l.protect(l.top-nArgs-1, wanted, 0); t != nil {
		return &Error{Value: t.value, Cause: t.cause}
	}
	return nil
}

// XPCall is PCall with a handler: a function that is called with the error value where it was raised, and whose result
// takes its place.
func (l *State) XPCall(nArgs, wanted int, handler Value) error {
	fn := l.top - nArgs - 1
	l.checkStack(1)
	copy(l.stack[fn+1:l.top+1], l.stack[fn:l.top])
	l.stack[fn] = handler
	l.top++
	t := l.protect(fn+1, wanted, fn)
	copy(l.stack[fn:], l.stack[fn+1:l.top])
	if l.top--; t != nil {
		l.top = fn
		return &Error{Value: t.value, Cause: t.cause}
	}
	return nil
}

// Pcall is what scripts call as pcall, for who makes something else of its results: they are the last n values.
func Pcall(l *State) (n int) { return basePcall(l) }

// Reload pushes what Load has pushed before, as if it were loaded again.
func (l *State) Reload(f Value) {
	f.closure().env = l.globals
	l.pushValue(f)
}

// Load pushes a compiled chunk as a function of the state's globals.
func (l *State) Load(p *Proto) {
	l.charge(sizeClosure)
	l.pushValue(closureValue(&Closure{proto: p, env: l.globals}))
}
