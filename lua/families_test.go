package lua

import (
	"cmp"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// A family makes probes of one kind: all of what can be combined, or as many as are drawn. They are always the same.
type family struct {
	name  string
	least int // how many it makes at least, so that none is lost unnoticed
	lines func() []string
}

var families = []family{
	{"operators", 800, operatorProbes},
	{"numerals", 900, numeralProbes},
	{"numbers", 500, numberProbes},
	{"formats", 1000, formatProbes},
	{"substrings", 150, substringProbes},
	{"patterns", 800, patternProbes},
	{"tables", 600, tableProbes},
	{"sorts", 150, sortProbes},
	{"metamethods", 300, metamethodProbes},
	{"names", 150, nameProbes},
	{"levels", 100, levelProbes},
	{"arguments", 2000, argumentProbes},
	{"loops", 600, loopProbes},
	{"coroutines", 300, coroutineProbes},
	{"closures", 200, closureProbes},
	{"varargs", 150, varargProbes},
	{"tokens", 1500, tokenProbes},
	{"bytes", 400, byteProbes},
	{"limits", 100, limitProbes},
}

// familyHelpers are what the lines of families call. S shows values without their addresses; the rest are objects.
const familyHelpers = `
local real = {tostring = tostring, gsub = string.gsub, type = type, select = select, concat = table.concat,
	pcall = pcall}
function S(...)
  local t = {}
  for i = 1, real.select('#', ...) do
    local v = real.select(i, ...)
    local k = real.type(v)
    if k == 'string' then t[i] = "'" .. real.gsub(v, '0x%x+', 'PTR') .. "'"
    elseif k == 'number' or k == 'boolean' or k == 'nil' then t[i] = real.tostring(v)
    else t[i] = k end
  end
  return real.concat(t, ' ')
end
function P(f, ...) return S(real.pcall(f, ...)) end
`

// TestFamilies compares some ten thousand generated probes with what lua5.1 answers.
func TestFamilies(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			lines := f.lines()
			if len(lines) < f.least {
				t.Errorf("%d probes", len(lines))
			}
			script := familyHelpers + probeScript(lines)
			compareProbes(t, lines, runOriginal(t, script), runOurs(t, script, Options{}))
		})
	}
}

func draw(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func one(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func words(s string) []string { return strings.Fields(s) }

// operands are values of every type, with numbers and strings at the borders of what they can be.
var operands = []string{"nil", "true", "false", "0", "-0", "1", "-1", "2", "3", "-3", "0.5", "-2.5", "1e15",
	"2^53", "2^63",
	"1e308", "1/0", "-1/0", "0/0", "''", "'a'", "'b'", "'10'", "' 0x10 '", "'1e2'", "'-7.5'", "'10a'", "{}", "next",
	"coroutine.create(next)"}

func operatorProbes() (lines []string) {
	for _, a := range operands {
		for _, b := range operands {
			lines = append(lines, "local a, b = "+a+", "+b+" return P(function() return a + b end), "+
				"P(function() return a - b end), P(function() return a * b end), P(function() return a / b end), "+
				"P(function() return a % b end), P(function() local p = a ^ b return (('%.12g'):format(p)) "+
				"end), P(function() return a .. b end), "+
				"P(function() return a == b, a ~= b, a and b, a or b end), P(function() return a < b, a >= b end), "+
				"P(function() return a <= b, a > b end)")
		}
		lines = append(lines, "local a = "+a+" return P(function() return -a end), P(function() return #a end), "+
			"S(not a, not not a, type(a)), P(tostring, a), P(tonumber, a), P(function() return a.x end), "+
			"P(function() return a[1] end), P(function() a.x = 1 end), P(function() return a() end), "+
			"P(function() for i = a, 3 do return i end end), P(function() for i = 1, a do return i end end), "+
			"P(function() for i = 1, 3, a do return i end end)")
	}
	return lines
}

func numeralProbes() (lines []string) {
	for _, sign := range []string{"", "-", "+", " ", "- ", "\\t\\n", "--"} {
		for _, digits := range words("0 7 08 10 42 ff FF 0x 0x1 0xFf 0X10 1e1 1E+2 1e-2 1e e1 1.5 .5 5. . 1..2 " +
			"1.5e3 inf nan " +
			"Infinity 0x1p4 0x.8 0xA.8 1_000 0b1 99999999999999999999 123456789012345678 1e400 1e-400 z 1a zz") {
			for _, end := range []string{"", " ", "\\n ", "x", "\\0", "\\0 1", " 1"} {
				s := "'" + sign + digits + end + "'"
				lines = append(lines, "local s = "+s+" return P(tonumber, s), P(tonumber, s, 10), P(tonumber, "+
					"s, 16), "+
					"P(tonumber, s, 8), P(tonumber, s, 2), P(tonumber, s, 36), P(function() return s + 0, -s, s "+
					"* '2' end), "+
					"P(math.floor, s), P(string.rep, 'x', s == '1e400' and 0 or 1)")
			}
		}
	}
	for _, n := range words("0 00 1 01 0x 0x0 0xg 0x1g 1e5 1e 1e+ 1e- 1.e5 .e5 .5e-3 5. 5.. 5..5 1.2.3 0x1.8 3x " +
		"3_ 0xep1 1e5e5 " +
		"123456789012345678901234567890 1E400 0xFFFFFFFFFF 0x1FFFFFFFFFFFFFFFFF 08 1f 1..2 ..5 0xA.8") {
		lines = append(lines, "return S(loadstring('return "+n+"')), P(loadstring('return "+n+"'))")
	}
	return lines
}

func numberProbes() (lines []string) {
	for _, mantissa := range words("1 -1 1.5 9.99999999999994 9.99999999999995 9.999999999999999 1.23456789012345 " +
		"1.234567890123456 -4.94065645841247 3.14159265358979 2.5 7 0.1 1.00000000000005") {
		for _, exp := range []int{-320, -308, -100, -20, -6, -5, -4, -3, -1, 0, 1, 2, 5, 9, 10, 13, 14, 15, 16,
			18, 19, 20,
			21, 37, 38, 63, 100, 200, 307, 308} {
			x := mantissa + "e" + strconv.Itoa(exp)
			lines = append(lines, "local x = "+x+" return tostring(x), x .. '', "+
				"('%.17g|%.14g|%.3g|%g|%e|%.0f'):format(x, x, x, "+
				"x, x, x % 1e9), ('%d'):format(x % 2 ^ 40), math.floor(x), math.ceil(x), S(math.modf(x)), "+
				"S(math.frexp(x)), "+
				"x == tonumber(('%.17g'):format(x))")
		}
	}
	for _, f := range words("floor ceil abs sqrt deg rad log10 frexp modf") {
		for _, x := range words("0 -0 1 -1 0.5 -0.5 1.5 2.5 -2.5 4 1e15 -1e15 1e300 1/0 -1/0 0/0 2^53+1") {
			lines = append(lines, "return S(math."+f+"("+x+"))")
		}
	}
	for _, f := range words("fmod mod pow ldexp max min atan2") {
		for _, x := range words("0 1 -1 2.5 -7 1/0 0/0") {
			for _, y := range words("1 -1 2 0.5 3") {
				lines = append(lines, "return S(math."+f+"("+x+", "+y+")), S(math."+f+"("+y+", "+x+"))")
			}
		}
	}
	return lines
}

func formatProbes() (lines []string) {
	values := map[byte]string{'d': "0, 1, -1, 255, 3.99, -3.99, 2 ^ 31, -2 ^ 40, '17'",
		'g': "0, -0, 1, 0.1, 1e15, 123456.789, 1e-5, 1 / 0, 0 / 0", 's': "'', 'a', 'abcdef', 'a\\0b', 12, 1.5, " +
			"('x'):rep(120)",
		'c': "65, 0, 97.9, '66', 300, -1", 'q': "'', 'a\"b', '\\\\ \\n \\r \\0 \\1 1', 12, 'ä'"}
	for _, verb := range []byte("dioxXueEfgGcsq") {
		of := values[verb]
		switch {
		case strings.IndexByte("ioxXu", verb) >= 0:
			of = values['d']
		case strings.IndexByte("eEfG", verb) >= 0:
			of = values['g']
		}
		for _, flags := range []string{"", "-", "+", " ", "#", "0", "-0", "+0", " #", "-+ #0", "00"} {
			for _, size := range []string{"", "1", "5", "10", "99", "100", ".", ".0", ".1", ".3", ".20", ".99",
				".100", "8.3", "2.12"} {
				lines = append(lines, "local t = {} for i, v in ipairs{"+of+"} do t[i] = P(string.format, "+
					"'<%"+flags+size+
					string(verb)+">', v) end return table.concat(t, ' ')")
			}
		}
	}
	for _, format := range []string{"%", "%%", "%5", "%.", "a%", "%y", "%l", "%ld", "%hd", "%5%", "%-%", "%a",
		"%A", "%n", "%p",
		"%*d", "%1$d", "%d%d", "%s%s%s", "%\\0d", "\\0%d\\0", "%123d", "%.123f", "%d %d"} {
		for _, args := range []string{"", ", 1", ", 1, 2", ", 'x'", ", nil", ", {}"} {
			lines = append(lines, "return P(string.format, '"+format+"'"+args+")")
		}
	}
	return lines
}

func substringProbes() (lines []string) {
	for _, i := range words("nil 0 1 2 3 5 6 7 -1 -2 -5 -6 100 -100 2.9 '2' 1e10 -1e10 2^31 2^53 -2^63 1/0") {
		for _, j := range words("nil 0 1 3 5 6 -1 -3 -6 1e10 -1e10 '3'") {
			lines = append(lines, "local s = 'abcde' return P(s.sub, s, "+i+", "+j+"), P(s.byte, s, "+i+", "+j+
				"), P(s.find, s, 'c', "+i+"), P(s.find, s, '', "+i+", true), P(s.match, s, '.', "+i+"), "+
				"P(unpack, {1, 2, 3}, "+
				"tonumber("+i+") and math.max(-9, math.min("+i+", 9)), tonumber("+j+") and math.max(-9, "+
				"math.min("+j+", 9)))")
		}
	}
	return lines
}

func drawnPattern(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(6) == 0 {
		b.WriteByte('^')
	}
	open := 0
	for range 1 + r.IntN(5) {
		if r.IntN(5) == 0 {
			b.WriteByte('(')
			open++
		}
		b.WriteString(one(r, "a", "b", ".", "%a", "%A", "%d", "%s", "%w", "%W", "%p", "%l", "%u", "%x", "%z",
			"%c", "%%", "%.",
			"[ab]", "[^ab]", "[a-c]", "[%a_]", "[^%s]", "[]]", "[^]]", "[a-]", "[-a]", "[%]]", "[%-x]", "()",
			"%b()", "%bab",
			"%f[%w]", "%f[^%w]", "%f[%z]", "%1", "=", ",", "%q", "%"))
		b.WriteString(one(r, "", "", "", "*", "+", "-", "?"))
		if open > 0 && r.IntN(2) == 0 {
			b.WriteByte(')')
			open--
		}
	}
	if r.IntN(12) > 0 {
		b.WriteString(strings.Repeat(")", open))
	}
	if r.IntN(8) == 0 {
		b.WriteByte('$')
	}
	return b.String()
}

func patternProbes() (lines []string) {
	r := draw(6)
	for range 900 {
		s := one(r, "", "a", "b", "abc", "aabbab", "key=val, k2=v2", "  two  words ", "f(a(b)c)(d)", "THE "+
			"(quick) fox", "a.b.c",
			"x1y22z333", "[x]-[y]", "a\\0b\\0", "100%", "äöü", "abababab", "_id_9", "a,b,,c")
		p := drawnPattern(r)
		lines = append(lines, "local s, p = '"+s+"', '"+p+"' local t = {} local ok, e = pcall(function() for a, "+
			"b in s:gmatch(p) do "+
			"t[#t + 1] = S(a, b) if #t > 9 then break end end end) return P(s.find, s, p), P(s.match, s, p, 2), "+
			"P(s.gsub, s, p, '"+one(r, "<%0>", "%1", "%%", "%2%1", "x", "", "%", "%z", "[%1%0]")+"'"+one(r, "",
			", 1", ", 0", ", 2")+"), "+
			"P(s.gsub, s, p, {a = 'A', b = 1, [1] = 'one', k = false, ['']='e'}), "+
			"P(s.gsub, s, p, function(...) return "+one(r, "...", "nil", "false", "select('#', ...)", "S(...)",
			"({})")+" end), "+
			"table.concat(t, ';'), S(e)")
	}
	return lines
}

func tableProbes() (lines []string) {
	r := draw(7)
	number := func() string { return strconv.Itoa(r.IntN(9) - 1) }
	key := func() string {
		return one(r, number(), number(), number(), "'k"+number()+"'", "'x'", "1.5", "true", "2^53", "#t", "#t + 1")
	}
	for range 700 {
		var items []string
		for range r.IntN(9) {
			items = append(items, one(r, "1", "2", "'v'", "nil", "x = 5", "[3] = 'three'", "["+number()+"] = 0",
				"unpack({7, 8})",
				"(unpack({7, 8}))", "y = nil"))
		}
		b := "local t = {" + strings.Join(items, one(r, ", ", "; ")) + "} local o = {#t, table.maxn(t)} "
		for range 1 + r.IntN(8) {
			b += one(r,
				"t["+key()+"] = "+one(r, "'v'", "nil", "1", "false")+" ",
				"o[#o + 1] = P(table.insert, t, "+number()+") ",
				"o[#o + 1] = P(table.insert, t, "+number()+", 'i') ",
				"o[#o + 1] = P(table.remove, t"+one(r, "", ", "+number())+") ",
				"o[#o + 1] = P(table.concat, t, "+one(r, "','", "''", "1")+one(r, "", ", "+number()+", "+
					""+number())+") ",
				"for i = 1, "+number()+" do t[i] = i end ",
				"for i = "+number()+", 1, -1 do t[i] = i end ",
				"for k in pairs(t) do if type(k) == 'number' and k % 2 == 0 then t[k] = nil end end ",
				"o[#o + 1] = P(rawget, t, "+key()+") ", "o[#o + 1] = P(rawset, t, "+key()+", 'r') ",
				"o[#o + 1] = P(unpack, t, "+number()+", "+number()+") ")
			b += "o[#o + 1] = #t "
		}
		// The order of next, too, is the original's.
		b += "for k, v in pairs(t) do o[#o + 1] = S(k, v) end for i, v in ipairs(t) do o[#o + 1] = i end " +
			"return table.concat(o, ' '), table.maxn(t), table.getn(t), S(table.foreach(t, function(k, v) " +
			"return k end)), " +
			"S(table.foreachi(t, function(k, v) return v end))"
		lines = append(lines, b)
	}
	return lines
}

func sortProbes() (lines []string) {
	r := draw(8)
	for range 200 {
		var items []string
		kind := r.IntN(4)
		for range r.IntN(40) {
			n := strconv.Itoa(r.IntN(30))
			switch kind {
			case 0:
				items = append(items, n)
			case 1:
				items = append(items, "'"+n+"'")
			case 2:
				items = append(items, one(r, n, n, n, n, n, n, n, "'"+n+"'"))
			default:
				items = append(items, one(r, n, n, n, "0/0", "1/0"))
			}
		}
		by := one(r, "", "", ", function(a, b) return a > b end", ", function(a, b) return a <= b end",
			", function(a, b) return true end", ", function(a, b) return false end", ", function(a, b) n = n + "+
				"1 return n % 3 == 0 end",
			", function(a, b) return tostring(a) < tostring(b) end", ", function(a, b) if n > 5 then "+
				"error('stop') end n = n + 1 return a < b end",
			", nil", ", 5")
		lines = append(lines, "n = 0 local t = {"+strings.Join(items, ", ")+"} return P(table.sort, t"+by+"), "+
			"table.concat(t, ' ')")
	}
	return lines
}

func metamethodProbes() (lines []string) {
	events := map[string]string{"add": "a + b", "sub": "a - b", "mul": "a * b", "div": "a / b", "mod": "a % b",
		"pow":    "a ^ b",
		"concat": "a .. b", "eq": "a == b, a ~= b", "lt": "a < b, a > b", "le": "a <= b, a >= b", "unm": "-a",
		"len":  "#a",
		"call": "a(b, 1)", "index": "a[b], a.x", "newindex": "(function() a.x = b a[1] = b return rawget(a, " +
			"'x') end)()",
		"tostring": "tostring(a), tostring(b)", "metatable": "getmetatable(a), getmetatable(b)"}
	handler := "function(...) return S(...) end"
	for _, e := range words("add sub mul div mod pow concat eq lt le unm len call index newindex tostring " +
		"metatable") {
		for _, setup := range []string{
			"local m = {__E = H} local a, b = setmetatable({}, m), setmetatable({}, m)",
			"local a, b = setmetatable({}, {__E = H}), setmetatable({}, {__E = function() return 2 end})",
			"local h = H local a, b = setmetatable({}, {__E = h}), setmetatable({}, {__E = h})",
			"local a, b = setmetatable({}, {__E = H}), 5", "local a, b = 5, setmetatable({}, {__E = H})",
			"local a, b = setmetatable({}, {__E = H}), 's'", "local a, b = 's', setmetatable({}, {__E = H})",
			"local a, b = setmetatable({}, {__E = H}), nil", "local a, b = setmetatable({}, {__E = {x = 7}}), {}",
			"local a, b = setmetatable({}, {__E = 'text'}), {}", "local a, b = setmetatable({}, {__E = false}), {}",
			"local a, b = setmetatable({}, {__E = setmetatable({}, {__call = H, __index = H})}), {}",
			"local a, b = setmetatable({}, {__E = function(...) return end}), {}",
			"local a, b = setmetatable({}, {__E = function(...) return 1, 2, 3 end}), {}",
			"local a, b = setmetatable({}, {__E = function(...) error('in E') end}), {}",
			"local a, b = setmetatable({}, {__E = function(...) error({}) end}), {}",
			"local m = {} local a, b = setmetatable({}, m), setmetatable({}, m) local _ = rawequal(a, b), a == " +
				"b m.__E = H",
			"local a = newproxy(true) getmetatable(a).__E = H local b = newproxy(a)",
			"local a, b = setmetatable({x = 1}, {__E = H, __metatable = 'locked'}), {}",
		} {
			setup = strings.ReplaceAll(strings.ReplaceAll(setup, "__E", "__"+e), "H", handler)
			lines = append(lines, setup+" return P(function() return "+events[e]+" end), P(setmetatable, a, {})")
		}
	}
	return lines
}

// nameProbes are operations on what has a name of each kind, whose errors say it.
func nameProbes() (lines []string) {
	holders := []struct{ setup, name string }{
		{"local v = VALUE", "v"}, {"gv = VALUE", "gv"}, {"local t = {f = VALUE}", "t.f"}, {"local t = {f = {g = " +
			"VALUE}}", "t.f.g"},
		{"local t = {VALUE}", "t[1]"}, {"local t = {} t[true] = VALUE", "t[true]"}, {"local k, t = 'f', {f = " +
			"VALUE}", "t[k]"},
		{"local function f() return VALUE end", "f()"}, {"local v = VALUE local function f() return v end",
			"(v)"}, {"gt = {f = VALUE}", "gt.f"},
		{"local a = {} a.b = {c = {d = VALUE}}", "a.b.c.d"},
	}
	for _, h := range holders {
		for _, value := range words("nil true 'text' {} 1") {
			for _, op := range []string{"return X.y", "return X.y.z", "X.y = 1", "return X[1]", "return X()",
				"return X:m()", "return X + 1",
				"return 1 - X", "return X .. 'a'", "return 'a' .. X", "return X < 1", "return X < {}", "return " +
					"#X", "return -X",
				"for i = X, 2 do end", "for i in X do end"} {
				if op == "for i in X do end" && value == "'text'" {
					continue
				}
				setup := strings.ReplaceAll(h.setup, "VALUE", value)
				lines = append(lines, setup+" return P(function()␤ "+strings.ReplaceAll(op, "X", h.name)+"␤ end), "+
					"P(function() local u = "+h.name+" "+strings.ReplaceAll(op, "X", "u")+" end)")
			}
		}
	}
	return lines
}

func levelProbes() (lines []string) {
	for level := -1; level < 7; level++ {
		for _, message := range []string{"'msg'", "12", "nil", "{}", "''"} {
			for _, shape := range []string{
				"local function f() error(M, L) end␤local function g()␤ f()␤ end␤ local function h()␤ g() end␤ " +
					"return P(h)",
				"local function f() return error(M, L) end␤local function g()␤ return f()␤ end␤ return " +
					"P(function()␤ g() end)",
				"local f = function() pcall(error, M, L)␤ error(M, L) end return P(f), P(pcall, f), P(error, M, L)",
				"local t = setmetatable({}, {__index = function(t, k)␤ error(M, L) end})␤ return P(function()␤ " +
					"return t.x end)",
				"local co = coroutine.create(function()␤ local function f() error(M, L) end f() end) return " +
					"S(coroutine.resume(co))",
				"return P(function()␤ coroutine.wrap(function()␤ error(M, L) end)() end)",
				"return P(function() ('a'):gsub('a', function()␤ error(M, L) end) end)",
				"return S(xpcall(function()␤ error(M, L) end, function(m) return S(m) .. '!' end))",
				"return P(loadstring('local f = function() error(M, L) end\\n\\nf()', '@chunk')), " +
					"P(loadstring('error(M, L)', 'text\\nof two'))",
				"local f = assert(loadstring('error(...)', '=' .. ('n'):rep(70))) return P(f, M, L)",
			} {
				s := strings.ReplaceAll(strings.ReplaceAll(shape, "M", message), "L", strconv.Itoa(level))
				if strings.Contains(shape, "loadstring('") {
					s = strings.ReplaceAll(s, "error('msg'", "error([[msg]]")
					s = strings.ReplaceAll(s, "error(''", "error([[]]")
				}
				lines = append(lines, s)
			}
		}
	}
	return lines
}

// argumentProbes call every library function with all kinds of arguments.
func argumentProbes() (lines []string) {
	args := words("nil true 0 1 -1 2.5 'a' '10' {} {1,2} next coroutine.create(math.abs)")
	r := draw(12)
	for _, f := range words("assert getmetatable ipairs loadstring next pairs pcall rawequal rawget rawset " +
		"select setmetatable " +
		"tonumber tostring type unpack xpcall error load getfenv coroutine.create coroutine.resume " +
		"coroutine.status coroutine.wrap " +
		"coroutine.running coroutine.yield math.abs math.ceil math.floor math.fmod math.frexp math.ldexp " +
		"math.max math.min math.modf " +
		"math.pow math.sqrt string.byte string.char string.find string.format string.gmatch string.gsub " +
		"string.len string.lower " +
		"string.match string.rep string.reverse string.sub string.upper table.concat table.foreach " +
		"table.foreachi table.getn " +
		"table.insert table.maxn table.remove table.setn table.sort collectgarbage") {
		if f == "collectgarbage" {
			for _, a := range []string{"'stop'", "'restart'", "'nothing'", "{}", "'collect', 'x'", "'collect', {}"} {
				lines = append(lines, "return P(collectgarbage, "+a+")")
			}
			continue
		}
		lines = append(lines, "return P("+f+")")
		for _, a := range args {
			lines = append(lines, "return P("+f+", "+a+"), P(function() local f = "+f+" return f("+a+") end)")
		}
		for n := range 26 {
			a := []string{one(r, args...), one(r, args...), one(r, args...), one(r, args...)}[:2+n/16+n/23]
			lines = append(lines, "return P("+f+", "+strings.Join(a, ", ")+"), P(function() return "+
				""+f+"("+strings.Join(a, ", ")+") end)")
		}
	}
	for _, m := range words("byte find format gmatch gsub len lower match rep reverse sub upper nothing") {
		for _, a := range append([]string{""}, args...) {
			lines = append(lines, "local s = 'abc' return P(function() return s:"+m+"("+a+") end), "+
				"P(function() return ('%s'):"+m+"("+a+", 1) end)")
		}
	}
	return lines
}

func loopProbes() (lines []string) {
	numbers := words("0 1 3 -2 0.5 1/0 -1/0 0/0 '2' 2^53")
	for _, from := range numbers {
		for _, to := range numbers {
			for _, step := range words("1 -1 2 0.1 0 -0.75 1/0") {
				lines = append(lines, "local t = {} local ok, e = pcall(function() for i = "+from+", "+to+", "+step+
					" do t[#t + 1] = i if #t > 12 then break end end end) return #t, S(unpack(t)), S(e)")
			}
		}
	}
	return lines
}

func coroutineProbes() (lines []string) {
	r := draw(14)
	for range 400 {
		action := func() string {
			return one(r, "o(coroutine.yield("+one(r, "", "1", "1, nil", "...", "'y'")+")) ",
				"o(coroutine.status(co), coroutine.running() == co) ",
				"o(pcall(coroutine.yield, 1)) ", "o(pcall(error, 'in')) ", "o(coroutine.resume(co)) ",
				"error('out', "+one(r, "0", "1", "2")+") ",
				"o(pcall(coroutine.wrap(function() error({}) end))) ", "for v in coroutine.wrap(function() for "+
					"i = 1, 2 do coroutine.yield(i) end end) do o(v) end ",
				"local x = ('ab'):gsub('.', function(c) return P(coroutine.yield, c) end) o(x) ",
				"o(coroutine.resume(coroutine.create(function(...) return coroutine.yield(...) end), 1, 2)) ",
				"local y = setmetatable({}, {__index = function(t, k) return P(coroutine.yield, k) end}).z o(y) ",
				"o(select('#', coroutine.yield(nil, nil))) ", "n = (n or 0) + 1 if n > 2 then return n, 'end' end ",
				"o(pcall(function() return coroutine.yield(9) end)) ", "table.sort({3, 2, 1}, function(a, b) "+
					"o(pcall(coroutine.yield)) return a < b end) ")
		}
		body := ""
		for range 1 + r.IntN(4) {
			body += action()
		}
		b := "n = 0 local t, co = {} local function o(...) t[#t + 1] = S(...) end local f = function(...) " + body +
			one(r, "", "return ... ", "return 1, nil ", "return coroutine.yield(7) ") + "end "
		if r.IntN(3) == 0 {
			b += "co = coroutine.wrap(f) for i = 1, 4 do o(pcall(co, i)) end "
		} else {
			b += "co = coroutine.create(f) for i = 1, 4 do o(coroutine.resume(co, i, 'a')) " +
				"o(coroutine.status(co)) end "
		}
		lines = append(lines, b+"return table.concat(t, ' | ')")
	}
	return lines
}

func closureProbes() (lines []string) {
	r := draw(15)
	for range 250 {
		loop := one(r, "for i = 1, 3 do BODY end", "for i, v in ipairs{5, 6, 7} do BODY end", "local i = 0 "+
			"while i < 3 do i = i + 1 BODY end",
			"local i = 0 repeat i = i + 1 local last = i >= 3 BODY until last", "local function rec(i) if i > 3 "+
				"then return end BODY rec(i + 1) end rec(1)",
			"for i = 1, 2 do for j = 1, 2 do BODY end end", "do local i = 4 BODY end")
		body := one(r, "", "local x = i ", "local x, y = i, i * 2 ", "local i = i + 10 ") +
			"fs[#fs + 1] = function(a) " + one(r, "", "i = i + 1 ", "shared = shared + i ", "local shared = 1 "+
			"") + "return " +
			one(r, "i", "i, shared", "function() shared = shared + 1 return i end", "a and i + a or i",
				"(function() return i end)()", "x") + " end " +
			one(r, "", "", "if i == 2 then break end ")
		if strings.Contains(loop, "rec(") || strings.HasPrefix(loop, "do ") {
			body = strings.ReplaceAll(body, "if i == 2 then break end ", "")
		}
		lines = append(lines, "local fs, shared, t = {}, 0, {} "+strings.ReplaceAll(loop, "BODY", body)+
			" for n = 1, 2 do for k, f in ipairs(fs) do local a, b = f("+one(r, "", "n", "1")+") if type(a) == "+
			"'function' then a = a() end t[#t + 1] = S(a, b, shared) end end "+
			"return table.concat(t, ' ')")
	}
	return lines
}

func varargProbes() (lines []string) {
	for _, call := range []string{"", "nil", "nil, nil", "1", "1, 2, 3", "1, nil, 3, nil", "f()", "(f())",
		"f(), f()", "1, f()"} {
		for _, body := range []string{"return ...", "return (...)", "return ..., 9", "return {...}[1]", "local " +
			"a, b = ... return a, b", "return #{...}",
			"return select('#', ...)", "return select(2, ...)", "return select(-1, ...)", "return (select(1, " +
				"...))", "return arg", "return unpack({...})",
			"return arg and arg.n", "return function() return 1 end, ...", "local t = {..., ...} return #t",
			"local t = {n = select('#', ...), ...} return t.n, #t",
			"for i, v in ipairs{...} do return i, v end", "return pcall(select, ...)", "return (function(...) " +
				"return ... end)(...)", "local a <= ..."} {
			lines = append(lines, "local function f(...) return 4, 5, ... end return S(loadstring([=["+body+"]=])), "+
				"P(loadstring([=[local function f(...) return 4, 5, ... end local function g(...) "+body+" end "+
				"return g("+call+")]=]) or print)")
			lines = append(lines, "local function f() return 4, 5 end local g = loadstring([=[return "+
				"function(a, ...) "+body+
				" end]=]) return g and P(g(), "+cmp.Or(call, "nil")+")")
		}
	}
	return lines
}
