package servers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/process"
)

// startTimeout is for the slowest machine; a server that is up sooner is used sooner.
const startTimeout = 30 * time.Second

// Server is a process that answers on the loopback.
type Server struct {
	Dir  string // its working directory, where its data is
	Port string
	Addr string // 127.0.0.1:Port

	*process.Process
	out Output
}

// common settings come before a test's own, which may change them.
var common = []string{"--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"}

// Redis runs redis-server in dir, or in a new directory when dir is empty.
func Redis(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	return Start(t, Tool(t, "redis-server"), dir, append(append([]string{"--repl-diskless-sync-delay", "0"}, common...),
		args...)...)
}

// Holdfast runs a node in dir, or in a new directory when dir is empty.
func Holdfast(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	return Start(t, Binary(t), dir, append(append([]string{"node"}, common...), args...)...)
}

// Tool is the path of one of Redis's programs.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs the real %s: install Redis 7.0 (Debian and Ubuntu: apt-get install redis-server "+
			"redis-tools)", name)
	}
	return path
}

// Start runs a program with args and a free port, and waits until it answers.
func Start(t testing.TB, path, dir string, args ...string) *Server {
	t.Helper()
	s := Try(t, path, dir, args...)
	if s == nil {
		t.Fatalf("%s has ended", path)
	}
	return s
}

// Try is Start for a program that may refuse what it finds in dir: nil says that it has ended by itself.
func Try(t testing.TB, path, dir string, args ...string) *Server {
	t.Helper()
	return TryAt(t, path, dir, freePort(t), args...)
}

// TryAt is Try on a port of one's own, such as one of a server that has ended.
func TryAt(t testing.TB, path, dir, port string, args ...string) *Server {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	s := &Server{Dir: dir, Port: port, Addr: net.JoinHostPort("127.0.0.1", port)}
	var err error
	s.Process, err = process.Start(process.Options{
		Args: slices.Concat([]string{path}, args, []string{"--port", port, "--dir", dir}), Dir: dir, Output: &s.out,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s on port %s said:\n%s", path, s.Port, &s.out)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		if s.answers() {
			return s
		}
		select {
		case <-s.Ended():
			return nil
		case <-ctx.Done():
			t.Fatalf("%s does not answer", path)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// answers says whether it has loaded its data.
func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

// Stop has the process end by itself, as SIGTERM does.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.Process.Stop(startTimeout); err != nil {
		t.Fatalf("the server on port %s: %v", s.Port, err)
	}
}

// Output may be read while it is written.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func freePort(t testing.TB) string {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(port)
}

// Binary is the program, compiled from the tree once for all tests of a process; Main removes it.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// binDir is known before anything is built, so that Main can remove it.
var binDir = filepath.Join(os.TempDir(), fmt.Sprintf("holdfast-test-%d", os.Getpid()))

var build = sync.OnceValues(func() (string, error) {
	if err := os.MkdirAll(binDir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(binDir, "holdfast")
	out, err := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building holdfast: %w\n%s", err, out)
	}
	return path, nil
})

// Main is what the TestMain of a package that uses Binary does.
func Main(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(binDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
