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

// TestBlockedStreamReaders: who waits for streams is served by an entry, also by one of the predecessor's log; who
// waits for a group is told when that is gone.
func TestBlockedStreamReaders(t *testing.T) {
	e := newTestEnv(t)
	var clients []*Context
	wait := func(line string) {
		clients = append(clients, e.client())
		if got := e.doAs(clients[len(clients)-1], strings.Fields(line)...); got != "" {
			t.Fatalf("%s: %s", line, got)
		}
	}
	hear := func(want ...string) {
		t.Helper()
		e.serve()
		for i, c := range clients {
			if got := e.heard(c); got != want[i] {
				t.Errorf("client %d heard %q, want %q", i, got, want[i])
			}
		}
	}
	e.run([]step{{"xgroup create s g $ mkstream", "+OK"}, {"xgroup create s h $", "+OK"}})
	wait("xread block 0 streams none s $ $")
	wait("xreadgroup group g c block 0 streams s >")
	wait("xreadgroup group g d block 0 streams s >")
	wait("xreadgroup group h c block 0 streams s >")
	e.run([]step{{"multi", "+OK"}, {"xadd s 1-1 a 1", "+QUEUED"}, {"xdel s 1-1", "+QUEUED"}, {"exec", `["1-1" :1]`}})
	hear("", "", "", "")
	e.apply("xadd", "s", "2-2", "a", "2")
	entry := `[["s" [["2-2" ["a" "2"]]]]]`
	hear(entry, entry, "", entry)
	e.run([]step{{"xgroup destroy s g", ":1"}})
	hear("", "", "-"+string(errGroupGone), "")
	wait("xreadgroup group h d block 0 streams s >")
	wait("xread block 0 streams s $")
	e.run([]step{{"set s x", "+OK"}})
	hear("", "", "", "", "-"+string(errStreamGone), "")
	e.run([]step{{"del s", ":1"}, {"xgroup create s h $ mkstream", "+OK"}})
	wait("xreadgroup group h d block 0 streams s >")
	e.run([]step{{"flushall", "+OK"}})
	hear("", "", "", "", "", "", "-"+string(errStreamGone))
}

// TestWatchedStreams: what changes groups alone is no change for who watches the key, as in Redis.
func TestWatchedStreams(t *testing.T) {
	for command, aborts := range map[string]bool{
		"xadd s 2-0 a 1": true, "xdel s 1-0": true, "xtrim s maxlen 0": true, "xgroup create new g 0 mkstream": true,
		"xack s g 1-0": false, "xgroup create s h 0": false, "xreadgroup group g c streams s 0": false,
		"xclaim s g d 0 1-0": false, "xsetid s 9-9": false, "xgroup destroy s g": false,
	} {
		e := newTestEnv(t)
		other := e.client()
		e.run([]step{{"xadd s 1-0 a 1", `"1-0"`}, {"xgroup create s g 0", "+OK"}})
		e.do("xreadgroup", "group", "g", "c", "streams", "s", ">")
		e.run([]step{{"watch s new", "+OK"}})
		e.doAs(other, strings.Fields(command)...)
		e.run([]step{{"multi", "+OK"}, {"ping", "+QUEUED"}})
		if got := e.do("exec") == "nil"; got != aborts {
			t.Errorf("%s: EXEC was aborted: %v", command, got)
		}
	}
}

// TestStreamGates: a read of streams waits for their last change, also if the group is called as the word that stands
// before the keys: Redis takes the first such word for it, and so does COMMAND GETKEYS.
func TestStreamGates(t *testing.T) {
	e := newTestEnv(t)
	e.node.gated = true
	e.do("xgroup", "create", "k", "streams", "0", "mkstream")
	end := e.changed(0, "k")
	for _, command := range []string{
		"xread streams k 0", "xread count 1 streams k 0", "xreadgroup group streams c streams k >",
		"xreadgroup count 1 group streams c streams k >", "xreadgroup noack group streams streams streams k >",
		"xpending k streams", "xinfo groups k", "xinfo stream k", "xinfo consumers k streams", "xack k streams 1",
		"xautoclaim k streams c 0 0", "xclaim k streams c 0 1", "xlen k", "xrange k - +", "xrevrange k + -",
		"xdel k 1", "xtrim k maxlen 5", "xgroup destroy k none", "xgroup delconsumer k streams none",
	} {
		e.c.Begin()
		e.do(words(t, command)...)
		if got := e.c.Gate(); got != end {
			t.Errorf("%s: gate %d, want %d", command, got, end)
		}
	}
}
