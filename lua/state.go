package lua

import "io"

// The limits of the original.
const (
	maxCCalls  = 200   // nested calls from Go into Lua, and levels of syntax
	maxCalls   = 16384 // nested calls of Lua functions
	maxGoStack = 8000  // values that one Go function may have on the stack
	minGoStack = 20    // slots that a Go function finds free
	window     = 256   // slots that are always there after a function's base
)

// Options says how a new state is to be.
type Options struct {
	// MemoryLimit is how many bytes the state's values may take; 0 is no limit.
	MemoryLimit int64
	// Output is where print writes; nil discards.
	Output io.Writer
	// Hook is called every HookSteps steps: calls, turns of loops, and what costs as much inside a library function.
	// The error that it returns ends the script, and no pcall catches it.
	Hook      func(*State) error
	HookSteps int
}

// Function is a Go function that Lua can call. Its arguments are Arg(1) to Arg(NArgs()); it pushes its results and
// returns how many they are.
type Function func(l *State) int

// GoFunction is a Function as a value.
type GoFunction struct {
	fn   Function
	up   []Value
	mark uint32
}

// Closure is a Lua function as a value.
type Closure struct {
	proto *Proto
	env   *Table
	up    []*upvalue
	mark  uint32
}

// Userdata is an object that Lua only hands around.
type Userdata struct {
	Data any
	meta *Table
	env  *Table
	mark uint32
}

// upvalue is a variable that closures share. While the function that declared it runs, v points into the stack.
type upvalue struct {
	v     *Value
	own   Value
	index int
	next  *upvalue // the next lower open one of the thread
	mark  uint32
}

// frame is one active call. It has no pointers: the function is stack[fn].
type frame struct {
	fn, base, top int32
	pc            int32 // of the next instruction
	wanted        int32 // how many results; -1 is all
	tailCalls     int32
}

type status uint8

const (
	statusOK status = iota
	statusYield
	statusDead
)

// shared is what all threads of a state share.
type shared struct {
	Options
	main      *State
	strMeta   *Table
	registry  *Table
	steps     int // left until the hook is called
	memory    accounts
	random    randomState
	buf       []byte      // scratch for building strings
	chainUp   *State      // the thread that runs
	collected int         // steps of collections that were asked for
	next      *GoFunction // for loops over it are done without calls
	proxies   *Table      // the metatables that newproxy made
}

// State is a Lua state, or one coroutine of it: a stack of values and a stack of calls. It is for one goroutine at a
// time.
type State struct {
	g          *shared
	stack      []Value
	top        int // the first free slot
	base       int // of the running function
	frames     []frame
	nCalls     int // nested Go calls
	baseCalls  int // nCalls at the last resume
	status     status
	open       *upvalue
	globals    *Table
	errHandler int  // slot of xpcall's handler; 0 is none
	deep       bool // the stack has overflown, and the error is being handled
	resumer    *State
	mark       uint32
}

// New makes a state without any library.
func New(o Options) *State {
	g := &shared{Options: o}
	g.memory.limit = o.MemoryLimit
	g.memory.next = o.MemoryLimit
	g.resetSteps()
	g.random.seed(0x1234ABCD) // what the generator of C begins with
	l := newThread(g)
	g.main = l
	g.chainUp = l
	l.globals = newTable(l, 0, 32)
	g.registry = newTable(l, 0, 4)
	return l
}

func newThread(g *shared) *State {
	l := &State{g: g, stack: make([]Value, window+2*minGoStack), frames: make([]frame, 1, 8), top: 1, base: 1}
	l.frames[0] = frame{base: 1, top: 1 + minGoStack, wanted: -1}
	return l
}

func (g *shared) resetSteps() {
	g.steps = g.HookSteps
	if g.Hook == nil || g.steps <= 0 {
		g.steps = 1 << 62
	}
}

// Reset makes a state as it was after its setup, when that ended with Freeze: what ran since left nothing behind but
// the seed of math.random.
func (l *State) Reset() {
	g := l.g
	l.closeUpvalues(0)
	clear(l.stack)
	l.top, l.base = 1, 1
	l.frames = l.frames[:1]
	l.frames[0] = frame{base: 1, top: 1 + minGoStack, wanted: -1}
	l.nCalls, l.baseCalls, l.errHandler = 0, 0, 0
	l.status = statusOK
	if g.memory.globals != nil {
		l.globals = g.memory.globals
	}
	if g.proxies != nil {
		g.proxies.arr, g.proxies.nodes, g.proxies.lastFree = nil, nil, 0
	}
	g.chainUp = l
	g.resetSteps()
	g.memory.used = g.memory.setup
	g.memory.next = g.memory.limit
	if cap(g.buf) > 1<<16 {
		g.buf = nil
	}
	if len(l.stack) > 1<<13 {
		l.stack = make([]Value, window+2*minGoStack)
	}
}

// Freeze makes every table that can be reached read-only, and what there is now what Reset goes back to.
func (l *State) Freeze() {
	g := l.g
	g.walk(func(t *Table) { t.readonly = true })
	g.memory.globals = l.globals
	g.memory.setup = g.memory.used
}

// Steps lets a long-running Go function take part in the step budget.
func (l *State) Steps(n int) {
	l.g.steps -= n
	if l.g.steps < 0 {
		l.hook()
	}
}

func (l *State) hook() {
	g := l.g
	g.resetSteps()
	if g.Hook == nil {
		return
	}
	if err := g.Hook(l); err != nil {
		panic(&thrown{kind: throwAbort, value: String(err.Error()), cause: err})
	}
}

// SetHook changes the hook and how often it is called.
func (l *State) SetHook(steps int, hook func(*State) error) {
	l.g.Hook, l.g.HookSteps = hook, steps
	l.g.resetSteps()
}

// growStack makes room for n more values above top, and a window.
func (l *State) growStack(n int) {
	need := l.top + n + window
	size := max(2*len(l.stack), need)
	if size-need > 1<<16 {
		size = need + 1<<16
	}
	l.charge(int64(size-len(l.stack)) * sizeValue)
	stack := make([]Value, size)
	copy(stack, l.stack)
	for u := l.open; u != nil; u = u.next {
		u.v = &stack[u.index]
	}
	l.stack = stack
}

func (l *State) checkStack(n int) {
	if len(l.stack)-l.top < n+window {
		l.growStack(n)
	}
}

func (l *State) findUpvalue(index int) *upvalue {
	p := &l.open
	for *p != nil && (*p).index >= index {
		if (*p).index == index {
			return *p
		}
		p = &(*p).next
	}
	l.charge(sizeUpvalue)
	u := &upvalue{v: &l.stack[index], index: index, next: *p}
	*p = u
	return u
}

func (l *State) closeUpvalues(level int) {
	for u := l.open; u != nil && u.index >= level; u = l.open {
		l.open = u.next
		u.own.store(u.v)
		u.v = &u.own
		u.next = nil
	}
}
