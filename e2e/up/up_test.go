package up

import (
	"context"
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

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

const readyTimeout = 30 * time.Second

func TestMain(m *testing.M) { servers.Main(m) }

// quiet is a logger of go-redis that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// freePorts finds a run of ports that nobody uses, with room for the ports derived from them.
func freePorts(t *testing.T, n int, offsets ...int) int {
	t.Helper()
	return servers.FreePorts(t, n, offsets...)
}

func start(t *testing.T, extra ...string) *servers.Group {
	t.Helper()
	redis.SetLogger(quiet{})
	return servers.Up(t, extra...)
}

func TestGoRedisGoesOnAfterAKill(t *testing.T) {
	g := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: g.Sentinels(),
		MaxRetries: -1})
	defer c.Close()
	for i := range 1000 {
		if err := c.Set(ctx, fmt.Sprint("before:", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(g.Pid(g.Port), syscall.SIGKILL); err != nil {
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
	g.Wait(`\+switch-master mymaster 127\.0\.0\.1 ` + strconv.Itoa(g.Port))
	replica := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: g.Sentinels(),
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
