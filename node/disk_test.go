package node

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/transport"
)

// startOnDisk runs a standalone node that keeps its log on a disk.
func startOnDisk(t *testing.T, network transport.Network, disk *memfs.FS, ip string, lines ...string) *Node {
	t.Helper()
	lines = append([]string{"bind " + ip, "appendonly yes", "enable-debug-command yes"}, lines...)
	n, err := New(Config{Settings: settingsOf(t, lines...), Network: network, Files: disk, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// sameAfterRestart ends the node at 10.0.0.1 and starts it again: it has the same data.
func sameAfterRestart(t *testing.T, n *Node, host transport.Network, disk *memfs.FS) {
	t.Helper()
	digest := dial(t, host, "10.0.0.1").do("DEBUG", "DIGEST")
	_ = n.Close()
	n = startOnDisk(t, host, disk, "10.0.0.1")
	if got := dial(t, host, "10.0.0.1").do("DEBUG", "DIGEST"); got != digest {
		t.Error("another digest after the restart")
	}
	_ = n.Close()
}

// allTypes writes a key of every type.
func allTypes(c client) {
	for _, args := range [][]any{
		{"SET", "s", "v"}, {"SET", "t", "v", "EX", "1000"}, {"RPUSH", "l", "a", "b"}, {"SADD", "i", "1", "2"}, {"HSET", "h", "f", "v"},
		{"ZADD", "z", "1.5", "m"}, {"SELECT", "3"}, {"SET", "other", "db"}, {"SELECT", "0"}, {"SPOP", "i"}, {"MULTI"}, {"INCR", "n"}, {"INCR", "n"}, {"EXEC"},
	} {
		c.do(args...)
	}
}

func TestLogSurvivesARestart(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c := dial(t, host, "10.0.0.1")
		allTypes(c)
		before := c.do("DEBUG", "DIGEST")
		id, end := n.log.ID(), n.log.End()
		for round := range 3 {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = startOnDisk(t, host, disk, "10.0.0.1")
			c = dial(t, host, "10.0.0.1")
			if got := c.do("DEBUG", "DIGEST"); got != before {
				t.Fatalf("round %d: another digest after the restart", round)
			}
			info := n.log.Info()
			if n.log.End() != end || info.ID == id || round == 0 && info.SecondID != id {
				t.Fatalf("round %d: the log is %+v, it was %s:%d", round, info, id, end)
			}
			if round == 0 {
				c.do("BGREWRITEAOF")
				time.Sleep(time.Second)
				if r := c.do("INFO", "persistence"); !strings.Contains(r, "aof_rewrites:1") || !strings.Contains(r, "aof_last_bgrewrite_status:ok") {
					t.Fatalf("after BGREWRITEAOF: %s", r)
				}
			}
		}
		_ = n.Close()
	})
}

// TestReplicaResumesAfterItsRestart: it only needs what it has missed.
func TestReplicaResumesAfterItsRestart(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		host, other, disk := net.Host("10.0.0.1"), net.Host("10.0.0.2"), memfs.New()
		master := startNode(t, host, "10.0.0.1", "enable-debug-command yes")
		replica := startOnDisk(t, other, disk, "10.0.0.2", "replicaof 10.0.0.1 6379")
		c := dial(t, host, "10.0.0.1")
		time.Sleep(5 * time.Second)
		allTypes(c)
		time.Sleep(time.Second)
		_ = replica.Close()
		c.do("SET", "while", "away")
		replica = startOnDisk(t, other, disk, "10.0.0.2", "replicaof 10.0.0.1 6379")
		time.Sleep(5 * time.Second)
		r := dial(t, other, "10.0.0.2")
		if a, b := c.do("DEBUG", "DIGEST"), r.do("DEBUG", "DIGEST"); a != b {
			t.Errorf("the digests differ: %s and %s", a, b)
		}
		info := c.do("INFO", "stats")
		for _, want := range []string{"sync_full:1\r\n", "sync_partial_ok:1\r\n"} {
			if !strings.Contains(info, want) {
				t.Errorf("not %q: %s", want, info)
			}
		}
		if c.do("CONFIG", "RESETSTAT"); !strings.Contains(c.do("INFO", "stats"), "sync_full:0\r\n") {
			t.Error("CONFIG RESETSTAT leaves the count of full copies")
		}
		_ = replica.Close()
		_ = master.Close()
	})
}

// TestFullDisk: what can't be stored is not acknowledged, reads go on, and with room again all is well.
func TestFullDisk(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c, waiting := dial(t, host, "10.0.0.1"), dial(t, host, "10.0.0.1")
		c.do("SET", "a", "1")
		disk.SetRoom(10)
		answer := make(chan string)
		go func() { answer <- waiting.do("SET", "b", "2") }()
		time.Sleep(time.Second)
		select {
		case r := <-answer:
			t.Fatalf("a write that is not stored was answered %q", r)
		default:
		}
		if r := c.do("SET", "c", "3"); !strings.HasPrefix(r, "-MISCONF Errors writing to the AOF file: ") {
			t.Errorf("a write is answered %q", r)
		}
		if r := c.do("GET", "a"); r != "1" {
			t.Errorf("a read is answered %q", r)
		}
		if r := c.do("INFO", "persistence"); !strings.Contains(r, "aof_last_write_status:err") {
			t.Errorf("INFO: %s", r)
		}
		disk.SetRoom(-1)
		if r := <-answer; r != "OK" {
			t.Errorf("with room again the write is answered %q", r)
		}
		if r := c.do("SET", "c", "3"); r != "OK" {
			t.Errorf("with room again a write is answered %q", r)
		}
		_ = n.Close()
		disk.LosePower(rand.New(rand.NewPCG(1, 1)))
		n = startOnDisk(t, host, disk, "10.0.0.1")
		if r := dial(t, host, "10.0.0.1").do("MGET", "a", "b", "c"); r != "[1 2 3]" {
			t.Errorf("after a restart: %q", r)
		}
		_ = n.Close()
	})
}

// TestPowerLossWithAlways: with appendfsync always a reply says that the write is on the disk.
func TestPowerLossWithAlways(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			world(t, func(t *testing.T, net *simnet.Network) {
				rng := rand.New(rand.NewPCG(seed, 1))
				disk, host := memfs.New(), net.Host("10.0.0.1")
				acked := 0
				for range 3 {
					n := startOnDisk(t, host, disk, "10.0.0.1", "appendfsync always", "auto-aof-rewrite-min-size 1000")
					c := dial(t, host, "10.0.0.1")
					if r := c.do("LLEN", "l"); r != fmt.Sprint(acked) {
						t.Fatalf("seed %d: %d were acknowledged, there are %s", seed, acked, r)
					}
					for range rng.IntN(100) {
						if r := c.do("RPUSH", "l", "x"); !strings.HasPrefix(r, "-") {
							acked++
						}
						if rng.IntN(30) == 0 {
							time.Sleep(1100 * time.Millisecond)
						}
					}
					disk.LosePower(rng)
					_ = n.Close()
				}
			})
		})
	}
}

// TestLogSwitchedOnAndOff: CONFIG SET appendonly, with data and clients there.
func TestLogSwitchedOnAndOff(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c := dial(t, host, "10.0.0.1")
		c.do("SET", "old", "1")
		if r := c.do("CONFIG", "SET", "appendonly", "no"); r != "OK" {
			t.Fatal(r)
		}
		c.do("DEL", "old")
		allTypes(c)
		if r := c.do("INFO", "persistence"); !strings.Contains(r, "aof_enabled:0") {
			t.Errorf("switched off: %s", r)
		}
		if r := c.do("CONFIG", "SET", "appendonly", "yes"); r != "OK" {
			t.Fatal(r)
		}
		for range 100 {
			c.do("INCR", "while the base is written")
		}
		time.Sleep(time.Second)
		c.do("SET", "last", "1")
		sameAfterRestart(t, n, host, disk)
	})
}

// TestRewindOfADamagedLog: what can be loaded only in part is dropped whole, and what comes next begins with nothing.
func TestRewindOfADamagedLog(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c := dial(t, host, "10.0.0.1")
		allTypes(c)
		c.answers("bgrewriteaof", "Background append only file rewriting started")
		time.Sleep(time.Second)
		allTypes(c)
		id, end := n.log.ID(), n.log.End()
		c.answers("set uncommitted x", "OK")
		names, err := disk.List("appendonlydir")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".base.rdb") {
				f, err := disk.Open("appendonlydir/" + name)
				if err == nil {
					_, err = f.WriteAt([]byte{0xff}, 300)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := n.disk().rewind(end, &applier{n: n}); err == nil {
			t.Fatal("a damaged base was loaded")
		}
		c.answers("dbsize", "0")
		if n.log.ID() == id || n.log.End() != 0 {
			t.Errorf("the log is %s:%d still", n.log.ID(), n.log.End())
		}
		time.Sleep(time.Second)
		c.answers("set k v", "OK")
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		n = startOnDisk(t, host, disk, "10.0.0.1")
		c = dial(t, host, "10.0.0.1")
		c.answers("keys *", "[k]")
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHistoryIsKeptInParts: a log that has become long is in several files, so that a rewrite drops what is older than
// repl-log-retention, and not what is younger.
func TestHistoryIsKeptInParts(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1", "repl-log-retention 1mb", "auto-aof-rewrite-percentage 0")
		defer n.Close()
		c := dial(t, host, "10.0.0.1")
		value := strings.Repeat("x", 1<<20)
		for range 3 {
			for range splitSize >> 20 {
				c.do("SET", "k", value)
			}
			time.Sleep(2 * syncEvery)
		}
		c.do("SET", "k", "v")
		if n.disk().files.First() != 0 {
			t.Fatal("something was dropped without a rewrite")
		}
		c.do("BGREWRITEAOF")
		time.Sleep(syncEvery)
		if first, end := n.disk().files.First(), n.log.End(); end-first < 1<<20 || end-first > 2*splitSize {
			t.Errorf("of a log of %d bytes, %d are kept", end, end-first)
		}
	})
}
