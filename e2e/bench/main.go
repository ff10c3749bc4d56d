package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line's.
type options struct {
	seconds        float64
	rounds         int
	only, commands string // parts, commands of standalone and big
	depths, shapes string // of standalone, of memory
	items, keys    int
	load           string // who makes standalone's
	disk           string // what of disk
	dump           int    // of disk: MiB
	binary         string
	against        string // another build, in the place of redis-server
	jsonFile       string
	profiles       string
}

// length is how long one measurement lasts.
func (o options) length() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

// chosen reports whether a name is on a list of names; all are on an empty one.
func chosen(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(strings.ToLower(list), ","), strings.ToLower(name))
}

func main() {
	var o options
	flag.Float64Var(&o.seconds, "seconds", 3, "length of one measurement")
	flag.IntVar(&o.rounds, "rounds", 3, "measurements of each kind; medians are printed")
	flag.StringVar(&o.only, "only", "",
		"the parts to run, of standalone,chain,memory,pauses,disk,big,idle,engines; empty: all")
	flag.StringVar(&o.commands, "commands", "",
		"standalone, big: the commands to measure, as SET,ZADD, or big's groups, as sets,zsets; empty: all")
	flag.StringVar(&o.depths, "depths", "1,16,64", "standalone: the depths of pipelines")
	flag.StringVar(&o.load, "load", "",
		"standalone: who makes the load, bench or redis-benchmark; empty: redis-benchmark below a depth of 16")
	flag.StringVar(&o.shapes, "shapes", "", "memory: the shapes to measure, as string,set; empty: all")
	flag.IntVar(&o.items, "items", 1_000_000, "memory: items of each shape")
	flag.IntVar(&o.keys, "keys", 10_000_000, "pauses, disk: keys that come and go, or are saved")
	flag.StringVar(&o.disk, "disk", "", "disk: what to measure, of writes,saves,loads; empty: all")
	flag.IntVar(&o.dump, "dump", 1024, "disk: MiB of the dump that both load")
	flag.StringVar(&o.binary, "binary", "bin/holdfast", "the program under test")
	flag.StringVar(&o.against, "against", "",
		"another build of the program: measure standalone, chain and memory beside it instead of Redis")
	flag.StringVar(&o.jsonFile, "json", "", "also write everything to this file")
	flag.StringVar(&o.profiles, "profile", "",
		"have Holdfast's servers write profiles of their CPU time to this directory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is a question that the bench answers.
type part struct {
	name string
	run  func(context.Context, options, *fleet, *report) error
}

func run(ctx context.Context, o options) (err error) {
	if o.seconds <= 0 || o.rounds < 1 || o.items < 1 || o.keys < 1 || o.dump < 1 {
		return errors.New("-seconds, -rounds, -items, -keys and -dump must be positive")
	}
	if o.load != "" && o.load != loadByBench && o.load != loadByRedis {
		return fmt.Errorf("-load %s: it is %s or %s", o.load, loadByBench, loadByRedis)
	}
	for _, program := range []*string{&o.binary, &o.against} {
		if *program == "" {
			continue
		}
		if *program, err = filepath.Abs(*program); err != nil {
			return err
		}
		if _, err := os.Stat(*program); err != nil {
			return fmt.Errorf("no program to measure: %w; make build makes it", err)
		}
	}
	if o.profiles != "" {
		if o.profiles, err = filepath.Abs(o.profiles); err != nil {
			return err
		}
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "holdfast-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := report{Machine: machine(ctx, o), Seconds: o.seconds, Rounds: o.rounds, out: os.Stdout}
	r.printMachine()
	parts := []part{{"standalone", standalone}, {"chain", chain}, {"memory", memory}, {"pauses", pauses},
		{"disk", disk}, {"big", big}, {"idle", idle}, {"engines", engines}}
	if o.against != "" {
		parts = []part{{"", against}} // which looks for itself what of it is asked for
	}
	for _, part := range parts {
		if o.against == "" && !chosen(o.only, part.name) {
			continue
		}
		// Each part has its own servers, so that those of another one do not take its time.
		f := &fleet{dir: dir, binary: o.binary, profiles: o.profiles}
		err := part.run(ctx, o, f, &r)
		if err != nil {
			err = errors.Join(err, f.obituary())
		}
		f.stop()
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			return err
		}
	}
	return r.write(o.jsonFile)
}
