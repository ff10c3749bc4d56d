package moving

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

// TestDatabaseThatTheTargetLacks: neither keys of a snapshot nor commands of a stream or a log go to another database
// instead.
func TestDatabaseThatTheTargetLacks(t *testing.T) {
	dir := t.TempDir()
	process := servers.Redis(t, dir, "--databases", "32", "--appendonly", "yes")
	far := redis.NewClient(&redis.Options{Addr: process.Addr, DB: 20})
	defer far.Close()
	source, target := connect(t, process), startHoldfast(t)
	target.do(t, 0, "SET", "user:1", "precious")
	check := func(where string) {
		t.Helper()
		if got := target.do(t, 0, "GET", "user:1"); got != "precious" {
			t.Errorf("%s: the target's key is now %v", where, got)
		}
	}
	lacks := func(where, text string, code int) {
		t.Helper()
		check(where)
		if code != 1 || !strings.Contains(text, "the target has no database 20, only 16") {
			t.Errorf("%s: exit code %d, %s", where, code, text)
		}
	}
	i := startImport(t, target, "--follow", "--replace", source.Addr)
	for end := time.Now().Add(30 * time.Second); !strings.Contains(i.out.String(),
		"following "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never followed: %s", i.out)
		}
	}
	p := far.TxPipeline()
	p.Set(t.Context(), "user:1", "of database 20", 0)
	p.Del(t.Context(), "user:1")
	p.FlushDB(t.Context())
	p.Set(t.Context(), "user:1", "of database 20", 0)
	if _, err := p.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = i.cmd.Wait()
	lacks("stream", i.out.String(), i.cmd.ProcessState.ExitCode())
	text, code := runImport(t, target, "--replace", source.Addr)
	lacks("snapshot", text, code)
	text, code = runImport(t, target, "--replace", dir)
	lacks("log", text, code)
	if _, code := runImport(t, target, "--replace", "--db", "0", source.Addr); code != 0 {
		t.Errorf("one database alone: exit code %d", code)
	}
	check("one database alone")
}

// TestSourceWithAnotherHistory: a source that comes back without what it wrote last does not pass for one of which the
// target has everything, not even while it only prepares the copy that shows it.
func TestSourceWithAnotherHistory(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--save", "", "--repl-diskless-sync-delay", "5"}
	source, target := connect(t, servers.Redis(t, dir, args...)), startHoldfast(t)
	source.do(t, 0, "SET", "k", "saved")
	source.do(t, 0, "SAVE")
	i := startImport(t, target, "--follow", source.Addr)
	said := func(what string, times int) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); strings.Count(i.out.String(),
			what) < times; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it never said %q: %s", what, i.out)
			}
		}
	}
	said("following ", 1)
	for n := range 50 {
		source.do(t, 0, "SET", "k", n)
	}
	for end := time.Now().Add(30 * time.Second); target.do(t, 0, "GET",
		"k") != "49"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the target never got what was written last")
		}
	}
	source.Kill()
	said("lost ", 1)
	source = connect(t, servers.TryAt(t, servers.Tool(t, "redis-server"), dir, source.Port, args...))
	source.do(t, 0, "SET", "new", "1")
	if err := i.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = i.cmd.Wait()
	if code := i.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(i.out.String(), "has another history") ||
		strings.Contains(i.out.String(), "has everything") {
		t.Errorf("exit code %d: %s", code, i.out)
	}
}
