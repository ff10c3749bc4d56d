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
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
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
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

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
	hosts, err := newHosts(3)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hosts.remove()) }()
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
