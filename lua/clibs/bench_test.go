package clibs

import (
	"testing"

	"holdfast/lua"
)

// BenchmarkJSON is a round trip of 4 KiB, as in the bench's scripts.
func BenchmarkJSON(b *testing.B) {
	const source = `local list = {}
for i = 1, 60 do list[i] = {id = i, name = 'item number ' .. i, tags = {'a', 'b', i}} end
local text = cjson.encode(list)
return function() return cjson.encode(cjson.decode(text)) end`
	l := newTestState()
	p, err := lua.Compile(source, "=json")
	if err != nil {
		b.Fatal(err)
	}
	l.Load(p)
	if err := l.PCall(0, 1); err != nil {
		b.Fatal(err)
	}
	f := l.Top()
	b.ReportAllocs()
	for b.Loop() {
		l.Push(f)
		if err := l.PCall(0, 1); err != nil {
			b.Fatal(err)
		}
		l.Pop(1)
	}
}
