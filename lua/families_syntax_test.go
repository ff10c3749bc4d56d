package lua

import (
	"fmt"

	"strings"

	"holdfast/lua/probes"
)

// programs are what tokenProbes and byteProbes damage.
var programs = []string{
	"local a , b = 1 , { x = 2 ; [ 3 ] = 4 , 5 } return a . b [ c ] : d ( ) . e",
	"if a then b ( ) elseif c then d = 1 else e . f = nil end",
	"for i = 1 , 10 , 2 do print ( i ) end for k , v in pairs ( t ) do break end",
	"while not x == y do repeat local z = - # s until z >= 1 and w or v end",
	"function a . b . c : d ( e , ... ) local function f ( ) return ... end return f end",
	"local f = function ( x ) return x ^ 2 .. 'text' , ( x + 1 ) * 3 / 4 % 5 end",
	"a , b . c , d [ 1 ] = f { 1 , 2 } , g 'x' , h [[ long ]]",
	"do local x <y = 1 end return ; ",
	"x = \"a\\\n b\\65\\0652\\x\" y = [==[ a ]=] b ]==] z = 0x1F + 1e5 - .5",
	"-- comment\n--[[ long\ncomment ]] return --[==[ x ]==] 1",
	"return function ( ... ) local t = { ... , n = select ( '#' , ... ) } return t end",
	"local s = ( 'x' ) : rep ( 3 ) s = s == t or s ~= u and s < v , s <= w",
	"a . b ( c ) ( d ) { e } 'f' . g = h",
	"return a < b , a <= b , a > b , a >= b , not a , - b , # c , a .. b .. c",
}

// compiled is a line that says what the compiler makes of a source: the error, or that there is none.
func compiled(source string) string {
	return "return S(loadstring(" + probes.Quote(source) + ", '=c'))"
}

// tokenProbes leave out, repeat, replace and insert tokens.
func tokenProbes() (lines []string) {
	r := draw(17)
	others := words("and break do else elseif end false for function if in local nil not or repeat return then " +
		"true until while " +
		"+ - * / % ^ # == ~= <= >= < > = ( ) { } [ ] ; : , . .. ... name 'str' 12 [[l]] ~ ! @ $ & | \\ ` ?")
	for _, p := range programs {
		tokens := strings.Split(p, " ")
		with := func(i, n int, by ...string) {
			var t []string
			t = append(append(append(t, tokens[:i]...), by...), tokens[i+n:]...)
			lines = append(lines, compiled(strings.Join(t, one(r, " ", " ", " ", "\n", "\t"))))
		}
		for i := range tokens {
			with(i, 1)
			with(i, 0, tokens[i])
			with(i, len(tokens)-i)
			for range 3 {
				with(i, 1, one(r, others...))
				with(i, 0, one(r, others...))
			}
		}
	}
	return lines
}

// byteProbes damage bytes, and take strings, numbers and comments apart.
func byteProbes() (lines []string) {
	r := draw(18)
	for range 400 {
		b := []byte(programs[r.IntN(len(programs))])
		for range 1 + r.IntN(2) {
			i := r.IntN(len(b))
			switch r.IntN(3) {
			case 0:
				b[i] = byte(r.IntN(256))
			case 1:
				b = append(b[:i], b[i+1:]...)
			default:
				b = b[:i+1]
			}
		}
		lines = append(lines, compiled(string(b)))
	}
	for _, literal := range []string{`"\a\b\f\n\r\t\v\\\"\'\q\z"`, `"\0\1\10\100\255\0001"`, `"\256"`, `"\999"`,
		`"\300x"`, "\"a\\\r\nb\"",
		"\"a\\\n\rb\"", "\"a\nb\"", "\"a\rb\"", "'a\"b'", "\"a'b\"", "[[\nfirst]]",
		"[[\r\nfirst\r\nsecond\n\rthird\r]]", "[=[]]]=]", "[==[]=]]==]",
		"[[a]]]", "[[a[[b]]", "[=[a[[b]]c]=]", "[=", "[=[", "[[", "[==x", "--[[x", "--[==[x]=]", "--[=x\n1",
		"'", "\"", "'\\", "'\\1", "'a\\", "\"\\x41\"",
		"'\x00'", "'\xff'", "\x00", "\x1b", "#", "# comment\n1", "1 --", "0x", "'a' 'b'", "..", "...", "....",
		"1 ..2", "1. .2", "1...2",
		strings.Repeat("x", 100), "'" + strings.Repeat("x", 100), strings.Repeat("1", 100) + "x", "'" +
			strings.Repeat("é", 60) + "\n"} {
		lines = append(lines, "return P(loadstring("+probes.Quote("return "+literal)+", '=c') or function() return "+
			"loadstring("+
			probes.Quote("return "+literal)+", '=c') end)")
	}
	// What a chunk is called in errors.
	for _, name := range []string{"", "=", "@", "=name", "@name", "text", "two\nlines", "=" +
		strings.Repeat("n", 100),
		"@" + strings.Repeat("p/", 60) + "file", strings.Repeat("s", 100), "a\x00b", "=a\x00b", "\n", "x\ry",
		"@@", "return 1 + nil"} {
		lines = append(lines, "return loadstring('x x', "+probes.Quote(name)+"), P(assert(loadstring('\\n "+
			"error(1)', "+probes.Quote(name)+"))), "+
			"S(load(function() return nil end, "+probes.Quote(name)+"))")
	}
	return lines
}

// limitProbes go to the limits of the compiler and over them.
func limitProbes() (lines []string) {
	times := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "#", fmt.Sprint(i+1)))
		}
		return b.String()
	}
	list := func(n int, format string) string { return strings.TrimSuffix(times(n, format), ",") }
	for _, n := range []int{1, 2, 48, 49, 50, 51, 59, 60, 61, 99, 100, 101, 150, 195, 196, 197, 198, 199, 200,
		201, 202, 247, 248, 249, 250, 251, 254,
		255, 256, 257, 260, 300, 509, 510, 511, 512, 513, 520, 1000} {
		for _, source := range []string{
			times(n, "local a# = # ") + " return 1",
			"local " + list(n, "a#,") + " = " + list(n, "#,") + " return a1",
			"return f(" + list(n, "#,") + ")",
			"return #{" + list(n, "#,") + "}",
			"local t = {" + list(n, "k# = #,") + "} local c = 0 for k in pairs(t) do c = c + k:byte(-1) end return c",
			"local t = {" + list(n, "#.5,") + "f()} return #t, t[#t]",
			"return " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n),
			"return #" + strings.Repeat("{", n) + strings.Repeat("}", n),
			strings.Repeat("do ", n) + strings.Repeat("end ", n) + "return 1",
			strings.Repeat("if true then ", n) + strings.Repeat("end ", n) + "return 1",
			"return " + strings.Repeat("not ", n) + "1", "return " + strings.Repeat("-", 1) + strings.Repeat(" "+
				"- ", n) + "1",
			"return " + strings.Repeat("1 .. ", n) + "1", "return " + strings.Repeat("1 + ", n) + "1",
			"return " + strings.Repeat("2 ^ ", n) + "1", "return " + strings.Repeat("x or ", n) + "1",
			times(n, "local v# = # ") + " return (function() return " + strings.TrimSuffix(times(n, "v# + "), " "+
				"+ ") + " end)()",
			"local t = {} " + times(n, "t.f# = '#' ") + " return t.f1 .. t.f" + fmt.Sprint(n),
			"local x = 1 return " + times(n, "x == #.25 or ") + " x",
			strings.Repeat("return function() ", n) + strings.Repeat("end ", n),
			list(n, "a#,") + " = 1 return a1",
			"local function f(" + list(n, "p#,") + ") return p1 end return f(1)",
		} {
			lines = append(lines, "f = function(...) return select('#', ...), (select(1, ...)) end local g, e = "+
				"loadstring("+probes.Quote(source)+
				", '=c') return S(e), P(g or function() end)")
		}
	}
	return lines
}
