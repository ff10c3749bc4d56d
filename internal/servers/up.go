package servers

import (
	"bufio"
	"fmt"
	"io"
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

	"holdfast/internal/process"
)

// Group is a running holdfast up: three nodes and three sentinels.
type Group struct {
	Port         int // of the first node, the master at first
	SentinelPort int // of the first sentinel

	t       testing.TB
	cmd     *exec.Cmd
	dir     string
	changed chan struct{}
	mu      sync.Mutex
	lines   []string
}

// FreePorts finds a run of ports that nobody uses, with room for the ports derived from them.
func FreePorts(t testing.TB, n int, offsets ...int) int {
	t.Helper()
	base, err := process.FreeRun(7100+os.Getpid()%400*10, 20000, n, offsets...)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// Up runs holdfast up and waits until it is ready. It ends with the test, in order, and shows what its members said if
// that has failed.
func Up(t testing.TB, args ...string) *Group {
	t.Helper()
	path := Binary(t)
	g := &Group{t: t, changed: make(chan struct{}, 1), dir: t.TempDir()}
	g.Port = FreePorts(t, 3, 10000)
	g.SentinelPort = FreePorts(t, 13, 1000, 2000) + 10
	g.cmd = exec.Command(path, append([]string{"up", "--port", strconv.Itoa(g.Port), "--sentinel-port",
		strconv.Itoa(g.SentinelPort), "--dir", g.dir}, args...)...)
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
			g.dump()
		}
	})
	g.Wait(`ready: master`)
	return g
}

func (g *Group) read(out io.Reader) {
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
func (g *Group) dump() {
	g.t.Logf("up said:\n%s", strings.Join(g.lines, "\n"))
	logs, _ := filepath.Glob(filepath.Join(g.dir, "*", "log"))
	for _, name := range logs {
		g.t.Logf("%s:\n%s", name, process.Tail(name))
	}
}

// Wait waits until up has said a line that matches, and answers its submatches.
func (g *Group) Wait(pattern string) []string {
	g.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(startTimeout)
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

// Pid is the process that last listened on port.
func (g *Group) Pid(port int) int {
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

// KillFirst ends the first master as kill -9 does, and waits until the sentinels have said who leads instead: that
// one's port.
func (g *Group) KillFirst() int {
	g.t.Helper()
	if err := syscall.Kill(g.Pid(g.Port), syscall.SIGKILL); err != nil {
		g.t.Fatal(err)
	}
	m := g.Wait(fmt.Sprintf(`\+switch-master mymaster 127\.0\.0\.1 %d 127\.0\.0\.1 (\d+)`, g.Port))
	port, err := strconv.Atoi(m[1])
	if err != nil {
		g.t.Fatal(err)
	}
	return port
}

// Sentinels is where they answer.
func (g *Group) Sentinels() []string {
	var all []string
	for i := range 3 {
		all = append(all, fmt.Sprintf("127.0.0.1:%d", g.SentinelPort+i))
	}
	return all
}
