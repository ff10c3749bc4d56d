package up

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// size is a number that an environment variable may set; see docs/testing.md.
func size(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number of at least 1", variable, text)
	}
	return n
}

// TestReturnsByPartialResync: whoever was away, however it went, gets what it has missed and not the data set.
func TestReturnsByPartialResync(t *testing.T) {
	keys, writes := size(t, "RETURN_KEYS", 20_000), size(t, "RETURN_WRITES", 2_000)
	// What is missed is more than stays in memory, so that it is read on disk.
	_, members := startMembers(t, 2*time.Second, "--repl-backlog-size", "100kb", "--enable-debug-command", "local")
	g := &returning{t: t, keys: keys, writes: writes, nodes: members}
	nodes := chain(t, g.nodes...)
	began := time.Now()
	g.pipeline(nodes[0], keys,
		func(p redis.Pipeliner, i int) { p.Set(t.Context(), fmt.Sprint("key:", i), g.value(), 0) })
	t.Logf("%d keys written in %v; the data of a full copy is more than %d bytes", keys,
		time.Since(began).Round(time.Millisecond), keys*valueSize/2)

	t.Run("link killed", func(t *testing.T) {
		nodes := g.all(t)
		g.write(nodes[0])
		before := g.traffic(nodes)
		for _, m := range nodes[:2] {
			m.do("CLIENT", "KILL", "TYPE", "replica")
		}
		for _, m := range nodes[1:] {
			waitFor(t, "the link to be made again", func() bool { return m.info("master_link_status") == "up" })
		}
		g.check(t, before, 0, nodes)
	})
	t.Run("paused", func(t *testing.T) {
		nodes := g.all(t)
		away := nodes[2]
		left := away.count("master_repl_offset")
		away.pause()
		g.returns(t, nodes[:2], away, left, func() { away.signal(syscall.SIGCONT) })
	})
	t.Run("killed", func(t *testing.T) {
		nodes := g.all(t)
		away := nodes[1]
		left := away.count("master_repl_offset")
		away.Kill()
		g.returns(t, []*member{nodes[0], nodes[2]}, away, left, away.start)
	})
	t.Run("killed while the others rewrote their logs", func(t *testing.T) {
		nodes := g.all(t)
		away := nodes[2]
		left := away.count("master_repl_offset")
		away.Kill()
		g.write(chain(t, nodes[:2]...)[0])
		for _, m := range nodes[:2] {
			rewrites := m.count("aof_rewrites")
			waitFor(t, "a rewrite to begin", func() bool { return m.c.Do(t.Context(), "BGREWRITEAOF").Err() == nil })
			waitFor(t, "the rewrite to end",
				func() bool { return m.count("aof_rewrites") > rewrites && m.info("aof_rewrite_in_progress") == "0" })
		}
		g.returns(t, nodes[:2], away, left, away.start)
	})
	t.Run("master with an uncommitted suffix, killed", func(t *testing.T) {
		nodes := g.all(t)
		left := g.leaveSuffix(t, nodes)
		nodes[0].Kill()
		resume(nodes[1:])
		g.returns(t, nodes[1:], nodes[0], left, nodes[0].start)
		g.suffixGone(t)
	})
	t.Run("master with an uncommitted suffix, paused", func(t *testing.T) {
		nodes := g.all(t)
		left := g.leaveSuffix(t, nodes)
		nodes[0].pause()
		resume(nodes[1:])
		g.returns(t, nodes[1:], nodes[0], left, func() { nodes[0].signal(syscall.SIGCONT) })
		g.suffixGone(t)
	})
}

const (
	valueSize = 64
	batchSize = 1000
	suffix    = 500 // writes that are never committed
)

func resume(members []*member) {
	for _, m := range members {
		m.signal(syscall.SIGCONT)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * readyTimeout); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// returning is a group whose members go away and return.
type returning struct {
	t            *testing.T
	nodes        []*member
	keys, writes int
}

// value does not compress.
func (g *returning) value() string {
	var b [valueSize]byte
	for i := range b {
		b[i] = byte('0' + rand.IntN(64))
	}
	return string(b[:])
}

// pipeline sends n commands, many at a time.
func (g *returning) pipeline(to *member, n int, add func(p redis.Pipeliner, i int)) {
	g.t.Helper()
	for i := 0; i < n; i += batchSize {
		p := to.c.Pipeline()
		for j := i; j < min(n, i+batchSize); j++ {
			add(p, j)
		}
		if _, err := p.Exec(g.t.Context()); err != nil {
			g.t.Fatalf("writing to %s: %v", to.addr, err)
		}
	}
}

// write is what somebody misses.
func (g *returning) write(to *member) {
	g.t.Helper()
	ctx := g.t.Context()
	g.pipeline(to, g.writes, func(p redis.Pipeliner, i int) {
		key := fmt.Sprint("key:", rand.IntN(g.keys))
		switch i % 10 {
		case 0:
			p.Del(ctx, key)
		case 1:
			p.Incr(ctx, fmt.Sprint("counter:", i%100))
		case 2:
			p.RPush(ctx, "list", g.value())
		default:
			p.Set(ctx, key, g.value(), 0)
		}
	})
	version := fmt.Sprint("return ", rand.Uint64())
	to.do("SCRIPT", "LOAD", version)
	to.do("FUNCTION", "LOAD", "REPLACE", "#!lua name=returning\nredis.register_function('version', function() "+version+
		" end)")
}

// all waits until everybody is in the chain.
func (g *returning) all(t *testing.T) []*member {
	t.Helper()
	return chain(t, g.nodes...)
}

// leaveSuffix has the master's log end with writes that nobody else has. The others are stopped, and cut off, so that
// these don't wait for them in their sockets.
func (g *returning) leaveSuffix(t *testing.T, nodes []*member) (committed int64) {
	t.Helper()
	for _, m := range nodes[1:] {
		m.pause()
	}
	master := nodes[0]
	master.do("CLIENT", "KILL", "TYPE", "replica")
	c := redis.NewClient(&redis.Options{Addr: master.addr, MaxRetries: -1, ReadTimeout: 200 * time.Millisecond})
	defer c.Close()
	p := c.Pipeline()
	for i := range suffix {
		p.Set(t.Context(), fmt.Sprint("suffix:", i), g.value(), 0)
	}
	if _, err := p.Exec(t.Context()); err == nil {
		t.Fatal("writes that nobody else has were acknowledged")
	}
	committed = master.count("holdfast_commit_offset")
	if end := master.count("master_repl_offset"); end < committed+suffix*valueSize {
		t.Fatalf("the log ends at %d and is committed up to %d: there is no suffix", end, committed)
	}
	return committed
}

func (g *returning) suffixGone(t *testing.T) {
	t.Helper()
	for _, m := range g.nodes {
		for i := range suffix {
			if n := m.do("EXISTS", fmt.Sprint("suffix:", i)); n != int64(0) {
				t.Fatalf("%s has a write that was never committed", m.addr)
			}
		}
	}
}

// traffic is what these members have sent to their followers.
type traffic struct {
	members               []*member
	full, partial, output int64
}

func (g *returning) traffic(members []*member) traffic {
	g.t.Helper()
	sum := traffic{members: members}
	for _, m := range members {
		sum.full += m.count("sync_full")
		sum.partial += m.count("sync_partial_ok")
		sum.output += m.count("total_net_repl_output_bytes")
	}
	return sum
}

// returns has the others go on without the one that is away, whose log is theirs up to left, and return it by back.
func (g *returning) returns(t *testing.T, others []*member, away *member, left int64, back func()) {
	t.Helper()
	others = chain(t, others...)
	g.write(others[0])
	before := g.traffic(others)
	missed := others[0].count("master_repl_offset") - left
	began := time.Now()
	back()
	g.all(t)
	took := time.Since(began)
	sent := g.check(t, before, missed, g.nodes)
	t.Logf("missed %d writes, %d bytes; %d bytes were sent; in the chain again after %v", g.writes, missed, sent,
		took.Round(time.Millisecond))
}

// check holds what was sent since before against what was missed, and the data of all.
func (g *returning) check(t *testing.T, before traffic, missed int64, nodes []*member) (sent int64) {
	t.Helper()
	after := g.traffic(before.members)
	sent = after.output - before.output
	if after.full != before.full || after.partial == before.partial {
		t.Errorf("sync_full rose by %d and sync_partial_ok by %d", after.full-before.full, after.partial-before.partial)
	}
	if least := missed / 2; sent < least || sent > 3*missed+100_000 {
		t.Errorf("%d bytes were sent for the %d that were missed", sent, missed)
	}
	digest := ""
	for _, m := range nodes {
		switch d := fmt.Sprint(m.do("DEBUG", "DIGEST"), m.do("DEBUG", "DIGEST-PROGRAMS")); digest {
		case "":
			digest = d
		case d:
		default:
			t.Errorf("the digests of %s and %s are %s and %s", nodes[0].addr, m.addr, digest, d)
		}
	}
	return sent
}
