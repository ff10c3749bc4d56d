package up

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// readLines answers the lines up to the one that has text in it.
func readLines(t *testing.T, s *bufio.Scanner, text string) (lines []string) {
	t.Helper()
	for s.Scan() {
		lines = append(lines, s.Text())
		if strings.Contains(s.Text(), text) {
			return lines
		}
	}
	t.Fatalf("it ended without saying %q: %s", text, strings.Join(lines, "\n"))
	return nil
}

// startUp runs up; what it says is to be read.
func startUp(t *testing.T, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(servers.Binary(t), append([]string{"up"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // then what it should have said is missed
	t.Cleanup(func() { late.Stop(); _ = cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

// TestUpRunsWithoutADirectory: a member that is killed and whose directory is taken away is started again.
func TestUpRunsWithoutADirectory(t *testing.T) {
	port, sentry, dir := freePorts(t, 3, 10000), freePorts(t, 13, 1000, 2000)+10, t.TempDir()
	cmd, out := startUp(t, "--port", strconv.Itoa(port), "--sentinel-port", strconv.Itoa(sentry), "--dir", dir,
		"--restart-after", "300ms")
	pid := 0
	for _, line := range readLines(t, out, "ready: master") {
		if _, after, ok := strings.Cut(line, "sentinel 1"); ok {
			_, text, _ := strings.Cut(after, " pid ")
			pid, _ = strconv.Atoi(text)
		}
	}
	if pid == 0 {
		t.Fatal("up did not say which process sentinel 1 is")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	readLines(t, out, "sentinel 1 at")
	if err := os.RemoveAll(filepath.Join(dir, "sentinel-"+strconv.Itoa(sentry))); err != nil {
		t.Fatal(err)
	}
	readLines(t, out, "  pid ")
	endUp(t, cmd, out)
}

// endUp has up end as Ctrl-C does, with its children.
func endUp(t *testing.T, cmd *exec.Cmd, out *bufio.Scanner) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for out.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("up ended with %v", err)
	}
}

// TestUpAgainAfterAKill: a kill -9 of up takes all its children along, and the next one runs at once on the same ports,
// with the same data.
func TestUpAgainAfterAKill(t *testing.T) {
	port, sentry := freePorts(t, 3, 10000), freePorts(t, 13, 1000, 2000)+10
	args := []string{"--port", strconv.Itoa(port), "--sentinel-port", strconv.Itoa(sentry), "--dir", t.TempDir()}
	for range 2 {
		cmd, out := startUp(t, args...)
		children := 0
		for _, line := range readLines(t, out, "ready: master") {
			if strings.Contains(line, " pid ") {
				children++
			}
		}
		if children != 6 {
			t.Errorf("%d children", children)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	cmd, out := startUp(t, args...)
	readLines(t, out, "ready: master")
	endUp(t, cmd, out)
}

// TestPortInUseIsNamedWithItsOwner: who has the port is told, where that can be found out.
func TestPortInUseIsNamedWithItsOwner(t *testing.T) {
	port := 20000 // up takes ports above it, too
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	for ; err != nil && port < 30000; l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) {
		port++
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, _ := exec.Command(servers.Binary(t), "up", "--port", strconv.Itoa(port), "--dir", t.TempDir()).CombinedOutput()
	if want := fmt.Sprintf("port %d is in use by pid %d, ", port, os.Getpid()); !strings.Contains(string(out), want) {
		t.Errorf("%s, want %q", out, want)
	}
}
