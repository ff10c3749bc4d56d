package programs

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/process"
	"holdfast/internal/servers"
)

// scripts are the small programs that use the frameworks. They are compiled in, so that a changed one is tested again.
//
//go:embed scripts
var scripts embed.FS

// patience is for the slowest machine; nothing is asserted of how long anything takes.
const patience = 90 * time.Second

// The interpreters that find Debian's packages.
const (
	python = "/usr/bin/python3"
	ruby   = "/usr/bin/ruby"
)

func TestMain(m *testing.M) { servers.Main(m) }

// needs skips a test where a program's package is missing, but not on Debian, where setup/tools.sh installs it.
func needs(t *testing.T, pkg string, check ...string) {
	t.Helper()
	out, err := exec.Command(check[0], check[1:]...).CombinedOutput()
	if err == nil {
		return
	}
	if _, debian := os.Stat("/etc/debian_version"); debian == nil {
		t.Fatalf("this test needs %s (setup/tools.sh test installs it): %v\n%s", pkg, err, out)
	}
	t.Skipf("this test needs what Debian has as %s: %v", pkg, err)
}

// unpacked is a directory with the scripts.
func unpacked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := scripts.ReadDir("scripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := scripts.ReadFile("scripts/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// client is a program that is told things on its input and prints what it did, a line each.
type client struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.WriteCloser
	read  chan struct{} // closed when it has said its last
	fresh chan struct{}

	mu    sync.Mutex
	lines []string
}

// start runs a client in dir.
func start(t *testing.T, dir string, env []string, args ...string) *client {
	t.Helper()
	c := &client{t: t, cmd: exec.Command(args[0], args[1:]...)}
	c.read, c.fresh = make(chan struct{}), make(chan struct{}, 1)
	c.cmd.Dir, c.cmd.Env = dir, append(os.Environ(), env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said servers.Output
	c.cmd.Stderr = &said
	var err error
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.read)
		s := bufio.NewScanner(out)
		for s.Scan() {
			c.mu.Lock()
			c.lines = append(c.lines, s.Text())
			c.mu.Unlock()
			select {
			case c.fresh <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		<-c.read
		_ = c.cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s\n%s", strings.Join(args, " "), c.tail(), tail(said.String()))
		}
	})
	return c
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

func (c *client) tail() string { return tail(strings.Join(c.said(""), "\n")) }

// said are the rests of the lines that begin with a word.
func (c *client) said(word string) (rest []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		if r, ok := strings.CutPrefix(l, word); ok {
			rest = append(rest, strings.TrimSpace(r))
		}
	}
	return rest
}

// waits until n of its lines begin with a word.
func (c *client) waits(word string, n int) {
	c.t.Helper()
	late := time.After(patience)
	for len(c.said(word)) < n {
		select {
		case <-c.fresh:
		case <-c.read:
			if len(c.said(word)) < n {
				c.t.Fatalf("it ended, and has said %q only %d times, not %d", word, len(c.said(word)), n)
			}
		case <-late:
			c.t.Fatalf("it has said %q only %d times, not %d", word, len(c.said(word)), n)
		}
	}
}

// tell gives it a line.
func (c *client) tell(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.input, line); err != nil {
		c.t.Fatal(err)
	}
}

// end ends its input, and waits until it has ended, in order.
func (c *client) end() {
	c.t.Helper()
	_ = c.input.Close()
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	<-c.read
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatalf("%s: %v", c.cmd.Args, err)
	}
}

// worker runs a server of a framework until the test ends, and waits until it has said that it is ready.
func worker(t *testing.T, dir string, env []string, ready string, args ...string) (log string) {
	t.Helper()
	log = filepath.Join(dir, "worker.log")
	p, err := process.Start(process.Options{Args: args, Env: env, Dir: dir, Log: log,
		Attr: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
		<-p.Ended()
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(args, " "), p.Tail())
		}
	})
	waitFor(t, strings.Join(args, " ")+" to be ready", func() bool {
		select {
		case <-p.Ended():
			t.Fatalf("%s has ended", strings.Join(args, " "))
		default:
		}
		return strings.Contains(content(t, log), ready)
	})
	return log
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// content is what a file has in it; nothing if it is not there yet.
func content(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// runs counts the lines of a file.
func runs(t *testing.T, name string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for line := range strings.Lines(content(t, name)) {
		count[strings.TrimSpace(line)]++
	}
	return count
}
