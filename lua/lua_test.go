package lua

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// newTestState is a state with all libraries and a limit of memory.
func newTestState(t testing.TB) *State {
	t.Helper()
	l := New(Options{MemoryLimit: 32 << 20})
	l.OpenLibs()
	return l
}

// run runs a source and returns its first result.
func run(l *State, source string) (Value, error) {
	p, err := Compile(source, "@test")
	if err != nil {
		return Nil, err
	}
	l.Load(p)
	if err := l.PCall(0, 1); err != nil {
		return Nil, err
	}
	v := l.Top()
	l.Pop(1)
	return v, nil
}

func mustRun(t testing.TB, l *State, source string) Value {
	t.Helper()
	v, err := run(l, source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return v
}

func TestHostFunctions(t *testing.T) {
	l := newTestState(t)
	l.Register("host", map[string]Function{
		"add": func(l *State) int {
			l.PushNumber(l.CheckNumber(1) + l.CheckNumber(2))
			return 1
		},
		"many": func(l *State) int {
			for i := range 100 {
				l.PushNumber(float64(i))
			}
			return 100
		},
		"fail": func(l *State) int { return l.Errorf("failed with %d", l.CheckInteger(1)) },
		"call": func(l *State) int {
			l.Push(l.Arg(1))
			l.PushNumber(20)
			l.Call(1, 1)
			return 1
		},
	})
	if v := mustRun(t, l, "return host.add(1, '2')"); v.AsNumber() != 3 {
		t.Error("add:", l.ToString(v))
	}
	if v := mustRun(t, l, "return select('#', host.many())"); v.AsNumber() != 100 {
		t.Error("many:", l.ToString(v))
	}
	if v := mustRun(t, l, "return host.call(function(x) return x + 1 end)"); v.AsNumber() != 21 {
		t.Error("call:", l.ToString(v))
	}
	for source, want := range map[string]string{
		"host.fail(7)":    "test:1: failed with 7",
		"host.add(1)":     "test:1: bad argument #2 to 'add' (number expected, got no value)",
		"host.add({}, 1)": "test:1: bad argument #1 to 'add' (number expected, got table)",
	} {
		if _, err := run(l, source); err == nil || err.Error() != want {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestUpvaluesOfHostFunctions(t *testing.T) {
	l := newTestState(t)
	l.Globals().SetString(l, "count", l.NewFunction(func(l *State) int {
		n := l.Upvalue(1)
		*n = Number(n.AsNumber() + 1)
		l.Push(*n)
		return 1
	}, Number(41)))
	if v := mustRun(t, l, "return count()"); v.AsNumber() != 42 {
		t.Error(l.ToString(v))
	}
}

func TestCallsOfHostFunctionsDoNotAllocate(t *testing.T) {
	l := newTestState(t)
	s := String("a string that exists")
	l.Register("host", map[string]Function{"f": func(l *State) int {
		_ = l.CheckString(1)
		l.PushNumber(l.CheckNumber(2))
		l.Push(s)
		return 2
	}})
	p, err := Compile("local n, s = 0 for i = 1, 100 do n, s = host.f('key', n) end return s", "@test")
	if err != nil {
		t.Fatal(err)
	}
	l.Load(p)
	f := l.Top()
	allocs := testing.AllocsPerRun(20, func() {
		l.Push(f)
		if err := l.PCall(0, 1); err != nil {
			t.Fatal(err)
		}
		l.Pop(1)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestReadonly(t *testing.T) {
	l := newTestState(t)
	tab := l.NewTable(0, 1)
	tab.SetString(l, "x", Number(1))
	tab.SetReadonly(true)
	l.Globals().SetString(l, "t", TableValue(tab))
	for _, source := range []string{"t.x = 2", "t.y = 1", "t[1] = 1", "rawset(t, 'x', 2)", "setmetatable(t, {})",
		"table.insert(t, 1)", "for k in pairs(t) do t[k] = nil end"} {
		_, err := run(l, source)
		if err == nil || !strings.HasSuffix(err.Error(), "Attempt to modify a readonly table") {
			t.Errorf("%s: %v", source, err)
		}
	}
	if v := mustRun(t, l, "return t.x"); v.AsNumber() != 1 {
		t.Error(l.ToString(v))
	}
}

func TestFreezeAndReset(t *testing.T) {
	l := newTestState(t)
	l.Freeze()
	for range 3 {
		if _, err := run(l, "x = 1"); err == nil {
			t.Error("a frozen state got a global variable")
		}
		if _, err := run(l, "string.rep = nil"); err == nil {
			t.Error("a frozen state lost a function")
		}
		if _, err := run(l, "getmetatable('').__index = nil"); err == nil {
			t.Error("strings lost their methods")
		}
		mustRun(t, l, "local t = {} for i = 1, 1000 do t[i] = i end setfenv(0, {}) return #t")
		used := l.MemoryUsed()
		l.Reset()
		if l.MemoryUsed() >= used {
			t.Error("nothing was given back", used, l.MemoryUsed())
		}
		if v := mustRun(t, l, "return ('x'):rep(3)"); v.AsString() != "xxx" {
			t.Error(l.ToString(v))
		}
	}
}

func TestHookEndsScripts(t *testing.T) {
	stop := errors.New("stopped")
	for _, source := range []string{
		"while true do end",
		"repeat local x = 1 until x == 2",
		"while true do pcall(function() while true do end end) end",
		"local function f() return f() end f()",
		"for i = 1, 1/0 do end",
		"for _ in function() return 1 end do end",
		"coroutine.wrap(function() while true do end end)()",
		"while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
		"string.match(('a'):rep(1000), ('a*'):rep(30) .. 'b')",
		"string.find(('a'):rep(1e6), '.-.-.-b')",
		"string.find(('a'):rep(40), ('a?'):rep(40) .. 'b')",
		"string.find(('a'):rep(200000), ('.'):rep(20000) .. 'b')",
		"string.find(('a'):rep(200000), '[' .. ('b'):rep(100000) .. ']')",
		"('a'):rep(200000):gsub('[' .. ('b'):rep(100000) .. ']', '')",
		"for _ in ('a'):rep(200000):gmatch(('.'):rep(20000) .. 'b') do end",
		"local s = ('('):rep(1e6) while true do s:find('%b()') end",
		"local t = {} for i = 1, 1e5 do t[i] = i % 7 end while true do table.sort(t) end",
		"while true do local s = ('x'):rep(1e6) end",
		"local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end " +
			"while true do pcall(function() return t[1] end) end",
		"xpcall(function() while true do end end, function() while true do end end)",
	} {
		l := New(Options{MemoryLimit: 32 << 20, HookSteps: 1000, Hook: func(l *State) error { return nil }})
		l.OpenLibs()
		calls := 0
		l.SetHook(1000, func(*State) error {
			if calls++; calls > 100 {
				return stop
			}
			return nil
		})
		if _, err := run(l, source); !errors.Is(err, stop) {
			t.Errorf("%s: %v", source, err)
		}
		l.SetHook(0, nil)
		if v := mustRun(t, l, "return 1 + 1"); v.AsNumber() != 2 {
			t.Error("the state is of no use after", source)
		}
	}
}

func TestProtosAreShared(t *testing.T) {
	p, err := Compile("local t = {...} return #t + #'constant' + (x or 0)", "@test")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan float64)
	for range 4 {
		go func() {
			l := New(Options{})
			l.OpenLibs()
			sum := 0.0
			for range 100 {
				l.Load(p)
				l.PushNumber(1)
				if l.PCall(1, 1) != nil {
					break
				}
				sum += l.Top().AsNumber()
				l.Pop(1)
			}
			done <- sum
		}()
	}
	for range 4 {
		if sum := <-done; sum != 900 {
			t.Error(sum)
		}
	}
}

func TestHandlersSeeErrorsWhereTheyAreRaised(t *testing.T) {
	l := newTestState(t)
	place := ""
	handler := l.NewFunction(func(l *State) int {
		chunk, line, ok := l.Position(1)
		place = fmt.Sprint(chunk, " ", line, " ", ok)
		l.PushString("handled: " + l.ToString(l.Arg(1)))
		return 1
	})
	p, err := Compile("local function f(x)\n return x.y.z end\nreturn f({})", "@handled")
	if err != nil {
		t.Fatal(err)
	}
	before := l.NArgs()
	l.Load(p)
	err = l.XPCall(0, 1, handler)
	if err == nil || err.Error() != "handled: handled:2: attempt to index field 'y' (a nil value)" {
		t.Error(err)
	}
	if place != "@handled 2 true" {
		t.Error(place)
	}
	if l.NArgs() != before {
		t.Error("the stack has", l.NArgs()-before, "values more")
	}
	p, err = Compile("return ...", "@handled")
	if err != nil {
		t.Fatal(err)
	}
	l.Load(p)
	l.PushNumber(1)
	l.PushNumber(2)
	if err := l.XPCall(2, -1, handler); err != nil {
		t.Fatal(err)
	}
	if n := l.NArgs() - before; n != 2 || l.Top().AsNumber() != 2 {
		t.Error(n, l.ToString(l.Top()))
	}
}

// Whatever takes time takes steps: each of these calls the hook at least once for as many bytes or items as are worth a
// fraction of a millisecond.
func TestWorkCostsSteps(t *testing.T) {
	for _, c := range []struct {
		hooks         int
		setup, source string
	}{
		{50, "a, b = ('x'):rep(1e6), ('x'):rep(1e6)", "for i = 1, 200 do local _ = a == b end"},
		{50, "a, b = ('x'):rep(1e6) .. 1, ('x'):rep(1e6) .. 2", "for i = 1, 200 do local _ = a < b, a <= b end"},
		{50, "a, b = ('x'):rep(1e6), ('x'):rep(1e6) t = {[a] = 1}", "for i = 1, 200 do local _ = t[b] end"},
		{50, "a, b = ('x'):rep(1e6), ('x'):rep(1e6) t = {[a] = 1}", "for i = 1, 200 do rawset(t, b, 2) end"},
		{20, "s = (' '):rep(1e6) .. 1", "for i = 1, 20 do local _ = s + 1 end"},
		{20, "s = (' '):rep(1e6) .. 1", "for i = 1, 20 do tonumber(s) end"},
		{20, "s = (' '):rep(1e6) .. 1", "for i = 1, 20 do tonumber(s, 7) end"},
		{20, "s = (' '):rep(1e6) .. 1", "for i = 1, 20 do for j = s, 0 do end end"},
		{40, "s = ('x'):rep(1e6)", "for i = 1, 40 do ('x'):find(s) end"},
		{10, "s = ('x'):rep(1e6)", "for i = 1, 200 do ('x'):gsub(s, '') end"},
		{10, "s = ('x'):rep(1e6)", "for i = 1, 50 do s:sub(2) end"},
		{50, "s = ('x'):rep(1e6)", "for i = 1, 200 do pcall(error, s, 0) local _ = s:upper() end"},
		{50, "t = {} for i = 1, 65536 do t[i] = i end for i = 14, 0, -1 do t[65537 * 2 ^ i] = 1 end",
			"for i = 1, 100 do local _ = #t end"},
		{50, "t = {} for i = 1, 4096 do t['k' .. i] = i end",
			"for i = 1, 1000 do t['k' .. i] = nil t['n' .. i] = 1 end"},
		{50, "t = {} for i = 1, 5000 do t[i] = i end", "for i = 1, 2000 do unpack(t) end"},
		// Keys whose hashes are the same, as anybody can make them.
		{50, "t = {} for i = 1, 2000 do t[('x'):rep(32) .. ('%08d'):format(i):reverse():gsub('.', '%0x')] = i end",
			"for k in pairs(t) do local _ = t[k .. ''] end"},
		{50, "t = {} for i = 1, 3000 do t[1 + i / 2 ^ 20 + (2 ^ 32 - i) / 2 ^ 52] = i end",
			"for k in pairs(t) do local _ = t[k + 0] end"},
	} {
		l := New(Options{MemoryLimit: 64 << 20})
		l.OpenLibs()
		mustRun(t, l, c.setup)
		calls := 0
		l.SetHook(1000, func(*State) error {
			calls++
			return nil
		})
		mustRun(t, l, c.source)
		if calls < c.hooks {
			t.Errorf("%s: the hook was called %d times", c.source, calls)
		}
	}
}

func TestCollectingCostsSteps(t *testing.T) {
	l := newTestState(t)
	mustRun(t, l, "big = {} for i = 1, 200000 do big[i] = i end gone = {} for i = 1, 200000 do gone[i] = i end "+
		"for i = 1, 200000 do gone[i] = nil end")
	for _, source := range []string{"for i = 1, 1000 do collectgarbage() end", "for i = 1, 1000 do next(gone) end"} {
		calls := 0
		l.SetHook(10000, func(*State) error {
			calls++
			return nil
		})
		mustRun(t, l, source)
		if calls < 50 {
			t.Errorf("%s: the hook was called %d times", source, calls)
		}
	}
}

// The numbers are those of a redis-server that was just started.
func TestRandomIsTheGeneratorOfC(t *testing.T) {
	l := newTestState(t)
	for _, want := range []float64{396465, 840486} {
		if v := mustRun(t, l, "return math.random(1, 1000000)"); v.AsNumber() != want {
			t.Error(v.AsNumber(), "want", want)
		}
	}
	mustRun(t, l, "math.randomseed(42)")
	for _, want := range []float64{744526, 342702} {
		if v := mustRun(t, l, "return math.random(1, 1000000)"); v.AsNumber() != want {
			t.Error(v.AsNumber(), "want", want)
		}
	}
}
