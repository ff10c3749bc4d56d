package compat

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// library is the code of a library.
func library(name, code string) string { return "#!lua name=" + name + "\n" + code }

// functionSteps are commands about functions, in order. In both protocols the replies must be the same.
var functionSteps = [][]string{
	{"FUNCTION", "FLUSH"}, {"FUNCTION", "LIST"}, {"FUNCTION", "STATS"}, {"FUNCTION", "KILL"}, {"SCRIPT", "KILL"},
	{"FCALL", "f", "0"}, {"FCALL_RO", "f", "0"}, {"FCALL", "f", "x"},
	{"FUNCTION", "LOAD", "return 1"}, {"FUNCTION", "LOAD", "#!lua"}, {"FUNCTION", "LOAD", "#!lua\n"},
	{"FUNCTION", "LOAD", "#!lua name=\n"}, {"FUNCTION", "LOAD", "#!lua name=a name=b\n"},
	{"FUNCTION", "LOAD", "#!lua x=y\n"}, {"FUNCTION", "LOAD", "#!python name=a\n"}, {"FUNCTION", "LOAD", "#! name=a\n"},
	{"FUNCTION", "LOAD", "#!lua name=a-b\n"}, {"FUNCTION", "LOAD", "#!LUA NAME=up\nredis.register_function('up',\n" +
		"function() return 'up' end)"},
	{"FCALL", "UP", "0"}, {"FUNCTION", "DELETE", "up"},
	{"FUNCTION", "LOAD", "#!lua name=a \"\nx"}, {"FUNCTION", "LOAD", "NOPE", "#!lua name=a\n"},
	{"FUNCTION", "LOAD", library("a", "return (")}, {"FUNCTION", "LOAD", library("a", "return 1")},
	{"FUNCTION", "LOAD", library("a", "error('x')")}, {"FUNCTION", "LOAD", library("a", "error({err='x y'})")},
	{"FUNCTION", "LOAD", library("a", "redis.call('GET', 'x')")}, {"FUNCTION", "LOAD", library("a", "math.random()")},
	{"FUNCTION", "LOAD", library("a", "redis.setresp(3)")}, {"FUNCTION", "LOAD", library("a", "x = 1")},
	{"FUNCTION", "LOAD", library("a", "redis.x = 1")}, {"FUNCTION", "LOAD", library("a", "return tostring(1)")},
	{"FUNCTION", "LOAD", library("a", "redis.log(redis.LOG_DEBUG, 'x') return string.rep('x', 1)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function()")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function(1)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function({}, 1)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function('f', 1)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function('f', function() end, 3)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function('f-g', function() end)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function('', function() end)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function('f', function() end) redis.register_function('f',\n"+
		"function() end)")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name='f'}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{callback=function() end}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name={}, callback=function() end}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name='f', callback=1}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name='f', description={}}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name='f', flags='x'}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name='f', flags={'x'}}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{function_name='f', flags={{}}}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{nope=1}")},
	{"FUNCTION", "LOAD", library("a", "redis.register_function{[{}]=1}")},
	{"FUNCTION", "LIST"},
	{"FUNCTION", "LOAD", library("m", "redis.register_function('kf', function(keys, args) return {keys, args} end)")},
	{"FUNCTION", "LOAD", library("m", "redis.register_function('kf', function() end)")},
	{"FUNCTION", "LOAD", library("other", "redis.register_function('kf', function() end)")},
	{"FUNCTION", "LOAD", library("other", "redis.register_function('kg', function() return 'g' end)")},
	{"FUNCTION", "LOAD", "REPLACE", library("m", "redis.register_function('kg', function() end)")},
	{"FCALL", "kf", "2", "a", "b", "c"}, {"FCALL", "KF", "0"}, {"FCALL", "kf", "x"}, {"FCALL", "kf", "-1"},
	{"FCALL", "kf", "2", "a"}, {"FCALL_RO", "kf", "0"}, {"FCALL"}, {"FCALL", "kf"},
	{"FUNCTION", "LIST", "LIBRARYNAME", "m*"}, {"FUNCTION", "LIST", "LIBRARYNAME", "M", "WITHCODE"},
	{"FUNCTION", "LIST", "LIBRARYNAME"}, {"FUNCTION", "LIST", "x"}, {"FUNCTION", "LIST", "WITHCODE", "WITHCODE"},
	{"FUNCTION", "STATS"}, {"FUNCTION", "DELETE", "nosuch"}, {"FUNCTION", "DELETE", "other"}, {"FCALL", "kg", "0"},
	{"FUNCTION", "LOAD", "REPLACE", library("m", `local n = 0
local function helper(x) return x .. '!' end
redis.register_function{function_name='count', description='counts', callback=function() n = n + 1 return n end,
 flags={'no-writes'}}
redis.register_function('set', function(keys, args) return redis.call('SET', keys[1], helper(args[1])) end)
redis.register_function('fail', function() return redis.call('INCR', 's') end)
redis.register_function('raise', function() error('oops') end)
redis.register_function('reply', function() return redis.error_reply('My reply') end)
redis.register_function('write', function(keys, args) x = 1 end)
redis.register_function('late', function() redis.register_function('later', function() end) end)
redis.register_function('globals', function() return {type(KEYS), 1} end)
redis.register_function('nosuch', function() return nosuch end)
redis.register_function('tail', function() return error('tail') end)
redis.register_function('lib', function() return {cjson.encode({1}), string.rep('x', 3), math.floor(1.5)} end)
redis.register_function{function_name='ro', callback=function() return redis.call('SET', 'x', 1) end,
 flags={'no-writes', 'allow-oom', 'allow-stale', 'no-cluster', 'ALLOW-CROSS-SLOT-KEYS'}}
redis.register_function('resp', function() redis.setresp(3) return {redis.call('HGETALL', 'h'), true} end)
redis.register_function('status', function() return redis.call('SET', 's', 'x') end)`)},
	{"FCALL", "kf", "0"}, {"FCALL", "count", "0"}, {"FCALL_RO", "count", "0"}, {"FCALL", "set", "1", "k", "v"},
	{"GET", "k"}, {"FCALL", "fail", "0"}, {"FCALL", "raise", "0"}, {"FCALL", "reply", "0"}, {"FCALL", "write", "0"},
	{"FCALL", "late", "0"}, {"FCALL", "globals", "0"}, {"FCALL", "nosuch", "0"}, {"FCALL", "tail", "0"},
	{"FCALL", "lib", "0"}, {"FCALL", "ro", "0"}, {"FCALL_RO", "ro", "0"}, {"FCALL_RO", "set", "1", "k", "v"},
	{"FCALL", "resp", "0"}, {"FCALL", "status", "0"}, {"EVAL", "return redis.call('FCALL', 'count', 0)", "0"},
	{"EVAL", "return redis.call('FUNCTION', 'LIST')", "0"},
	{"EVAL", "redis.register_function('x', function() end)", "0"},
	{"FUNCTION", "STATS"}, {"FUNCTION", "FLUSH", "x"}, {"FUNCTION", "FLUSH", "SYNC", "x"}, {"FUNCTION", "RESTORE", "x"},
	{"FUNCTION", "RESTORE", "x", "NOPE"}, {"FUNCTION", "RESTORE", "x", "FLUSH", "x"}, {"FUNCTION", "NOSUCH"},
	{"FUNCTION"}, {"FUNCTION", "DUMP", "x"},
	{"MULTI"}, {"FUNCTION", "DELETE", "m"}, {"FCALL", "count", "0"}, {"FUNCTION", "LOAD", library("t",
		"redis.register_function('t', function() return 't' end)")}, {"FCALL", "t", "0"}, {"EXEC"},
	{"FUNCTION", "LIST", "WITHCODE"}, {"FLUSHALL"}, {"FCALL", "t", "0"}, {"FUNCTION", "HELP"}, {"SCRIPT", "FLUSH"},
	{"FCALL", "t", "0"}, {"FUNCTION", "FLUSH", "ASYNC"}, {"FCALL", "t", "0"},
	{"COMMAND", "GETKEYS", "FCALL", "f", "1", "k", "a"},
}

// TestFunctions compares what is answered about functions, and by them.
func TestFunctions(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	for _, client := range []int{0, clients - 1} {
		for _, line := range scriptData {
			if _, _, err := p.both(0, strings.Fields(line)); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range functionSteps {
			a, b, err := p.both(client, step)
			if err != nil {
				t.Fatalf("%q: %v", step, err)
			}
			if !bytes.Equal(a.raw, b.raw) {
				t.Errorf("client %d: %q\n  redis    %s\n  holdfast %s", client, step, clip(a), clip(b))
			}
		}
	}
}

// TestFunctionPayloads: what one of them dumps, the other restores, by all policies.
func TestFunctionPayloads(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	do := func(i int, args ...string) reply {
		t.Helper()
		r, err := p.conns[i][0].do(args...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	long := strings.Repeat("-- the same comment again and again\n", 50)
	for _, name := range []string{"one", "two"} {
		code := library(name, fmt.Sprintf("%sredis.register_function('%s', function() return '%s' end)", long, name,
			name))
		for i := range p.addr {
			do(i, "FUNCTION", "LOAD", code)
		}
	}
	for from := range p.addr {
		payload := do(from, "FUNCTION", "DUMP").text
		for to := range p.addr {
			for _, step := range []struct {
				args []string
				want string
			}{
				{[]string{"FUNCTION", "RESTORE", payload}, ""},
				{[]string{"FUNCTION", "RESTORE", payload, "REPLACE"}, "+OK\r\n"},
				{[]string{"FUNCTION", "DELETE", "one"}, "+OK\r\n"},
				{[]string{"FUNCTION", "RESTORE", payload, "FLUSH"}, "+OK\r\n"},
				{[]string{"FCALL", "one", "0"}, "$3\r\none\r\n"},
				{[]string{"FUNCTION", "FLUSH"}, "+OK\r\n"},
				{[]string{"FUNCTION", "LOAD", library("x", "redis.register_function('two', function() end)")},
					"$1\r\nx\r\n"},
				{[]string{"FUNCTION", "RESTORE", payload, "REPLACE"}, "-ERR Function two already exists\r\n"},
				{[]string{"FUNCTION", "RESTORE", payload, "FLUSH"}, "+OK\r\n"},
				{[]string{"FCALL", "two", "0"}, "$3\r\ntwo\r\n"},
			} {
				got := string(do(to, step.args...).raw)
				if step.want == "" && strings.HasPrefix(got, "-ERR Library ") || got == step.want {
					continue
				}
				t.Errorf("server %d, a payload of %d: %.40q answers %q", to, from, step.args, got)
			}
		}
	}
}
