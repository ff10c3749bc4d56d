package lua

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lua/probes"
)

var (
	first = flag.Uint64("seed", 1, "the first seed of generated programs")
	seeds = flag.Uint64("seeds", 1, "how many seeds of generated programs")
)

var update = flag.Bool("update", false, "write what lua5.1 prints for the probes to their .want files")

// byDesign are the probes whose answers differ from the original's, with the reason.
var byDesign = map[string]string{
	`return string.dump(function() end) ~= nil`: "no binary chunks",
	`return #arg`: "no command line",
	`return os.getenv and os.getenv("HOME") ~= nil`:                             "no environment",
	`return type(print), type(require), type(module), type(dofile), type(loadf`: "no files, no debug",
}

// probeScript is a script that runs every line of a file.
func probeScript(lines []string) string { return "probes = " + probes.List(lines) + probes.Runner }

// runOurs runs a script in a new state and returns what it prints.
func runOurs(t testing.TB, script string, o Options, open ...func(*State)) string {
	t.Helper()
	var out bytes.Buffer
	o.Output = &out
	if o.MemoryLimit == 0 {
		o.MemoryLimit = 512 << 20
	}
	l := New(o)
	l.OpenLibs()
	for _, f := range open {
		f(l)
	}
	p, err := Compile(script, "@script")
	if err != nil {
		t.Fatal(err)
	}
	// The program lua5.1 calls a script from a C function.
	l.Push(l.NewFunction(func(l *State) int {
		l.Load(p)
		l.Call(0, 0)
		return 0
	}))
	if err := l.PCall(0, 0); err != nil {
		fmt.Fprintf(&out, "script: %v\n", err)
	}
	return out.String()
}

// runOriginal runs a script with lua5.1.
func runOriginal(t *testing.T, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(name, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "lua5.1", "script")
	cmd.Dir = filepath.Dir(name)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatal("lua5.1 did not end within 20 s; of generated programs try the next seed: -seed N")
	}
	if err != nil {
		t.Fatalf("lua5.1 (setup/tools.sh test installs it): %v\n%s", err, out)
	}
	return string(out)
}

func TestProbes(t *testing.T) {
	files, err := filepath.Glob("testdata/probes/*.txt")
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
				if err := os.WriteFile(wantFile, []byte(runOriginal(t, script)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			compareProbes(t, lines, string(want), runOurs(t, script, Options{}))
		})
	}
}

func compareProbes(t *testing.T, lines []string, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(w) != len(g) {
		t.Errorf("%d lines of output, want %d; the last is %s", len(g), len(w), g[max(len(g)-2, 0)])
	}
	same := 0
	for i, line := range lines {
		if i >= len(w) || i >= len(g) {
			break
		}
		if byDesign[line[:min(len(line), 73)]] != "" {
			continue
		}
		if w[i] != g[i] {
			t.Errorf("%s\n got %s\nwant %s", line, g[i], w[i])
		} else {
			same++
		}
	}
	t.Logf("%d of %d as in the original", same, len(lines))
}
