package command

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/node/engine"
)

func TestKeys(t *testing.T) {
	newTestEnv(t).run([]step{
		{`mset a 1 b 2 c 3`, `+OK`},
		{`exists a a x b`, `:3`},
		{`touch a x`, `:1`},
		{`type a`, `+string`},
		{`type x`, `+none`},
		{`del a a x`, `:1`},
		{`unlink b`, `:1`},
		{`rename x y`, `-ERR no such key`},
		{`rename x x`, `-ERR no such key`},
		{`rename c c`, `+OK`},
		{`renamenx c c`, `:0`},
		{`pexpire c 1000`, `:1`},
		{`set d 4`, `+OK`},
		{`renamenx c d`, `:0`},
		{`rename c d`, `+OK`},
		{`mget c d`, `[nil "3"]`},
		{`pttl d`, `:1000`},
		{`renamenx d e`, `:1`},
		{`copy e e`, `-ERR source and destination objects are the same`},
		{`copy e f`, `:1`},
		{`pttl f`, `:1000`},
		{`copy e f`, `:0`},
		{`set g 9`, `+OK`},
		{`copy g f replace`, `:1`},
		{`pttl f`, `:-1`},
		{`copy e e db 2`, `:1`},
		{`copy x f replace`, `:0`},
		{`copy e f db`, `-ERR syntax error`},
		{`copy e f db 16`, `-ERR DB index is out of range`},
		{`copy e f db x`, `-ERR value is not an integer or out of range`},
		{`dbsize`, `:3`},
		{`randomkey extra`, `-ERR wrong number of arguments for 'randomkey' command`},
	})
}

func TestDatabases(t *testing.T) {
	newTestEnv(t).run([]step{
		{`select 16`, `-ERR DB index is out of range`},
		{`select -1`, `-ERR DB index is out of range`},
		{`select x`, `-ERR value is not an integer or out of range`},
		{`select 4294967296`, `-ERR value is out of range, value must between -2147483648 and 2147483647`},
		{`set a 0`, `+OK`},
		{`select 1`, `+OK`},
		{`get a`, `nil`},
		{`set a 1 px 50`, `+OK`},
		{`move a 0`, `:0`},
		{`move a 1`, `-ERR source and destination objects are the same`},
		{`move a 99`, `-ERR DB index is out of range`},
		{`move a x`, `-ERR value is not an integer or out of range`},
		{`move a 2`, `:1`},
		{`move a 2`, `:0`},
		{`select 2`, `+OK`},
		{`pttl a`, `:50`},
		{`swapdb 0 2`, `+OK`},
		{`get a`, `"0"`},
		{`swapdb x 1`, `-ERR invalid first DB index`},
		{`swapdb 99 x`, `-ERR invalid second DB index`},
		{`swapdb 99 1`, `-ERR DB index is out of range`},
		{`swapdb 4294967296 1`, `-ERR invalid first DB index`},
		{`flushdb x`, `-ERR syntax error`},
		{`flushdb sync async`, `-ERR syntax error`},
		{`flushdb sync`, `+OK`},
		{`dbsize`, `:0`},
		{`select 0`, `+OK`},
		{`dbsize`, `:1`},
		{`flushall async`, `+OK`},
		{`dbsize`, `:0`},
	})
}

func TestObject(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{`object encoding x`, `nil`},
		{`set a 12`, `+OK`},
		{`set b 10000`, `+OK`},
		{`set c text`, `+OK`},
		{`object refcount a`, `:2147483647`},
		{`object refcount b`, `:1`},
		{`object encoding b`, `"int"`},
		{`object encoding c`, `"embstr"`},
		{`object freq c`,
			`-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when ` +
				`switching between policies at runtime LRU and LFU data will take some time to adjust.`},
		{`object nonsense c`, `-ERR unknown subcommand 'nonsense'. Try OBJECT HELP.`},
		{`object encoding`, `-ERR wrong number of arguments for 'object|encoding' command`},
		{`object`, `-ERR wrong number of arguments for 'object' command`},
		{`get c`, `"text"`},
	})
	e.now += 7000
	e.run([]step{{`object idletime c`, `:7`}, {`touch c`, `:1`}, {`object idletime c`, `:0`}})
	if got := e.do("object", "help"); !strings.HasPrefix(got,
		`[+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +ENCODING <key>`) {
		t.Errorf("object help: %s", got)
	}
}

func TestUseCount(t *testing.T) {
	const minute = 60000
	for _, tc := range []struct {
		access     uint32
		now, decay int64
		want       int64
		why        string
	}{
		{100<<8 | 9, 100 * minute, 1, 9, "just used"},
		{100<<8 | 9, 104 * minute, 1, 5, "four periods later"},
		{100<<8 | 9, 104 * minute, 2, 7, "two periods later"},
		{100<<8 | 9, 200 * minute, 1, 0, "long ago"},
		{100<<8 | 9, 200 * minute, 0, 9, "no decay"},
		{65534<<8 | 9, (65536 + 1) * minute, 1, 7, "the minutes have wrapped round"},
	} {
		if got := engine.UseCount(tc.access, tc.now, tc.decay); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.why, got, tc.want)
		}
	}
}

func TestExpire(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{`expire k 10`, `:0`},
		{`ttl k`, `:-2`},
		{`set k v`, `+OK`},
		{`pttl k`, `:-1`},
		{`expiretime k`, `:-1`},
		{`expire k 10 xx`, `:0`},
		{`expire k 10 gt`, `:0`},
		{`expire k 10 lt`, `:1`},
		{`expire k 20 nx`, `:0`},
		{`expire k 5 gt`, `:0`},
		{`expire k 20 xx gt`, `:1`},
		{`expire k 30 lt`, `:0`},
		{`ttl k`, `:20`},
		{`expiretime k`, `:1700000020`},
		{`pexpiretime k`, `:1700000020000`},
		{`persist k`, `:1`},
		{`persist k`, `:0`},
		{`persist x`, `:0`},
		{`expire k 1 nx xx`, `-ERR NX and XX, GT or LT options at the same time are not compatible`},
		{`expire k 1 gt lt`, `-ERR GT and LT options at the same time are not compatible`},
		{`expire k 1 foo`, `-ERR Unsupported option foo`},
		{`expire x y foo`, `-ERR Unsupported option foo`},
		{`expire k y`, `-ERR value is not an integer or out of range`},
		{`expire k 9223372036854775807`, `-ERR invalid expire time in 'expire' command`},
		{`expire k -9223372036854775807`, `-ERR invalid expire time in 'expire' command`},
		{`pexpire k 9223372036854775807`, `-ERR invalid expire time in 'pexpire' command`},
		{`pexpireat k 9223372036854775807`, `:1`},
		{`expiretime k`, `:9223372036854776`},
		{`expire k 2`, `:1`},
	})
	e.now += 1499
	e.run([]step{{`ttl k`, `:1`}, {`pttl k`, `:501`}})
	e.now += 501
	e.run([]step{{`get k`, `"v"`}, {`pttl k`, `:0`}}) // expired only after its time
	e.effects()
	e.now++
	e.run([]step{{`get k`, `nil`}, {`exists k`, `:0`}})
	if got := e.effects(); got != "DEL k" {
		t.Errorf("effects %q", got)
	}
	e.run([]step{
		{`set k v`, `+OK`},
		{`expire k -1 gt`, `:0`},
		{`expire k -1`, `:1`},
		{`exists k`, `:0`},
	})
}

func TestExpireOnReplica(t *testing.T) {
	e := newTestEnv(t)
	e.node.replica = true
	e.apply("set", "k", "v")
	e.apply("pexpireat", "k", "-5") // kept until its deletion arrives
	e.run([]step{{`get k`, `nil`}, {`ttl k`, `:-2`}, {`dbsize`, `:1`}, {`keys *`, `[]`}, {`scan 0`, `["0" []]`},
		{`randomkey`, `"k"`}})
	e.apply("append", "k", "w") // nothing expires while the log is applied
	e.apply("persist", "k")
	e.run([]step{{`get k`, `"vw"`}})
	e.apply("set", "k", "v", "pxat", "1")
	e.run([]step{{`get k`, `nil`}, {`dbsize`, `:1`}})
	e.apply("del", "k")
	e.run([]step{{`dbsize`, `:0`}})
}

func TestScan(t *testing.T) {
	e := newTestEnv(t)
	for i := range 200 {
		e.do("set", fmt.Sprint("key:", i), "v")
	}
	e.do("pexpire", "key:7", "1")
	e.now += 2
	seen := map[string]bool{}
	for cursor, first := "0", true; first || cursor != "0"; first = false {
		reply := e.do("scan", cursor, "count", "7", "match", "key:*", "type", "STRING")
		head, rest, _ := strings.Cut(strings.TrimPrefix(reply, "["), " ")
		cursor = strings.Trim(head, `"`)
		for _, k := range strings.Fields(strings.Trim(rest, "[]")) {
			seen[k] = true
		}
	}
	if len(seen) != 199 || seen[`"key:7"`] {
		t.Errorf("SCAN saw %d keys", len(seen))
	}
	e.run([]step{
		{`dbsize`, `:199`},
		{`scan x`, `-ERR invalid cursor`},
		{`scan " 0"`, `-ERR invalid cursor`},
		{`scan 18446744073709551616`, `-ERR invalid cursor`},
		{`scan -`, `-ERR invalid cursor`},
		{`scan 0 count 0`, `-ERR syntax error`},
		{`scan 0 count x`, `-ERR value is not an integer or out of range`},
		{`scan 0 count`, `-ERR syntax error`},
		{`scan 0 count 100000 match nothing`, `["0" []]`},
		{`scan 0 count 100000 type hash`, `["0" []]`},
		{`scan "" count 100000 match key:199`, `["0" ["key:199"]]`},
		{`scan +0 count 9223372036854775807 match key:19[89]x`, `["0" []]`},
		{`keys key:199`, `["key:199"]`},
		{`keys nothing`, `[]`},
	})
}

// What a SCAN finds expired is deleted key by key; only in a transaction it belongs together.
func TestScanDeletesOneByOne(t *testing.T) {
	e := newTestEnv(t)
	for _, c := range []struct {
		commands string
		effects  int
	}{
		{"scan 0 count 100", 2},
		{"multi|scan 0 count 100|exec", 4},
	} {
		e.do("psetex", "a", "1", "v")
		e.do("psetex", "b", "1", "v")
		e.effects()
		e.now += 2
		for _, command := range strings.Split(c.commands, "|") {
			e.do(words(t, command)...)
		}
		if got := e.effects(); strings.Count(got, "\n")+1 != c.effects {
			t.Errorf("%s: %q", c.commands, got)
		}
	}
}

func TestParseCursor(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0, "0": 0, "00012": 12, "+5": 5, "-1": 1<<64 - 1, "18446744073709551615": 1<<64 - 1, "7\x00x": 7,
	} {
		if got, err := parseCursor([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

// A key in a database other than the session's is told of by COPY and MOVE, so its last change counts for the reply
// too.
func TestGateOfOtherDatabase(t *testing.T) {
	e := newTestEnv(t)
	e.node.gated = true
	e.do("set", "k", "v")
	end := e.changed(2, "k")
	for _, command := range []string{`copy k k db 2`, `move k 2`} {
		e.c.Begin()
		e.do(words(t, command)...)
		if got := e.c.Gate(); got != end {
			t.Errorf("%s: gate %d", command, got)
		}
	}
}
