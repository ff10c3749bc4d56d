package compat

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// startTimeout is for the slowest machine; a server that is up sooner is used sooner.
const startTimeout = 30 * time.Second

// settings is the configuration of both servers.
const settings = `port %d
bind 127.0.0.1
save ""
enable-debug-command yes
`

// startRedis runs the real server and answers its address.
func startRedis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not on the PATH: these tests compare with the real one (apt install redis-server)")
	}
	return start(t, func(conf string) *exec.Cmd { return exec.Command(path, conf) })
}

// startHoldfast runs the server under test, unless one runs already, and answers its address.
func startHoldfast(t *testing.T) string {
	t.Helper()
	if addr := os.Getenv("HOLDFAST_ADDR"); addr != "" {
		return addr
	}
	return start(t, holdfastCommand(t))
}

func holdfastCommand(t *testing.T) func(conf string) *exec.Cmd {
	t.Helper()
	path, err := buildHoldfast()
	if err != nil {
		t.Fatal(err)
	}
	return func(conf string) *exec.Cmd { return exec.Command(path, "node", conf) }
}

var binDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "holdfast-compat")
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

// buildHoldfast compiles the program once for all tests.
var buildHoldfast = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binDir, "holdfast")
	out, err := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building holdfast: %w\n%s", err, out)
	}
	return path, nil
})

// start writes the configuration, runs a server with it in a directory of its own and waits until it answers.
func start(t *testing.T, command func(conf string) *exec.Cmd) string {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	conf := filepath.Join(dir, "server.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, settings, port), 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	cmd := command(conf)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		if cmd.Process.Kill() == nil {
			<-exited
		}
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		if answers(addr) {
			return addr
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("%s has ended: %v\n%s", cmd.Path, err, &output)
		case <-ctx.Done():
			t.Fatalf("%s does not answer", cmd.Path)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func answers(addr string) bool {
	c, err := dial(addr)
	if err != nil {
		return false
	}
	defer c.close()
	r, err := c.do("PING")
	return err == nil && string(r.raw) == "+PONG\r\n"
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
