package compat

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// scriptCase is a script with its keys and arguments.
type scriptCase struct {
	script string
	keys   []string
	args   []string
}

// scriptCases are scripts whose replies must be the same, in both protocols. Before each the data is that of
// scriptData.
var scriptCases = []scriptCase{
	{script: `redis.call('SET',KEYS[1],0.1) return redis.call('GET',KEYS[1])`, keys: []string{"k"}},
	{script: `local t = {} for i, n in ipairs({0.1, 1/3, 3.14, 1e17, 2^53, 1e21, -0.0, 1e15, 1e14, 123456789012, 2^63,
 -1e300, 1/0, -1/0, 0/0}) do redis.call('SET','k',n) t[i] = redis.call('GET','k') end return t`},
	{script: `return 'id:' .. 100000000000000`},
	{script: `return {tostring(2^53), 'id:' .. 99999999999999, tostring(1e15), tostring(0.1), tostring(-0.0)}`},
	{script: `return cjson.encode(cjson.decode('{"id":9007199254740993}'))`},
	{script: `return {cjson.encode('a/b'), cjson.encode(string.char(127)), cjson.encode({[1]='a',[10]='b'})}`},
	{script: `return cjson.encode({[1]='a',[11]='b'})`},
	{script: `local t = {} for i, v in ipairs({cmsgpack.pack({}), cmsgpack.pack(0.5), cmsgpack.pack(1.0),
 cmsgpack.pack({1,nil,3}), cmsgpack.pack({[2]=2}), cmsgpack.pack(2^53)}) do t[i] = v end return t`},
	{script: `return redis.error_reply('boom')`},
	{script: `return {err='boom'}`},
	{script: `return redis.error_reply('My Err')`},
	{script: `return redis.error_reply('-My Err')`},
	{script: `return redis.error_reply('')`},
	{script: `return redis.error_reply(1)`},
	{script: `return redis.error_reply()`},
	{script: `return redis.status_reply('FINE')`},
	{script: "return redis.status_reply('a\\r\\nb')"},
	{script: "return {err='a\\r\\nb'}"},
	{script: "return {err='a\\r\\n'}"},
	{script: `return {ok='x', err='y'}`},
	{script: `return {ok=1, 2, 3}`},
	{script: `return {double=3.5}`}, {script: `return {double='3.5'}`}, {script: `return {double=1/0}`},
	{script: `return {big_number='123456789012345678901234567890'}`},
	{script: `return {verbatim_string={format='txt', string='hello'}}`},
	{script: `return {verbatim_string={format='t', string='hello'}}`},
	{script: `return {verbatim_string={string='hello'}}`},
	{script: `return {map={a=1, b={2, 3}}}`}, {script: `return {map={1, 2, 3}}`}, {script: `return {set={a=true}}`},
	{script: `return {set={1, 2}}`},
	{script: `return {1, 2, nil, 3}`}, {script: `return {1, {2, {3, 'x', true, false}}, 3.99, -3.99}`},
	{script: `return {1e300, -1e300, 0/0, 1/0}`},
	{script: `return true`}, {script: `return false`}, {script: `return nil`}, {script: ``}, {script: `return`},
	{script: `return function() end`}, {script: `return coroutine.create(function() end)`},
	{script: `local ok,e=pcall(redis.call,'INCR','s') return {type(e), e, type(redis.pcall('INCR','s'))}`},
	{script: `local e=redis.pcall('INCR','s') local t = {} for k, v in pairs(e) do t[#t+1] = k .. '=' .. tostring(v) end
 table.sort(t) return t`},
	{script: `return redis.call('INCR','s')`}, {script: `return redis.pcall('INCR','s')`},
	{script: "\n\nlocal x = 1\nreturn redis.call('INCR', 's')"},
	{script: `return redis.call('nosuch', 1)`}, {script: `return redis.call('GET')`}, {script: `return redis.call()`},
	{script: `return redis.pcall()`}, {script: `return redis.call('GET', nil)`}, {script: `return redis.call({})`},
	{script: `return redis.pcall('GET', true)`}, {script: `return redis.call('CONFIG')`},
	{script: `return redis.call('CONFIG', 'nosuch')`}, {script: `return redis.call('CONFIG', 'GET', 'port')`},
	{script: `return redis.call('BLPOP','nolist',0)`}, {script: `return redis.call('MULTI')`},
	{script: `return redis.call('SUBSCRIBE','x')`}, {script: `return redis.call('EVAL', 'return 1', 0)`},
	{script: `return redis.call('BLMPOP', 0, 1, 'nolist', 'LEFT')`},
	{script: `return redis.call('PING')`}, {script: `return redis.call('ECHO', 'x')`},
	{script: `return redis.call('DBSIZE')`}, {script: `return redis.call('TYPE', 'h')`},
	{script: `return redis.call('SELECT', 5)`},
	{script: `redis.call('SELECT', 5) redis.call('SET', 'in5', 1) return {redis.call('DBSIZE')}`},
	{script: `return redis.call('EXISTS', 'in5')`},
	{script: `return redis.call('MGET', 's', 'nosuch', 'i')`},
	{script: `return #redis.call('MGET', 's', 'nosuch', 'i', 'nosuch', 'nosuch')`},
	{script: `redis.setresp(3) local t = redis.call('MGET', 's', 'nosuch', 'i', 'nosuch', 'nosuch') return {#t, t}`},
	{script: `redis.setresp(3) return redis.call('ZRANGE','z',0,-1,'WITHSCORES')`},
	{script: `return redis.call('ZRANGE','z',0,-1,'WITHSCORES')`},
	{script: `redis.setresp(3) return redis.call('HGETALL','h')`}, {script: `return redis.call('HGETALL','h')`},
	{script: `redis.setresp(3) local t = {} for k, v in pairs(redis.call('HGETALL','h').map) do t[#t+1] = k..'='..v end
 return t`},
	{script: `redis.setresp(3) return redis.call('SMEMBERS','one')`}, {script: `return redis.call('SMEMBERS','one')`},
	{script: `redis.setresp(3) return redis.call('ZSCORE','z','a')`},
	{script: `redis.setresp(3) return redis.call('ZSCORE','z','a').double`},
	{script: `return redis.call('ZSCORE','z','a')`}, {script: `redis.setresp(3) return redis.call('GET','nosuch')`},
	{script: `redis.setresp(3) return redis.call('LPOP','nosuch', 2)`},
	{script: `return redis.call('LPOP','nosuch', 2)`},
	{script: `redis.setresp(3) return type(redis.call('LOLWUT').verbatim_string)`},
	{script: `redis.setresp(3) return redis.call('CLIENT', 'ID')`},
	{script: `redis.setresp(3) return false`}, {script: `redis.setresp(3) return true`},
	{script: `redis.setresp(3) return {true, false, nil}`}, {script: `redis.setresp(3) redis.setresp(2) return true`},
	{script: `return redis.setresp(4)`}, {script: `return redis.setresp()`}, {script: `return redis.setresp('3')`},
	{script: `return redis.sha1hex('')`}, {script: `return redis.sha1hex(123)`}, {script: `return redis.sha1hex()`},
	{script: `return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM, redis.LOG_WARNING, redis.REPL_ALL,
 redis.REPL_SLAVE}`},
	{script: `return redis.log(redis.LOG_DEBUG, 'a', 1)`}, {script: `return redis.log('x', 'y')`},
	{script: `return redis.log(9, 'y')`}, {script: `return redis.log(1)`},
	{script: `return redis.set_repl(redis.REPL_NONE)`}, {script: `return redis.set_repl(5)`},
	{script: `return redis.set_repl()`},
	{script: `return redis.acl_check_cmd('GET', 'k')`}, {script: `return redis.acl_check_cmd('nosuch')`},
	{script: `return redis.acl_check_cmd()`},
	{script: `return redis.replicate_commands()`}, {script: `return {redis.breakpoint(), redis.debug('x')}`},
	{script: `return redis.nosuch`}, {script: `return redis.nosuch()`}, {script: `redis.x = 1`},
	{script: `redis = 1`}, {script: `x = 10`}, {script: `return x`}, {script: `return print`},
	{script: `function f() end`}, {script: `return _G.nosuch`}, {script: `_G.x = 1`},
	{script: `return rawget(_G, 'x')`},
	{script: `rawset(_G, 'x', 1)`}, {script: `setmetatable(_G, {})`}, {script: `return getmetatable(_G).__index`},
	{script: `getmetatable(_G).__index = 1`}, {script: `string.x = 1`}, {script: `getmetatable('').__index = 1`},
	{script: `getmetatable('').__index.x = 1`}, {script: `table.insert(math, 1)`}, {script: `cjson.x = 1`},
	{script: `return type(loadfile)`}, {script: `return type(dofile)`}, {script: `return type(require)`},
	{script: `return type(io)`}, {script: `return type(debug)`}, {script: `return type(newproxy)`},
	{script: `return type(getfenv)`}, {script: `return type(setfenv)`}, {script: `return type(gcinfo)`},
	{script: `return type(collectgarbage('count'))`}, {script: `return _VERSION`},
	{script: `local t = {} for k in pairs(string) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(table) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(math) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(cjson) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(cmsgpack) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(struct) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(bit) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(coroutine) do t[#t+1] = k end table.sort(t) return t`},
	{script: `local t = {} for k in pairs(redis) do if not k:find('SERVER') then t[#t+1] = k end end table.sort(t)
 return t`},
	{script: `local t = {} for k in pairs(_G) do if k ~= 'os' and k ~= 'server' then t[#t+1] = k end end table.sort(t)
 return t`},
	{script: `math.randomseed(42) return {math.random(1,1000000), math.random(10), tostring(math.random())}`},
	{script: `math.randomseed(-1) return math.random(1,1000000)`},
	{script: `local t={} for i=1,7999 do t[i]=i end return redis.call('DEL',unpack(t))`},
	{script: `local t={} for i=1,8000 do t[i]=i end return redis.call('DEL',unpack(t))`},
	{script: `error('boom')`}, {script: `error({err='My Err'})`},
	{script: `error({err='My Err', source='x', line='y'})`},
	{script: `error('boom', 0)`}, {script: `error('boom', 2)`}, {script: `error()`}, {script: `error(nil)`},
	{script: `error(42)`}, {script: `error(true)`}, {script: `return error('boom')`},
	{script: `local function f() error('deep') end f()`},
	{script: `local function f() return error('tail') end return f()`},
	{script: `return string.gsub('x', 'x', error)`}, {script: `string.gsub('x', 'x', error)`},
	{script: `table.sort({3,2,1}, function() error('cmp') end)`},
	{script: `return pcall(error, 'x')`}, {script: `return {pcall(error, 'x')}`},
	{script: `return {pcall(error, {err='x y'})}`}, {script: `return {pcall(function() return 1, 2, 3 end)}`},
	{script: `return {pcall(redis.call, 'nosuch')}`}, {script: `return {pcall()}`}, {script: `return {pcall(1)}`},
	{script: `return {select('#', pcall(function() end))}`},
	{script: `return {xpcall(function() return redis.call('INCR', 's') end, function(e) return type(e) .. e.err end)}`},
	{script: `local t = nil return t.x`}, {script: `local t = {} return t.x.y`}, {script: `return 1 + nil`},
	{script: `return 'a' < 1`}, {script: `return #nil`}, {script: `return ('x')()`}, {script: `return {} .. 'x'`},
	{script: `local function f() return f() + 1 end return f()`},
	{script: `local function f() return 1 + f() end f = f return 1`},
	{script: `local f f = function() return 1 + f() end return f()`},
	{script: `return string.rep('x', -1)`}, {script: `return string.format('%d %s %5.2f %q', 3, 'x', 1.5, 'a"b')`},
	{script: `return {string.find('abc', 'b', 1, true), string.match('key:12', '(%a+):(%d+)')}`},
	{script: `return {tonumber('0x10'), tonumber('1e1'), tonumber(' 5 '), tonumber('z', 36), tonumber('x')}`},
	{script: `return x y`}, {script: `return (`}, {script: `if`}, {script: "\n\nreturn 'abc"}, {script: `for = 1`},
	{script: `return {KEYS[1], KEYS[2], ARGV[1], #KEYS, #ARGV}`, keys: []string{"a", "b"}, args: []string{"x"}},
	{script: `KEYS = {} return 1`}, {script: `KEYS[1] = 'z' return KEYS`, keys: []string{"a"}},
	{script: `return {KEYS, ARGV}`, keys: []string{"", "\x00\xff"}, args: []string{strings.Repeat("x", 1000)}},
	{script: "#!lua\nreturn 1"}, {script: "#!lua"}, {script: "#!lua flags=no-writes\nreturn redis.call('GET','s')"},
	{script: "#!lua flags=no-writes\nreturn redis.call('SET','s', 1)"}, {script: "#!lua flags=\nreturn 1"},
	{script: "#!lua flags=nope\nreturn 1"}, {script: "#!lua flags=no-writes,allow-oom,allow-stale\nreturn 1"},
	{script: "#!lua name=x\nreturn 1"}, {script: "#!python\nreturn 1"}, {script: "#!\nreturn 1"},
	{script: "#!lua \"x\nreturn 1"}, {script: "#!lua flags=no-cluster,allow-cross-slot-keys\nreturn redis.call('x')"},
	{script: "#!lua\nreturn redis.call('INCR', 's')"}, {script: "#!lua flags=no-writes, \nreturn 1"},
	{script: `local a = {} local b = {a} for i = 1, 100 do b = {b} end return b`},
	{script: `local a = {} a[1] = a return a`}, {script: `local a = {} a.map = {a} return a`},
	{script: `local a = {} a.map = {} a.map[a]=1 return a`}, {script: `local a = {} a.set = {} a.set[a]=1 return a`},
	{script: `return {1, redis.error_reply('x'), 2}`}, {script: `return {redis.pcall('INCR', 's'), 2}`},
	{script: `return redis.call('OBJECT', 'ENCODING', 'i')`}, {script: `return redis.call('OBJECT', 'HELP')`},
	{script: `redis.call('SET', 'tmp', 'v', 'PX', 100000) return redis.call('DEL', 'tmp')`},
	{script: `return redis.call('SORT', 'l', 'ALPHA')`}, {script: `return redis.call('LRANGE', 'l', 0, -1)`},
	{script: `return redis.call('PUBLISH', 'c', 'x')`}, {script: `return redis.call('SET', 's', 'x', 'XX', 'GET')`},
	{script: `return {redis.call('SET', 's', 'y'), redis.call('SET', 's', 'y').ok}`},
	{script: `local t = redis.call('SET', 's', 'y') t.ok = 'changed' return {t, redis.call('SET', 's', 'y')}`},
	{script: `local t = redis.call('SET', 's', 'y') t.other = 1 t[1] = 2 return {t, redis.call('SET', 's', 'y')}`},
	{script: `local a = {} for i = 1, 100 do a[i] = redis.call('SET', 's', 'y') end return a[100]`},
	{script: `local c = coroutine.wrap(function(x) local y = coroutine.yield(redis.call('GET', x)) return y end)
 return {c('s'), c('z')}`},
	{script: `return coroutine.wrap(function() return redis.call('INCR', 's') end)()`},
	{script: `return {struct.pack('>I2', 258), struct.unpack('>I2', 'ab'), bit.band(255, 15), bit.tohex(255)}`},
	{script: `return loadstring('return 1 + 1')()`}, {script: `return loadstring('return x y')`},
	{script: `return {loadstring('return x y')}`}, {script: `return loadstring('nosuch = 1')()`},
	{script: `return tostring(redis):sub(1, 6)`}, {script: `return redis.call('SET', 'k', 'v').ok .. 'x'`},
	{script: `local t = setmetatable({}, {__index = function() return 'x' end}) return t`},
	{script: `local t = setmetatable({}, {__index = {err = 'x'}}) return t`},
	{script: `return os.clock and 1`},
}

// scriptData is what the scripts find.
var scriptData = []string{"FLUSHALL", "SET s x", "SET i 5", "RPUSH l a c b", "SADD one x", "ZADD z 1.5 a 2 b",
	"HSET h f 1 g 2"}

// knownScripts are cases that answer otherwise, on purpose: os.clock is there, as in newer versions of Redis.
var knownScripts = map[string]string{`return os.clock and 1`: ":1\r\n"}

// TestScripts compares what scripts answer, as EVAL, as EVALSHA and as EVAL_RO.
func TestScripts(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	both := func(client int, args ...string) (a, b reply) {
		t.Helper()
		a, b, err := p.both(client, args)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return a, b
	}
	for _, c := range scriptCases {
		differs := false
		rest := append(append([]string{fmt.Sprint(len(c.keys))}, c.keys...), c.args...)
		for client := range clients {
			for _, command := range []string{"EVAL", "EVALSHA", "EVAL_RO"} {
				for _, line := range scriptData {
					both(0, strings.Fields(line)...)
				}
				script := c.script
				if command == "EVALSHA" {
					_, loaded := both(0, "SCRIPT", "LOAD", c.script)
					script = strings.ToUpper(loaded.text)
				}
				a, b := both(client, append([]string{command, script}, rest...)...)
				if want, known := knownScripts[c.script]; known && string(b.raw) == want {
					continue
				}
				if !differs && !bytes.Equal(a.raw, b.raw) {
					differs = true
					t.Errorf("%s of %s, client %d\n  redis    %s\n  holdfast %s", command, c.script, client, clip(a),
						clip(b))
				}
			}
		}
	}
}

// TestScriptCommands compares what is said about scripts.
func TestScriptCommands(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	const sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" // of "return 1"
	for _, line := range [][]string{
		{"EVAL"}, {"EVAL", "return 1"}, {"EVAL", "return 1", "x"}, {"EVAL", "return 1", "-1"},
		{"EVAL", "return 1", "1"}, {"EVAL", "return 1", "9223372036854775808"}, {"EVAL", "return (", "-1"},
		{"SCRIPT", "FLUSH"}, {"EVALSHA", sha, "0"}, {"EVALSHA", "x", "0"}, {"EVALSHA", "x", "-1"},
		{"EVALSHA", sha, "-1"}, {"EVALSHA_RO", sha, "0"},
		{"SCRIPT", "EXISTS", sha, "x"}, {"SCRIPT", "EXISTS"}, {"SCRIPT", "LOAD", "return 1"},
		{"SCRIPT", "EXISTS", sha, strings.ToUpper(sha), "x"}, {"EVALSHA", strings.ToUpper(sha), "0"},
		{"SCRIPT", "LOAD", "return ("}, {"SCRIPT", "LOAD", "#!lua flags=x\nreturn 1"}, {"SCRIPT", "LOAD"},
		{"SCRIPT", "FLUSH", "x"}, {"SCRIPT", "FLUSH", "SYNC", "x"}, {"SCRIPT", "FLUSH", "ASYNC"},
		{"SCRIPT", "EXISTS", sha}, {"SCRIPT", "NOSUCH"}, {"SCRIPT"}, {"SCRIPT", "DEBUG"},
		{"MULTI"}, {"EVAL", "return redis.call('SET','m',1)", "0"}, {"EVAL", "return redis.call('nosuch')", "0"},
		{"EVALSHA", sha, "0"}, {"EXEC"}, {"GET", "m"},
		{"COMMAND", "GETKEYS", "EVAL", "x", "2", "a", "b", "c"}, {"COMMAND", "GETKEYS", "EVAL", "x", "0"},
		{"COMMAND", "GETKEYSANDFLAGS", "EVAL", "x", "1", "a"}, {"COMMAND", "GETKEYS", "EVAL", "x", "3", "a"},
	} {
		a, b, err := p.both(0, line)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.raw, b.raw) {
			t.Errorf("%q\n  redis    %s\n  holdfast %s", line, clip(a), clip(b))
		}
	}
}

// TestScriptsEffects compares what scripts send to replicas: what they did, and never themselves.
func TestScriptsEffects(t *testing.T) {
	p := newFollowedPair(t)
	var ops []op
	for _, words := range [][]string{
		{"EVAL", `return redis.call('SET','a','1')`, "0"},
		{"SET", "f", "1"},
		{"EVAL", `redis.call('SET','a','1') redis.call('INCRBYFLOAT','f','1.5') redis.call('SADD','st','x')
redis.call('SPOP','st') return 1`, "0"},
		{"EVAL", `redis.call('SELECT', 3) redis.call('SET', 'b', 1) return redis.call('nosuch')`, "0"},
		{"EVAL", `return redis.call('GET', 'a')`, "0"},
		{"EVAL", `redis.call('PUBLISH', 'c', 'x') redis.call('SET', 'a', 2)`, "0"},
		{"MULTI"}, {"EVAL", `redis.call('SET','a','3') redis.call('SET','c','3')`, "0"}, {"SET", "d", "4"}, {"EXEC"},
	} {
		ops = append(ops, op{args: words})
	}
	if done, err := p.run(ops); err != nil {
		t.Fatalf("operation %d: %s", done, err)
	}
}
