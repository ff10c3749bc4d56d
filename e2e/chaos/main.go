// Command chaos runs a group of three hosts under load, breaks something, and counts what clients were told "OK" for and
// is gone afterwards. Each host is a network namespace with a data node and a sentinel; clients stay outside, so that a
// host can be cut off from the others and not from them. The same faults can be made to redis-server and redis-sentinel.
//
// It needs root, for the namespaces, and ends everything that it started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

type options struct {
	target  string
	faults  string
	rounds  int
	writers int
	binary  string
	dir     string
	hold    time.Duration
	settle  time.Duration
	keep    bool
	inside  string // set by the program itself: it runs among hosts that were made already
}

func main() {
	var o options
	flag.StringVar(&o.target, "target", "holdfast", "what to break: holdfast or redis")
	flag.StringVar(&o.faults, "faults", strings.Join(faultNames, ","), "kinds of fault, in this order")
	flag.IntVar(&o.rounds, "rounds", 10, "rounds of each kind")
	flag.IntVar(&o.writers, "writers", 16, "clients that write")
	flag.StringVar(&o.binary, "binary", "bin/holdfast", "the program under test")
	flag.StringVar(&o.dir, "dir", "", "where the members keep data and logs (default: a temporary directory)")
	flag.DurationVar(&o.hold, "hold", 8*time.Second, "how long a stop or a cut lasts")
	flag.DurationVar(&o.settle, "settle", 2*time.Second, "load before a fault and after it has passed")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory")
	flag.StringVar(&o.inside, "inside", "", "for the program's own use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// discard is a logger of go-redis that says nothing.
type discard struct{}

func (discard) Printf(context.Context, string, ...any) {}

var errLost = errors.New("acknowledged writes were lost")

func run(ctx context.Context, o options) (err error) {
	for _, f := range strings.Split(o.faults, ",") {
		if !slices.Contains(faultNames, f) {
			return fmt.Errorf("there is no fault %q: choose among %s", f, strings.Join(faultNames, ", "))
		}
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "holdfast-chaos-*"); err != nil {
			return err
		}
		if !o.keep {
			defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
		}
	}
	if o.inside == "" {
		return outside(ctx, o)
	}
	return inside(ctx, o)
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
	args = append(args, "-inside", h.String(), "-dir", o.dir)
	cmd := exec.CommandContext(ctx, "ip", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// inside breaks the group and counts.
func inside(ctx context.Context, o options) (err error) {
	hosts, err := parseHosts(o.inside)
	if err != nil {
		return err
	}
	redis.SetLogger(discard{}) // go-redis tells of every failover, once per client
	members, err := layout(o)
	if err != nil {
		return err
	}
	g := &group{options: o, hosts: hosts, members: members}
	if err := g.start(); err != nil {
		return err
	}
	defer g.stop()
	var rows []row
	for _, fault := range strings.Split(o.faults, ",") {
		r := row{fault: fault, errors: map[string]int{}}
		for i := range o.rounds {
			if err := g.round(ctx, fault, &r); err != nil {
				return fmt.Errorf("%s, round %d: %w", fault, i+1, err)
			}
		}
		rows = append(rows, r)
		fmt.Println(r.line())
	}
	return report(os.Stdout, o, rows)
}
