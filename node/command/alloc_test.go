package command

import (
	"fmt"
	"strings"
	"testing"
)

// TestCommonCommandsAllocateNothing: what clients ask for all the time makes no garbage, which would be memory beside
// the data.
func TestCommonCommandsAllocateNothing(t *testing.T) {
	const (
		runs = 500
		text = "0123456789_0123456789"
	)
	// What is read from a packed value is formatted in memory of its own, and a list's element is moved as a copy.
	some := map[string]float64{"HDEL H f%d": 1, "HGETALL h": 1, "LRANGE L 0 9": 1, "ZRANGE z 0 9": 1,
		"LMOVE L L LEFT RIGHT": 2, "RPOPLPUSH L L": 2, "XDEL X %d-1": 1, "XREVRANGE X + - COUNT 1": 3}
	for _, line := range []string{
		"PING", "GET str", "SET str " + text, "SET new:%d 1 EX 100", "SETEX str 100 1", "INCR int", "INCRBY int 7",
		"DECR int", "APPEND grows x", "STRLEN str", "GETRANGE str 1 5", "SETRANGE str 1 abc", "GETSET str " + text,
		"MGET str int", "MSET str 1 int 2", "EXISTS str", "EXPIRE str 100", "TTL str", "TYPE str", "DEL new:%d",
		"SETBIT bits 7 1", "GETBIT bits 7", "HSET h f " + text, "HSET h f%d " + text, "HSET H f%d " + text,
		"HSET newh:%d f " + text, "HGET h f", "HGET H f1", "HMGET H f1 f2", "HINCRBY h n 1", "HEXISTS H f1",
		"HLEN H", "HDEL H f%d", "HGETALL h", "LPUSH l " + text, "RPUSH L " + text, "LPOP L", "RPOP L", "LLEN L",
		"LRANGE L 0 9", "LINDEX L 3", "LMOVE L L LEFT RIGHT", "RPOPLPUSH L L", "SADD s m%d", "SADD S m%d",
		"SADD news:%d " + text, "SISMEMBER S m1", "SCARD S", "SREM S m%d", "SMISMEMBER S m1 m2", "ZADD z %d m",
		"ZADD Z %d m%d", "ZADD newz:%d 1 m", "ZSCORE Z m1", "ZRANK Z m1", "ZRANGE Z 0 9", "ZRANGE z 0 9",
		"ZRANGEBYSCORE Z 5 100 LIMIT 0 10", "ZINCRBY Z 1 m1", "ZCARD Z", "ZCOUNT Z 1 5", "ZREM Z m%d",
		"XADD x * f " + text, "XADD x %d-1 f v", "XLEN X", "XREVRANGE X + - COUNT 1", "XDEL X %d-1",
	} {
		t.Run(line, func(t *testing.T) {
			e := newTestEnv(t)
			for _, fill := range []string{"HSET H f%d v", "RPUSH L v%d", "SADD S m%d", "ZADD Z %d m%[1]d",
				"XADD X %d-1 f v"} {
				if large := " " + strings.Fields(fill)[1] + " "; !strings.Contains(line+" ", large) {
					continue
				}
				for i := range 5000 {
					e.Execute(e.c, byteArgs(strings.Fields(fmt.Sprintf(fill, i))))
				}
			}
			for _, fill := range []string{"SET str 1", "SET int 1", "HSET h f v n 1", "RPUSH l v", "SADD s m",
				"ZADD z 1 m"} {
				e.Execute(e.c, byteArgs(strings.Fields(fill)))
			}
			requests := make([][][]byte, runs+1)
			for i := range requests {
				words := strings.Fields(line)
				for j, w := range words {
					if strings.Contains(w, "%d") {
						words[j] = fmt.Sprintf(w, i)
					}
				}
				requests[i] = byteArgs(words)
			}
			e.Admit(e.c)
			i := 0
			if n := testing.AllocsPerRun(runs, func() {
				e.Execute(e.c, requests[i])
				e.Effects.Flush(func([]byte) {})
				e.c.S.W.Buf = e.c.S.W.Buf[:0]
				i++
			}); n > some[line] {
				t.Errorf("%v allocations, %v are known", n, some[line])
			}
		})
	}
}
