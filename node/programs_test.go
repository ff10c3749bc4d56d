package node

import (
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/transport"
)

const (
	countingLibrary = "#!lua name=lib\nredis.register_function{function_name='answer', " +
		"callback=function() return 42 end, flags={'no-writes'}}"
	keptScript = "return redis.call('GET', KEYS[1])"
	keptSHA    = "d3c21d0c2b9ca22f82737626a27bcaf5d288f99f"
)

// givePrograms has a node know a script and a function.
func givePrograms(t *testing.T, n *Node) {
	t.Helper()
	c := realClient(t, n)
	c.answers("SET k v", "OK")
	for _, step := range [][]any{{"EVAL", keptScript, "1", "k"}, {"FUNCTION", "LOAD", countingLibrary}} {
		if got := c.do(step...); strings.HasPrefix(got, "-") {
			t.Fatalf("%q: %s", step, got)
		}
	}
}

// hasPrograms looks whether it knows them.
func hasPrograms(t *testing.T, n *Node) {
	t.Helper()
	c := realClient(t, n)
	c.answers("EVALSHA_RO "+keptSHA+" 1 k", "v")
	c.answers("FCALL_RO answer 0", "42")
}

// TestProgramsAreCopied: who follows knows the scripts and functions, those that came with a full copy and those that
// came in the log, also when it leads.
func TestProgramsAreCopied(t *testing.T) {
	a, b, c := startRealOn(t, memfs.New()), startReal(t), startReal(t)
	followTCP(t, b, a)
	givePrograms(t, a)
	awaitSame(t, b, a)
	followTCP(t, c, a)
	for _, n := range []*Node{b, c} {
		hasPrograms(t, n)
		realClient(t, n).answers("REPLICAOF NO ONE", "OK")
		hasPrograms(t, n)
	}
}

// TestProgramsAreOnDisk: in the log as it is written, and in its base.
func TestProgramsAreOnDisk(t *testing.T) {
	files := memfs.New()
	open := func() *Node {
		return start(t, Config{Network: transport.Host{}, Files: files}, "bind 127.0.0.1", "port 0", "appendonly yes")
	}
	stop := func(n *Node) {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	n := open()
	givePrograms(t, n)
	stop(n)
	n = open()
	hasPrograms(t, n)
	c := realClient(t, n)
	c.do("BGREWRITEAOF")
	for until := time.Now().Add(20 * time.Second); !strings.Contains(c.do("INFO", "persistence"),
		"aof_rewrites:1"); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the log is not rewritten")
		}
	}
	stop(n)
	n = open()
	hasPrograms(t, n)
	stop(n)
}

// TestProgramsStay: what is done with keys does nothing to scripts and functions.
func TestProgramsStay(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	n := start(t, Config{Network: transport.Host{}, Dir: root}, "bind 127.0.0.1", "port 0", "appendonly yes",
		"enable-debug-command yes", "maxmemory-policy allkeys-lru")
	closed(t, n)
	givePrograms(t, n)
	c := realClient(t, n)
	digest := c.do("DEBUG", "DIGEST-PROGRAMS")
	for _, line := range []string{"SWAPDB 0 1", "SWAPDB 0 1", "MOVE k 1", "FLUSHDB", "FLUSHALL", "SET k v",
		"CONFIG SET maxmemory 1", "SET other 1", "DBSIZE", "CONFIG SET maxmemory 0", "SET k v", "DEBUG RELOAD",
		"DEBUG LOADAOF"} {
		want := "OK"
		switch line {
		case "MOVE k 1":
			want = "1"
		case "SET other 1":
			want = "-OOM command not allowed when used memory > 'maxmemory'."
		case "DBSIZE": // all keys were evicted
			want = "0"
		}
		c.answers(line, want)
		if got := c.do("DEBUG", "DIGEST-PROGRAMS"); got != digest {
			t.Errorf("after %s: %s, not %s", line, got, digest)
		}
		c.answers("FCALL_RO answer 0", "42")
	}
	hasPrograms(t, n)
}
