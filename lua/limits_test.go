package lua

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bombs are scripts that would take all memory or the whole stack. Each must end in an error that says so.
var bombs = []struct{ want, source string }{
	{"not enough memory", "local s = 'x' while true do s = s .. s end"},
	{"not enough memory", "return ('x'):rep(1e9)"},
	{"not enough memory", "return ('x'):rep(2^31 - 1)"},
	{"not enough memory", "local t = {} for i = 1, 1e9 do t[i] = i end"},
	{"not enough memory", "local t = {} for i = 1, 1e9 do t[i] = {} end"},
	{"not enough memory", "local t = {} for i = 1, 1e9 do t['k' .. i] = true end"},
	{"not enough memory", "local t = {} for i = 1, 1e9 do t[#t + 1] = ('x'):rep(1000) .. i end"},
	{"not enough memory", "local t = {} while true do t = {t} end"},
	{"not enough memory", "local f while true do local g = f f = function() return g end end"},
	{"not enough memory", "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end"},
	{"not enough memory", "local t = {} for i = 1, 1e9 do t[i] = function() return t end end"},
	{"not enough memory", "return table.concat(setmetatable({}, {}), ('x'):rep(1e6), 1, 0), " +
		"table.concat({('x'):rep(1e7), ('x'):rep(1e7), ('x'):rep(1e7)}, ('y'):rep(1e7))"},
	{"not enough memory", "return (('x'):rep(1e6):gsub('x', ('y'):rep(1000)))"},
	{"not enough memory", "return string.format(('%s'):rep(100), unpack((function() local t = {} for i = 1, 100 do " +
		"t[i] = ('x'):rep(1e6) end return t end)()))"},
	{"not enough memory",
		"local t = {} for w in ('x '):rep(1e6):gmatch('%w') do t[#t + 1] = w .. #t .. ('y'):rep(100) end"},
	{"not enough memory", "local t = {} for i = 1, 1e6 do t[i] = loadstring(('x = 1 '):rep(10000)) end"},
	{"not enough memory",
		"local t = {} for i = 1, 1e6 do t[i] = loadstring('return function() return [[' .. ('x'):rep(1e4) .. i " +
			".. ']] end')() end"},
	{"not enough memory", "return loadstring(('x = 1 '):rep(1e7))"},
	// Texts of errors are strings as others. The last error is that there is no memory for one.
	{"not enough memory", keepErrors("pcall(function() error(s) end)")},
	{"not enough memory", keepErrors("pcall(function() assert(false, s) end)")},
	{"not enough memory", keepErrors("pcall(collectgarbage, s)")},
	{"not enough memory", keepErrors("pcall(function() coroutine.wrap(function() error(s, 0) end)() end)")},
	{"not enough memory", keepErrors("pcall(loadstring('local t = {} return t.' .. s .. '.y'))")},
	{"not enough memory", keepErrors("loadstring('x ' .. s)")},
	{"stack overflow", "local function f() return 1 + f() end return f()"},
	{"C stack overflow",
		"local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return t.x"},
	{"C stack overflow", "local function f() return pcall(f) end local _, _, e = f() error('C stack overflow')"},
	{"C stack overflow", "local function f() return (('x'):gsub('x', f)) end return f()"},
	{"C stack overflow", "local function f() table.sort({1, 2}, f) end f()"},
	{"C stack overflow", "local function f() return coroutine.wrap(f)() end return f()"},
	{"pattern too complex", "return string.match('x', ('x-'):rep(1e5))"},
	{"too many results", "return unpack({}, 1, 1e6)"},
	{"slice too long", "return ('x'):rep(1e6):byte(1, -1)"},
	{"too many results", "local t = {} for i = 1, 1e5 do t[i] = i end return string.char(unpack(t))"},
}

// keepErrors is a script that keeps many long texts of errors.
func keepErrors(raise string) string {
	return "local s, t = ('x'):rep(1e6), {} for i = 1, 100 do t[i] = select(2, " + raise + ") end error(t[100])"
}

func TestBombs(t *testing.T) {
	for _, b := range bombs {
		source, want := b.source, b.want
		l := New(Options{MemoryLimit: 16 << 20})
		l.OpenLibs()
		start := time.Now()
		_, err := run(l, source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", source, d)
		}
		if v := mustRun(t, l, "return 1 + 1"); v.AsNumber() != 2 {
			t.Error("the state is of no use after", source)
		}
	}
}

// A table that could not grow is as it was.
func TestTablesSurviveMemoryErrors(t *testing.T) {
	l := New(Options{MemoryLimit: 16 << 20})
	l.OpenLibs()
	v := mustRun(t, l, `
		local t, n = {}, 0
		local ok = pcall(function() while true do t[n + 1] = n t["k" .. n] = n n = n + 1 end end)
		for i = 1, n do
			if t[i] ~= i - 1 or i < n and t["k" .. i - 1] ~= i - 1 then return i end
		end
		local pairs_, seen = 0, {}
		for k, v in pairs(t) do pairs_ = pairs_ + 1 end
		return not ok and n > 1000 and (pairs_ == 2 * n or pairs_ == 2 * n + 1)`)
	if !Equal(v, Bool(true)) {
		t.Error(l.ToString(v))
	}
}

func TestMemoryErrorsAreCaught(t *testing.T) {
	l := New(Options{MemoryLimit: 16 << 20})
	l.OpenLibs()
	v := mustRun(t, l, `
		local ok, e = pcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end)
		collectgarbage()
		local u = {} for i = 1, 1000 do u[i] = ("x"):rep(1000) .. i end
		return tostring(ok) .. e .. #u`)
	if got := v.AsString(); got != "falsenot enough memory1000" {
		t.Error(got)
	}
}

// Garbage is no reason for an error, however much there is.
func TestGarbageIsForgotten(t *testing.T) {
	l := New(Options{MemoryLimit: 4 << 20})
	l.OpenLibs()
	mustRun(t, l, "for i = 1, 200000 do local t = {i, i, i} local s = 'x' .. i .. ('y'):rep(100) end")
	mustRun(t, l, "local s for i = 1, 100 do s = ('x'):rep(1e6) s = 1 end")
	mustRun(t, l, "for i = 1, 2000 do coroutine.wrap(function() coroutine.yield(i) end)() end")
}

// What only a dead slot of the stack refers to is no garbage that lasts.
func TestDeadSlotsDoNotKeepMemory(t *testing.T) {
	l := New(Options{MemoryLimit: 8 << 20})
	l.OpenLibs()
	mustRun(t, l, `
		local function f(n)
			local s = ("x"):rep(1e6) .. n
			s = n
			if n > 0 then f(n - 1) end
			return s
		end
		f(60)`)
}

func TestDeepSources(t *testing.T) {
	for name, source := range map[string]string{
		"parentheses": "return " + strings.Repeat("(", 1e5) + "1" + strings.Repeat(")", 1e5),
		"tables":      "return " + strings.Repeat("{", 1e5) + strings.Repeat("}", 1e5),
		"functions":   strings.Repeat("return function() ", 1e5),
		"blocks":      strings.Repeat("do ", 1e5),
		"nots":        "return " + strings.Repeat("not ", 1e5) + "1",
		"minus":       "return " + strings.Repeat("- ", 1e5) + "1",
		"powers":      "return " + strings.Repeat("1^", 1e5) + "1",
		"concats":     "return " + strings.Repeat("a..", 1e5) + "a",
		"calls":       "return " + strings.Repeat("f(", 1e5),
		"indices":     "return " + strings.Repeat("a[", 1e5),
		"targets":     strings.Repeat("a,", 1e5) + "a = 1",
		"locals":      strings.Repeat("local a ", 300),
		"ors":         "return " + strings.Repeat("x or ", 400_000) + "x",
		"ands":        "return " + strings.Repeat("x and ", 400_000) + "x",
		"elseif":      "if x then " + strings.Repeat("elseif y then a = 1 ", 100_000) + "end",
		"breaks":      "while x do " + strings.Repeat("if a then break end ", 100_000) + "end",
		"ifs":         strings.Repeat("if x then ", 1e5),
		"upvalues":    manyUpvalues(),
		"long jump":   "while x do " + strings.Repeat("a = b ", 80000) + "end",
		"long string": "return [" + strings.Repeat("=", 1e5),
	} {
		if _, err := Compile(source, "=deep"); err == nil {
			t.Errorf("%s compiled", name)
		}
	}
	for name, source := range map[string]string{
		"sums":      "return " + strings.Repeat("1+", 1e5) + "x",
		"fields":    "return a" + strings.Repeat(".b", 1e5),
		"calls":     "return f" + strings.Repeat("()", 1e5),
		"elseifs":   "if x then " + strings.Repeat("elseif y then ", 10000) + "end",
		"items":     "return {" + strings.Repeat("1,", 1e5) + "}",
		"constants": "return {" + numbered(70000, "%d.5,") + "}",
		"functions": numbered(1000, "function f%d() end "),
		"ors":       "return " + strings.Repeat("x or ", 40_000) + "x",
		"scopes": strings.Repeat("local function f() "+numbered(190, "local v%d "), 150) +
			strings.Repeat("x = v1 y = z ", 50_000) + strings.Repeat(" end", 150),
	} {
		if _, err := Compile(source, "=deep"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func manyUpvalues() string {
	return numbered(61, "local v%d = 1 ") + "return function() return " + strings.TrimSuffix(numbered(61, "v%d+"),
		"+") +
		" end"
}
