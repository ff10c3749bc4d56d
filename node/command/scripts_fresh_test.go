package command

import "testing"

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
