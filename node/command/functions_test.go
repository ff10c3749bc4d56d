package command

import (
	"strings"
	"testing"
)

const testLibrary = `#!lua name=lib
local n = 0
redis.register_function('set', function(keys, args) n = n + 1 return redis.call('SET', keys[1], args[1] .. n) end)
redis.register_function{function_name='get', callback=function(keys) return redis.call('GET', keys[1]) end,
 flags={'no-writes'}}`

// TestFunctions: what is guessed wrong.
func TestFunctions(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{{`function load "#!lua name=x\nreturn 1"`, `-ERR No functions registered`}})
	if got := e.do("function", "load", testLibrary); got != `"lib"` {
		t.Fatal(got)
	}
	e.run([]step{
		{`fcall set 1 k v`, `+OK`}, {`fcall set 1 k v`, `+OK`}, {`FCALL_RO GET 1 k`, `"v2"`},
		{`fcall_ro set 1 k v`, `-ERR Can not execute a script with write flag using *_ro command.`},
		{`function load "#!lua name=b\nredis.register_function('get', function() end)"`,
			`-ERR Function get already exists`},
		{`function load replace "#!lua name=lib\nredis.register_function('x', 1)"`,
			`-ERR Error registering functions: ERR second argument to redis.register_function must be a function`},
		{`fcall get 1 k`, `"v2"`},
		{`config set maxmemory 1`, `+OK`},
		{`fcall set 1 k v`, `-OOM command not allowed when used memory > 'maxmemory'.`}, {`fcall get 1 k`, `"v2"`},
		{`function load "#!lua name=b\nx"`, `-OOM command not allowed when used memory > 'maxmemory'.`},
	})
}

// TestFunctionsEffects: libraries stand in the log as they were loaded; who applies it runs none of their code.
func TestFunctionsEffects(t *testing.T) {
	e, replica := newTestEnv(t), newTestEnv(t)
	payload := ""
	for _, step := range []struct {
		args []string
		want string // the replica's libraries
	}{
		{[]string{"FUNCTION", "LOAD", testLibrary}, "lib"},
		{[]string{"FUNCTION", "LOAD", "REPLACE", testLibrary + "\n"}, "lib"},
		{[]string{"FUNCTION", "LOAD", strings.Replace(testLibrary, "=lib", "=b", 1)}, "lib"}, // refused
		{[]string{"FUNCTION", "DELETE", "lib"}, ""},
		{[]string{"FUNCTION", "RESTORE", ""}, "lib"},
		{[]string{"FUNCTION", "FLUSH"}, ""},
		{[]string{"FUNCTION", "RESTORE", "", "FLUSH"}, "lib"},
	} {
		if step.args[1] == "RESTORE" {
			step.args[2] = payload
		}
		e.do(step.args...)
		for _, words := range e.effectList() {
			if words[0] != "SELECT" {
				replica.apply(words...)
			}
		}
		if got := strings.Join(replica.Store.Programs.Names(), " "); got != step.want {
			t.Errorf("%q: the replica has %q", step.args, got)
		}
		if step.args[1] == "LOAD" {
			e.c.S.W.Buf = nil
			e.c.Now = e.now
			e.Execute(e.c, byteArgs([]string{"FUNCTION", "DUMP"}))
			_, rest, _ := strings.Cut(string(e.c.S.W.Buf), "\r\n")
			payload, e.c.S.W.Buf = strings.TrimSuffix(rest, "\r\n"), nil
		}
	}
	if got := replica.do("fcall", "set", "1", "k", "v"); got != "+OK" {
		t.Error(got)
	}
}

// TestScriptsAreKept: a replica knows a script that was only run on the master, and one that is run again and again is
// told of again before it is forgotten.
func TestScriptsAreKept(t *testing.T) {
	e, replica := newTestEnv(t), newTestEnv(t)
	for _, env := range []*testEnv{e, replica} {
		env.do("config", "set", "script-cache-bytes", "3000")
	}
	pass := func() {
		for _, words := range e.effectList() {
			if words[0] != "SELECT" {
				replica.apply(words...)
			}
		}
	}
	e.do("eval", "return 'hot'", "0")
	for _, cold := range strings.Fields(strings.Repeat("x ", 100)) {
		e.do("eval", "return '"+cold+"' .. "+itoa(int64(len(e.Stats.Errors)))+" .. "+itoa(e.now), "0")
		e.now++
		e.do("evalsha", shaOf("return 'hot'"), "0")
		pass()
	}
	if got := replica.do("evalsha", shaOf("return 'hot'"), "0"); got != `"hot"` {
		t.Error(got)
	}
	a, b := e.Store.Programs.Scripts(), replica.Store.Programs.Scripts()
	if strings.Join(a, "|") != strings.Join(b, "|") {
		t.Errorf("kept are\n%q\nand\n%q", a, b)
	}
	e.do("script", "flush")
	pass()
	if got := len(replica.Store.Programs.Scripts()); got != 0 {
		t.Errorf("%d are left", got)
	}
}

// TestScriptsWithoutTheLevel: a group that is not all of it runs scripts, but has none in its log.
func TestScriptsWithoutTheLevel(t *testing.T) {
	e := newTestEnv(t)
	e.level = func() int { return levelOfPrograms - 1 }
	e.run([]step{{`eval "return redis.call('SET', 'k', 'v')" 0`, `+OK`}})
	if got := e.effects(); got != "SELECT 0\nSET k v" {
		t.Error(got)
	}
	for _, command := range [][]string{{"SCRIPT", "LOAD", "return 1"}, {"FUNCTION", "FLUSH"}} {
		if got := e.do(command...); !strings.Contains(got, "needs feature level 3") {
			t.Errorf("%q: %s", command, got)
		}
	}
}
