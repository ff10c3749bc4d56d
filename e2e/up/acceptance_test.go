//go:build acceptance

package up

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

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
	out, err := exec.Command("/usr/bin/python3", filepath.Join(dir, "seed_redis.py"), "127.0.0.1",
		servers.Holdfast(t, "").Port).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// TestSeedSentinel runs the founding documents' script, where it lies beside the checkout.
func TestSeedSentinel(t *testing.T) {
	dir := acceptance(t)
	g := start(t)
	kill := fmt.Sprintf("kill -9 %d", g.Pid(g.Port))
	cmd := exec.Command("/usr/bin/python3", append([]string{filepath.Join(dir, "seed_sentinel.py"), "-k", kill},
		g.Sentinels()...)...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
