package command

import (
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	newTestEnv(t).run([]step{
		{`get k`, `nil`},
		{`set k v`, `+OK`},
		{`get k`, `"v"`},
		{`set k w nx`, `nil`},
		{`set k w XX`, `+OK`},
		{`set new w xx`, `nil`},
		{`set k x get`, `"w"`},
		{`set k y nx get`, `"x"`},
		{`get k`, `"x"`},
		{`set new z nx get`, `nil`},
		{`get new`, `"z"`},
		{`set k v ex 10`, `+OK`},
		{`ttl k`, `:10`},
		{`set k w keepttl`, `+OK`},
		{`pttl k`, `:10000`},
		{`set k w`, `+OK`},
		{`pttl k`, `:-1`},
		{`set k v px 5 px 7`, `+OK`},
		{`pttl k`, `:7`},
		{`set k v exat 1700000100`, `+OK`},
		{`ttl k`, `:100`},
		{`set k v pxat 1700000000500`, `+OK`},
		{`pttl k`, `:500`},
		{`set k v nx xx`, `-ERR syntax error`},
		{`set k v ex 1 px 1`, `-ERR syntax error`},
		{`set k v ex 1 keepttl`, `-ERR syntax error`},
		{`set k v keepttl ex 1`, `-ERR syntax error`},
		{`set k v ex`, `-ERR syntax error`},
		{`set k v persist`, `-ERR syntax error`},
		{`set k v ex x`, `-ERR value is not an integer or out of range`},
		{`set k v ex 0`, `-ERR invalid expire time in 'set' command`},
		{`set k v px -1`, `-ERR invalid expire time in 'set' command`},
		{`set k v ex 9223372036854776`, `-ERR invalid expire time in 'set' command`},
		{`set k v px 9223372036854775807`, `-ERR invalid expire time in 'set' command`},
		{`setex k 0 v`, `-ERR invalid expire time in 'setex' command`},
		{`psetex k 20 v`, `+OK`},
		{`pttl k`, `:20`},
		{`setnx k v`, `:0`},
		{`setnx n2 v`, `:1`},
		{`getset n2 w`, `"v"`},
		{`getdel n2`, `"w"`},
		{`getdel n2`, `nil`},
		{`set "a\x00b" "\r\n"`, `+OK`},
		{`get "a\x00b"`, `"\r\n"`},
	})
}

func TestGetEx(t *testing.T) {
	newTestEnv(t).run([]step{
		{`getex k`, `nil`},
		{`set k v`, `+OK`},
		{`getex k ex 10`, `"v"`},
		{`ttl k`, `:10`},
		{`getex k`, `"v"`},
		{`ttl k`, `:10`},
		{`getex k persist`, `"v"`},
		{`ttl k`, `:-1`},
		{`getex k ex 10 persist`, `-ERR syntax error`},
		{`getex k persist ex 10`, `-ERR syntax error`},
		{`getex k keepttl`, `-ERR syntax error`},
		{`getex none ex 0`, `nil`},
		{`getex k ex 0`, `-ERR invalid expire time in 'getex' command`},
		{`getex k exat 1`, `"v"`},
		{`exists k`, `:0`},
	})
}

func TestManyKeys(t *testing.T) {
	newTestEnv(t).run([]step{
		{`mset a 1 b 2`, `+OK`},
		{`mset a 1 b`, `-ERR wrong number of arguments for 'mset' command`},
		{`mget a x b`, `["1" nil "2"]`},
		{`msetnx c 3 a 4`, `:0`},
		{`msetnx c 3 d 4`, `:1`},
		{`msetnx c`, `-ERR wrong number of arguments for 'msetnx' command`},
		{`mget c d`, `["3" "4"]`},
	})
}

func TestParts(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{`append s abc`, `:3`},
		{`append s def`, `:6`},
		{`strlen s`, `:6`},
		{`strlen none`, `:0`},
		{`getrange s 1 3`, `"bcd"`},
		{`substr s -3 -1`, `"def"`},
		{`getrange s -1 -3`, `""`},
		{`getrange s -100 1`, `"ab"`},
		{`getrange s 4 100`, `"ef"`},
		{`getrange s 6 7`, `""`},
		{`getrange s 0 -100`, `"a"`},
		{`getrange none 0 -1`, `""`},
		{`getrange s 0 x`, `-ERR value is not an integer or out of range`},
		{`setrange s 8 X`, `:9`},
		{`get s`, `"abcdef\x00\x00X"`},
		{`setrange s 1 Y`, `:9`},
		{`get s`, `"aYcdef\x00\x00X"`},
		{`setrange none 5 ""`, `:0`},
		{`exists none`, `:0`},
		{`setrange s 5 ""`, `:9`},
		{`setrange s -1 x`, `-ERR offset is out of range`},
		{`setrange s 536870912 x`, `-ERR string exceeds maximum allowed size (proto-max-bulk-len)`},
		{`setrange s 9223372036854775807 x`, `-ERR string exceeds maximum allowed size (proto-max-bulk-len)`},
		{`object encoding s`, `"raw"`},
		{`append n 12`, `:2`},
		{`object encoding n`, `"int"`},
		{`append n 3`, `:3`},
		{`object encoding n`, `"raw"`},
		{`incr n`, `:124`},
		{`object encoding n`, `"int"`},
		{`append n ""`, `:3`},
		{`object encoding n`, `"raw"`},
	})
}

func TestIntegers(t *testing.T) {
	newTestEnv(t).run([]step{
		{`incr n`, `:1`},
		{`incrby n 10`, `:11`},
		{`decr n`, `:10`},
		{`decrby n 20`, `:-10`},
		{`set n 9223372036854775807`, `+OK`},
		{`incr n`, `-ERR increment or decrement would overflow`},
		{`decrby n -9223372036854775808`, `-ERR decrement would overflow`},
		{`set n -9223372036854775808`, `+OK`},
		{`decr n`, `-ERR increment or decrement would overflow`},
		{`set n " 1"`, `+OK`},
		{`incr n`, `-ERR value is not an integer or out of range`},
		{`incrby n 1.5`, `-ERR value is not an integer or out of range`},
		{`set n 5 px 100`, `+OK`},
		{`incr n`, `:6`},
		{`pttl n`, `:100`},
	})
}

func TestFloats(t *testing.T) {
	newTestEnv(t).run([]step{
		{`incrbyfloat f 10.5`, `"10.5"`},
		{`incrbyfloat f 0.1`, `"10.6"`},
		{`incrbyfloat f -5.6`, `"5"`},
		{`object encoding f`, `"embstr"`},
		{`set f 5.0e3`, `+OK`},
		{`incrbyfloat f 2.0e2`, `"5200"`},
		{`incrbyfloat f abc`, `-ERR value is not a valid float`},
		{`incrbyfloat f nan`, `-ERR value is not a valid float`},
		{`incrbyfloat f " 1"`, `-ERR value is not a valid float`},
		{`incrbyfloat f 1e5000`, `-ERR value is not a valid float`},
		{`incrbyfloat f 1e-5000`, `-ERR value is not a valid float`},
		{`incrbyfloat f inf`, `-ERR increment would produce NaN or Infinity`},
		{`set f -inf`, `+OK`},
		{`incrbyfloat f +Infinity`, `-ERR increment would produce NaN or Infinity`},
		{`set f 1.1e4932`, `+OK`},
		{`incrbyfloat f 1.1e4932`, `-ERR increment would produce NaN or Infinity`},
		{`set f 3`, `+OK`},
		{`incrbyfloat f 1.000000000000000005`, `"4.00000000000000001"`},
		{`set f 0x10`, `+OK`},
		{`incrbyfloat f 0x.8p1`, `"17"`},
		{`set f -1e-30`, `+OK`},
		{`incrbyfloat f -1e-30`, `"0"`},
	})
}

func TestLCS(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{`mset a ohmytext b mynewtext`, `+OK`},
		{`lcs a b`, `"mytext"`},
		{`lcs a b len`, `:6`},
		{`lcs a b idx`, `["matches" [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] "len" :6]`},
		{`lcs a b idx minmatchlen 4`, `["matches" [[[:4 :7] [:5 :8]]] "len" :6]`},
		{`lcs a b idx minmatchlen -4 withmatchlen`, `["matches" [[[:4 :7] [:5 :8] :4] [[:2 :3] [:0 :1] :2]] "len" :6]`},
		{`lcs a none`, `""`},
		{`lcs none none idx`, `["matches" [] "len" :0]`},
		{`lcs a b len idx`, `-ERR If you want both the length and indexes, please just use IDX.`},
		{`lcs a b minmatchlen`, `-ERR syntax error`},
		{`lcs a b minmatchlen x`, `-ERR value is not an integer or out of range`},
	})
	e.do("set", "big", strings.Repeat("x", 20000))
	e.run([]step{
		{`lcs big big len`, `-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len`},
	})
	e.c.S.W.Proto = 3
	e.run([]step{{`lcs a b idx minmatchlen 4`, `{"matches" [[[:4 :7] [:5 :8]]] "len" :6}`}})
}

// Every command's effect in the log, and that a replica that applies it ends up with the same data.
func TestStringEffects(t *testing.T) {
	checkEffects(t, []effectCase{
		{``, `set k v`, `SELECT 0|set k v`},
		{``, `set k v ex 10`, `SELECT 0|SET k v PXAT 1700000010000`},
		{``, `set k v exat 1 nx`, `SELECT 0|SET k v PXAT 1000`},
		{`set k old`, `set k v get xx`, `set k v xx`},
		{`set k old`, `set k v nx`, ``},
		{``, `setex k 1 v`, `SELECT 0|SET k v PXAT 1700000001000`},
		{``, `psetex k 1 v`, `SELECT 0|SET k v PXAT 1700000000001`},
		{``, `setnx k v`, `SELECT 0|setnx k v`},
		{`set k old`, `getset k v`, `SET k v`},
		{`set k old`, `getdel k`, `DEL k`},
		{`set k old`, `getex k`, ``},
		{`set k old`, `getex k ex 1`, `PEXPIREAT k 1700000001000`},
		{`set k old`, `getex k pxat 1`, `DEL k`},
		{`set k old`, `getex k persist`, ``},
		{`set k old ex 5`, `getex k persist`, `PERSIST k`},
		{``, `incrbyfloat k 1.50`, `SELECT 0|SET k 1.5 KEEPTTL`},
		{``, `incr k`, `SELECT 0|incr k`},
		{``, `mset a 1 b 2`, `SELECT 0|mset a 1 b 2`},
		{``, `append k v`, `SELECT 0|append k v`},
		{``, `setrange k 1 v`, `SELECT 0|setrange k 1 v`},
		{``, `setrange k 1 ""`, ``},
		{`set k v`, `expire k 10 nx`, `PEXPIREAT k 1700000010000 nx`},
		{`set k v`, `expireat k 1`, `DEL k`},
		{`set k v`, `expireat k 1700000010`, `PEXPIREAT k 1700000010000`},
		{`set k v`, `pexpireat k 1700000010000`, `pexpireat k 1700000010000`},
		{`set k v ex 5`, `persist k`, `persist k`},
		{`set k v`, `rename k l`, `rename k l`},
		{`set k v`, `copy k l db 3`, `copy k l db 3`},
		{`set k v`, `move k 3`, `move k 3`},
		{`set k v`, `del k l`, `del k l`},
		{`set k v`, `unlink k l`, `unlink k l`},
		{`set k v`, `del l`, ``},
		{``, `flushall`, `SELECT 0|flushall`},
		{``, `flushdb async`, `SELECT 0|flushdb async`},
		{``, `swapdb 0 1`, `SELECT 0|swapdb 0 1`},
	})
}

// effectCase is a command's effects, after another command; | is between them.
type effectCase struct{ before, command, effect string }

// checkEffects compares effects, and applies them to a replica, which must come to the same.
func checkEffects(t *testing.T, cases []effectCase) {
	for _, tc := range cases {
		master, replica := newTestEnv(t), newTestEnv(t)
		replica.node.replica = true
		for _, command := range []string{tc.before, tc.command} {
			if command == "" {
				continue
			}
			master.do(words(t, command)...)
			got := master.effects()
			for _, line := range strings.Split(got, "\n") {
				if line != "" {
					replica.apply(strings.Split(line, " ")...)
				}
			}
			if command == tc.command && got != strings.ReplaceAll(tc.effect, "|", "\n") {
				t.Errorf("%s, then %s: effects\n%s\nwant\n%s", tc.before, tc.command, got, tc.effect)
			}
		}
		if master.Store.Digest() != replica.Store.Digest() {
			t.Errorf("%s, then %s: the replica differs", tc.before, tc.command)
		}
	}
}

func TestLazyFreeEffects(t *testing.T) {
	e := newTestEnv(t)
	if err := e.Config.Set("lazyfree-lazy-user-del", []string{"yes"}); err != nil {
		t.Fatal(err)
	}
	if err := e.Config.Set("lazyfree-lazy-expire", []string{"yes"}); err != nil {
		t.Fatal(err)
	}
	e.do("mset", "a", "1", "b", "2")
	e.effects()
	e.do("getdel", "a")
	e.do("expire", "b", "-1")
	if got := e.effects(); !strings.Contains(got, "UNLINK a\n") || !strings.Contains(got, "UNLINK b") {
		t.Errorf("effects\n%s", got)
	}
}
