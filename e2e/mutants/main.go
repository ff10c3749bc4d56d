// Mutants shows that the simulation can fail: it switches each rule of the chain off in turn and counts the seeds until a checker of e2e/sim
// finds a violation.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	seeds := flag.Int("seeds", 300, "seeds after which a mutant counts as not caught")
	first := flag.Int("seed", 1, "the first seed")
	only := flag.String("only", "", "mutants whose rule or text has this in it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *seeds, *first, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run prints a row for each mutant; one that is not caught is an error.
func run(ctx context.Context, seeds, first int, only string) error {
	dir, err := os.MkdirTemp("", "holdfast-mutants-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left lies among the temporary files
	fmt.Print("| rule | switched off | caught by seed | by |\n|---|---|---|---|\n")
	var escaped []string
	for _, m := range mutants {
		if !strings.Contains(m.rule+" "+m.off, only) {
			continue
		}
		program, err := m.compile(ctx, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.off, err)
		}
		seed, checkers, err := hunt(ctx, program, seeds, first)
		if err != nil {
			return fmt.Errorf("%s: %w", m.off, err)
		}
		caught := strconv.Itoa(seed)
		if len(checkers) == 0 {
			caught = "none of " + strconv.Itoa(seeds)
			escaped = append(escaped, m.off)
		}
		fmt.Printf("| %s | %s | %s | %s |\n", m.rule, m.off, caught, strings.Join(checkers, ", "))
	}
	if escaped != nil {
		return fmt.Errorf("not caught: %s", strings.Join(escaped, "; "))
	}
	return nil
}

// compile builds the simulation with the mutant's source in the place of the true one, which stays as it is.
func (m mutant) compile(ctx context.Context, dir string) (program string, err error) {
	replaced := map[string]string{}
	for i, e := range m.edits {
		source, err := os.ReadFile(e.file)
		if err != nil {
			return "", fmt.Errorf("mutants are made at the root of the source: %w", err)
		}
		if n := bytes.Count(source, []byte(e.old)); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, not once: say anew what switches the rule off", e.file, e.old, n)
		}
		path, err := filepath.Abs(e.file)
		if err != nil {
			return "", err
		}
		replaced[path] = filepath.Join(dir, fmt.Sprintf("mutant%d.go", i))
		if err := os.WriteFile(replaced[path], bytes.Replace(source, []byte(e.old), []byte(e.new), 1), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "sim.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", program, "./e2e/sim").CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling: %w\n%s", err, out)
	}
	return program, nil
}

const (
	batch      = 10              // seeds in one process
	batchLasts = 4 * time.Minute // a mutant may also stop for ever
)

var (
	failedSeed = regexp.MustCompile(`(?m)^ *--- FAIL: (?:TestSeeds|TestPowerLoss/seeds)/seed=(\d+)`)
	checker    = regexp.MustCompile(`_test\.go:\d+: \[([a-z ]+)\]`)
)

// hunt runs seeds until one fails, and answers which, and the checkers that said so.
func hunt(ctx context.Context, program string, seeds, first int) (seed int, checkers []string, err error) {
	for from := first; from < first+seeds; from += batch {
		cmd := exec.CommandContext(ctx, program, "-test.run", "^(TestSeeds|TestPowerLoss)$", "-test.timeout", batchLasts.String())
		count := strconv.Itoa(min(batch, first+seeds-from))
		cmd.Env = append(os.Environ(), "SEED="+strconv.Itoa(from), "SEEDS="+count, "POWER_SEEDS="+count, "SHRINK=0")
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		if err != nil {
			seed, checkers = judge(out, from)
			return seed - first + 1, checkers, nil
		}
	}
	return 0, nil, nil
}

// judge finds the first seed of a batch that failed, and who says so: a checker, or the program itself.
func judge(out []byte, from int) (seed int, checkers []string) {
	places := failedSeed.FindAllSubmatchIndex(out, -1)
	if places == nil {
		return from, []string{"it panics, or stands still"}
	}
	seed = int(^uint(0) >> 1)
	for i, p := range places {
		n, _ := strconv.Atoi(string(out[p[2]:p[3]])) // digits, by the pattern
		if n >= seed {
			continue
		}
		end := len(out)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		seed, checkers = n, nil
		for _, c := range checker.FindAllSubmatch(out[p[1]:end], -1) {
			checkers = append(checkers, string(c[1]))
		}
	}
	slices.Sort(checkers)
	if checkers = slices.Compact(checkers); checkers == nil {
		checkers = []string{"a test of its own"}
	}
	return seed, checkers
}
