package lua

// A coroutine is a State with a stack of its own. To resume one is to execute its frames on the Go stack of the one
// that resumes; to yield is to return from that. So there are no goroutines to leak, and as in the original nothing
// can yield across a metamethod or a Go function.

// OpenCoroutine opens the library coroutine.
func (l *State) OpenCoroutine() { l.Register("coroutine", coroutineFunctions) }

var coroutineFunctions = map[string]Function{
	"create": coCreate, "resume": coResume, "running": coRunning, "status": coStatus, "wrap": coWrap, "yield": coYield,
}

type coState uint8

const (
	coRunningState coState = iota
	coSuspended
	coNormal
	coDead
)

var coStateNames = [...]string{"running", "suspended", "normal", "dead"}

func (l *State) coState(co *State) coState {
	switch {
	case l == co:
		return coRunningState
	case co.status == statusYield:
		return coSuspended
	case co.status == statusDead:
		return coDead
	case len(co.frames) > 1:
		return coNormal
	case co.top == co.base:
		return coDead
	}
	return coSuspended
}

func (l *State) checkThread(i int) *State {
	v := l.Arg(i)
	if v.n != kindThread {
		l.ArgError(i, "coroutine expected")
	}
	return v.thread()
}

func (l *State) newCoroutine() *State {
	if l.Arg(1).n != kindClosure {
		l.ArgError(1, "Lua function expected")
	}
	l.charge(sizeState + (window+2*minGoStack)*sizeValue + 8*sizeFrame)
	co := newThread(l.g)
	co.globals = l.globals
	co.pushValue(l.Arg(1))
	return co
}

func coCreate(l *State) int {
	co := l.newCoroutine()
	l.Push(threadValue(co))
	return 1
}

func coWrap(l *State) int {
	co := l.newCoroutine()
	l.Push(l.NewFunction(coWrapped, threadValue(co)))
	return 1
}

// moveTo gives another thread the last n values.
func (l *State) moveTo(to *State, n int) {
	to.checkStack(n)
	copy(to.stack[to.top:], l.stack[l.top-n:l.top])
	to.top += n
	l.top -= n
}

// resume runs co with the last n values of l. It leaves the results on l's stack and returns how many; below 0 it is
// an error, with the error value there.
func (l *State) resume(co *State, n int) int {
	if !co.hasRoom(n) {
		l.Errorf("too many arguments to resume")
	}
	if s := l.coState(co); s != coSuspended {
		l.Push(String("cannot resume " + coStateNames[s] + " coroutine"))
		return -1
	}
	l.moveTo(co, n)
	co.nCalls = l.nCalls
	if t := co.run(l, n); t != nil {
		co.status = statusDead
		if t.kind == throwAbort {
			panic(t)
		}
		l.Push(t.value)
		return -1
	}
	results := co.top - co.base
	if !l.hasRoom(results + 1) {
		l.Errorf("too many results to resume")
	}
	co.moveTo(l, results)
	return results
}

// run goes on with a coroutine until it returns, yields or fails.
func (co *State) run(from *State, n int) (err *thrown) {
	if co.nCalls >= maxCCalls {
		return &thrown{value: String("C stack overflow")}
	}
	g := co.g
	co.resumer = from
	g.chainUp = co
	defer func() {
		g.chainUp = from
		co.resumer = nil
		if r := recover(); r != nil {
			t, ok := r.(*thrown)
			if !ok {
				panic(r)
			}
			err = t
			co.closeUpvalues(0)
		}
	}()
	co.nCalls++
	co.baseCalls = co.nCalls
	first := co.top - n
	if co.status == statusOK {
		if co.precall(first-1, -1) != callLua {
			return nil
		}
	} else {
		// The call of yield ends now; its results are what resume was given.
		co.status = statusOK
		if co.postcall(first) >= 0 {
			co.top = int(co.frames[len(co.frames)-1].top)
		}
	}
	co.execute(len(co.frames) - 1)
	return nil
}

func coResume(l *State) int {
	co := l.checkThread(1)
	n := l.resume(co, l.NArgs()-1)
	if n < 0 {
		v := l.Top()
		l.PushBool(false)
		l.Push(v)
		return 2
	}
	l.checkStack(1)
	at := l.top - n
	copy(l.stack[at+1:l.top+1], l.stack[at:l.top])
	l.stack[at] = Bool(true)
	l.top++
	return n + 1
}

func coWrapped(l *State) int {
	co := l.Upvalue(1).thread()
	n := l.resume(co, l.NArgs())
	if n < 0 {
		v := l.Top()
		if v.isStr() || v.isNum() {
			v = l.joined(l.Where(1), l.ToString(v))
		}
		return l.Error(v)
	}
	return n
}

func coYield(l *State) int {
	if l.nCalls > l.baseCalls || l.g.main == l {
		l.fail("attempt to yield across metamethod/C-call boundary")
	}
	l.base = l.top - l.NArgs()
	l.status = statusYield
	return -1
}

func coStatus(l *State) int {
	co := l.checkThread(1)
	l.Push(String(coStateNames[l.coState(co)]))
	return 1
}

func coRunning(l *State) int {
	if l.g.main == l {
		l.PushNil()
	} else {
		l.Push(threadValue(l))
	}
	return 1
}
