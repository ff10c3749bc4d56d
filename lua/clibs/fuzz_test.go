package clibs

import (
	"errors"
	"testing"

	"holdfast/lua"
)

// fuzz calls a library function with bytes of all kinds: it must return or raise, within the limits.
func fuzz(t *testing.T, source string, args ...string) {
	l := lua.New(lua.Options{MemoryLimit: 8 << 20})
	l.OpenLibs()
	Open(l)
	calls := 0
	l.SetHook(1000, func(*lua.State) error {
		if calls++; calls > 200 {
			return errors.New("too many steps")
		}
		return nil
	})
	p, err := lua.Compile(source, "@fuzz")
	if err != nil {
		t.Fatal(err)
	}
	l.Load(p)
	for _, a := range args {
		l.Push(lua.String(a))
	}
	_ = l.PCall(len(args), -1)
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,2.5e3,true,null,"\u00e9\ud83d\ude00"]}`)
	f.Add("[[[[[[")
	f.Fuzz(func(t *testing.T, s string) { fuzz(t, "return cjson.encode(cjson.decode(...))", s) })
}

func FuzzMsgpack(f *testing.F) {
	f.Add("\x81\xa1a\x93\x01\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0")
	f.Add("\xdd\xff\xff\xff\xff\x01")
	f.Fuzz(func(t *testing.T, s string) {
		fuzz(t, "return cmsgpack.pack(cmsgpack.unpack(...))", s)
		fuzz(t, "return cmsgpack.unpack_limit(..., 3, 1)", s)
	})
}

func FuzzStruct(f *testing.F) {
	f.Add("!4>bi<hc0sd", "\x01\x02abc")
	f.Fuzz(func(t *testing.T, format, s string) {
		fuzz(t, "local f, s = ... return struct.unpack(f, s)", format, s)
		fuzz(t, "local f, s = ... return struct.pack(f, s, 1, 2.5, s, s, -3)", format, s)
		fuzz(t, "return struct.size(...)", format)
	})
}
