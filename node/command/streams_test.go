package command

import (
	"strings"
	"testing"
)

func TestStreamCommands(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"xadd s 1-1 a 1 b 2", `"1-1"`},
		{"xadd s 1-* a 3 b x", `"1-2"`},
		{"xadd s 1-2 a 3", "-" + string(errTooSmallID)},
		{"xadd s * a 1", `"1700000000000-0"`},
		{"xadd s * a 1", `"1700000000000-1"`},
		{"xlen s", ":4"},
		{"xrange s - (1700000000000-1 count 3", `[["1-1" ["a" "1" "b" "2"]] ["1-2" ["a" "3" "b" "x"]] ` +
			`["1700000000000-0" ["a" "1"]]]`},
		{"xdel s 1-1 1-9", ":1"},
		{"xgroup create s g 0", "+OK"},
		{"xreadgroup group g c count 1 streams s >", `[["s" [["1-2" ["a" "3" "b" "x"]]]]]`},
		{"xpending s g", `[:1 "1-2" "1-2" [["c" "1"]]]`},
		{"xack s g 1-2", ":1"},
		{"object encoding s", `"stream"`},
		{"type s", "+stream"},
		{"get s", "-" + string(ErrWrongType)},
		{"sort s", "-" + string(ErrWrongType)},
	})
	if err := e.Store.Check(); err != nil {
		t.Error(err)
	}
}

// TestStreamEffects has what a command did passed on so that a replica comes to the same.
func TestStreamEffects(t *testing.T) {
	for _, c := range []struct{ command, want string }{
		{"xadd s * a b", "xadd s 1700000000000-0 a b"},
		{"xadd s 9-* a b", "xadd s 9-0 a b"},
		{"xadd s 9-1 a b", "xadd s 9-1 a b"},
		{"xadd s maxlen ~ 1 limit 5 * a b", "xadd s maxlen = 4 limit 5 1700000000000-0 a b"},
		{"xadd s minid ~ 2 * a b", "xadd s minid = 1-0 1700000000000-0 a b"},
		{"xadd none nomkstream * a b", ""},
		{"xtrim s maxlen ~ 0", "xtrim s maxlen = 0"},
		{"xtrim s maxlen ~ 1", ""},
		{"xdel s 9-9", ""},
		{"xdel s 1-0 9-9", "xdel s 1-0 9-9"},
		{"xsetid s 9-9", "xsetid s 9-9"},
		{"xack s g 1-0 2-0", "xack s g 1-0 2-0"},
		{"xack s g 3-0", ""},
		{"xgroup create s new $", "xgroup create s new $"},
		{"xgroup create new g $ mkstream", "xgroup create new g $ mkstream"},
		{"xgroup destroy s none", ""},
		{"xgroup destroy s g", "xgroup destroy s g"},
		{"xgroup createconsumer s g c", ""},
		{"xgroup delconsumer s g c", "xgroup delconsumer s g c"},
		{"xreadgroup group g c streams s >", "MULTI; XCLAIM s g c 0 3-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID " +
			"LASTID 3-0; XGROUP SETID s g 3-0 ENTRIESREAD 3; EXEC"},
		{"xreadgroup group g d noack streams s >", "MULTI; XGROUP CREATECONSUMER s g d; " +
			"XGROUP SETID s g 3-0 ENTRIESREAD 3; EXEC"},
		{"xreadgroup group g c count 1 streams s 0", "XCLAIM s g c 0 1-0 TIME 1700000000000 RETRYCOUNT 2 FORCE " +
			"JUSTID LASTID 2-0"},
		{"xreadgroup group g d streams s 0", "XGROUP CREATECONSUMER s g d"},
		{"xclaim s g d 0 1-0 idle 5", "XCLAIM s g d 0 1-0 TIME 1699999999995 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"},
		{"xclaim s g d 0 9-0 lastid 9", "XGROUP SETID s g 9-0 ENTRIESREAD 2"},
		{"xautoclaim s g d 0 2 justid", "XCLAIM s g d 0 2-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0"},
		{"xread streams s 0", ""},
	} {
		setup := func(e *testEnv) {
			for _, id := range []string{"1-0", "2-0", "3-0"} {
				e.do("xadd", "s", id, "f", "v")
			}
			e.do("xgroup", "create", "s", "g", "0")
			e.do("xreadgroup", "group", "g", "c", "count", "2", "streams", "s", ">")
		}
		e := newTestEnv(t)
		setup(e)
		before := e.effectList()
		e.do(strings.Fields(c.command)...)
		list := e.effectList()
		var got []string
		for _, words := range list {
			got = append(got, strings.Join(words, " "))
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.command, text, c.want)
		}
		replica := newTestEnv(t)
		for _, words := range append(before, list...) {
			replica.apply(words...)
		}
		for _, key := range []string{"s", "new"} {
			if ours, its := e.do("dump", key), replica.do("dump", key); ours != its {
				t.Errorf("%s: a replica has\n%s\nthe master\n%s", c.command, its, ours)
			}
		}
	}
}
