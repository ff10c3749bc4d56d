package clibs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast/lua"
)

// drawnJSON is a text of a few kinds of objects, so that many are as the last one, or nearly so, and Lua that makes the
// same value key by key.
func drawnJSON(r *rand.Rand, depth int) (text, source string) {
	var items, code []string
	add := func(key, luaKey string) {
		text, source := drawnJSON(r, depth-1)
		items = append(items, key+text)
		code = append(code, "t["+luaKey+"] = "+source+" ")
	}
	made := func() string { return "(function() local t = {} " + strings.Join(code, "") + "return t end)()" }
	switch k := r.IntN(6); {
	case depth == 0 || k == 0:
		text = []string{"1", `"text"`, "null", "true", "-2.5", `"id"`}[r.IntN(6)]
		return text, strings.Replace(text, "null", "cjson.null", 1)
	case k < 3:
		for i := range []int{0, 1, 2, 3, 3, 5, 8, 9}[r.IntN(8)] {
			add("", fmt.Sprint(i+1))
		}
		return "[" + strings.Join(items, ",") + "]", made()
	}
	keys := []string{"id", "name", "tags", "a", "b", "c", "d", "", "id", "long " + strings.Repeat("x", 70)}
	for i := range []int{0, 1, 3, 3, 3, 4, 10, 20}[r.IntN(8)] {
		key := keys[i%len(keys)]
		switch {
		case r.IntN(8) == 0:
			key = keys[r.IntN(len(keys))]
		case i >= len(keys):
			key = fmt.Sprint("more", i)
		}
		add(`"`+key+`":`, `"`+key+`"`)
	}
	return "{" + strings.Join(items, ",") + "}", made()
}

// What was decoded before must not show: not in the order in which next walks a table, now or after more keys, and not
// in its length after items are gone.
func TestShapesDoNotShow(t *testing.T) {
	const show = `local out = {}
local function show(v)
	if type(v) ~= 'table' then out[#out + 1] = v == cjson.null and 'null' or tostring(v) return end
	out[#out + 1] = '{' .. #v .. ':'
	for k, w in pairs(v) do out[#out + 1] = tostring(k) show(w) end
	v[#v + 4] = 1 v[#v + 3] = 1 v[#v + 2] = 1
	for k in pairs(v) do out[#out + 1] = tostring(k) end
	for i = 1, 3 do v['new' .. i] = i end
	for k in pairs(v) do out[#out + 1] = tostring(k) end
	for i = 1, 3 do v[#v] = nil v[i * 2] = nil out[#out + 1] = #v end
	out[#out + 1] = #v .. '}'
end
show(%s)
return table.concat(out, ' ')`
	l := newTestState()
	run := func(value, arg string) string {
		p, err := lua.Compile(fmt.Sprintf(show, value), "=show")
		if err != nil {
			t.Fatal(err)
		}
		l.Load(p)
		l.Push(lua.String(arg))
		if err := l.PCall(1, 1); err != nil {
			t.Fatalf("%s: %v", arg, err)
		}
		got := strings.Clone(l.Top().AsString())
		l.Pop(1)
		return got
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		text, source := drawnJSON(r, 3)
		if got, want := run("cjson.decode(...)", text), run(source, ""); got != want {
			t.Fatalf("%s\n got %s\nwant %s", text, got, want)
		}
		// An error in the middle leaves half of a shape.
		_ = run("pcall(cjson.decode, ...)", text[:r.IntN(len(text)+1)])
	}
}
