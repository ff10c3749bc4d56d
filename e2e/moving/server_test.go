package moving

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

// server is a process with a client to each of two databases.
type server struct {
	*servers.Server
	dbs map[int]*redis.Client
}

func TestMain(m *testing.M) { servers.Main(m) }

func startRedis(t *testing.T, args ...string) *server {
	t.Helper()
	return connect(t, servers.Redis(t, "", args...))
}

func startHoldfast(t *testing.T, args ...string) *server {
	t.Helper()
	return connect(t, servers.Holdfast(t, "", args...))
}

func connect(t *testing.T, process *servers.Server) *server {
	s := &server{Server: process, dbs: map[int]*redis.Client{}}
	for _, db := range []int{0, 3} {
		c := redis.NewClient(&redis.Options{Addr: s.Addr, DB: db})
		t.Cleanup(func() { _ = c.Close() })
		s.dbs[db] = c
	}
	return s
}

// do runs a command.
func (s *server) do(t *testing.T, db int, args ...any) any {
	t.Helper()
	v, err := s.dbs[db].Do(t.Context(), args...).Result()
	if err != nil && err != redis.Nil {
		t.Fatalf("%v: %v", args, err)
	}
	return v
}

func (s *server) digest(t *testing.T) string {
	t.Helper()
	return fmt.Sprint(s.do(t, 0, "DEBUG", "DIGEST"))
}

// settled is the digest when nothing expires any more.
func (s *server) settled(t *testing.T) string {
	t.Helper()
	for before := ""; ; time.Sleep(500 * time.Millisecond) {
		now := s.digest(t)
		if now == before {
			return now
		}
		before = now
	}
}

// sameDigest waits a little: a key that expires goes at its own time on either side.
func sameDigest(t *testing.T, a, b *server) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		x, y := a.digest(t), b.digest(t)
		switch {
		case x == y && x == "0000000000000000000000000000000000000000":
			t.Fatal("both are empty")
		case x == y:
			return
		case time.Now().After(end):
			for db := range a.dbs {
				t.Logf("database %d has %v and %v keys", db, a.do(t, db, "DBSIZE"), b.do(t, db, "DBSIZE"))
			}
			t.Fatalf("the digests are %s and %s", x, y)
		}
	}
}

// importer is a running holdfast import.
type importer struct {
	cmd *exec.Cmd
	out *servers.Output
}

func startImport(t *testing.T, to *server, args ...string) *importer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	i := &importer{cmd: exec.CommandContext(ctx, servers.Binary(t),
		append([]string{"import", "--to", to.Addr}, args...)...), out: &servers.Output{}}
	i.cmd.Stdout, i.cmd.Stderr = i.out, i.out
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return i
}

// runImport answers what it said, and its exit code.
func runImport(t *testing.T, to *server, args ...string) (text string, code int) {
	t.Helper()
	i := startImport(t, to, args...)
	_ = i.cmd.Wait() // the code tells
	t.Logf("import %v: %s", args, i.out)
	return i.out.String(), i.cmd.ProcessState.ExitCode()
}
