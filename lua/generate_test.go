package lua

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// generator writes programs that run into everything: what works, and what is an error with a name in it.
type generator struct {
	r      *rand.Rand
	locals []string
	depth  int
	fresh  int
}

func (g *generator) pick(of ...string) string { return of[g.r.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func (g *generator) number() string {
	return g.pick("0", "1", "2", "3", "-1", "7", "10", "0.5", "-2.5", "1e15", "123456789012345", "2^31", "2^53",
		"1e100",
		"0.1", "1/3", "255", "100", "1e-5", "-0", "1/0", "3.14159")
}

func (g *generator) text() string {
	return g.pick(`""`, `"a"`, `"abc"`, `"hello world"`, `"10"`, `"0x1F"`, `" 5 "`, `"1e3"`, `"x=1, y=2"`, `"a.b.c"`,
		`"a\0b"`, `"%d"`, `"AbC"`, `"key:123"`, `"\n\t"`, `"äö"`, `"(a(b)c)"`, `"aaa"`, `"-7"`, `"nil"`)
}

func (g *generator) pattern() string {
	var b strings.Builder
	open := 0
	for range 1 + g.r.IntN(4) {
		if g.chance(10) {
			b.WriteString("(")
			open++
		}
		b.WriteString(g.pick("a", "b", "%a", "%d", "%s", "%w", ".", "[a-c]", "[^%s]", "[%w_]", "=", "%.", "%%", "x",
			"%u", "%l",
			"%p", "%x", "l", "o", "%f[%w]", "%b()", "()"))
		if g.chance(50) {
			b.WriteString(g.pick("*", "+", "-", "?"))
		}
		if open > 0 && g.chance(50) {
			b.WriteString(")")
			open--
		}
	}
	if g.chance(95) {
		b.WriteString(strings.Repeat(")", open))
	}
	s := b.String()
	if g.chance(15) {
		s = "^" + s
	}
	if g.chance(15) {
		s += "$"
	}
	return `"` + s + `"`
}

func (g *generator) format() string {
	item := func() string {
		return "%" + g.pick("", "", "-", "+", " ", "0", "#", "-0") + g.pick("", "", "5", "10", "1") +
			g.pick("", "", ".0", ".2", ".5", ".14") + g.pick("d", "s", "g", "f", "e", "x", "c", "q", "i", "u", "o", "X",
			"G", "E")
	}
	return `"` + item() + g.pick("", "|", " ", "%%") + g.pick("", item()) + `"`
}

func (g *generator) variable() string {
	if len(g.locals) > 0 && g.chance(75) {
		return g.locals[g.r.IntN(len(g.locals))]
	}
	return g.pick("ga", "gb", "gc", "undef", "t0", "t0.x", "t0.y.z", "t0[1]", "t0[2]", "f0")
}

func (g *generator) expression() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 4 {
		return g.pick(g.number(), g.text(), g.variable())
	}
	switch g.r.IntN(22) {
	case 0, 1, 2:
		return g.number()
	case 3, 4:
		return g.text()
	case 5, 6, 7:
		return g.variable()
	case 8, 9:
		return "(" + g.expression() + g.pick(" + ", " - ", " * ", " / ", " % ", " ^ ") + g.expression() + ")"
	case 10:
		return "(" + g.expression() + " .. " + g.expression() + ")"
	case 11:
		return "(" + g.expression() + g.pick(" == ", " ~= ", " < ", " <= ", " > ", " >= ") + g.expression() + ")"
	case 12:
		return "(" + g.expression() + g.pick(" and ", " or ") + g.expression() + ")"
	case 13:
		return g.pick("-", "not ", "#") + g.expression()
	case 14:
		return g.table()
	case 15:
		return g.variable() + g.pick(".x", ".len", "[1]", "["+g.expression()+"]", ":upper()", ":foo()", "()", "(1, 2)",
			".x.y")
	case 16:
		return g.pick("nil", "true", "false")
	case 17:
		return "(function(a, b) local c = a return " + g.pick("a", "b", "c", "a, b", "a + b", "a .. b", "a.x", "c()") +
			" end)(" +
			g.expression() + ", " + g.expression() + ")"
	case 18:
		return "select('#', " + g.expression() + ", " + g.expression() + ")"
	}
	return g.call()
}

func (g *generator) table() string {
	var items []string
	for range g.r.IntN(5) {
		switch g.r.IntN(4) {
		case 0:
			items = append(items, g.pick("x", "y", "n", "k")+" = "+g.expression())
		case 1:
			items = append(items, "["+g.pick("1", "2", "5", `"k"`, "1.5")+"] = "+g.expression())
		default:
			items = append(items, g.expression())
		}
	}
	return "({" + strings.Join(items, ", ") + "})"
}

func (g *generator) call() string {
	e := g.expression
	switch g.r.IntN(24) {
	case 0:
		return "tostring(" + g.pick(g.number(), g.text(), "nil", "true") + ")"
	case 1:
		return "tonumber(" + e() + g.pick("", ", 10", ", 16", ", 2") + ")"
	case 2:
		return "string.sub(" + e() + ", " + e() + g.pick("", ", "+e()) + ")"
	case 3:
		return "string.find(" + g.text() + ", " + g.pattern() + g.pick("", ", "+g.number()) + ")"
	case 4:
		return "string.match(" + g.text() + ", " + g.pattern() + ")"
	case 5:
		return "string.gsub(" + g.text() + ", " + g.pattern() + ", " +
			g.pick(`"<%0>"`, `"%1"`, `"x"`, "string.upper", "{a = 'A', b = 1}", "function(a, b) return b end") + ")"
	case 6:
		return "string.format(" + g.format() + ", " + e() + ", " + e() + ")"
	case 7:
		return "math." + g.pick("floor", "ceil", "abs", "sqrt", "modf") + "(" + e() + ")"
	case 8:
		return "math." + g.pick("max", "min", "fmod") + "(" + e() + ", " + e() + ")"
	case 9:
		return "string." + g.pick("upper", "lower", "len", "reverse", "byte") + "(" + e() + ")"
	case 10:
		return "string.rep(" + e() + ", " + g.pick("0", "1", "3", "-1") + ")"
	case 11:
		return "table.concat(" + g.pick(g.table(), g.variable()) + ", " + g.pick(`","`, e()) + ")"
	case 12:
		return "unpack(" + g.pick(g.table(), g.variable()) + ")"
	case 13:
		return "type(" + e() + ")"
	case 14:
		return "rawget(" + g.pick(g.table(), g.variable()) + ", " + e() + ")"
	case 15:
		return "select(" + g.pick("1", "2", "-1", "0", e()) + ", " + e() + ", " + e() + ")"
	case 16:
		return "pcall(" + g.pick("error", "f0", "string.rep", "tostring", "type", "next") + ", " + e() + ")"
	case 17:
		return "next(" + g.pick(g.table(), g.variable()) + ")"
	case 18:
		return "table.remove(" + g.variable() + g.pick("", ", 1", ", "+e()) + ")"
	case 19:
		return g.text() + ":" + g.pick("upper()", "len()", "rep(2)", "sub(2)", "byte(1, -1)", "reverse()", "bad()") +
			g.pick("", ":len()")
	case 20:
		return "assert(" + e() + ", " + e() + ")"
	case 21:
		return "show(" + e() + ")"
	case 22:
		return "string.char(" + g.pick("65", "66, 67", e()) + ")"
	}
	return "#" + g.variable()
}

func (g *generator) local() string {
	g.fresh++
	return fmt.Sprintf("v%d", g.fresh)
}

func (g *generator) block(n int) string {
	saved := len(g.locals)
	var b strings.Builder
	for range n {
		b.WriteString(g.statement())
		b.WriteString(" ")
	}
	g.locals = g.locals[:saved]
	return b.String()
}

func (g *generator) statement() string {
	g.depth++
	defer func() { g.depth-- }()
	k := g.r.IntN(16)
	if g.depth > 3 {
		k = g.r.IntN(7)
	}
	switch k {
	case 0, 1:
		v := g.local()
		s := "local " + v + " = " + g.expression()
		g.locals = append(g.locals, v)
		return s
	case 2:
		return g.variable2() + " = " + g.expression()
	case 3:
		return "t0[" + g.expression() + "] = " + g.expression()
	case 4:
		return g.variable2() + ", " + g.variable2() + " = " + g.expression() + ", " + g.expression()
	case 5:
		return "table.insert(t0, " + g.pick("", "1, ", "2, ", "5, ") + g.expression() + ")"
	case 6:
		return "out(" + g.expression() + ")"
	case 7:
		return "if " + g.expression() + " then " + g.block(2) + g.pick("", "else "+g.block(1)) + "end"
	case 8:
		v := g.local()
		g.locals = append(g.locals, v)
		s := "for " + v + " = " + g.pick("1, 3", "3, 1, -1", "1, 2, 0.5", "1, "+g.expression()+" == 1 and 2 or 3") +
			" do " +
			g.block(2) + g.pick("", "if "+g.expression()+" then break end ") + "end"
		g.locals = g.locals[:len(g.locals)-1]
		return s
	case 9:
		k, v := g.local(), g.local()
		g.locals = append(g.locals, k, v)
		s := "for " + k + ", " + v + " in " + g.pick("pairs", "ipairs") + "(" + g.pick(g.table(), g.variable()) +
			") do out(" + k +
			") " + g.block(1) + "end"
		g.locals = g.locals[:len(g.locals)-2]
		return s
	case 10:
		f, p := g.local(), g.local()
		g.locals = append(g.locals, p)
		s := "local function " + f + "(" + p + ", ...) " + g.block(2) + "return " + g.pick(g.expression(), "...", p) +
			" end"
		g.locals = append(g.locals[:len(g.locals)-1], f)
		return s
	case 11:
		return "do local ok, e = pcall(function() " + g.block(2) + "end) out(e) end"
	case 12:
		return "setmetatable(t0, {__index = " + g.pick("string", "function(t, k) return k end", "{x = 5}",
			g.variable()) + ", " +
			"__call = " + g.pick("function(self, a) return a end", "nil", g.expression()) + ", __concat = " +
			g.pick("function(a, b) return 'cat' end", "nil") + ", __add = " + g.pick("function(a, b) return 99 end",
			"nil") + "})"
	case 13:
		n := g.local()
		return "local " + n + " = 0 while " + n + " < 3 do " + n + " = " + n + " + 1 " + g.block(1) + "end"
	case 14:
		return "local co = coroutine.wrap(function(a) " + g.block(1) + "local b = coroutine.yield(a) " + g.block(1) +
			"return b end) out(co(" + g.expression() + ")) out(co(" + g.expression() + "))"
	}
	return "repeat " + g.block(1) + "local stop = true until stop or " + g.expression()
}

func (g *generator) variable2() string {
	if len(g.locals) > 0 && g.chance(60) {
		return g.locals[g.r.IntN(len(g.locals))]
	}
	return g.pick("ga", "gb", "gc", "t0.x", "t0.y", "t0[1]", "t0[2]", "undef.x")
}

// program is one line whose outputs and end a probe prints.
func (g *generator) program() string {
	g.locals, g.fresh = nil, 0
	return "ga, gb, gc, undef = 1, 'two', nil, nil t0 = {10, 20, x = 'ex'} f0 = function(a, ...) return ..., a end " +
		"log = {} show = function(...) return select('#', ...) .. type(...) end " +
		"out = function(...) for i = 1, select('#', ...) do local v = select(i, ...) log[#log + 1] = " +
		"(type(v) == 'table' or type(v) == 'function') and type(v) or tostring(v):gsub('0x%x+', 'PTR') end end " +
		"local ok, e = pcall(function() " + g.block(2+g.r.IntN(5)) + "return " + g.expression() + " end) out(ok, e) " +
		"return table.concat(log, '; ')"
}

// TestGeneratedPrograms runs random programs here and in lua5.1. More of them: go test -run Generated -seeds 100.
func TestGeneratedPrograms(t *testing.T) {
	for seed := *first; seed < *first+*seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareGenerated(t, seed) })
	}
}

// compareGenerated compares the programs of one seed.
func compareGenerated(t *testing.T, seed uint64) {
	g := &generator{r: rand.New(rand.NewPCG(seed, 5))}
	var lines []string
	for range 500 {
		lines = append(lines, g.program())
	}
	script := probeScript(lines)
	want := runOriginal(t, script)
	started := time.Now()
	got := runOurs(t, script, Options{HookSteps: 1e6, Hook: func(*State) error {
		if time.Since(started) > 20*time.Second {
			return errors.New("a script that does not end")
		}
		return nil
	}})
	w, o := strings.Split(want, "\n"), strings.Split(got, "\n")
	bad := 0
	for i := range w {
		if i < len(o) && w[i] == o[i] {
			continue
		}
		if bad++; bad > 5 {
			break
		}
		have := "nothing"
		if i < len(o) {
			have = o[i]
		}
		line := ""
		if i < len(lines) {
			line = lines[i]
		}
		t.Errorf("seed %d: %s\n got %s\nwant %s", seed, line, have, w[i])
	}
}
