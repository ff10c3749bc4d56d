package command

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
)

// evalStep runs a script: the words before it are EVAL's and such, those behind it its keys and arguments.
type evalStep struct{ script, rest, want string }

func shaOf(script string) string {
	sum := sha1.Sum([]byte(script))
	return hex.EncodeToString(sum[:])
}

// runScripts runs scripts in order. SHA in what is wanted stands for the script's.
func (e *testEnv) runScripts(steps []evalStep) {
	e.t.Helper()
	for _, s := range steps {
		rest := s.rest
		if rest == "" {
			rest = "0"
		}
		got := e.do(append([]string{"eval", s.script}, words(e.t, rest)...)...)
		if want := strings.ReplaceAll(s.want, "SHA", shaOf(s.script)); got != want {
			e.t.Errorf("%s\n got %s\nwant %s", s.script, got, want)
		}
	}
}

// TestScripts has what is guessed wrong about Redis's scripts.
func TestScripts(t *testing.T) {
	e := newTestEnv(t)
	e.do("set", "s", "x")
	e.do("zadd", "z", "1.5", "a", "2", "b")
	e.runScripts([]evalStep{
		{`redis.call('SET',KEYS[1],0.1) return redis.call('GET',KEYS[1])`, "1 k", `"0.10000000000000001"`},
		{`redis.call('SET','k',1/3) return redis.call('GET','k')`, "", `"0.33333333333333331"`},
		{`redis.call('SET','k',1e17) return redis.call('GET','k')`, "", `"1e+17"`},
		{`redis.call('SET','k',2^53) return redis.call('GET','k')`, "", `"9007199254740992"`},
		{`return 'id:' .. 100000000000000`, "", `"id:1e+14"`},
		{`return tostring(2^53)`, "", `"9.007199254741e+15"`},
		{`return cjson.encode(cjson.decode('{"id":9007199254740993}'))`, "", `"{\"id\":9.007199254741e+15}"`},
		{`return cjson.encode('a/b')`, "", `"\"a\\/b\""`},
		{`return cjson.encode({[1]='a',[11]='b'})`, "",
			`-ERR user_script:1: Cannot serialise table: excessively sparse array script: SHA, on @user_script:1.`},
		{`return cmsgpack.pack(0.5)`, "", `"\xca?\x00\x00\x00"`},
		{`return redis.error_reply('boom')`, "", `-ERR boom`},
		{`return {err='boom'}`, "", `-boom`},
		{`return redis.error_reply('My Err')`, "", `-My Err`},
		{`local ok,e=pcall(redis.call,'INCR','s') return {type(e), type(redis.pcall('INCR','s')), e}`, "",
			`["string" "table" "ERR value is not an integer or out of range"]`},
		{`return redis.call('BLPOP','nolist',0)`, "",
			`-ERR This Redis command is not allowed from script script: SHA, on @user_script:1.`},
		{`return type(os.clock())`, "", `"number"`},
		{`return x`, "", `-ERR user_script:1: Script attempted to access nonexistent global variable 'x' ` +
			`script: SHA, on @user_script:1.`},
		{`local t={} for i=1,7999 do t[i]=i end return redis.call('DEL',unpack(t))`, "", `:0`},
		{`local t={} for i=1,8000 do t[i]=i end return redis.call('DEL',unpack(t))`, "",
			`-ERR user_script:1: too many results to unpack script: SHA, on @user_script:1.`},
		{`redis.setresp(3) return redis.call('ZRANGE','z',0,-1,'WITHSCORES')`, "", `[["a" "1.5"] ["b" "2"]]`},
		{`return redis.call('ZRANGE','z',0,-1,'WITHSCORES')`, "", `["a" "1.5" "b" "2"]`},
		{`redis.setresp(3) return false`, "", `:0`},
		{`return false`, "", `nil`},
		{`redis.setresp(3) return true`, "", `:1`},
		{"\n\nreturn redis.call('INCR', 's')", "",
			`-ERR value is not an integer or out of range script: SHA, on @user_script:3.`},
	})
	const counted = "math.randomseed(42) return math.random(1,1000000)"
	first := e.do("eval", counted, "0")
	e.do("eval", "math.randomseed(42)", "0")
	if got := e.do("eval", "return math.random(1,1000000)", "0"); got != first {
		t.Errorf("the seed of one script gave %s in it, and %s in the next", first, got)
	}
	e.do("hello", "3")
	e.runScripts([]evalStep{
		{`redis.setresp(3) return false`, "", `#false`},
		{`redis.setresp(3) return true`, "", `#true`},
		{`return true`, "", `:1`},
		{`return false`, "", `nil`},
	})
}

// TestScriptsAreKnown by their SHA1, whatever the case of its letters, also when there are many of them.
func TestScriptsAreKnown(t *testing.T) {
	e := newTestEnv(t)
	sha := shaOf("return 1")
	e.run([]step{
		{`evalsha ` + sha + ` 0`, `-NOSCRIPT No matching script. Please use EVAL.`},
		{`script load "return 1"`, `"` + sha + `"`},
		{`evalsha ` + strings.ToUpper(sha) + ` 0`, `:1`},
		{`script show ` + sha, `"return 1"`},
		{`script show x`, `-NOSCRIPT No matching script.`},
	})
	for i := range 600 {
		e.do("eval", "return "+strconv.Itoa(i+2), "0")
	}
	e.run([]step{
		{`script exists ` + sha + ` ` + strings.ToUpper(shaOf("return 2")) + ` nosuch`, `[:1 :1 :0]`},
		{`script flush`, `+OK`},
		{`script exists ` + sha, `[:0]`},
		{`script debug yes`,
			`-ERR there is no debugger here: holdfast script run shows what a script does, line by line`},
	})
}

// TestReadOnlyScripts may not publish either, nor run what may write to count.
func TestReadOnlyScripts(t *testing.T) {
	e := newTestEnv(t)
	for _, script := range []string{`return redis.call('PUBLISH','c','x')`, `return redis.call('SET','k','v')`} {
		want := "-ERR Write commands are not allowed from read-only scripts. script: " + shaOf(script) +
			", on @user_script:1."
		if got := e.do("eval_ro", script, "0"); got != want {
			t.Errorf("%s: %s", script, got)
		}
	}
	e.run([]step{
		{`eval_ro "return redis.call('GET','k')" 0`, `nil`},
		{`eval_ro "#!lua\nreturn 1" 0`, `-ERR Can not execute a script with write flag using *_ro command.`},
		{`eval_ro "#!lua flags=no-writes\nreturn 1" 0`, `:1`},
	})
}

// TestScriptsTime: it stands still for keys, but not for TIME.
func TestScriptsTime(t *testing.T) {
	e := newTestEnv(t)
	e.runScripts([]evalStep{{`redis.call('SET','k','v','PX',1) local a, b = redis.call('TIME'), nil
repeat b = redis.call('TIME') until b[1] * 1000000 + b[2] - a[1] * 1000000 - a[2] > 2000
return redis.call('GET','k')`, "", `"v"`}})
	e.now += 2
	e.run([]step{{`get k`, `nil`}})
}

// TestScriptsWithoutMemory: what has been begun is finished.
func TestScriptsWithoutMemory(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{{`config set maxmemory 1`, `+OK`}})
	const oom = `-OOM command not allowed when used memory > 'maxmemory'.`
	e.runScripts([]evalStep{
		{`redis.call('EXPIRE','missing',10) return redis.call('SET','k','v')`, "", `+OK`},
		{`return redis.call('SET','k','v')`, "", oom + ` script: SHA, on @user_script:1.`},
		{"#!lua\nreturn 1", "", oom},
		{"#!lua flags=allow-oom\nreturn redis.call('SET','k','v')", "", `+OK`},
		{"#!lua flags=no-writes\nreturn 1", "", `:1`},
	})
	e.run([]step{{`eval_ro "#!lua\nreturn 1" 0`, oom}, {`script load "return 5"`, `"` + shaOf("return 5") + `"`}})
}

// TestScriptsOnReplicas: they may what their commands may.
func TestScriptsOnReplicas(t *testing.T) {
	e := newTestEnv(t)
	e.node.replica = true
	const readOnly = `-READONLY You can't write against a read only replica.`
	e.runScripts([]evalStep{
		{"#!lua\nreturn redis.call('GET','k')", "", readOnly},
		{`return redis.call('SET','k','v')`, "", readOnly + ` script: SHA, on @user_script:1.`},
		{`return redis.call('GET','k')`, "", `nil`},
	})
	e.run([]step{{`eval_ro "#!lua\nreturn redis.call('GET','k')" 0`, readOnly}})
	e.node.stale = true
	const stale = `-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.`
	e.runScripts([]evalStep{
		{`return 1`, "", stale},
		{"#!lua flags=no-writes\nreturn 1", "", stale},
		{"#!lua flags=no-writes,allow-stale\nreturn 1", "", `:1`},
		{"#!lua flags=no-writes,allow-stale\nreturn redis.call('GET', 'k')", "",
			`-ERR Can not execute the command on a stale replica script: SHA, on @user_script:2.`},
	})
	for _, line := range []string{`evalsha 0000000000000000000000000000000000000000 0`, `fcall missing 0`,
		`fcall_ro missing 0`, `eval "#!nonsense" 0`} {
		e.run([]step{{line, stale}}) // it may be that others know it
	}
}

// TestScriptsEffects: what a script did, and never the script, stands in the log; all of it or nothing.
func TestScriptsEffects(t *testing.T) {
	e := newTestEnv(t)
	e.do("set", "f", "1")
	e.effects()
	for _, c := range []struct{ script, want string }{
		{`redis.call('SET','a','1') redis.call('INCRBYFLOAT','f','1.5') redis.call('SADD','st','x')
redis.call('SPOP','st') return 1`, "MULTI\nSET a 1\nSET f 2.5 KEEPTTL\nSADD st x\nSREM st x\nEXEC"},
		{`redis.call('SET','a','1')`, "SET a 1"},
		{`redis.set_repl(redis.REPL_NONE) redis.call('SET','a','1')`, "SET a 1"},
		{`redis.call('SELECT','3') redis.call('SET','a','1') redis.call('nosuch')`, "SELECT 3\nSET a 1"},
		{`return redis.call('GET','a')`, ""},
	} {
		e.do("eval", c.script, "0")
		kept := "SCRIPT LOAD " + c.script + "\n"
		if got := e.effects(); got != strings.TrimSuffix(kept+c.want, "\n") {
			t.Errorf("%s\n%s\nwant\n%s", c.script, got, c.want)
		}
		e.do("eval", c.script, "0")
		if got := e.effects(); strings.Contains(got, "SCRIPT") {
			t.Errorf("once more: %s\n%s", c.script, got)
		}
	}
	if e.c.S.DB != 0 {
		t.Error("a script's SELECT is its own")
	}
}

// TestScriptsGate: a script's reply waits for what its commands have seen.
func TestScriptsGate(t *testing.T) {
	e := newTestEnv(t)
	e.node.gated = true
	at := e.changed(0, "k")
	e.c.Begin()
	e.do("eval", "return 1", "0")
	if e.c.Revealed() {
		t.Error("it has looked at nothing")
	}
	e.do("eval", "return redis.call('GET','k')", "0")
	if !e.c.Revealed() || e.c.Gate() != at {
		t.Errorf("gate %d, want %d", e.c.Gate(), at)
	}
}

// TestScriptsInTransactions run when EXEC does, and are held to what they say of themselves when they are queued.
func TestScriptsInTransactions(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{`multi`, `+OK`},
		{`eval "return redis.call('SET',KEYS[1],1)" 1 a`, `+QUEUED`},
		{`eval "return redis.call('nosuch')" 0`, `+QUEUED`},
		{`evalsha 0000 0`, `+QUEUED`},
		{`exec`, `[+OK -ERR Unknown Redis command called from script script: ` + shaOf("return redis.call('nosuch')") +
			`, on @user_script:1. -NOSCRIPT No matching script. Please use EVAL.]`},
	})
}

// TestScriptsStatistics counts each error once.
func TestScriptsStatistics(t *testing.T) {
	e := newTestEnv(t)
	e.do("set", "s", "x")
	e.do("eval", "redis.pcall('INCR','s') return redis.call('INCR','s')", "0")
	e.do("eval", "return {err='My own'}", "0")
	e.do("eval", "error('lua')", "0")
	if got := e.Stats.Errors; got["ERR"] != 3 || got["My"] != 1 || e.Stats.ErrorReplies != 4 {
		t.Errorf("counted %v, %d in all", got, e.Stats.ErrorReplies)
	}
	if stat := e.Stats.PerCommand["eval"]; stat.Failed != 3 || stat.Calls != 3 {
		t.Errorf("EVAL: %d of %d have failed", stat.Failed, stat.Calls)
	}
	if stat := e.Stats.PerCommand["incr"]; stat.Failed != 2 || stat.Calls != 2 {
		t.Errorf("INCR: %d of %d have failed", stat.Failed, stat.Calls)
	}
}

// TestScriptsInMonitor: a script is shown before what it runs.
func TestScriptsInMonitor(t *testing.T) {
	e := newTestEnv(t)
	watcher := e.client()
	e.doAs(watcher, "monitor")
	e.do("eval", "return redis.call('GET', 'k')", "0")
	lines := strings.Split(strings.TrimSpace(string(watcher.S.W.Buf)), "\r\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"eval"`) || !strings.Contains(lines[1], `[0 lua] "GET" "k"`) {
		t.Errorf("%q", lines)
	}
}

// TestScriptAllocations: a script that is known, and only calls commands, makes nothing that has to be collected.
func TestScriptAllocations(t *testing.T) {
	e := newTestEnv(t)
	e.Effects.Off = true
	run := func(args ...string) func() {
		words := byteArgs(args)
		return func() {
			e.c.Now = e.now
			e.Execute(e.c, words)
			e.c.S.W.Buf = e.c.S.W.Buf[:0]
			e.Effects.Drop()
		}
	}
	e.do("set", "lock", "token")
	for _, c := range []struct{ script, rest string }{
		{`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('TTL', KEYS[1]) else return 0 end`,
			"1 lock token"},
		{`redis.call('SET', KEYS[1], ARGV[1]) return redis.call('SET', KEYS[1], ARGV[1])`, "1 lock token"},
		{`for i = 1, 10 do redis.call('SET', KEYS[1], i) end return redis.call('GET', KEYS[1])`, "1 n"},
		{`return redis.call('HSET', KEYS[1], 'f', ARGV[1])`, "1 h token"},
		{`redis.call('HINCRBY', KEYS[1], 'n', 1) return redis.call('HGET', KEYS[1], 'n')`, "1 h"},
		{`redis.call('INCRBY', KEYS[1], 5) redis.call('PEXPIRE', KEYS[1], 1e6) return redis.call('DECR', KEYS[1])`,
			"1 c"},
		{`return redis.call('SET', KEYS[1], 'x', 'PX', 1e6)`, "1 x"},
		{`redis.call('SADD', KEYS[1], 'a') return redis.call('SISMEMBER', KEYS[1], 'a')`, "1 s"},
		{`redis.call('ZADD', KEYS[1], 1, 'a') return redis.call('ZCARD', KEYS[1])`, "1 z"},
		{`redis.call('RPUSH', KEYS[1], 'a') return redis.call('LLEN', KEYS[1])`, "1 l"},
	} {
		f := run(append([]string{"eval", c.script}, words(t, c.rest)...)...)
		f()
		if got := testing.AllocsPerRun(100, f); got > 0 {
			t.Errorf("%s: %v allocations", c.script, got)
		}
	}
}

// TestScriptsTracking: a script that reads has its client told of the keys that it named, and of those that it read.
func TestScriptsTracking(t *testing.T) {
	e := newTestEnv(t)
	e.do("hello", "3")
	e.do("client", "tracking", "on")
	other := e.client()
	for _, c := range []struct{ script, told string }{
		{"redis.call('SET', 'a', 1)", ""}, {"redis.call('GET', 'a')", "a b c"}, {"redis.call('PING')", ""},
	} {
		e.do("eval", c.script, "2", "b", "c")
		e.doAs(other, "mset", "a", "1", "b", "2", "c", "3")
		told := string(e.c.S.W.Buf)
		e.c.S.W.Buf = nil
		for _, key := range []string{"a", "b", "c"} {
			if got := strings.Contains(told, "$1\r\n"+key+"\r\n"); got != strings.Contains(c.told, key) {
				t.Errorf("%s: told of %s: %v", c.script, key, got)
			}
		}
	}
}
