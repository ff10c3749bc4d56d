package main

import (
	"strconv"
	"strings"
)

const (
	releaseScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`
	bucketScript = `local tokens = tonumber(redis.call('HGET', KEYS[1], 'tokens') or ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 'at') or ARGV[2])
tokens = math.min(tonumber(ARGV[1]), tokens + (tonumber(ARGV[2]) - last) * 0.1)
local allowed = tokens >= 1
if allowed then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tokens)
redis.call('HSET', KEYS[1], 'at', ARGV[2])
redis.call('PEXPIRE', KEYS[1], 60000)
return {allowed and 1 or 0, redis.call('EXISTS', KEYS[1])}`
	hsetScript = "for i = 1, 100000 do redis.call('HSET', KEYS[1], i % 100, i) end return 1"
	loopScript = "local sum = 0 for i = 1, 10000000 do sum = sum + i end return sum"
	jsonScript = `local list = {}
for i = 1, 60 do list[i] = {id = i, name = 'item number ' .. i, tags = {'a', 'b', i}} end
local text, n = cjson.encode(list), 0
for i = 1, 1000 do n = n + #cjson.encode(cjson.decode(text)) end return n`
)

// scriptCases are what applications run, ten thousand at once, and what takes its time in Lua alone.
func scriptCases() (cases []bigCase) {
	many := func(command ...string) (queued [][]string) {
		queued = append(queued, []string{"MULTI"})
		for i := range 10_000 {
			one := append([]string(nil), command...)
			for j, word := range one {
				one[j] = strings.Replace(word, number, strconv.Itoa(i%100), 1)
			}
			queued = append(queued, one)
		}
		return queued
	}
	for _, c := range []struct{ name, script, rest string }{
		{"EVAL of 100000 HSET", hsetScript, "1 hash"}, {"EVAL of 10^7 additions", loopScript, "0"},
		{"EVAL of 1000 round trips of 4 KiB through cjson", jsonScript, "0"},
	} {
		cases = append(cases, bigCase{name: c.name,
			command: append([]string{"EVAL", c.script}, strings.Fields(c.rest)...)})
	}
	return append(cases,
		bigCase{name: "10000 scripts that release a lock", before: flushed(),
			queued: many("EVAL", releaseScript, "1", "lock:"+number, "token"), command: []string{"EXEC"}},
		bigCase{name: "10000 scripts that are a token bucket", before: flushed(),
			queued: many("EVAL", bucketScript, "1", "bucket:"+number, "10", "1000"), command: []string{"EXEC"}})
}
