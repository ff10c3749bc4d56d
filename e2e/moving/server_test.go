// Package moving tests holdfast import with real servers on both sides: what was brought has the digest of what it came from.
package moving

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const startTimeout = 30 * time.Second

// server is a process with a client to each of two databases.
type server struct {
	dir, addr string
	dbs       map[int]*redis.Client
	kill      func()
}

var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binDir, "holdfast")
	out, err := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building holdfast: %w\n%s", err, out)
	}
	return path, nil
})

var binDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "holdfast-moving")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func startRedis(t *testing.T, args ...string) *server {
	t.Helper()
	return start(t, "redis-server", append([]string{"--repl-diskless-sync-delay", "0"}, args...)...)
}

func startHoldfast(t *testing.T, args ...string) *server {
	t.Helper()
	return start(t, holdfast(t), append([]string{"node"}, args...)...)
}

func holdfast(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func start(t *testing.T, path string, args ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := &server{dir: t.TempDir(), addr: fmt.Sprintf("127.0.0.1:%d", port), dbs: map[int]*redis.Client{}}
	args = append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--enable-debug-command", "yes")
	cmd := exec.Command(path, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, db := range []int{0, 3} {
		s.dbs[db] = redis.NewClient(&redis.Options{Addr: s.addr, DB: db})
	}
	s.kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(func() {
		for _, c := range s.dbs {
			_ = c.Close()
		}
		s.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", path, &output)
		}
	})
	for end := time.Now().Add(startTimeout); s.dbs[0].Ping(t.Context()).Err() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not answer", path)
		}
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
	out *output
}

// output may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func startImport(t *testing.T, to *server, args ...string) *importer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	i := &importer{cmd: exec.CommandContext(ctx, holdfast(t), append([]string{"import", "--to", to.addr}, args...)...), out: &output{}}
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
