package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/simnet"
	"holdfast/transport"
)

// filesIn is what lies below a directory, by name.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// slowly has a node load what is in a directory, a key or a command a second.
func slowly(t *testing.T, host transport.Network, dir string, lines ...string) (n *Node, started chan error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	lines = append([]string{"bind 10.0.0.1", "key-load-delay 1000000", "enable-debug-command yes"}, lines...)
	n, err = New(Config{Settings: settingsOf(t, lines...), Network: host, Logger: slog.New(slog.DiscardHandler),
		Dir: root})
	if err != nil {
		t.Fatal(err)
	}
	started = make(chan error, 1)
	go func() { started <- n.Start() }()
	time.Sleep(20500 * time.Millisecond)
	return n, started
}

// TestEndingWhileLoading: however a node is told to end while it loads, whatever it loads, it does so at once, and the
// files are as they were.
func TestEndingWhileLoading(t *testing.T) {
	for _, kind := range []string{"dump", "base", "log", "log and dump"} {
		for _, how := range []string{"SHUTDOWN", "SHUTDOWN SAVE", "SHUTDOWN NOSAVE", "SHUTDOWN NOW", "SIGTERM"} {
			world(t, func(t *testing.T, net *simnet.Network) {
				dir, host := t.TempDir(), net.Host("10.0.0.1")
				lines := []string{"save 3600 1"}
				if kind != "dump" {
					lines = append(lines, "appendonly yes")
				}
				n := startIn(t, host, "10.0.0.1", dir, lines...)
				c := dial(t, host, "10.0.0.1")
				for i := range 100 {
					c.do("SET", fmt.Sprint("key:", i), i)
				}
				if kind != "log" {
					c.answers("SAVE", "OK")
				}
				if kind == "base" {
					c.do("BGREWRITEAOF")
					time.Sleep(time.Second)
				} else {
					for i := range 100 {
						c.do("SET", fmt.Sprint("more:", i), i)
					}
				}
				if kind == "dump" {
					c.answers("SAVE", "OK")
				}
				want := c.do("DEBUG", "DIGEST")
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				before := filesIn(t, dir)

				n, started := slowly(t, host, dir, lines...)
				c = dial(t, host, "10.0.0.1")
				for _, line := range []string{"SAVE", "BGSAVE", "BGSAVE SCHEDULE", "BGREWRITEAOF", "DEBUG RELOAD",
					"DEBUG RELOAD NOSAVE", "DEBUG LOADAOF", "GET key:1"} {
					c.answers(line, loadingError)
				}
				if err := n.SaveAtEnd(false); err == nil {
					t.Errorf("%s: SaveAtEnd saved", kind)
				}
				told := time.Now()
				if how == "SIGTERM" {
					n.Interrupt()
				} else {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					if v, err := c.Do(ctx, words(how)...); err == nil {
						t.Errorf("%s, %s: answered %s", kind, how, v)
					}
					cancel()
				}
				if err := <-started; !errors.Is(err, ErrInterrupted) {
					t.Errorf("%s, %s: Start answers %v", kind, how, err)
				}
				if took := time.Since(told); took > 0 {
					t.Errorf("%s, %s: it went on loading for %s", kind, how, took)
				}
				after := filesIn(t, dir)
				for name, text := range before {
					if after[name] != text {
						t.Errorf("%s, %s: %s had %d bytes and has %d, or others", kind, how, name, len(text),
							len(after[name]))
					}
				}
				if len(after) != len(before) {
					t.Errorf("%s, %s: there were %d files and are %d", kind, how, len(before), len(after))
				}
				n = startIn(t, host, "10.0.0.1", dir, lines...)
				if got := dial(t, host, "10.0.0.1").do("DEBUG", "DIGEST"); got != want {
					t.Errorf("%s, %s: other data after a start", kind, how)
				}
				_ = n.Close()
			})
		}
	}
}

// TestReplicaWhileLoading: a node that is to follow another one is its replica from the beginning.
func TestReplicaWhileLoading(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		dir, host := t.TempDir(), net.Host("10.0.0.1")
		n := startIn(t, host, "10.0.0.1", dir)
		c := dial(t, host, "10.0.0.1")
		c.answers("DEBUG POPULATE 30", "OK")
		c.answers("SAVE", "OK")
		_ = n.Close()
		n, started := slowly(t, host, dir, "replicaof 10.0.0.2 6379")
		c = dial(t, host, "10.0.0.1")
		c.answers("ROLE", "[slave 10.0.0.2 6379 connect -1]")
		if err := <-started; err != nil {
			t.Error(err)
		}
		c.answers("SET k v", "-READONLY You can't write against a read only replica.")
		_ = n.Close()
	})
}

// TestAckModeWhileStarting: a setting may be changed as soon as there is somebody to change it.
func TestAckModeWhileStarting(t *testing.T) {
	settings := settingsOf(t, "bind 127.0.0.1", "port 0", "join 127.0.0.1:1")
	n, err := New(Config{Settings: settings, Network: transport.Host{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var changing sync.WaitGroup
	ready := make(chan struct{})
	changing.Go(func() {
		for done := false; !done; {
			select {
			case <-ready:
				done = true
			default:
			}
			n.engine.Do(func(time.Time) { n.replication.AckModeChanged() })
		}
	})
	if err := n.Start(); err != nil {
		t.Error(err)
	}
	close(ready)
	changing.Wait()
	_ = n.Close()
}

// TestNothingIsHandedOnWhileLoading: a copy for a replica waits until the data is whole, and a load that ends early
// leaves what there was. The log's lock is held meanwhile, so outside of virtual time.
func TestNothingIsHandedOnWhileLoading(t *testing.T) {
	n := startIn(t, transport.Host{}, "127.0.0.1", t.TempDir(), "port 0", "appendonly yes")
	c, other := connect(t, n), connect(t, n)
	for i := range 50 {
		c.do("SET", fmt.Sprint("key:", i), i)
	}
	want := c.do("DEBUG", "DIGEST")
	loaded := make(chan string)
	reload := func() {
		other.answers("CONFIG SET key-load-delay 1000000", "OK")
		go func() { loaded <- c.do("DEBUG", "LOADAOF") }()
		for field(other, "persistence", "loading") != "1" || field(other, "persistence", "loading_loaded_bytes") == "" {
			time.Sleep(time.Millisecond)
		}
	}
	reload()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := n.persist.Snapshot(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a snapshot of half the data: %v", err)
	}
	other.answers("CONFIG SET key-load-delay 0", "OK")
	snap, err := n.persist.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if keys := field(other, "persistence", "current_save_keys_total"); keys != "50" {
		t.Errorf("the snapshot has %s keys", keys)
	}
	_ = snap.Image.Close()
	if r := <-loaded; r != "OK" {
		t.Errorf("LOADAOF: %s", r)
	}
	reload()
	other.answers("GET key:1", loadingError)
	n.Interrupt()
	if r := <-loaded; !strings.HasPrefix(r, "-ERR Error trying to load the AOF files") {
		t.Errorf("LOADAOF that was ended: %s", r)
	}
	if got := c.do("DEBUG", "DIGEST"); got != want {
		t.Error("a load that ended early has left other data")
	}
	_ = n.Close()
}

// TestAMemberWithoutDataSavesNothing: a node of a group that waits for its first copy does not put nothing in the place
// of a dump.
func TestAMemberWithoutDataSavesNothing(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		dir, host := t.TempDir(), net.Host("10.0.0.1")
		writeFile(t, dir, "dump.rdb", "a backup")
		n := startIn(t, host, "10.0.0.1", dir, "join 10.0.0.9:1", "announce-ip 10.0.0.1", "replica-read any")
		c := dial(t, host, "10.0.0.1")
		for _, line := range []string{"SAVE", "BGSAVE", "DEBUG RELOAD"} {
			c.answers(line, "-ERR this node has not yet been given the data of its group: there is nothing to save")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if v, err := c.Do(ctx, "SHUTDOWN", "SAVE"); err == nil {
			t.Errorf("SHUTDOWN SAVE: %s", v)
		}
		<-n.Exit()
		_ = n.Close()
		if b, _ := os.ReadFile(filepath.Join(dir, "dump.rdb")); string(b) != "a backup" {
			t.Errorf("the backup is now %q", b)
		}
	})
}

// TestEndingWhileSaving: what a background save, a rewrite or a copy for a replica has of the data is old: who ends
// saves what there is now.
func TestEndingWhileSaving(t *testing.T) {
	for _, making := range []string{"BGSAVE", "BGREWRITEAOF", "REPLICAOF"} {
		for _, how := range []string{"SHUTDOWN", "SHUTDOWN SAVE", "SHUTDOWN NOSAVE", "SIGTERM"} {
			world(t, func(t *testing.T, net *simnet.Network) {
				dir, host := t.TempDir(), net.Host("10.0.0.1")
				n := startIn(t, host, "10.0.0.1", dir, "save 3600 1", "rdb-key-save-delay 10000000",
					"enable-debug-command yes")
				c := dial(t, host, "10.0.0.1")
				c.answers("DEBUG POPULATE 100", "OK")
				if making == "REPLICAOF" {
					r := startNode(t, net.Host("10.0.0.2"), "10.0.0.2", "replicaof 10.0.0.1 6379")
					defer r.Close()
				} else {
					c.do(making)
				}
				time.Sleep(45 * time.Second)
				c.answers("SET late v", "OK")
				c.answers("CONFIG SET rdb-key-save-delay 0", "OK")
				// One key in 10 s; but the store saves those of a bucket together.
				if got, _ := strconv.Atoi(field(c, "persistence", "current_save_keys_processed")); got < 1 || got > 20 {
					t.Errorf("%s: after 45 s %d keys were saved", making, got)
				}
				told := time.Now()
				if how == "SIGTERM" {
					if err := n.SaveAtEnd(false); err != nil {
						t.Errorf("%s, %s: %v", making, how, err)
					}
				} else {
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
					defer cancel()
					if v, err := c.Do(ctx, words(how)...); err == nil {
						t.Errorf("%s, %s: answered %s", making, how, v)
					}
					<-n.Exit()
				}
				_ = n.Close()
				if took := time.Since(told); took > 5*time.Second {
					t.Errorf("%s, %s: it took %s", making, how, took)
				}
				for name := range filesIn(t, dir) {
					if strings.Contains(name, "temp-") {
						t.Errorf("%s, %s: %s is left", making, how, name)
					}
				}
				n = startIn(t, host, "10.0.0.1", dir)
				want := "101"
				if how == "SHUTDOWN NOSAVE" {
					want = "0"
				}
				if making != "BGREWRITEAOF" || how != "SHUTDOWN NOSAVE" {
					dial(t, host, "10.0.0.1").answers("DBSIZE", want)
				}
				_ = n.Close()
			})
		}
	}
}

// TestNothingIsAnsweredBehindTheLastSave: what a client was answered before a node without a log ended, in whatever
// moment, is in the dump that was saved last.
func TestNothingIsAnsweredBehindTheLastSave(t *testing.T) {
	for _, how := range []string{"SIGTERM", "SHUTDOWN"} {
		for range 5 {
			dir := t.TempDir()
			n := startIn(t, transport.Host{}, "127.0.0.1", dir, "port 0", "save 3600 1")
			var counting sync.WaitGroup
			var answered [8]int64
			for i := range answered {
				c := connect(t, n)
				counting.Go(func() {
					for {
						v, err := c.Do(context.Background(), "INCR", fmt.Sprint("count:", i))
						if err != nil {
							return
						}
						answered[i] = v.Int
					}
				})
			}
			time.Sleep(20 * time.Millisecond)
			if how == "SIGTERM" {
				if err := n.SaveAtEnd(false); err != nil {
					t.Error(err)
				}
			} else {
				c := connect(t, n)
				go func() { _, _ = c.Do(context.Background(), how) }()
				<-n.Exit()
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			counting.Wait()
			n = closed(t, startIn(t, transport.Host{}, "127.0.0.1", dir, "port 0"))
			c := connect(t, n)
			for i, told := range answered {
				if has, _ := strconv.ParseInt(c.do("GET", fmt.Sprint("count:", i)), 10, 64); has < told {
					t.Errorf("%s: a count was %d when it was told, and is %d", how, told, has)
				}
			}
		}
	}
}

// TestSavingAtSignals: shutdown-on-sigterm and -sigint say whether a signal saves.
func TestSavingAtSignals(t *testing.T) {
	for _, test := range []struct {
		lines     []string
		interrupt bool
		saved     bool
	}{
		{[]string{"save 3600 1"}, false, true},
		{[]string{"save"}, false, false},
		{[]string{"save 3600 1", "shutdown-on-sigterm nosave now"}, false, false},
		{[]string{"save 3600 1", "shutdown-on-sigterm nosave"}, true, true},
		{[]string{"save", "shutdown-on-sigint force save"}, true, true},
		{[]string{"save", "shutdown-on-sigint save"}, false, false},
		{[]string{"shutdown-on-sigint save", "join 10.0.0.9:1", "announce-ip 10.0.0.1"}, false, false},
	} {
		world(t, func(t *testing.T, net *simnet.Network) {
			dir := t.TempDir()
			n := startIn(t, net.Host("10.0.0.1"), "10.0.0.1", dir, test.lines...)
			if err := n.SaveAtEnd(test.interrupt); err != nil {
				t.Errorf("%v: %v", test, err)
			}
			_ = n.Close()
			if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); (err == nil) != test.saved {
				t.Errorf("%v: %v", test, err)
			}
		})
	}
}

// TestSaveKeepsToTheDelay: SAVE holds everybody up, so outside of virtual time.
func TestSaveKeepsToTheDelay(t *testing.T) {
	n := startIn(t, transport.Host{}, "127.0.0.1", t.TempDir(), "port 0")
	c := connect(t, n)
	c.answers("DEBUG POPULATE 30", "OK")
	c.answers("CONFIG SET rdb-key-save-delay 2000", "OK")
	began := time.Now()
	c.answers("SAVE", "OK")
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("30 keys and 2 ms for each took %s", took)
	}
	_ = n.Close()
}

// TestKeyDelays: rdb-key-save-delay holds up what saves, not who is served, and keeps to what it was when a save began.
func TestKeyDelays(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		dir, host := t.TempDir(), net.Host("10.0.0.1")
		n := startIn(t, host, "10.0.0.1", dir)
		c := dial(t, host, "10.0.0.1")
		c.answers("DEBUG POPULATE 30", "OK")
		c.answers("CONFIG SET rdb-key-save-delay 1000000", "OK")
		c.do("BGSAVE")
		c.answers("CONFIG SET rdb-key-save-delay 0", "OK")
		time.Sleep(20 * time.Second)
		c.answers("SET key v", "OK")
		fields(c, "persistence", "rdb_bgsave_in_progress 1")
		time.Sleep(15 * time.Second)
		fields(c, "persistence", "rdb_bgsave_in_progress 0", "rdb_last_bgsave_status ok")
		_ = n.Close()
	})
}
