package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/node/hyperloglog"
)

const (
	emptyHLL = `HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff`
	shortHLL = `set bad "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00"`
)

// TestHyperLogLogs: replies are those of redis-server 7.0.15.
func TestHyperLogLogs(t *testing.T) {
	newTestEnv(t).run([]step{
		{"pfadd h a b c d e f g", ":1"},
		{"pfdebug decode h", `"Z:1646 v:1,1 Z:5645 v:1,1 Z:1085 v:2,1 z:57 v:1,1 Z:4274 v:2,1 Z:2445 v:1,1 Z:622 ` +
			`v:1,1 Z:603"`},
		{"pfcount h", ":7"},
		{"pfcount h", ":7"},
		{"pfadd h a b", ":0"},
		{"pfadd i", ":1"},
		{"pfadd i", ":0"},
		{"get i", `"` + emptyHLL + `"`},
		{"object encoding i", `"raw"`},
		{"pfcount i none", ":0"},
		{"pfmerge i h none", "+OK"},
		{"pfcount i", ":7"},
		{"pfcount i h", ":7"},
		{"pfmerge made", "+OK"},
		{"get made", `"` + emptyHLL + `"`},
		{"pfdebug encoding h", "+sparse"},
		{"pfdebug todense h", ":1"},
		{"pfdebug todense h", ":0"},
		{"pfdebug encoding h", "+dense"},
		{"strlen h", ":12304"},
		{"pfcount h", ":7"},
		{"pfmerge i h", "+OK"},
		{"pfdebug encoding i", "+dense"},
		{"pfdebug decode h", "-ERR HLL encoding is not sparse"},
		{"pfdebug nonsense h", "-ERR Unknown PFDEBUG subcommand 'nonsense'"},
		{"pfdebug decode none", "-ERR The specified key does not exist"},
		{"set bad HYLL", "+OK"},
		{"pfcount bad", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
		{"pfadd bad 1", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
		{"pfmerge x bad", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
		{shortHLL, "+OK"},
		{"pfcount bad", "-INVALIDOBJ Corrupted HLL object detected"},
		{"pfcount bad h", "-INVALIDOBJ Corrupted HLL object detected"},
		{"pfadd bad 1", "-INVALIDOBJ Corrupted HLL object detected"},
		{"pfmerge x bad", "-INVALIDOBJ Corrupted HLL object detected"},
		{"pfdebug getreg bad", "-INVALIDOBJ Corrupted HLL object detected"},
		{"pfdebug todense bad", "-INVALIDOBJ Corrupted HLL object detected"},
		{"lpush l a", ":1"},
		{"pfadd l 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"pfcount h l", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"pfselftest", "+OK"},
	})
}

// TestHLLEffects: replicas are told the bytes that have changed.
func TestHLLEffects(t *testing.T) {
	const count = `\x01\x00\x00\x00\x00\x00\x00\x00`
	for _, tc := range []struct{ before, command, effect string }{
		{"", "pfadd k", "SETRANGE k 0 " + emptyHLL},
		{"pfadd k", "pfadd k", ""},
		{"pfadd k", "pfadd k a", `SETRANGE k 16 q\xa6\x84NW`},
		{"pfadd k a", "pfcount k", "SETRANGE k 8 " + count},
		{"pfadd k a", "pfcount k none", ""},
		{"pfadd k a", "pfmerge k none", ""}, // which Redis passes on, although nothing has changed
		{"pfadd k a", "pfdebug encoding k", ""},
	} {
		e := newTestEnv(t)
		if tc.before != "" {
			e.do(words(t, tc.before)...)
			e.effects()
		}
		e.do(words(t, tc.command)...)
		var got []string
		for _, effect := range e.effectList() {
			if effect[0] != "SELECT" {
				got = append(got, strings.Join(effect, " "))
			}
		}
		if text := strings.Trim(fmt.Sprintf("%q", strings.Join(got, "|")), `"`); text != tc.effect {
			t.Errorf("%s, then %s: %s, want %s", tc.before, tc.command, text, tc.effect)
		}
	}
}

// TestHLLReplica: a replica has the very bytes of its master, with another limit for sparse values too, and however
// the value was changed; and what it is asked does not change them.
func TestHLLReplica(t *testing.T) {
	master, replica := newTestEnv(t), newTestEnv(t)
	replica.node.replica = true
	if err := replica.Config.Set("hll-sparse-max-bytes", []string{"100"}); err != nil {
		t.Fatal(err)
	}
	n := 0
	elements := func(count int) (list []string) {
		for range count {
			n++
			list = append(list, fmt.Sprint(n%5000))
		}
		return list
	}
	commands := [][]string{{"pfadd", "k"}, {"pfcount", "k"}, {"set", "s", "v", "ex", "100"}}
	for i := range 60 {
		commands = append(commands, append([]string{"pfadd", "k"}, elements(i)...),
			[]string{"pfadd", "one", fmt.Sprint(i)})
		switch i % 6 {
		case 0:
			commands = append(commands, []string{"pfcount", "k"}, []string{"pfcount", "k"})
		case 2:
			commands = append(commands, append([]string{"pfadd", "small"}, elements(3)...))
		case 4:
			commands = append(commands, []string{"pfmerge", "small", "one"}, []string{"pfmerge", "all", "k", "small"})
		}
	}
	commands = append(commands, []string{"pfdebug", "todense", "small"}, []string{"pfmerge", "small", "all"},
		[]string{"pfdebug", "getreg", "one"})
	for _, command := range commands {
		master.do(command...)
		for _, effect := range master.effectList() {
			if effect[0] != "SELECT" && effect[0] != "MULTI" && effect[0] != "EXEC" {
				replica.apply(effect...)
			}
		}
		for _, key := range []string{"k", "one", "small", "all"} {
			a, b := master.do("get", key), replica.do("get", key)
			if a != b {
				t.Fatalf("after %.60q: the replica's %s differs", command, key)
			}
			if x, y := master.do("pfcount", key, "none"), replica.do("pfcount", key); x != y {
				t.Fatalf("after %.60q: %s, and the replica counts %s", command, x, y)
			}
			if replica.do("get", key) != a {
				t.Fatalf("after %.60q: counting has changed a replica's value", command)
			}
		}
	}
	if got := master.do("pfdebug", "encoding", "k"); got != "+dense" {
		t.Errorf("k is %s", got)
	}
}

// TestCountIsNotKept: where no write is accepted a count leaves the value alone.
func TestCountIsNotKept(t *testing.T) {
	e := newTestEnv(t)
	e.do("pfadd", "k", "a")
	e.effects()
	if err := e.Config.Set("min-replicas-to-write", []string{"1"}); err != nil {
		t.Fatal(err)
	}
	if got := e.do("pfcount", "k"); got != ":1" {
		t.Error(got)
	}
	if got := e.effects(); got != "" {
		t.Errorf("effects %q", got)
	}
	e.node.good = 1
	e.do("pfcount", "k")
	if got := e.effects(); !strings.HasPrefix(got, "SETRANGE k 8 ") {
		t.Errorf("effects %q", got)
	}
}

// TestCountWaitsForWrites: where writes are paused a count is too, as it may change the value.
func TestCountWaitsForWrites(t *testing.T) {
	e := newTestEnv(t)
	e.do("pfadd", "k", "a")
	e.node.paused, e.node.writesOnly = time.Now().Add(time.Hour), true
	e.Engine.NoteRole()
	for command, want := range map[string]Outcome{"get k": Done, "pfcount k": Deferred} {
		e.c.Begin()
		e.Admit(e.c)
		if got := e.Execute(e.c, byteArgs(strings.Fields(command))); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}

// TestCountOfExpired: a replica does not count what has expired, although its master has not deleted it yet.
func TestCountOfExpired(t *testing.T) {
	e := newTestEnv(t)
	e.node.replica = true
	e.apply("pfadd", "k", "a")
	e.apply("pexpireat", "k", fmt.Sprint(e.now+1))
	if got := e.do("pfcount", "k"); got != ":1" {
		t.Error(got)
	}
	e.now += 2
	if got := e.do("pfcount", "k"); got != ":0" {
		t.Error(got)
	}
}

// TestDifference: the pieces are all that differs, and few.
func TestDifference(t *testing.T) {
	old := []byte(strings.Repeat("a", 1000))
	for _, tc := range []struct {
		change func(b []byte) []byte
		pieces string
	}{
		{func(b []byte) []byte { return b }, ""},
		{func(b []byte) []byte { b[3] = 'b'; return b }, "3-4 "},
		{func(b []byte) []byte { b[0], b[60] = 'b', 'b'; return b }, "0-61 "},
		{func(b []byte) []byte { b[0], b[70] = 'b', 'b'; return b }, "0-1 70-71 "},
		{func(b []byte) []byte { b[999] = 'b'; return b }, "999-1000 "},
		{func(b []byte) []byte { return append(b, "aa"...) }, "1000-1002 "},
		{func(b []byte) []byte { b[500], b[999] = 'b', 'b'; return append(b, "aa"...) }, "500-501 999-1002 "},
	} {
		changed := tc.change([]byte(string(old)))
		got, again := "", append([]byte(nil), old...)
		for from, to := 0, 0; ; {
			if from, to = difference(old, changed, to); from == to {
				break
			}
			got += fmt.Sprintf("%d-%d ", from, to)
			again = append(again, make([]byte, max(0, to-len(again)))...)
			copy(again[from:to], changed[from:to])
		}
		if got != tc.pieces || string(again) != string(changed) {
			t.Errorf("%s, want %s", got, tc.pieces)
		}
	}
}

// FuzzHLLCommands: no bytes of a value make a command panic, and a replica has the same afterwards.
func FuzzHLLCommands(f *testing.F) {
	f.Add(hyperloglog.New(nil), uint8(3))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x40"), uint8(0))
	f.Fuzz(func(t *testing.T, value []byte, what uint8) {
		master, replica := newTestEnv(t), newTestEnv(t)
		replica.node.replica = true
		for _, command := range [][]string{
			{"set", "k", string(value)}, {"pfadd", "other", "a", "b"},
			[][]string{{"pfadd", "k", "a", "b", string(value)}, {"pfcount", "k"}, {"pfmerge", "k", "other"},
				{"pfmerge", "other", "k"}, {"pfdebug", "getreg", "k"}, {"pfdebug", "decode", "k"}}[what%6],
			{"pfcount", "k", "other"}, {"pfadd", "k", "c"},
		} {
			master.do(command...)
			for _, effect := range master.effectList() {
				if effect[0] != "SELECT" && effect[0] != "MULTI" && effect[0] != "EXEC" {
					replica.apply(effect...)
				}
			}
		}
		if master.Store.Digest() != replica.Store.Digest() {
			t.Error("the replica differs")
		}
	})
}
