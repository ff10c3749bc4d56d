package command

import (
	"errors"
	"strings"
	"testing"

	"holdfast/cluster"
	"holdfast/node/engine"
)

// TestQueuedScriptsWaitForTheChain: a script that may run where what is read may be old does not do so, in a
// transaction or not, where the chain can still say that it isn't.
func TestQueuedScriptsWaitForTheChain(t *testing.T) {
	const script = "#!lua flags=no-writes,allow-stale\nreturn redis.call('get', 'k')"
	e := newTestEnv(t)
	e.node.replica, e.node.unknown = true, true
	runs := func(args ...string) Outcome {
		e.Engine.Lock()
		defer e.Engine.Unlock()
		e.c.Now = e.now
		e.Engine.NoteRole()
		e.Admit(e.c)
		outcome := e.Execute(e.c, byteArgs(args))
		e.c.S.W.Truncate(0)
		return outcome
	}
	if runs("eval", script, "0") != Unconfirmed {
		t.Error("it runs")
	}
	for _, line := range [][]string{{"multi"}, {"eval", script, "0"}} {
		if runs(line...) != Done {
			t.Errorf("%s waits", line)
		}
	}
	if runs("exec") != Unconfirmed {
		t.Error("it runs in a transaction")
	}
	e.node.unknown = false
	if runs("exec") != Done {
		t.Error("it does not run when the chain has confirmed")
	}
}

// TestScriptsThatCantBeKept: a script need not be known after a failover to run now: the disk may take no note, or the
// log no more before the chain has what is in it. Who asks for it to be known is told.
func TestScriptsThatCantBeKept(t *testing.T) {
	e := newTestEnv(t)
	e.need = func(int) error { return errors.New("no space left on device") }
	for _, line := range [][]string{{"eval", "return 1", "0"}, {"eval_ro", "return 1", "0"},
		{"evalsha_ro", shaOf("return 1"), "0"}} {
		if got := e.do(line...); got != ":1" {
			t.Errorf("%s: %s", line, got)
		}
	}
	if got := e.do("script", "load", "return 1"); !strings.HasSuffix(got, "no space left on device") {
		t.Error("SCRIPT LOAD:", got)
	}
	if got := e.effects(); got != "" {
		t.Error("the log has", got)
	}

	e = newTestEnv(t)
	e.Engine.Log.SetChain(1, cluster.Member{Name: "silent"}, true)
	e.Engine.Log.Append(make([]byte, engine.MaxUncommitted+1))
	if got := e.do("eval_ro", "return 1", "0"); got != ":1" || e.effects() != "" {
		t.Error("without room:", got)
	}
}

// TestAppends: what may add to the log waits where that has no room, and nothing else does.
func TestAppends(t *testing.T) {
	e := newTestEnv(t)
	for line, want := range map[string]bool{
		"set k v": true, "get k": false, "exec": true, "multi": false, "eval x 0": true, "evalsha x 0": true,
		"fcall f 0": true, "eval_ro x 0": false, "evalsha_ro x 0": false, "fcall_ro f 0": false,
		"script load x": true, "script flush": true, "script exists x": false, "script kill": false,
		"function load x": true, "function delete x": true, "function flush": true, "function restore x": true,
		"function list": false, "function kill": false, "replconf ack 1": false, "nosuch": false,
	} {
		if got := e.Appends(byteArgs(strings.Fields(line))); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// TestProgramsGate: who is shown which scripts and functions are known, or finds one known, waits until what made it so
// is committed; on a replica too.
func TestProgramsGate(t *testing.T) {
	const library = "#!lua name=lib\nredis.register_function{function_name='f', callback=function() return 1 end, " +
		"flags={'no-writes'}}"
	sha := shaOf("return 1")
	for _, c := range []struct{ change, shows []string }{
		{[]string{"function", "load", library}, []string{"fcall f 0", "fcall_ro f 0", "function list", "function dump",
			"function stats", "fcall missing 0"}},
		{[]string{"function", "delete", "lib"}, []string{"fcall f 0"}},
		{[]string{"script", "load", "return 1"}, []string{"evalsha " + sha + " 0", "evalsha_ro " + sha + " 0",
			"evalsha 0000 0", "script exists " + sha, "script show " + sha, "script load \"return 1\"",
			"eval \"return 1\" 0"}},
		{[]string{"script", "flush"}, []string{"evalsha " + sha + " 0"}},
	} {
		for _, where := range []string{"master", "replica"} {
			for _, line := range c.shows {
				e := newTestEnv(t)
				e.node.gated = true
				if c.change[0] == "function" && c.change[1] == "delete" {
					e.do("function", "load", library)
				}
				if e.Engine.Append(); where == "master" {
					e.do(c.change...)
				} else {
					e.apply(c.change...)
					e.node.replica = true
					e.Effects.Add(0, []byte("what the log has"))
				}
				end := e.Engine.Append()
				e.Effects.Add(0, []byte("something else"))
				e.Engine.Append()
				e.c.Begin()
				if got := e.do(words(t, line)...); e.c.Gate() != end {
					t.Errorf("%s after %s on a %s: %s, which waits for %d, want %d", line, c.change[:2], where, got,
						e.c.Gate(), end)
				}
			}
		}
	}
}

// TestScriptsOfAnOldGroup: while a member is of an earlier version, scripts run and nothing of them is in the log but
// what they did; what that member could not read is refused.
func TestScriptsOfAnOldGroup(t *testing.T) {
	e := newTestEnv(t)
	e.level = func() int { return levelOfPrograms - 1 }
	const script = "return redis.call('SET', 'k', 'v')"
	for _, line := range [][]string{{"eval", script, "0"}, {"evalsha", shaOf(script), "0"}} {
		if got := e.do(line...); got != "+OK" {
			t.Errorf("%s: %s", line, got)
		}
		if got := strings.TrimPrefix(e.effects(), "SELECT 0\n"); got != "SET k v" {
			t.Errorf("the log has %q after %s", got, line)
		}
	}
	for _, line := range [][]string{{"script", "load", script}, {"script", "flush"}, {"function", "load", "x"},
		{"function", "delete", "x"}, {"function", "flush"}, {"function", "restore", "x"}} {
		if got := e.do(line...); !strings.Contains(got, "needs feature level 3, and this group is of level 2") {
			t.Errorf("%s: %s", line, got)
		}
	}
	if got := e.effects(); got != "" {
		t.Errorf("the log has %q", got)
	}
}
