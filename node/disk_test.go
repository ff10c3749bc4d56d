package node

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/transport"
)

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
		{"SET", "s", "v"}, {"SET", "t", "v", "EX", "1000"}, {"RPUSH", "l", "a", "b"}, {"SADD", "i", "1", "2"},
		{"HSET", "h", "f", "v"},
		{"ZADD", "z", "1.5", "m"}, {"SELECT", "3"}, {"SET", "other", "db"}, {"SELECT", "0"}, {"SPOP", "i"}, {"MULTI"},
		{"INCR", "n"}, {"INCR", "n"}, {"EXEC"},
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
				if r := c.do("INFO", "persistence"); !strings.Contains(r, "aof_rewrites:1") ||
					!strings.Contains(r, "aof_last_bgrewrite_status:ok") {
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

// TestFullDiskAgain: a disk that fills up in the middle of a write, gets room and fills up again leaves no gap in the
// log.
func TestFullDiskAgain(t *testing.T) {
	for _, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) {
			world(t, func(t *testing.T, net *simnet.Network) {
				disk, host := memfs.New(), net.Host("10.0.0.1")
				n := startOnDisk(t, host, disk, "10.0.0.1", "appendfsync "+policy)
				c := dial(t, host, "10.0.0.1")
				for round := range 5 {
					disk.SetRoom(int64(10 + 5*round))
					waiting, answer := dial(t, host, "10.0.0.1"), make(chan string)
					go func() { answer <- waiting.do("RPUSH", "l", fmt.Sprint("waits ", round)) }()
					time.Sleep(time.Second)
					if r := c.do("RPUSH", "l", "refused"); !strings.HasPrefix(r,
						"-MISCONF Errors writing to the AOF file: ") {
						t.Fatalf("a write is answered %q", r)
					}
					disk.SetRoom(-1)
					if r := <-answer; r != fmt.Sprint(2*round+1) {
						t.Fatalf("with room again the write is answered %q", r)
					}
					c.do("RPUSH", "l", fmt.Sprint("after ", round))
				}
				sameAfterRestart(t, n, host, disk)
			})
		})
	}
}

// TestStartOnAFullDisk: what is there is read, also behind a write that the disk took only in part; what is written
// waits for room.
func TestStartOnAFullDisk(t *testing.T) {
	for _, policy := range []string{"always", "everysec", "no"} {
		for _, torn := range []bool{false, true} {
			t.Run(fmt.Sprint(policy, torn), func(t *testing.T) {
				world(t, func(t *testing.T, net *simnet.Network) {
					disk, host := memfs.New(), net.Host("10.0.0.1")
					n := startOnDisk(t, host, disk, "10.0.0.1", "appendfsync "+policy)
					c := dial(t, host, "10.0.0.1")
					allTypes(c)
					digest := c.do("DEBUG", "DIGEST")
					if torn {
						disk.SetRoom(10)
						go c.do("SET", "a", "b")
						time.Sleep(time.Second)
					}
					_ = n.Close()
					disk.SetRoom(0)
					disk.SetFiles(0)
					n = startOnDisk(t, host, disk, "10.0.0.1", "appendfsync "+policy)
					c = dial(t, host, "10.0.0.1")
					c.answers("debug digest", digest)
					c.answers("get s", "v")
					if r := c.do("SET", "s", "w"); !strings.HasPrefix(r, "-MISCONF Errors writing to the AOF file: ") {
						t.Errorf("a write is answered %q", r)
					}
					disk.SetRoom(-1)
					disk.SetFiles(-1)
					time.Sleep(time.Second)
					c.answers("set s w", "OK")
					if n.log.Commit() != n.log.End() {
						t.Errorf("committed up to %d of %d", n.log.Commit(), n.log.End())
					}
					sameAfterRestart(t, n, host, disk)
				})
			})
		}
	}
}

// TestFirstStartOnAFullDisk: there is no log yet, and none can be begun.
func TestFirstStartOnAFullDisk(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		disk.SetFiles(0)
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c := dial(t, host, "10.0.0.1")
		c.answers("dbsize", "0")
		if r := c.do("SET", "s", "w"); !strings.HasPrefix(r, "-MISCONF Errors writing to the AOF file: ") {
			t.Errorf("a write is answered %q", r)
		}
		disk.SetFiles(-1)
		time.Sleep(time.Second)
		c.answers("set s w", "OK")
		sameAfterRestart(t, n, host, disk)
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
