package main

import (
	"bytes"
	"cmp"
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
	whole := filepath.Join(dir, "whole.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-pgo=off", "-o", whole,
		simulation).CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the simulation: %w\n%s", err, out)
	}
	var escaped []string
	for _, m := range mutants {
		if !strings.Contains(m.rule+" "+m.off, only) {
			continue
		}
		program, err := m.compile(ctx, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.off, err)
		}
		caught, checkers := "", []string(nil)
		if m.test != "" {
			caught, checkers, err = m.tested(ctx, program)
		} else {
			caught, checkers, err = hunt(ctx, program, whole, seeds, first)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.off, err)
		}
		if len(checkers) == 0 && m.test != "" {
			caught = "no"
			escaped = append(escaped, m.off)
		} else if len(checkers) == 0 {
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

const (
	rulesFile  = "internal/rules/rules.go"
	simulation = "./e2e/sim"
)

// switchedOff is the source of internal/rules with one constant false.
func switchedOff(source []byte, constant string) ([]byte, error) {
	on := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(constant) + ` += true$`)
	if n := len(on.FindAll(source, -1)); n != 1 {
		return nil, fmt.Errorf("%s has %d constants %s that are true, not one", rulesFile, n, constant)
	}
	return on.ReplaceAll(source, []byte("\t"+constant+" = false")), nil
}

// compile builds the tests of a package with the mutant's rules in the place of the true ones, which stay as they are.
func (m mutant) compile(ctx context.Context, dir string) (program string, err error) {
	source, err := os.ReadFile(rulesFile)
	if err != nil {
		return "", fmt.Errorf("mutants are made at the root of the source: %w", err)
	}
	if source, err = switchedOff(source, m.constant); err != nil {
		return "", err
	}
	replaced := filepath.Join(dir, "rules.go")
	if err := os.WriteFile(replaced, source, 0o600); err != nil {
		return "", err
	}
	path, err := filepath.Abs(rulesFile)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{path: replaced}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "mutant.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-pgo=off", "-overlay", overlay, "-o", program,
		cmp.Or(m.in, simulation)).CombinedOutput(); err != nil {
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

// tested runs the test that is named for the mutant.
func (m mutant) tested(ctx context.Context, program string) (caught string, by []string, err error) {
	cmd := exec.CommandContext(ctx, program, "-test.run", "^("+m.test+")$", "-test.timeout", batchLasts.String())
	cmd.Dir = m.in
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case err == nil && bytes.Contains(out, []byte("no tests to run")):
		return "", nil, fmt.Errorf("there is no test %s in %s", m.test, m.in)
	case err == nil:
		return "", nil, nil
	}
	return "no seed", []string{fmt.Sprintf("`%s` in `%s`", m.test, strings.TrimPrefix(m.in, "./"))}, nil
}

// hunt runs seeds until one fails, and answers how many it took, and the checkers that said so. The whole program must
// pass the same seed.
func hunt(ctx context.Context, program, whole string, seeds, first int) (caught string, checkers []string, err error) {
	for from := first; from < first+seeds; from += batch {
		out, err := simulate(ctx, program, from, min(batch, first+seeds-from), 1)
		if ctx.Err() != nil {
			return "", nil, ctx.Err()
		}
		if err == nil {
			continue
		}
		seed, checkers := judge(out, from)
		if out, err := simulate(ctx, whole, seed, 1, retries); err != nil {
			return "", nil, fmt.Errorf("seed %d fails with every rule switched on, too: %w\n%s", seed, err,
				out[:min(len(out), maxStory)])
		}
		return strconv.Itoa(seed - first + 1), checkers, nil
	}
	return "", nil, nil
}

// retries is how often the whole program runs a seed: a rare failure does not come each time.
const retries = 5

const maxStory = 4 << 10 // bytes of a failure that are shown

// simulate runs some seeds.
func simulate(ctx context.Context, program string, from, count, times int) (out []byte, err error) {
	cmd := exec.CommandContext(ctx, program, "-test.run", "^(TestSeeds|TestPowerLoss)$", "-test.timeout",
		batchLasts.String(), "-test.count", strconv.Itoa(times))
	n := strconv.Itoa(count)
	cmd.Env = append(os.Environ(), "SEED="+strconv.Itoa(from), "SEEDS="+n, "POWER_SEEDS="+n, "SHRINK=0")
	return cmd.CombinedOutput()
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
