package node

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/node/command"
	"holdfast/resp"
	"holdfast/transport"
)

// realClient is a client over a real connection.
func realClient(t *testing.T, n *Node) client {
	t.Helper()
	c, err := resp.Dial(t.Context(), transport.Host{}, n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return client{t, c}
}

// begin has a script run that does not end by itself, and answers once other clients are told so.
func begin(t *testing.T, n *Node, script string) (of client) {
	t.Helper()
	c, other := realClient(t, n), realClient(t, n)
	if err := c.Send(t.Context(), "EVAL", script, "0"); err != nil {
		t.Fatal(err)
	}
	for !strings.HasPrefix(other.do("GET", "k"), "-BUSY") {
		time.Sleep(time.Millisecond)
	}
	return c
}

// reply is the reply that the client waits for; an error is its text.
func (c client) reply() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	v, err := c.Receive(ctx)
	if err != nil {
		return "-" + err.Error()
	}
	return v.String()
}

const (
	loop         = "while true do end"
	loopAndWrite = "redis.call('SET', 'half', 1) while true do end"
	busyReply    = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
)

// TestBusyScript: clients that come, and those that were there, are told of a script that does not end, and one may end
// it.
func TestBusyScript(t *testing.T) {
	n := startReal(t, "busy-reply-threshold 10")
	old := realClient(t, n)
	if got := old.do("SCRIPT", "KILL"); got != "-NOTBUSY No scripts in execution right now." {
		t.Error(got)
	}
	c := begin(t, n, loop)
	fresh := realClient(t, n)
	for _, step := range []struct{ line, want string }{
		{"MULTI", "OK"}, {"SET a 1", "-" + busyReply},
		{"EXEC", "-EXECABORT Transaction discarded because of: " + busyReply},
		{"PING", "-" + busyReply}, {"INFO", "-" + busyReply}, {"SHUTDOWN", "-" + busyReply}, {"WATCH k", "OK"},
		{"UNWATCH", "OK"}, {"nosuch", "-ERR unknown command 'nosuch', with args beginning with: "}, {"RESET", "RESET"},
		{"CLIENT ID", "-" + busyReply},
	} {
		fresh.answers(step.line, step.want)
	}
	if got := fresh.do("HELLO", "3"); !strings.HasPrefix(got, "[server redis") {
		t.Error(got)
	}
	for range 100 { // more than the loops serve at once
		if got := realClient(t, n).do("GET", "x"); got != "-"+busyReply {
			t.Error(got)
		}
	}
	if got := old.do("SCRIPT", "KILL"); got != "OK" {
		t.Error(got)
	}
	if got := c.reply(); !strings.HasPrefix(got, "-ERR Script killed by user with SCRIPT KILL... script: ") ||
		!strings.HasSuffix(got, ", on @user_script:1.") {
		t.Error(got)
	}
	if got := old.do("SET", "k", "v"); got != "OK" {
		t.Error("afterwards", got)
	}
}

// TestBusyScriptCantBeCaught: a script does not go on because it catches errors.
func TestBusyScriptCantBeCaught(t *testing.T) {
	n := startReal(t, "busy-reply-threshold 1")
	c := begin(t, n, "while true do pcall(function() while true do end end) end")
	if got := realClient(t, n).do("SCRIPT", "KILL"); got != "OK" {
		t.Error(got)
	}
	if got := c.reply(); !strings.Contains(got, "killed") {
		t.Error(got)
	}
}

// TestBusyScriptOnAReplica: what comes from the master meanwhile is there when the script has ended.
func TestBusyScriptOnAReplica(t *testing.T) {
	n := startReal(t)
	follower := startReal(t, "busy-reply-threshold 1")
	followTCP(t, follower, n)
	begin(t, follower, loop)
	if got := realClient(t, n).do("SET", "k", "v"); got != "OK" {
		t.Error(got)
	}
	if got := realClient(t, follower).do("SCRIPT", "KILL"); got != "OK" {
		t.Error(got)
	}
	for dataOf(follower, "k") != "v" { // the test's own limit says that it never comes
		time.Sleep(time.Millisecond)
	}
}

// TestBusyScriptThatHasWritten can't be ended without the node, and then nothing of it is in the log.
func TestBusyScriptThatHasWritten(t *testing.T) {
	n := startReal(t, "busy-reply-threshold 10")
	follower := startReal(t)
	followTCP(t, follower, n)
	before := n.log.End()
	begin(t, n, loopAndWrite)
	other := realClient(t, n)
	if got := other.do("SCRIPT", "KILL"); !strings.HasPrefix(got, "-UNKILLABLE Sorry the script already executed") {
		t.Error(got)
	}
	if err := other.Send(t.Context(), "SHUTDOWN", "NOSAVE"); err != nil {
		t.Fatal(err)
	}
	<-n.Exit()
	for n.engine.Broken() == nil { // until the script has ended
		time.Sleep(time.Millisecond)
	}
	if end := n.log.End(); end != before {
		t.Errorf("the log has %d bytes more", end-before)
	}
	if got := dataOf(follower, "half"); got != "" {
		t.Errorf("the half of a script is at a follower: %q", got)
	}
}

// TestBusyScriptEndsWithTheNode: a node that is closed does not wait for one.
func TestBusyScriptEndsWithTheNode(t *testing.T) {
	n := start(t, Config{Network: transport.Host{}}, "bind 127.0.0.1", "port 0", "busy-reply-threshold 1")
	begin(t, n, loop)
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// TestScriptsOfANodeThatIsToStop: a signal ends a script that holds up everybody, unless it has written and comes to
// its end in time. Nothing is saved with the half of one in it.
func TestScriptsOfANodeThatIsToStop(t *testing.T) {
	const ending = "redis.call('SET', 'half', 1) for i = 1, 1e5 do end return 'done'"
	for name, c := range map[string]struct{ script, timeout, reply, has string }{
		"without end":             {loop, "3600", "-ERR the script was ended with the node script: ", "before"},
		"it writes, without end":  {loopAndWrite, "0", "-receive: EOF", ""},
		"it writes and ends soon": {ending, "3600", "done", "before half"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			begun, goOn := make(chan struct{}), make(chan struct{})
			first := sync.OnceFunc(func() { close(begun); <-goOn })
			n := start(t, Config{Network: transport.Host{}, Dir: root, OnLong: func(what string) {
				if what == command.StretchOfScript {
					first()
				}
			}}, "bind 127.0.0.1", "port 0", "save 3600 1", "busy-reply-threshold 10", "shutdown-timeout "+c.timeout)
			realClient(t, n).answers("SET before 1", "OK")
			of := realClient(t, n)
			of.send("EVAL", c.script, "0")
			<-begun
			if err := n.Leave(t.Context()); err != nil {
				t.Error(err)
			}
			close(goOn)
			err = n.SaveAtEnd(false)
			if got := of.reply(); !strings.HasPrefix(got, c.reply) {
				t.Errorf("its client is told %q", got)
			}
			if saved := err == nil; saved != (c.has != "") {
				t.Errorf("saved: %v", err)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			n = start(t, Config{Network: transport.Host{}, Dir: root}, "bind 127.0.0.1", "port 0")
			var has []string
			for _, key := range []string{"before", "half"} {
				if dataOf(n, key) != "" {
					has = append(has, key)
				}
			}
			if got := strings.Join(has, " "); got != c.has {
				t.Errorf("what was saved has %q", got)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInputBehindAPausedCommand: what a client says while a pause holds its command back is answered after that.
func TestInputBehindAPausedCommand(t *testing.T) {
	n := startReal(t)
	c, other := realClient(t, n), realClient(t, n)
	c.answers("SET k 1", "OK")
	other.answers("CLIENT PAUSE 600000 WRITE", "OK")
	c.send("INCR", "k")
	for !strings.Contains(other.do("CLIENT", "LIST"), "flags=b") {
		time.Sleep(time.Millisecond)
	}
	c.send("PING")
	time.Sleep(50 * time.Millisecond) // it is read meanwhile
	other.answers("CLIENT UNPAUSE", "OK")
	if got := c.reply() + " " + c.reply(); got != "2 PONG" {
		t.Error(got)
	}
}

// TestScriptsEndOnAnyMember: also where the chain would have to confirm what is read, and where clients are held back,
// a script can be ended: who could let the word go on would wait for the script.
func TestScriptsEndOnAnyMember(t *testing.T) {
	nodes, _ := heldChain(t, false, &holder{})
	nodes = append(nodes, startReal(t))
	for at, n := range nodes {
		c, other := realClient(t, n), realClient(t, n)
		lines := []string{"CONFIG SET busy-reply-threshold 10"}
		if alone := at == len(nodes)-1; alone {
			lines = append(lines, "MULTI", "CLIENT PAUSE 3600000")
		}
		for _, line := range lines {
			c.do(words(line)...)
		}
		for _, args := range [][]any{{"EVAL", loop, "0"}, {"EXEC"}} {
			if err := c.Send(t.Context(), args...); err != nil {
				t.Fatal(err)
			}
		}
		for other.do("SCRIPT", "KILL") != "OK" {
			time.Sleep(time.Millisecond)
		}
	}
}
