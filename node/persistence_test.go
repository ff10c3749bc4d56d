package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
)

// TestLogsOfCommands: a log that Redis wrote may have commands in it that Holdfast's has not.
func TestLogsOfCommands(t *testing.T) {
	for _, c := range []struct{ log, ask, want string }{
		{"sadd set foo bar|spop set", "SCARD set", "1"},
		{"sadd set foo bar gah|spop set 2", "SCARD set", "1"},
		{"set x 10|getex x persist|expire x -1", "EXISTS x", "0"},
		{"rpush list foo|pexpireat list 1000|rpush list bar", "LLEN list", "0"},
		{"select 9|set k 9|multi|select 3|set k 3|exec|incr k", "GET k", ""},
	} {
		world(t, func(t *testing.T, net *simnet.Network) {
			dir := t.TempDir()
			text := ""
			for _, line := range strings.Split(c.log, "|") {
				words := strings.Fields(line)
				text += fmt.Sprintf("*%d\r\n", len(words))
				for _, w := range words {
					text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
				}
			}
			writeFile(t, dir, "appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.incr.aof seq 1 type i\n")
			writeFile(t, dir, "appendonlydir/appendonly.aof.1.incr.aof", text)
			n := startIn(t, net.Host("10.0.0.1"), "10.0.0.1", dir, "appendonly yes")
			client := dial(t, net.Host("10.0.0.1"), "10.0.0.1")
			client.answers(c.ask, c.want)
			if strings.HasPrefix(c.log, "select") {
				client.answers("SELECT 3", "OK")
				client.answers("GET k", "4")
			}
			_ = n.Close()
		})
	}
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPopsSurviveARestart: what blocked and unblocked pops took is gone after the log was loaded, no more and no less.
func TestPopsSurviveARestart(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c, blocked := dial(t, host, "10.0.0.1"), dial(t, host, "10.0.0.1")
		for _, kind := range []struct{ pop, bpop, add, first, second, refill, size string }{
			{"LMPOP", "BLMPOP", "RPUSH", "LEFT", "RIGHT", "a b c", "LLEN"},
			{"ZMPOP", "BZMPOP", "ZADD", "MIN", "MAX", "1 one 2 two 3 three", "ZCARD"},
		} {
			one, two, three := kind.pop+"1", kind.pop+"2", kind.pop+"3"
			values := kind.refill
			for _, key := range []string{one, two} {
				c.do(words(kind.add + " " + key + " " + values)...)
			}
			c.do(words(kind.add + " " + three + " " + values + " " + strings.NewReplacer("1", "4", "2", "5", "3", "6",
				"one", "four", "two", "five", "three", "six").Replace(values))...)
			for _, command := range []string{
				kind.pop + " 1 " + one + " " + kind.first + " COUNT 1", kind.bpop + " 0 1 " + one + " " + kind.first +
					" COUNT 10",
				kind.bpop + " 0 2 " + one + " " + two + " " + kind.second + " COUNT 10",
			} {
				if r := c.do(words(command)...); !strings.Contains(r, kind.pop) {
					t.Fatalf("%s: %s", command, r)
				}
			}
			c.answers(kind.pop+" 2 "+one+" "+two+" "+kind.second+" COUNT 2", "")
			answer := make(chan string)
			go func() {
				answer <- blocked.do(words(kind.bpop + " 0 2 " + one + " " + two + " " + kind.first + " COUNT 2")...)
			}()
			time.Sleep(time.Second)
			c.do(words(kind.add + " " + two + " " + values)...)
			if r := <-answer; !strings.Contains(r, two) {
				t.Fatalf("the blocked client got %s", r)
			}
			c.do(words(kind.bpop + " 0 3 " + one + " " + two + " " + three + " " + kind.first + " COUNT 1")...)
			c.do(words(kind.bpop + " 0 3 " + one + " " + two + " " + three + " " + kind.second + " COUNT 4")...)
			c.answers("EXISTS "+one+" "+two, "0")
			c.answers(kind.size+" "+three, "2")
		}
		sameAfterRestart(t, n, host, disk)
	})
}

func words(line string) (list []any) {
	for _, w := range strings.Fields(line) {
		list = append(list, w)
	}
	return list
}

// TestFailedRewrites: they leave the log as it is, which goes on; what they wrote so far is removed, and one that
// succeeds makes all good. By itself the node does not try again at once.
func TestFailedRewrites(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1", "auto-aof-rewrite-percentage 0")
		c := dial(t, host, "10.0.0.1")
		for i := range 100 {
			c.do("SET", fmt.Sprint("key", i), strings.Repeat(fmt.Sprint(i), 100))
		}
		for failures := 1; failures <= 3; failures++ {
			disk.SetRoom(1000)
			c.answers("BGREWRITEAOF", "Background append only file rewriting started")
			time.Sleep(time.Second)
			disk.SetRoom(-1)
			fields(c, "persistence", "aof_last_bgrewrite_status err",
				fmt.Sprint("aof_rewrites_consecutive_failures ", failures), "aof_last_write_status ok")
			c.do("SET", "after", failures)
		}
		c.answers("CONFIG SET auto-aof-rewrite-percentage 1 auto-aof-rewrite-min-size 1", "OK")
		time.Sleep(time.Minute - 5*time.Second)
		fields(c, "persistence", "aof_rewrites 3")
		time.Sleep(10 * time.Second)
		fields(c, "persistence", "aof_rewrites 4", "aof_last_bgrewrite_status ok",
			"aof_rewrites_consecutive_failures 0")
		digest := c.do("DEBUG", "DIGEST")
		c.answers("DEBUG LOADAOF", "OK")
		if c.do("DEBUG", "DIGEST") != digest {
			t.Error("the log on disk has another digest")
		}
		_ = n.Close()
		files, err := disk.List("appendonlydir")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasPrefix(name, "temp-") {
				t.Errorf("%s was left", name)
			}
		}
	})
}

// TestRewriteWithoutALog writes a base alone; a log that is begun later does not go on from it.
func TestRewriteWithoutALog(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1", "appendonly no")
		c := dial(t, host, "10.0.0.1")
		allTypes(c)
		digest := c.do("DEBUG", "DIGEST")
		c.do("BGREWRITEAOF")
		time.Sleep(time.Second)
		c.do("SET", "not in the base", "1")
		c.answers("DEBUG LOADAOF", "OK")
		if c.do("DEBUG", "DIGEST") != digest {
			t.Error("the base has another digest")
		}
		c.answers("CONFIG SET appendonly yes", "OK")
		time.Sleep(time.Second)
		c.do("SET", "in the log", "1")
		sameAfterRestart(t, n, host, disk)
	})
}

// TestLogBegunDuringASave waits for the snapshot that is being made; until then nothing is kept.
func TestLogBegunDuringASave(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1", "appendonly no")
		c := dial(t, host, "10.0.0.1")
		c.do("SET", "before", "1")
		im, err := n.persist.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.answers("CONFIG SET appendonly yes", "OK")
		time.Sleep(time.Second)
		if n.persist.HasLog() {
			t.Error("a log was begun while another snapshot is made")
		}
		if err := im.Image.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		c.do("SET", "after", "1")
		_ = n.Close()
		n = startOnDisk(t, host, disk, "10.0.0.1")
		dial(t, host, "10.0.0.1").answers("MGET before after", "[1 1]")
		_ = n.Close()
	})
}

// TestSaves: a save that fails stops writes until one succeeds, which also begins to count changes anew. What has
// expired is not loaded, and counted.
func TestSaves(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		dir, host := t.TempDir(), net.Host("10.0.0.1")
		n := startIn(t, host, "10.0.0.1", dir, "save 3600 1")
		c := dial(t, host, "10.0.0.1")
		c.do("SET", "x", "x")
		obstacle := filepath.Join(dir, "dump.rdb")
		if err := os.Mkdir(obstacle, 0o755); err != nil {
			t.Fatal(err)
		}
		c.answers("BGSAVE", "Background saving started")
		time.Sleep(time.Second)
		fields(c, "persistence", "rdb_last_bgsave_status err", "rdb_changes_since_last_save 1")
		c.answers("GET x", "x")
		if r := c.do("SET", "x", "y"); !strings.HasPrefix(r, "-MISCONF Redis is configured to save RDB snapshots") {
			t.Errorf("a write is answered %s", r)
		}
		for _, head := range []string{"", "#!lua\n"} {
			r := c.do("EVAL", head+"return redis.call('SET',KEYS[1],1)", 1, "x")
			if !strings.HasPrefix(r, "-MISCONF ") {
				t.Errorf("a script that writes is answered %s", r)
			}
		}
		for _, head := range []string{"", "#!lua flags=no-writes\n"} {
			if r := c.do("EVAL", head+"return redis.call('GET',KEYS[1])", 1, "x"); r != "x" {
				t.Errorf("a script that reads is answered %s", r)
			}
		}
		if err := os.Remove(obstacle); err != nil {
			t.Fatal(err)
		}
		c.answers("BGSAVE", "Background saving started")
		time.Sleep(time.Second)
		fields(c, "persistence", "rdb_last_bgsave_status ok", "rdb_changes_since_last_save 0")
		c.answers("SET x y", "OK")

		c.answers("DEBUG SET-ACTIVE-EXPIRE 0", "OK")
		for i := range 100 {
			c.do("SET", fmt.Sprint("expires", i), "v", "PX", 10)
		}
		time.Sleep(time.Second)
		c.answers("SAVE", "OK")
		_ = n.Close()
		n = startIn(t, host, "10.0.0.1", dir)
		fields(dial(t, host, "10.0.0.1"), "persistence", "rdb_last_load_keys_loaded 1",
			"rdb_last_load_keys_expired 100")
		_ = n.Close()
	})
}

// TestRewriteUnderLoad: what is written while a rewrite runs is there once, not twice.
func TestRewriteUnderLoad(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		done := make(chan struct{})
		for range 4 {
			c := dial(t, host, "10.0.0.1")
			go func() {
				for range 500 {
					c.do("INCR", "foo")
				}
				done <- struct{}{}
			}()
		}
		c := dial(t, host, "10.0.0.1")
		for range 5 {
			c.do("BGREWRITEAOF")
			time.Sleep(10 * time.Millisecond)
		}
		for range 4 {
			<-done
		}
		c.answers("GET foo", "2000")
		_ = n.Close()
		n = startOnDisk(t, host, disk, "10.0.0.1")
		dial(t, host, "10.0.0.1").answers("GET foo", "2000")
		_ = n.Close()
	})
}

// TestLeftovers: what killed saves and rewrites have left is gone after the next start; nobody else's files are.
func TestLeftovers(t *testing.T) {
	for _, appendonly := range []string{"no", "yes"} {
		world(t, func(t *testing.T, net *simnet.Network) {
			dir, host := t.TempDir(), net.Host("10.0.0.1")
			if err := os.Mkdir(filepath.Join(dir, "appendonlydir"), 0o755); err != nil {
				t.Fatal(err)
			}
			ours := []string{"temp-0123abcd.rdb", "appendonlydir/temp-appendonly.aof.7.base.rdb",
				"appendonlydir/temp-appendonly.aof.manifest"}
			others := []string{"temp-1234.rdb", "temp-0123abcd.rdb.bak", "appendonlydir/temp-other"}
			for _, name := range slices.Concat(ours, others) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			n := startIn(t, host, "10.0.0.1", dir, "appendonly "+appendonly)
			dial(t, host, "10.0.0.1").answers("save", "OK")
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range ours {
				if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("appendonly %s: %s is still there: %v", appendonly, name, err)
				}
			}
			for _, name := range others {
				if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
					t.Errorf("appendonly %s: %v", appendonly, err)
				}
			}
		})
	}
}

// TestScriptsInALog: what a log of an older Redis has a script do is done, also on a replica that refuses clients'
// writes.
func TestScriptsInALog(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		dir, host := t.TempDir(), net.Host("10.0.0.1")
		logs := filepath.Join(dir, "appendonlydir")
		if err := os.Mkdir(logs, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"manifest":   "file appendonly.aof.1.incr.aof seq 1 type i\n",
			"1.incr.aof": "*3\r\n$4\r\neval\r\n$36\r\nreturn redis.call('set','foo','ok') \r\n$1\r\n0\r\n",
		} {
			if err := os.WriteFile(filepath.Join(logs, "appendonly.aof."+name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		n := startIn(t, host, "10.0.0.1", dir, "appendonly yes", "replicaof 10.0.0.2 6379")
		c := dial(t, host, "10.0.0.1")
		c.answers("GET foo", "ok")
		if r := c.do("EVAL", "return redis.call('set','foo','no')", 0); !strings.HasPrefix(r, "-READONLY") {
			t.Errorf("a client's script is answered %s", r)
		}
		_ = n.Close()
	})
}
