package command

import (
	"strings"
	"testing"
)

func TestSortedSets(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"zadd z 1 a 2 b 2 c", ":3"},
		{"zadd z ch 1 a 3 b", ":1"},
		{"zadd z xx gt ch 2 b 4 c 1 d", ":1"},
		{"zadd z nx incr 1 a", "nil"},
		{"zadd z incr 0.1 a", `"1.1000000000000001"`},
		{"zincrby z inf a", `"inf"`},
		{"zincrby z -inf a", "-ERR resulting score is not a number (NaN)"},
		{"zadd z nx xx 1 a", "-ERR XX and NX options at the same time are not compatible"},
		{"zadd z gt nx 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"},
		{"zadd z incr 1 a 2 b", "-ERR INCR option supports a single increment-element pair"},
		{"zadd z 1 a 2", "-ERR syntax error"},
		{"zadd z 1 a nan b", "-ERR value is not a valid float"},
		{"zrange z 0 -1 withscores", `["b" "3" "c" "4" "a" "inf"]`},
		{"object encoding z", `"listpack"`},
		{"zrank z c", ":1"},
		{"zrevrank z c", ":1"},
		{"zrank z c withscore", `[:1 "4"]`},
		{"zrevrank z a withscore", `[:0 "inf"]`},
		{"zrank z nobody withscore", "nil"},
		{"zrank z c withscores", "-ERR syntax error"},
		{"zrank z c withscore x", "-ERR wrong number of arguments for 'zrank' command"},
		{"zcount z (3 +inf", ":2"},
		{"zcount z x 1", "-ERR min or max is not a float"},
		{"zmscore z a x b", `["inf" nil "3"]`},
		{"zrange z 5 3 byscore rev limit 0 1", `["c"]`},
		{"zrange z 0 1 limit 0 1",
			"-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"},
		{"zrange z - + bylex withscores", "-ERR syntax error, WITHSCORES not supported in combination with BYLEX"},
		{"zrangestore copy z 0 1", ":2"},
		{"zpopmax z", `["a" "inf"]`},
		{"zmpop 2 none z min count 5", `["z" [["b" "3"] ["c" "4"]]]`},
		{"exists z", ":0"},
		{"zmpop 1 z min", "nil"},
		{"zpopmin z 3", "[]"},
		{"sadd s b x", ":2"},
		{"zunionstore z 2 copy s weights 2 10 aggregate max", ":3"},
		{"zrange z 0 -1 withscores", `["c" "8" "b" "10" "x" "10"]`},
		{"zinter 2 copy s withscores", `["b" "4"]`},
		{"zdiff 2 z copy", `["x"]`},
		{"zintercard 2 z copy limit 1", ":1"},
		{"zunion 0 z", "-ERR at least 1 input key is needed for 'zunion' command"},
		{"zinterstore z 2 copy none", ":0"},
		{"exists z", ":0"},
		{"zadd one 1 x", ":1"},
		{"zrandmember one -2", `["x" "x"]`},
		{"zrandmember copy 5 withscores", `["c" "4" "b" "3"]`},
		{"zrandmember copy -9223372036854775807", "-ERR value is out of range"},
		{"zscan copy 0 match b", `["0" ["b" "3"]]`},
		{"bzpopmin none s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"bzpopmin none copy 0", `["copy" "b" "3"]`},
		{"set string x", "+OK"},
		{"zadd string 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"zcard string", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
	})
	e.do("hello", "3")
	e.run([]step{
		{"zadd r 1 a 2.5 b", ":2"},
		{"zrange r 0 -1 withscores", "[[\"a\" ,1] [\"b\" ,2.5]]"},
		{"zscore r b", ",2.5"},
		{"zpopmin r", `["a" ,1]`},
		{"zpopmin r 1", `[["b" ,2.5]]`},
	})
}

func TestSortedSetEncodings(t *testing.T) {
	e := newTestEnv(t)
	long := strings.Repeat("x", 65)
	e.run([]step{
		{"config set zset-max-listpack-entries 3", "+OK"},
		{"zadd z 1 a 2 b 3 c", ":3"},
		{"object encoding z", `"listpack"`},
		{"zadd z 4 d", ":1"},
		{"object encoding z", `"skiplist"`},
		{"zrem z d c b", ":3"},
		{"object encoding z", `"skiplist"`},
		{"zunionstore u 1 z", ":1"},
		{"object encoding u", `"listpack"`},
		{"zadd long 1 " + long, ":1"},
		{"object encoding long", `"skiplist"`},
		{"zrangestore stored long 0 -1", ":1"},
		{"object encoding stored", `"skiplist"`},
		{"zadd z -0 zero", ":1"},
		{"zscore z zero", `"-0"`},
		{"zadd u -0 zero", ":1"},
		{"zscore u zero", `"0"`},
	})
	if err := e.Store.Check(); err != nil {
		t.Error(err)
	}
}

// TestSortedSetEffects: pops travel as what they came to, the rest as it came.
func TestSortedSetEffects(t *testing.T) {
	e := newTestEnv(t)
	for _, key := range []string{"a", "b", "c"} {
		e.do("zadd", key, "1", "x", "2", "y", "3", "z")
	}
	e.effects()
	for _, c := range []struct{ command, effects string }{
		{"zadd a 1 x", ""},
		{"zadd a xx ch 1 x 5 n", ""},
		{"zadd a 1 x 2 n", "zadd a 1 x 2 n"},
		{"zadd a incr 1 x", "zadd a incr 1 x"},
		{"zincrby a 0 x", ""},
		{"zincrby a 1 x", "zincrby a 1 x"},
		{"zrem a nobody", ""},
		{"zrem a n nobody", "zrem a n nobody"},
		{"zremrangebyscore a 50 60", ""},
		{"zremrangebyrank a 0 0", "zremrangebyrank a 0 0"},
		{"zpopmin b", "zpopmin b"},
		{"zpopmax b 0", ""},
		{"zmpop 2 none b max count 10", "ZPOPMAX b 2"},
		{"zmpop 1 none min", ""},
		{"bzpopmin none c 0", "ZPOPMIN c"},
		{"bzmpop 0 1 c max count 1", "ZPOPMAX c 1"},
		{"bzmpop 0 1 c max", "ZPOPMAX c 1"},
		{"zunionstore c 1 a", "zunionstore c 1 a"},
		{"zinterstore c 2 a none", "zinterstore c 2 a none"},
		{"zinterstore c 2 a none", ""},
		{"zrangestore c a 0 -1", "zrangestore c a 0 -1"},
	} {
		e.do(words(t, c.command)...)
		if got := e.effects(); got != c.effects {
			t.Errorf("%s travels as %q, not %q", c.command, got, c.effects)
		}
	}
}

func TestBlockedOnSortedSets(t *testing.T) {
	e := newTestEnv(t)
	first, second := e.client(), e.client()
	if got := e.doAs(first, "bzpopmin", "z", "other", "0"); got != "" {
		t.Fatalf("an answer before there is anything: %s", got)
	}
	e.doAs(second, "bzmpop", "0", "1", "z", "max", "count", "9")
	e.do("zadd", "z", "1", "a", "2", "b", "3", "c")
	e.effects()
	var answers []string
	for e.Ready() {
		if c := e.ServeNext(e.now); c != nil {
			answers = append(answers, renderAll(t, c.S.W.Buf))
		}
	}
	if got := strings.Join(answers, " then "); got != `["z" "a" "1"] then ["z" [["c" "3"] ["b" "2"]]]` {
		t.Error(got)
	}
	if got := e.effects(); got != "MULTI\nZPOPMIN z\nZPOPMAX z 2\nEXEC" {
		t.Errorf("effects %q", got)
	}
	if got := e.do("exists", "z"); got != ":0" {
		t.Error(got)
	}
}

func TestSortedSetEvents(t *testing.T) {
	e := newTestEnv(t)
	e.do("config", "set", "notify-keyspace-events", "KEA")
	listener := e.client()
	e.doAs(listener, "psubscribe", "__keyevent@0__:*")
	for _, c := range []struct{ command, events string }{
		{"zadd z 1 a 2 b", "zadd"},
		{"zadd z 1 a", ""},
		{"zincrby z 1 a", "zincr"},
		{"zrem z a", "zrem"},
		{"zremrangebyrank z 0 -1", "zremrangebyrank del"},
		{"zadd z 1 a 2 b", "zadd"},
		{"zpopmin z", "zpopmin"},
		{"zmpop 1 z max", "zpopmax del"},
		{"zadd z 1 a 2 b", "zadd"},
		{"zunionstore u 1 z", "zunionstore"},
		{"zrangestore u z 0 -1", "zrangestore"},
		{"zdiffstore u 2 z z", "del"},
	} {
		listener.S.W.Buf = listener.S.W.Buf[:0]
		e.do(words(t, c.command)...)
		var events []string
		for part := range strings.SplitSeq(string(listener.S.W.Buf), "__keyevent@0__:") {
			if event, _, ok := strings.Cut(part, "\r\n"); ok && event != "" && !strings.Contains(event, "*") {
				events = append(events, event)
			}
		}
		if got := strings.Join(events, " "); got != c.events {
			t.Errorf("%s: events %q, not %q", c.command, got, c.events)
		}
	}
}
