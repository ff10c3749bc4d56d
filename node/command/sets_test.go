package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSets(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"sadd s 3 1 2 3", ":3"},
		{"sadd s 3", ":0"},
		{"smembers s", `["1" "2" "3"]`},
		{"object encoding s", `"intset"`},
		{"sadd s x", ":1"},
		{"object encoding s", `"hashtable"`},
		{"srem s x y", ":1"},
		{"object encoding s", `"hashtable"`},
		{"scard s", ":3"},
		{"sismember s 2", ":1"},
		{"smismember s 2 x 3", "[:1 :0 :1]"},
		{"smismember none 2 x", "[:0 :0]"},
		{"smembers none", "[]"},
		{"set string x", "+OK"},
		{"sadd string x", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"sinter none string", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"smove none string x", ":0"},
		{"smove s string 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"smove s t 1", ":1"},
		{"smove s t 1", ":0"},
		{"smove s s 2", ":1"},
		{"sinterstore string s s", ":2"},
		{"type string", "+set"},
		{"sinterstore string s none", ":0"},
		{"exists string", ":0"},
		{"sunionstore u s t none", ":3"},
		{"sdiff u t", `["2" "3"]`},
		{"sintercard 2 u s limit 1", ":1"},
		{"sintercard 0 u", "-ERR numkeys should be greater than 0"},
		{"sintercard 2 u", "-ERR Number of keys can't be greater than number of args"},
		{"sintercard 1 u limit", "-ERR syntax error"},
		{"spop u 100", `["1" "2" "3"]`},
		{"exists u", ":0"},
		{"spop u", "nil"},
		{"spop u 1", "[]"},
		{"spop s -1", "-ERR value is out of range, must be positive"},
		{"spop s 1 2", "-ERR syntax error"},
		{"srandmember none", "nil"},
		{"srandmember none 2", "[]"},
		{"srandmember t -3", `["1" "1" "1"]`},
		{"srandmember t 3", `["1"]`},
		{"srandmember t -9223372036854775808",
			"-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"},
		{"srandmember t -9223372036854775807", "-ERR value is out of range"},
		{"sscan t 0 match 2", `["0" []]`},
		{"sscan t 0 type set", "-ERR syntax error"},
		{"sscan none 5 nonsense", `["0" []]`},
		{"srem t 1 2", ":1"},
		{"exists t", ":0"},
	})
}

func TestSetEffects(t *testing.T) {
	e := newTestEnv(t)
	e.do("sadd", "s", "1", "2", "3")
	e.do("sadd", "one", "x")
	e.effects()
	for _, c := range []struct{ command, effects string }{
		{"sadd s 1", ""},
		{"sadd s 1 4", "sadd s 1 4"},
		{"srem s 9", ""},
		{"srem s 4", "srem s 4"},
		{"smove s t 9", ""},
		{"smove s t 1", "smove s t 1"},
		{"spop one", "SREM one x"},
		{"spop one", ""},
		{"spop s 0", ""},
		{"spop s 2", "DEL s"},
		{"sunionstore s none", ""},
		{"sunionstore t none", "sunionstore t none"}, // deletes it
	} {
		e.do(words(t, c.command)...)
		if got := e.effects(); got != c.effects {
			t.Errorf("%s\n got %q\nwant %q", c.command, got, c.effects)
		}
	}
}

// TestPoppedMembersAreRemovedByEffects: SPOP with a count, of few or of most members.
func TestPoppedMembersAreRemovedByEffects(t *testing.T) {
	for _, count := range []int{3, 95} {
		e := newTestEnv(t)
		for i := range 100 {
			e.do("sadd", "s", fmt.Sprintf("member %d", i))
		}
		e.effects()
		popped := strings.Split(strings.Trim(e.do("spop", "s", fmt.Sprint(count)), "[]"), `" "`)
		if len(popped) != count {
			t.Fatalf("%d members, want %d", len(popped), count)
		}
		want := []string{"MULTI"}
		for _, m := range popped {
			want = append(want, "SREM s "+strings.Trim(m, `"`))
		}
		want = append(want, "EXEC")
		if got := strings.Split(e.effects(), "\n"); !slices.Equal(got, want) {
			t.Errorf("effects %q, want %q", got, want)
		}
		if got, want := e.do("scard", "s"), fmt.Sprintf(":%d", 100-count); got != want {
			t.Errorf("%s stay, want %s", got, want)
		}
	}
}
