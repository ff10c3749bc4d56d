package clibs

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/lua"
	"holdfast/lua/probes"
)

var (
	first = flag.Uint64("seed", 1, "the first seed of generated calls")
	seeds = flag.Uint64("seeds", 1, "how many seeds of generated calls")
)

var update = flag.Bool("update", false, "write what redis-server answers to the probes to their .want files")

// probeScript returns, as one string, what each of the lines returns or raises.
func probeScript(lines []string) string {
	return "local out, probes = {}, " + probes.List(lines) + "local function print(s) out[#out + 1] = s end\n" +
		probes.Runner + "return table.concat(out, '\\n')"
}

func newTestState() *lua.State {
	l := lua.New(lua.Options{MemoryLimit: 256 << 20})
	l.OpenLibs()
	Open(l)
	return l
}

func runOurs(t testing.TB, script string) string {
	t.Helper()
	l := newTestState()
	p, err := lua.Compile(script, "@user_script")
	if err != nil {
		t.Fatal(err)
	}
	l.Load(p)
	if err := l.PCall(0, 1); err != nil {
		return err.Error()
	}
	return l.ToString(l.Top())
}

// runRedis runs a script in a redis-server of its own.
func runRedis(t testing.TB, script string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "clibs")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var conn net.Conn
	for range 100 {
		if conn, err = net.Dial("unix", socket); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n", len(script), script)
	r := bufio.NewReader(conn)
	head, err := r.ReadString('\n')
	if err != nil || head[0] != '$' {
		t.Fatal(head, err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(head[1:]))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProbes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no probes", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
			script := probeScript(lines)
			wantFile := strings.TrimSuffix(file, ".txt") + ".want"
			if *update {
				if err := os.WriteFile(wantFile, []byte(runRedis(t, script)+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			w := strings.Split(strings.TrimSuffix(string(want), "\n"), "\n")
			g := strings.Split(runOurs(t, script), "\n")
			if len(w) != len(lines) || len(g) != len(lines) {
				t.Fatalf("%d probes, %d wanted lines, %d lines: %s", len(lines), len(w), len(g), g[len(g)-1])
			}
			for i := range w {
				if w[i] != g[i] {
					t.Errorf("%s\n got %s\nwant %s", lines[i], g[i], w[i])
				}
			}
		})
	}
}
