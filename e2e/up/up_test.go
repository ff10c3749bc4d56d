package up

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/process"
	"holdfast/internal/servers"
)

const readyTimeout = 30 * time.Second

// group is a running holdfast up.
type group struct {
	t            *testing.T
	port, sentry int
	mu           sync.Mutex
	lines        []string
	changed      chan struct{}
	cmd          *exec.Cmd
}

func TestMain(m *testing.M) { servers.Main(m) }

// quiet is a logger of go-redis that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// freePorts finds a run of ports that nobody uses, with room for the ports derived from them.
func freePorts(t *testing.T, n int, offsets ...int) int {
	t.Helper()
	t.Helper()
	base, err := process.FreeRun(7100+os.Getpid()%400*10, 20000, n, offsets...)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func start(t *testing.T, extra ...string) *group {
	t.Helper()
	path := servers.Binary(t)
	redis.SetLogger(quiet{})
	g := &group{t: t, changed: make(chan struct{}, 1)}
	g.port = freePorts(t, 3, 10000)
	g.sentry = freePorts(t, 13, 1000, 2000) + 10
	dir := t.TempDir()
	g.cmd = exec.Command(path,
		append([]string{"up", "--port", strconv.Itoa(g.port), "--sentinel-port", strconv.Itoa(g.sentry), "--dir", dir},
			extra...)...)
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.cmd.Stderr = os.Stderr
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.read(out)
	}()
	t.Cleanup(func() {
		_ = g.cmd.Process.Signal(os.Interrupt)
		<-done
		if err := g.cmd.Wait(); err != nil {
			t.Errorf("up ended with %v", err)
		}
		if t.Failed() {
			g.dump(dir)
		}
	})
	g.wait(`ready: master`)
	return g
}

func (g *group) read(out io.Reader) {
	s := bufio.NewScanner(out)
	for s.Scan() {
		g.mu.Lock()
		g.lines = append(g.lines, s.Text())
		g.mu.Unlock()
		select {
		case g.changed <- struct{}{}:
		default:
		}
	}
}

// dump shows what a failed test left behind.
func (g *group) dump(dir string) {
	g.t.Logf("up said:\n%s", strings.Join(g.lines, "\n"))
	logs, _ := filepath.Glob(filepath.Join(dir, "*", "log"))
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		g.t.Logf("%s:\n%s", name, text[max(0, len(text)-4000):])
	}
}

// wait waits for a line that matches, and answers its submatches.
func (g *group) wait(pattern string) []string {
	g.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(readyTimeout)
	for {
		g.mu.Lock()
		for _, l := range g.lines {
			if m := re.FindStringSubmatch(l); m != nil {
				g.mu.Unlock()
				return m
			}
		}
		g.mu.Unlock()
		select {
		case <-g.changed:
		case <-deadline:
			g.t.Fatalf("up never said %q", pattern)
		}
	}
}

// pid is the process that last listened on port.
func (g *group) pid(port int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	re := regexp.MustCompile(fmt.Sprintf(`127\.0\.0\.1:%d  pid (\d+)`, port))
	pid := 0
	for _, l := range g.lines {
		if m := re.FindStringSubmatch(l); m != nil {
			pid, _ = strconv.Atoi(m[1])
		}
	}
	return pid
}

func (g *group) sentinels() []string {
	var all []string
	for i := range 3 {
		all = append(all, fmt.Sprintf("127.0.0.1:%d", g.sentry+i))
	}
	return all
}

func TestGoRedisGoesOnAfterAKill(t *testing.T) {
	g := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: g.sentinels(),
		MaxRetries: -1})
	defer c.Close()
	for i := range 1000 {
		if err := c.Set(ctx, fmt.Sprint("before:", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(g.pid(g.port), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for c.Set(ctx, "after", "1", 0).Err() != nil {
		if ctx.Err() != nil {
			t.Fatal("the same client never wrote again")
		}
		time.Sleep(10 * time.Millisecond)
	}
	for i := range 1000 {
		if v, err := c.Get(ctx, fmt.Sprint("before:", i)).Int(); err != nil || v != i {
			t.Fatalf("before:%d is %d, %v", i, v, err)
		}
	}
	g.wait(`\+switch-master mymaster 127\.0\.0\.1 ` + strconv.Itoa(g.port))
	replica := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: g.sentinels(),
		ReplicaOnly: true})
	defer replica.Close()
	if v, err := replica.Get(ctx, "after").Result(); err != nil || v != "1" {
		t.Fatalf("a replica answers %q, %v", v, err)
	}
}

func TestPortInUseIsNamed(t *testing.T) {
	path := servers.Binary(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	out, err := exec.Command(path, "up", "--port", strconv.Itoa(port), "--dir", t.TempDir()).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is in use") && !strings.Contains(string(out), "does not exist") {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestDirectoryThatCannotBeWrittenIsNamed(t *testing.T) {
	path := servers.Binary(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "up", "--port", strconv.Itoa(freePorts(t, 3, 10000)), "--sentinel-port",
		strconv.Itoa(freePorts(t, 13, 1000, 2000)+10), "--dir", filepath.Join(file, "sub")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), file) {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestWrongConfigurationLineIsNamed(t *testing.T) {
	path := servers.Binary(t)
	file := filepath.Join(t.TempDir(), "node.conf")
	if err := os.WriteFile(file, []byte("port 7991\n\nmaxclients lots\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "node", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), file+":3") {
		t.Fatalf("%v: %s", err, out)
	}
}
