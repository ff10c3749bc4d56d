package compat

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// defaultScripts is how many generated scripts are compared; COMPAT_SCRIPTS=n for more.
const defaultScripts = 3000

// scriptWriter writes scripts that run into everything: what works, and what is an error.
type scriptWriter struct{ *rand.Rand }

func (g scriptWriter) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g scriptWriter) number() string {
	return g.pick("0", "1", "2", "-1", "3", "7", "10", "0.5", "-2.5", "1e15", "2^31", "2^53", "1e17", "1e100", "0.1",
		"1/3", "255", "1e-5", "-0", "1/0", "0/0", "123456789012345", "ARGV[1]", "'12'", "'0x10'", "' 5 '")
}

func (g scriptWriter) text() string {
	return g.pick(`''`, `'a'`, `'abc'`, `'hello world'`, `'10'`, `'3.5'`, `'x=1, y=2'`, `'a.b.c'`, `'a\0b'`, `'%d'`,
		`'key:123'`, `'\n\t\r'`, `'\255\1'`, `'(a(b)c)'`, `'[1,2,{"a":null}]'`, `'{"k":[true,1.5e3,"\\u00e9"]}'`,
		`'{"a":'`, `KEYS[1]`, `ARGV[2]`, `ARGV[1]`, `cmsgpack.pack({1,'a',2.5})`, `'\146\1'`,
		`struct.pack('>I2s', 7, 'xy')`)
}

func (g scriptWriter) pattern() string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString(g.pick("a", "b", "%a", "%d", "%s", "%w", ".", "[a-c]", "[^%s]", "=", "%.", "(%a+)", "()", "%b()",
			"%f[%w]"))
		b.WriteString(g.pick("", "", "*", "+", "-", "?"))
	}
	return "'" + g.pick("", "^") + b.String() + g.pick("", "$") + "'"
}

func (g scriptWriter) table(depth int) string {
	if depth > 2 {
		return "{}"
	}
	var items []string
	for range g.IntN(5) {
		item := g.value(depth + 1)
		switch g.IntN(5) {
		case 0:
			item = g.pick("a", "b", "ok", "err", "double", "map", "set", "x") + "=" + item
		case 1:
			item = "[" + g.pick("1", "2", "5", "0", "-1", "1.5", "'k'", "12") + "]=" + item
		}
		items = append(items, item)
	}
	return "{" + strings.Join(items, ", ") + "}"
}

func (g scriptWriter) value(depth int) string {
	switch g.IntN(9) {
	case 0:
		return g.table(depth)
	case 1, 2, 3:
		return g.number()
	case 4, 5, 6:
		return g.text()
	case 7:
		return g.pick("true", "false", "nil", "cjson.null")
	}
	return g.command()
}

func (g scriptWriter) key() string {
	return g.pick("'k1'", "'k2'", "'h'", "'l'", "'z'", "'n'", "KEYS[1]", "'s'")
}

// command is a call of a command whose reply depends on nothing but the data.
func (g scriptWriter) command() string {
	words := g.pick("'GET', K", "'SET', K, V", "'SET', K, N", "'APPEND', K, V", "'INCR', K", "'INCRBY', K, N",
		"'INCRBYFLOAT', K, N", "'DEL', K", "'EXISTS', K, K", "'TYPE', K", "'STRLEN', K", "'MGET', K, K, K",
		"'HSET', 'h', V, V", "'HGET', 'h', V", "'HGETALL', 'h'", "'HMGET', 'h', V, 'f'", "'HLEN', K",
		"'LPUSH', 'l', V, N",
		"'LRANGE', 'l', 0, 5", "'LPOP', K", "'LLEN', 'l'", "'ZADD', 'z', N, V", "'ZRANGE', 'z', 0, 3, 'WITHSCORES'",
		"'ZSCORE', 'z', V", "'ZINCRBY', 'z', N, V", "'SADD', 'n', 1, 2, 3", "'SISMEMBER', 'n', N", "'SCARD', 'n'",
		"'SETRANGE', K, 3, V", "'GETRANGE', K, 0, N", "'PING'", "'PING', V", "'ECHO', V", "'nosuch', V", "'GET'",
		"N, V",
		"'SELECT', '0'", "'BLPOP', K, 0", "'MULTI'", "'CONFIG', 'GET', 'maxmemory'", "'OBJECT', 'ENCODING', 'l'",
		"'SETEX', K, 1000000, V", "'PERSIST', K", "'BITCOUNT', K", "'SETBIT', K, 7, 1", "'LPOS', 'l', V", "{}", "true",
		"'ZADD', 'z', 'INCR', N, V", "'LINSERT', 'l', 'BEFORE', V, V", "'SORT', 'n'", "'DBSIZE'")
	for strings.Contains(words, "K") && g.IntN(50) > 0 {
		next := strings.Replace(words, ", K", ", "+g.key(), 1)
		if next == words {
			break
		}
		words = next
	}
	for strings.Contains(words, ", V") {
		words = strings.Replace(words, ", V", ", "+g.text(), 1)
	}
	for strings.Contains(words, ", N") {
		words = strings.Replace(words, ", N", ", "+g.number(), 1)
	}
	words = strings.TrimPrefix(strings.Replace(words, "N,", g.number()+",", 1), ", ")
	return "redis." + g.pick("call", "call", "pcall") + "(" + words + ")"
}

func (g scriptWriter) expression() string {
	switch g.IntN(26) {
	case 0, 1:
		return g.number() + " " + g.pick("+", "-", "*", "/", "%", "..", "==", "<", "<=", "and", "or") + " " + g.number()
	case 2:
		return g.text() + " " + g.pick("..", "==", "<", "<=", "~=", "+") + " " + g.text()
	case 3:
		return "string." + g.pick("find", "match") + "(" + g.text() + ", " + g.pattern() + g.pick("", ", 2", ", -3") +
			")"
	case 4:
		return "string.gsub(" + g.text() + ", " + g.pattern() + ", " + g.pick("'%0%0'", "'x'", "'%1'", "{a='b'}",
			"string.upper", "function(c) return c end", "'%2'") + g.pick("", ", 1") + ")"
	case 5:
		return "string.format(" + g.pick("'%d'", "'%5.2f'", "'%s'", "'%q'", "'%x'", "'%g'", "'%c'", "'%-8s|'",
			"'%i %s'",
			"'%.3s'", "'%e'", "'%z'") + ", " + g.pick(g.number(), g.text()) + ")"
	case 6:
		return "string." + g.pick("upper", "lower", "reverse", "len", "byte") + "(" + g.text() + ")"
	case 7:
		return "string." + g.pick("sub", "rep", "byte") + "(" + g.text() + ", " + g.pick("0", "1", "2", "-1", "3") +
			g.pick("",
				", 2", ", -1") + ")"
	case 8:
		return g.pick("tonumber", "tostring", "type", "redis.sha1hex") + "(" + g.pick(g.number(), g.text()) + ")"
	case 9:
		return "tonumber(" + g.text() + ", " + g.pick("2", "10", "16", "36", "40") + ")"
	case 10:
		return "math." + g.pick("floor", "ceil", "abs", "sqrt") + "(" + g.number() + ")"
	case 11:
		return "math." + g.pick("max", "min", "fmod") + "(" + g.number() + ", " + g.number() + ")"
	case 12:
		return "table.concat(" + g.table(1) + ", " + g.pick("','", "''", "nil") + ")"
	case 13:
		return "#" + g.table(0)
	case 14:
		return "unpack(" + g.table(1) + ")"
	case 15, 16:
		return "cjson.encode(" + g.value(0) + ")"
	case 17:
		return "cjson.decode(" + g.text() + ")"
	case 18:
		return "cmsgpack.pack(" + g.value(0) + ")"
	case 19:
		return "cmsgpack.unpack(" + g.text() + ")"
	case 20:
		return "struct." + g.pick("pack", "unpack") + "('" + g.pick(">", "<", "") + g.pick("I2", "i4", "d", "s", "b",
			"c3",
			"I9x", "H") + "', " + g.pick(g.text(), g.number()) + ")"
	case 21:
		return "bit." + g.pick("band", "bor", "bxor", "lshift", "rshift", "arshift", "rol") + "(" + g.number() + ", " +
			g.number() + ")"
	case 22:
		return g.pick("redis.error_reply", "redis.status_reply", "error", "assert") + "(" + g.value(1) + ")"
	case 23:
		return g.pick("nosuch", "KEYS", "ARGV", "redis.nosuch", "(nil).x", "({}).x.y", "('x')()", "#ARGV", "_VERSION")
	}
	return g.command()
}

// showResults is what scripts begin with: try puts what a function answers, or raises, into out.
const showResults = `local out = {} local show
show = function(v)
 if type(v) == 'number' then return string.format('%.17g', v)
 elseif type(v) == 'table' then
  local t = {} for k, x in pairs(v) do t[#t+1] = show(k) .. '=' .. show(x) end
  return '{' .. table.concat(t, ' ') .. '}'
 elseif type(v) == 'string' then return v else return type(v) end
end
local function try(f) local r = {pcall(f)} for i = 1, #r do out[#out+1] = show(r[i]) end end
`

// script is a script that shows what some expressions come to, and ends in one as it is.
func (g scriptWriter) script() string {
	var b strings.Builder
	if g.IntN(4) == 0 {
		b.WriteString("redis.setresp(3) ")
	}
	b.WriteString(showResults)
	for range 1 + g.IntN(5) {
		fmt.Fprintf(&b, "try(function() return %s end)\n", g.expression())
	}
	switch g.IntN(3) {
	case 0:
		fmt.Fprintf(&b, "return {out, %s}", g.value(0))
	case 1:
		last := g.expression()
		if strings.HasPrefix(last, "error(") {
			last = "error('last')" // Redis dies of an error that is a table without a text
		}
		b.WriteString("return " + last)
	default:
		b.WriteString("return out")
	}
	return b.String()
}

// TestGeneratedScripts compares what generated scripts answer, and the data that they leave.
func TestGeneratedScripts(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	count := knob(t, "COMPAT_SCRIPTS", defaultScripts)
	t.Logf("COMPAT_SEED=%d COMPAT_SCRIPTS=%d", first, count)
	differ := 0
	for seed := first; seed < first+count && differ < 10; seed++ {
		g := scriptWriter{rand.New(rand.NewPCG(seed, 5))}
		client := []int{0, clients - 1}[g.IntN(2)]
		script := g.script()
		if seed%200 == 0 { // the same data from here on, whichever seed is the first
			if _, _, err := p.both(0, []string{"FLUSHALL"}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.both(0, []string{"SCRIPT", "FLUSH"}); err != nil {
				t.Fatal(err)
			}
		}
		a, b, err := p.both(client, []string{"EVAL", script, "1", "k1", "12", "arg"})
		if err != nil {
			t.Fatalf("seed %d, %s\n%v", seed, script, err)
		}
		if !bytes.Equal(a.raw, b.raw) {
			differ++
			t.Errorf("seed %d, client %d, %s\n  redis    %s\n  holdfast %s", seed, client, script, clip(a), clip(b))
		}
	}
	if err := p.digests(); err != nil {
		t.Error(err)
	}
}
