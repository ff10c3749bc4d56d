package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

type options struct {
	target    string
	faults    string
	rounds    int
	seed      uint64
	writers   int
	python    int
	auditors  int
	retries   int
	pause     time.Duration
	downAfter time.Duration
	binary    string
	dir       string
	hold      time.Duration
	settle    time.Duration
	keep      bool
	inside    string // set by the program itself: it runs among hosts that were made already
}

// compose is the target that runs already.
const compose = "compose"

// mixed is a list of faults drawn from all of them.
const mixed = "mixed"

func main() {
	var o options
	flag.StringVar(&o.target, "target", "holdfast", "what to break: holdfast or redis, among hosts that the program "+
		"makes, or compose, the cluster of docker-compose.yml, which runs already")
	flag.StringVar(&o.faults, "faults", strings.Join(faultNames(), ","),
		"kinds of fault, in this order; mixed draws from all that Redis can have, too")
	flag.IntVar(&o.rounds, "rounds", 10, "rounds of each kind, or of all that are mixed")
	flag.Uint64Var(&o.seed, "seed", 0, "what is drawn, and whom it strikes (default: another each time)")
	flag.IntVar(&o.writers, "writers", 16, "go-redis clients that write")
	flag.IntVar(&o.python, "python", 0, "redis-py clients that write besides")
	flag.IntVar(&o.auditors, "auditors", 8,
		"clients that write and read shared keys, from all nodes; their histories are judged")
	flag.IntVar(&o.retries, "retries", 1, "how often a client that writes tries again")
	flag.DurationVar(&o.pause, "pause", 2*time.Millisecond, "between two writes of a client")
	flag.DurationVar(&o.downAfter, "down-after", 500*time.Millisecond, "the sentinels' down-after-milliseconds")
	flag.StringVar(&o.binary, "binary", "bin/holdfast", "the program under test")
	flag.StringVar(&o.dir, "dir", "", "where the members keep data and logs (default: a temporary directory)")
	flag.DurationVar(&o.hold, "hold", 4*time.Second, "how long a fault lasts")
	flag.DurationVar(&o.settle, "settle", time.Second, "load before a fault and after it has passed")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory, as is done when something was wrong")
	flag.StringVar(&o.inside, "inside", "", "for the program's own use")
	flag.Parse()
	if o.inside == stallsOnly {
		if err := noteStalls(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
		}
		return
	}
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 32
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// needsDisks says whether the nodes need file systems of their own.
func (o options) needsDisks() bool {
	chosen, err := chooseFaults(o.faults)
	return err == nil && slices.ContainsFunc(chosen,
		func(f fault) bool { return f.name == "disk" || f.name == "fulldisk" })
}

// discard is a logger of go-redis that says nothing.
type discard struct{}

func (discard) Printf(context.Context, string, ...any) {}

func run(ctx context.Context, o options) (err error) {
	chosen, err := chooseFaults(o.faults)
	if err != nil {
		return err
	}
	if err := o.allowed(chosen); err != nil {
		return err
	}
	if o.inside != "" || o.target == compose {
		return inside(ctx, o)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "holdfast-chaos-*"); err != nil {
			return err
		}
		defer func() {
			if err == nil && !o.keep {
				err = os.RemoveAll(o.dir)
			} else {
				fmt.Println("the members' logs are in", o.dir)
			}
		}()
	}
	return outside(ctx, o)
}

// outside makes the hosts and runs the program again where their clients are.
func outside(ctx context.Context, o options) error {
	h := newHosts(3)
	defer h.remove()
	if err := h.make(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"netns", "exec", h.hub(), self}, os.Args[1:]...)
	args = append(args, "-inside", h.String(), "-dir", o.dir, "-seed", strconv.FormatUint(o.seed, 10))
	cmd := exec.CommandContext(ctx, "ip", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 30 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// inside breaks the group and counts.
func inside(ctx context.Context, o options) error {
	redis.SetLogger(discard{}) // go-redis tells of every failover, once per client
	fmt.Printf("%s, -seed %d\n", o.target, o.seed)
	g, err := newGroup(o)
	if err != nil {
		return err
	}
	defer g.close()
	chosen, err := chooseFaults(o.faults)
	if err != nil {
		return err
	}
	t := newTable(chosen)
	for _, f := range g.schedule(chosen) {
		r := t.row(f)
		if err := g.round(ctx, f, r); err != nil {
			return fmt.Errorf("%s, round %d: %w", f.name, r.rounds+1, err)
		}
	}
	return t.report(os.Stdout, o)
}

// schedule is the list of faults of a run.
func (g *group) schedule(chosen []fault) (list []fault) {
	if g.options.faults == mixed {
		for range g.rounds {
			list = append(list, chosen[g.rng.IntN(len(chosen))])
		}
		return list
	}
	for _, f := range chosen {
		list = append(list, slices.Repeat([]fault{f}, g.rounds)...)
	}
	return list
}
