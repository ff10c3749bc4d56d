package command

import (
	"strings"
	"testing"
)

func TestHashes(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"hset h a 1 b 2", ":2"},
		{"hset h a 3 c 4", ":1"},
		{"hset h a", "-ERR wrong number of arguments for 'hset' command"},
		{"hset h a 1 b", "-ERR wrong number of arguments for 'hset' command"},
		{"hmset h a 1 b", "-ERR wrong number of arguments for 'hmset' command"},
		{"hmset h d 5", "+OK"},
		{"hgetall h", `["a" "3" "b" "2" "c" "4" "d" "5"]`},
		{"hkeys h", `["a" "b" "c" "d"]`},
		{"hvals h", `["3" "2" "4" "5"]`},
		{"hget h a", `"3"`},
		{"hget h x", "nil"},
		{"hget none x", "nil"},
		{"hmget h a x b", `["3" nil "2"]`},
		{"hmget none a x", "[nil nil]"},
		{"hlen h", ":4"},
		{"hstrlen h a", ":1"},
		{"hstrlen h x", ":0"},
		{"hexists h a", ":1"},
		{"hexists h x", ":0"},
		{"hsetnx h a 9", ":0"},
		{"hsetnx h e 9", ":1"},
		{"hincrby h e 1", ":10"},
		{"hincrby h new -5", ":-5"},
		{"hincrby h e 9223372036854775807", "-ERR increment or decrement would overflow"},
		{"hincrby h e x", "-ERR value is not an integer or out of range"},
		{"hset h word x", ":1"},
		{"hincrby h word 1", "-ERR hash value is not an integer"},
		{"hincrbyfloat h word 1", "-ERR hash value is not a float"},
		{"hincrbyfloat h a 0.5", `"3.5"`},
		{"hincrbyfloat h a inf", "-ERR value is NaN or Infinity"},
		{"hincrbyfloat h a x", "-ERR value is not a valid float"},
		{"hdel h word new e x", ":3"},
		{"set string x", "+OK"},
		{"hset string a b", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"hget string a", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"hscan h 0 match a", `["0" ["a" "3.5"]]`},
		{"hscan h 0 novalues match [ab]", `["0" ["a" "b"]]`},
		{"hscan h 0 match", "-ERR syntax error"},
		{"hscan none 0 match", `["0" []]`},
		{"object encoding h", `"listpack"`},
		{"hdel h a b c d", ":4"},
		{"exists h", ":0"},
	})
}

func TestHashRandomFields(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"hset h a 1", ":1"},
		{"hrandfield h", `"a"`},
		{"hrandfield none", "nil"},
		{"hrandfield h 5", `["a"]`},
		{"hrandfield h 5 withvalues", `["a" "1"]`},
		{"hrandfield h -3 withvalues", `["a" "1" "a" "1" "a" "1"]`},
		{"hrandfield h 0", "[]"},
		{"hrandfield none 1", "[]"},
		{"hrandfield h x", "-ERR value is not an integer or out of range"},
		{"hrandfield h 1 x", "-ERR syntax error"},
		{"hrandfield h 1 withvalues x", "-ERR syntax error"},
		{"hrandfield h -9223372036854775808",
			"-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"},
		{"hrandfield h -9223372036854775807", "-ERR value is out of range"},
		{"hrandfield h 9223372036854775807", `["a"]`},
		{"hrandfield h 9223372036854775807 withvalues", "-ERR value is out of range"},
	})
	e.do("hello", "3")
	e.run([]step{{"hrandfield h -2 withvalues", `[["a" "1"] ["a" "1"]]`}, {"hgetall h", `{"a" "1"}`}})
}

func TestHashEffects(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{{"hset h a 1 t 1", ":2"}, {"hpexpire h 5000 fields 1 t", "[:1]"}})
	e.effects()
	for _, c := range []struct{ command, effects string }{
		{"hset h b 2", "hset h b 2"},
		{"hsetnx h b 2", ""},
		{"hdel h x", ""},
		{"hdel h x b", "hdel h x b"},
		{"hincrby h a 2", "hincrby h a 2"},
		{"hincrbyfloat h a 0.5", "HSET h a 3.5"},
		{"hincrbyfloat h t 0.5", "HSETEX h KEEPTTL FIELDS 1 t 1.5"},
		{"hexpire h 10 fields 2 a x", "HPEXPIREAT h 1700000010000 FIELDS 1 a"},
		{"hpexpire h 7 nx fields 2 a t", ""},
		{"hexpireat h 1700000020 gt fields 1 a", "HPEXPIREAT h 1700000020000 gt FIELDS 1 a"},
		{"hpersist h fields 3 a x a", "HPERSIST h FIELDS 1 a"},
		{"hgetex h persist fields 1 a", ""},
		{"hgetex h px 100 fields 2 a x", "HPEXPIREAT h 1700000000100 FIELDS 1 a"},
		{"hgetex h persist fields 2 a x", "HPERSIST h FIELDS 1 a"},
		{"hgetex h fields 1 a", ""},
		{"hsetex h ex 5 fields 1 c 1", "hsetex h PXAT 1700000005000 fields 1 c 1"},
		{"hsetex h keepttl fields 1 c 1", "hsetex h keepttl fields 1 c 1"},
		{"hsetex h fxx pxat 1 fields 1 c 1", "HDEL h c"},
		{"hsetex h fxx fields 1 c 1", ""},
		{"hgetdel h fields 2 a x", "HDEL h a"},
		{"hexpireat h 1 fields 1 t", "HDEL h t"},
		{"exists h", ""},
	} {
		e.do(words(t, c.command)...)
		if got := e.effects(); got != c.effects {
			t.Errorf("%s: effects\n%s\nwant\n%s", c.command, got, c.effects)
		}
	}
	if got := e.do("exists", "h"); got != ":0" {
		t.Errorf("the empty hash is still there: %s", got)
	}
}

func TestHashEncodings(t *testing.T) {
	e := newTestEnv(t)
	long := strings.Repeat("v", 65)
	e.run([]step{
		{"hset h f " + long, ":1"},
		{"object encoding h", `"hashtable"`},
		{"hset g f 1", ":1"},
		{"hset g " + long + " 1", ":1"},
		{"object encoding g", `"hashtable"`},
		{"config set hash-max-listpack-entries 2", "+OK"},
		{"hset i a 1 b 2", ":2"},
		{"object encoding i", `"listpack"`},
		{"hset i c 3", ":1"},
		{"object encoding i", `"hashtable"`},
		{"hdel i c", ":1"},
		{"object encoding i", `"hashtable"`},
	})
}
