package clibs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast/lua/probes"
)

// generator writes calls of the libraries with arguments that are mostly right.
type generator struct{ r *rand.Rand }

func (g *generator) pick(of ...string) string { return of[g.r.IntN(len(of))] }

func (g *generator) number() string {
	switch g.r.IntN(6) {
	case 0:
		return fmt.Sprint(g.r.IntN(300) - 100)
	case 1:
		return fmt.Sprint(g.r.Int64() - g.r.Int64())
	case 2:
		return fmt.Sprintf("%.17g", g.r.NormFloat64())
	case 3:
		return fmt.Sprintf("%de%d", g.r.IntN(1000), g.r.IntN(40)-20)
	case 4:
		return g.pick("0", "-0", "0.5", "1/0", "0/0", "2^31", "2^32", "2^53", "2^63", "-2^63", "255", "256", "65535",
			"65536")
	}
	return fmt.Sprintf("%d.%d", g.r.IntN(100000), g.r.IntN(1000))
}

func (g *generator) bytes(n int) string {
	b := make([]byte, g.r.IntN(n))
	for i := range b {
		b[i] = byte(g.r.IntN(256))
		if g.r.IntN(2) == 0 {
			b[i] = `abz019 "\/{}[]:,.-eu`[g.r.IntN(20)]
		}
	}
	return probes.Quote(string(b))
}

func (g *generator) value(depth int) string {
	switch k := g.r.IntN(9); {
	case k < 3:
		return g.number()
	case k < 5:
		return g.bytes(12)
	case k == 5:
		return g.pick("true", "false", "nil", "cjson.null")
	case depth > 3:
		return "{}"
	}
	var items []string
	for range g.r.IntN(5) {
		switch g.r.IntN(4) {
		case 0:
			items = append(items, "["+g.pick("'k'", "'a b'", "1", "2", "3", "12", "1.5", "-1", "'x'")+"] = "+
				g.value(depth+1))
		default:
			items = append(items, g.value(depth+1))
		}
	}
	return "{" + strings.Join(items, ", ") + "}"
}

func (g *generator) json(depth int) string {
	if g.r.IntN(40) == 0 {
		return g.pick("x", "", "nul", "\"", "\\", "{", "]", ",", "0x1F", "-inf", "nan", "+1", "01", "1.e3")
	}
	space := func() string { return g.pick("", "", " ", "\n") }
	switch k := g.r.IntN(8); {
	case k < 2:
		return g.pick("1", "-2.5", "1e3", "0", "123456789012345678", "0.1", "1E-2", "3.14159265358979")
	case k < 4:
		return `"` + g.pick("", "a", "key", `\n`, `\u0041`, `\u00e9`, `\ud83d\ude00`, `\"`, `\\`, "é", `\/`, `\u0000`,
			`\b`) + `"`
	case k == 4:
		return g.pick("true", "false", "null")
	case depth > 3:
		return "[]"
	}
	var items []string
	object := g.r.IntN(2) == 0
	for range g.r.IntN(4) {
		item := space() + g.json(depth+1) + space()
		if object {
			item = fmt.Sprintf(`%s"%s"%s:%s`, space(), g.pick("a", "b", "c", "id", "1"), space(), item)
		}
		items = append(items, item)
	}
	if object {
		return "{" + strings.Join(items, ",") + "}"
	}
	return "[" + strings.Join(items, ",") + "]"
}

func (g *generator) format() string {
	var b strings.Builder
	for range 1 + g.r.IntN(5) {
		b.WriteString(g.pick("b", "B", "h", "H", "i", "I", "l", "L", "i2", "i3", "I5", "i8", "f", "d", "s", "c2", "c0",
			"x", ">", "<",
			"!", "!4", " ", "T", "i16", "z", "c"))
	}
	return probes.Quote(b.String())
}

func (g *generator) program() string {
	const hex = "local function h(...) local t = {} for i = 1, select('#', ...) do local v = select(i, ...) " +
		"t[i] = type(v) == 'string' and (v:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) or " +
		"type(v) == 'table' and cjson.encode(v) or tostring(v) end return table.concat(t, ' ') end "
	switch g.r.IntN(8) {
	case 0, 1:
		return "return cjson.encode(" + g.value(0) + ")"
	case 2, 3:
		return "return cjson.encode(cjson.decode(" + probes.Quote(g.json(0)) + "))"
	case 4:
		return hex + "return h(cmsgpack.pack(" + g.value(0) + ", " + g.value(2) + "))"
	case 5:
		return "cjson.encode_invalid_numbers(true) " + hex + "return h(cmsgpack.unpack(" +
			g.pick(g.bytes(12), "cmsgpack.pack("+g.value(0)+")") + "))"
	case 6:
		return hex + "local f = " + g.format() + " return h(struct.pack(f, " + g.value(4) + ", " + g.value(4) + ", " +
			g.number() +
			", " + g.number() + ", " + g.bytes(5) + "))"
	}
	return hex + "local f = " + g.format() + " return h(struct.unpack(f, " + g.bytes(30) + "))"
}

// TestGeneratedCalls runs random calls here and in redis-server. More of them: go test -run Generated -seeds 100.
func TestGeneratedCalls(t *testing.T) {
	for seed := *first; seed < *first+*seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareGenerated(t, seed) })
	}
}

// compareGenerated compares the calls of one seed.
func compareGenerated(t *testing.T, seed uint64) {
	g := &generator{rand.New(rand.NewPCG(seed, 5))}
	var lines []string
	for range 1000 {
		lines = append(lines, g.program())
	}
	script := probeScript(lines)
	want := strings.Split(runRedis(t, script), "\n")
	got := strings.Split(runOurs(t, script), "\n")
	bad := 0
	for i := range want {
		if i < len(got) && want[i] == got[i] {
			continue
		}
		if bad++; bad > 5 {
			break
		}
		have := "nothing"
		if i < len(got) {
			have = got[i]
		}
		t.Errorf("seed %d: %s\n got %s\nwant %s", seed, lines[i], have, want[i])
	}
}
