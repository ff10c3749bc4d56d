package command

import (
	"strings"
	"testing"
)

func TestListCommands(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"rpush l a b c", ":3"},
		{"lpush l z", ":4"},
		{"lpushx none a", ":0"},
		{"rpushx l 1", ":5"},
		{"lrange l 0 -1", `["z" "a" "b" "c" "1"]`},
		{"lrange l -2 100", `["c" "1"]`},
		{"lindex l -1", `"1"`},
		{"lindex l 9223372036854775807", "nil"},
		{"lset l 9 x", "-ERR index out of range"},
		{"lset none 0 x", "-ERR no such key"},
		{"lset l 0 a", "+OK"},
		{"lpos l a rank -1 count 0", "[:1 :0]"},
		{"lpos l a rank -9223372036854775808", ":1"},
		{"linsert l before b new", ":6"},
		{"linsert l before nope new", ":-1"},
		{"lrem l -9223372036854775808 a", ":2"},
		{"lpop l 0", "[]"},
		{"lpop l 2", `["new" "b"]`},
		{"rpop l 10", `["1" "c"]`},
		{"exists l", ":0"},
		{"rpop l 1", "nil"},
		{"lpop l -1", "-ERR value is out of range, must be positive"},
		{"set s x", "+OK"},
		{"lpush s a", "-" + string(ErrWrongType)},
		{"lmpop 2 none s left", "-" + string(ErrWrongType)},
		{"lmove none s left left", "nil"},
	})
	if err := e.Store.Check(); err != nil {
		t.Error(err)
	}
}

// TestListEffects has every command on lists pass on plain, deterministic words.
func TestListEffects(t *testing.T) {
	for _, c := range []struct{ command, want string }{
		{"blpop none l 0", "LPOP l"},
		{"brpop l 0", "RPOP l"},
		{"blmpop 0 1 l right count 2", "RPOP l 2"},
		{"lmpop 2 none l left count 9", "LPOP l 3"},
		{"blmove l m Left right 0", "LMOVE l m Left right"},
		{"brpoplpush l m 0", "RPOPLPUSH l m"},
		{"rpoplpush l l", "rpoplpush l l"},
		{"ltrim l 0 -1", ""},
		{"lrem l 0 nope", ""},
		{"linsert l after nope x", ""},
		{"sort l alpha store m", "sort l alpha store m"},
		{"sort none store m", ""},
		{"lpop l 0", ""},
	} {
		e := newTestEnv(t)
		e.do("rpush", "l", "a", "b", "c")
		e.effects()
		e.do(words(t, c.command)...)
		if got := strings.TrimPrefix(e.effects(), "SELECT 0\n"); got != c.want {
			t.Errorf("%s passes on %q, want %q", c.command, got, c.want)
		}
	}
}

// serve serves all who wait for what has become ready, each as an execution of its own; it answers what the executions
// passed on.
func (e *testEnv) serve() string {
	e.t.Helper()
	var logged []string
	for e.Ready() {
		e.ServeNext(e.now)
		if !e.Effects.Empty() {
			logged = append(logged, e.effects())
		}
	}
	return strings.Join(logged, "|")
}

// heard takes what was written to a client by others.
func (e *testEnv) heard(c *Context) string {
	e.t.Helper()
	out := renderAll(e.t, c.S.W.Buf)
	c.S.W.Buf = c.S.W.Buf[:0]
	return out
}

func TestBlockedClientsAreServed(t *testing.T) {
	e := newTestEnv(t)
	a, b, c, d := e.client(), e.client(), e.client(), e.client()
	e.doAs(a, "blmove", "k", "next", "LEFT", "Right", "0")
	e.doAs(b, "blmpop", "0", "2", "other", "k", "right", "count", "5")
	e.doAs(c, "blpop", "next", "next", "0")
	e.doAs(d, "blmove", "k", "text", "left", "left", "0")
	e.run([]step{{"set text x", "+OK"}, {"multi", "+OK"}, {"rpush k 1 2 3", "+QUEUED"}, {"expire k 100", "+QUEUED"},
		{"exec", "[:3 :1]"}})
	e.effects()
	if got, want := e.serve(), "LMOVE k next left right|RPOP k 2|LPOP next"; got != want {
		t.Errorf("passed on %q, want %q", got, want)
	}
	for i, want := range []string{`"1"`, `["k" ["3" "2"]]`, `["next" "1"]`, ""} {
		if got := e.heard([]*Context{a, b, c, d}[i]); got != want {
			t.Errorf("client %d heard %q, want %q", i, got, want)
		}
	}
	e.run([]step{{"rpush k 4", ":1"}})
	e.serve()
	if got := e.heard(d); got != "-"+string(ErrWrongType) {
		t.Errorf("the last client heard %q", got)
	}
	e.run([]step{{"lrange k 0 -1", `["4"]`}})
	if len(e.blocking.queues) > 0 || len(e.blocking.marked) > 0 {
		t.Error("somebody is still waiting")
	}
}

// TestExpiredBeforeServed: what expires in the transaction that makes it serves nobody.
func TestExpiredBeforeServed(t *testing.T) {
	e := newTestEnv(t)
	a := e.client()
	e.doAs(a, "blpop", "k", "0")
	e.run([]step{{"multi", "+OK"}, {"rpush k 1", "+QUEUED"}, {"pexpire k 10", "+QUEUED"}, {"exec", "[:1 :1]"}})
	e.effects()
	e.now += 11
	if got := e.serve(); got != "DEL k" {
		t.Errorf("passed on %q", got)
	}
	if a.S.Blocked() == nil || e.heard(a) != "" {
		t.Error("the client was served with what had expired")
	}
	a.S.Unpark()
	if len(e.blocking.queues) > 0 {
		t.Error("the queue is still there")
	}
}

func TestNobodyBlocksInATransaction(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"multi", "+OK"}, {"blpop k 0", "+QUEUED"}, {"blmove k l left left 0", "+QUEUED"},
		{"blmpop 0 1 k left", "+QUEUED"},
		{"exec", "[nil nil nil]"},
	})
}

func TestSort(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"rpush l 3 10 2", ":3"},
		{"sort l", `["2" "3" "10"]`},
		{"sort l desc limit 0 2", `["10" "3"]`},
		{"sort l alpha", `["10" "2" "3"]`},
		{"mset w:3 a w:10 b h x", "+OK"},
		{"sort l by w:* alpha get # get w:*", `["2" nil "3" "a" "10" "b"]`},
		{"sort l by nosort limit 1 1 get w:*->f", "[nil]"},
		{"sort l by w:*", "-" + string(errSortScores)},
		{"sort h", "-" + string(ErrWrongType)},
		{"sort l by nosort desc store d", ":3"},
		{"lrange d 0 -1", `["2" "10" "3"]`},
		{"sort_ro l store d", "-ERR syntax error"},
		{"sort none store d", ":0"},
		{"exists d", ":0"},
	})
}
