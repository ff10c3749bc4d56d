//go:build acceptance

package up

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// acceptance is the folder of the acceptance scripts, which come beside this project.
func acceptance(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ACCEPTANCE")
	if dir == "" {
		t.Fatal("ACCEPTANCE must say where the acceptance scripts are")
	}
	return dir
}

// TestSeedRedis calls every operation of the founding documents through redis-py.
func TestSeedRedis(t *testing.T) {
	dir := acceptance(t)
	path := servers.Binary(t)
	port := strconv.Itoa(freePorts(t, 1))
	cmd := exec.Command(path, "node", "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	waitPort(t, "127.0.0.1:"+port)
	out, err := exec.Command("/usr/bin/python3", filepath.Join(dir, "seed_redis.py"), "127.0.0.1", port).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// TestSeedSentinel runs the founding documents' script, where it lies beside the checkout.
func TestSeedSentinel(t *testing.T) {
	dir := acceptance(t)
	g := start(t)
	kill := fmt.Sprintf("kill -9 %d", g.pid(g.port))
	cmd := exec.Command("/usr/bin/python3", append([]string{filepath.Join(dir, "seed_sentinel.py"), "-k", kill}, g.sentinels()...)...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// waitPort waits until somebody listens.
func waitPort(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(readyTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", addr)
}
