package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/process"
)

const (
	groupName     = "mymaster"
	chainNodes    = 3
	firstNode     = 12000
	firstSentinel = 13000
)

// chainRow is one workload on a chain of three, or on a Redis master with two replicas.
type chainRow struct {
	Clients int     `json:"clients"`
	Depth   int     `json:"depth"`
	System  string  `json:"system"`
	RPS     float64 `json:"rps"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	CPU     float64 `json:"cpu_us"` // of all three data nodes together
	Ratio   float64 `json:"ratio"`  // of the chain's throughput to this one's: the median of the rounds' ratios
}

// readRow is GET on one member of the chain, or on all at once.
type readRow struct {
	Clients int     `json:"clients"`
	Depth   int     `json:"depth"`
	Members int     `json:"members"`
	RPS     float64 `json:"rps"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	CPU     float64 `json:"cpu_us"` // of all members together
	Ratio   float64 `json:"ratio"`  // of its throughput to one member's
}

// trio is three data nodes, whoever made them.
type trio struct {
	master  string
	members []string // the chain's
	pids    []int

	sentinels []int // the pids of the chain's
}

// contender is a trio and the way in which its clients use it.
type contender struct {
	name    string
	on      trio
	ask     []string // which of its nodes are asked
	command benchCommand
	mode    string // ack-mode; "": it is no chain
	wait    int
	skip    func(depth int) bool
	samples []chainSample
}

type chainSample struct{ rps, p50, p99, cpuMicros float64 }

// chain measures writes that three members have, and Redis's that only the master is known to have; and reads on one
// member and on three.
func chain(ctx context.Context, o options, f *fleet, r *report) error {
	holdfast, err := startChain(ctx, f)
	if err != nil {
		return err
	}
	redis, err := startReplicas(ctx, f)
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one goroutine is all clients
	for _, depth := range []int{1, 16} {
		for _, clients := range []int{1, 16, 64} {
			all := []*contender{
				{name: "holdfast chain of 3", on: holdfast, mode: "chain", wait: waitNever},
				// A client without a pipeline has the reply of one command before it sends the next.
				{name: "redis, SET, then WAIT 2", on: redis, wait: waitThen,
					skip: func(depth int) bool { return depth > 1 }},
				{name: "redis, WAIT 2 per SET", on: redis, wait: waitEach},
				// At depth 1 it is the same as the one before.
				{name: "redis, WAIT 2 per pipeline", on: redis, wait: waitBatch,
					skip: func(depth int) bool { return depth == 1 }},
				{name: "holdfast, ack-mode async", on: holdfast, mode: "async", wait: waitNever},
				{name: "redis, not waiting", on: redis, wait: waitNever},
			}
			all = slices.DeleteFunc(all, func(c *contender) bool { return c.skip != nil && c.skip(depth) })
			for _, c := range all {
				c.ask, c.command = []string{c.on.master}, setString
			}
			if err := contest(ctx, o, all, clients, depth); err != nil {
				return err
			}
			for _, c := range all {
				r.Chain = append(r.Chain, c.row(clients, depth, all[0]))
			}
		}
	}
	r.printChain()
	return reads(ctx, o, holdfast, r)
}

// reads measures what one member answers, and all of them at once: each answers as if it were the only copy.
func reads(ctx context.Context, o options, on trio, r *report) error {
	for _, depth := range []int{1, 16} {
		for _, clients := range []int{16, 64} { // one alone would ask one member
			all := []*contender{
				{name: "one member", on: on, ask: on.members[len(on.members)-1:], mode: "chain", command: getString},
				{name: "three members", on: on, ask: on.members, mode: "chain", command: getString},
			}
			if err := contest(ctx, o, all, clients, depth); err != nil {
				return err
			}
			for _, c := range all {
				w := c.row(clients, depth, c)
				w.Ratio = medianRatio(c.samples, all[0].samples, func(s chainSample) float64 { return s.rps })
				r.Reads = append(r.Reads, readRow{Clients: clients, Depth: depth, Members: len(c.ask), RPS: w.RPS,
					P50: w.P50, P99: w.P99, CPU: w.CPU, Ratio: w.Ratio})
			}
		}
	}
	r.printReads()
	return nil
}

// contest measures one workload on all contenders in turns.
func contest(ctx context.Context, o options, all []*contender, clients, depth int) error {
	for round := range o.rounds {
		for k := range all {
			c := all[(k+round)%len(all)]
			if err := c.on.setMode(ctx, c.mode); err != nil {
				return err
			}
			s, err := c.measure(ctx, workload{addrs: c.ask, clients: clients, command: c.command, depth: depth,
				wait: c.wait, length: o.length()})
			if err != nil {
				return fmt.Errorf("%s, %d clients, depth %d: %w", c.name, clients, depth, err)
			}
			c.samples = append(c.samples, s)
		}
	}
	return nil
}

func (c *contender) measure(ctx context.Context, l workload) (chainSample, error) {
	before, err := cpuTime(c.on.pids...)
	if err != nil {
		return chainSample{}, err
	}
	out, err := l.run(ctx)
	if err != nil {
		return chainSample{}, err
	}
	if ctx.Err() != nil {
		return chainSample{}, ctx.Err()
	}
	after, err := cpuTime(c.on.pids...)
	if err != nil {
		return chainSample{}, err
	}
	return chainSample{
		rps:       float64(out.ops) / out.took.Seconds(),
		cpuMicros: float64((after - before).Microseconds()) / float64(max(out.ops, 1)),
		p50:       float64(out.latency.ValueAtQuantile(50)) / 1e6, p99: float64(out.latency.ValueAtQuantile(99)) / 1e6,
	}, nil
}

func (c *contender) row(clients, depth int, chain *contender) chainRow {
	rps := func(s chainSample) float64 { return s.rps }
	return chainRow{
		Clients: clients, Depth: depth, System: c.name, RPS: medianOf(c.samples, rps),
		Ratio: medianRatio(chain.samples, c.samples, rps),
		P50:   medianOf(c.samples, func(s chainSample) float64 { return s.p50 }),
		P99:   medianOf(c.samples, func(s chainSample) float64 { return s.p99 }),
		CPU:   medianOf(c.samples, func(s chainSample) float64 { return s.cpuMicros }),
	}
}

// startChain brings a group up as a user does and asks a sentinel for its master.
func startChain(ctx context.Context, f *fleet) (trio, error) {
	nodes, err := process.FreeRun(firstNode, firstNode+1000, chainNodes, 10000)
	if err != nil {
		return trio{}, err
	}
	sentinels, err := process.FreeRun(firstSentinel, firstSentinel+1000, chainNodes, 1000, 2000)
	if err != nil {
		return trio{}, err
	}
	up, err := f.start("up", sentinels, f.binary, "up", "--nodes", strconv.Itoa(chainNodes), "--port",
		strconv.Itoa(nodes),
		"--sentinel-port", strconv.Itoa(sentinels), "--restart-after", "0")
	if err != nil {
		return trio{}, err
	}
	if err := up.await(ctx, "get ready", func() error {
		if text, err := os.ReadFile(up.log); err != nil || !strings.Contains(string(text), "ready: master") {
			return errors.Join(err, errors.New("the chain is not complete"))
		}
		return nil
	}); err != nil {
		return trio{}, err
	}
	t := trio{}
	for i := range chainNodes {
		pid, err := up.childPid(nodes + i)
		if err != nil {
			return t, err
		}
		t.pids = append(t.pids, pid)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(nodes+i))
		if err := configure(ctx, addr, "save", ""); err != nil {
			return t, err
		}
		t.members = append(t.members, addr)
	}
	for i := range chainNodes {
		pid, err := up.childPid(sentinels + i)
		if err != nil {
			return t, err
		}
		t.sentinels = append(t.sentinels, pid)
	}
	s := redis.NewSentinelClient(&redis.Options{Addr: up.addr()})
	defer s.Close()
	at, err := s.GetMasterAddrByName(ctx, groupName).Result()
	if err != nil {
		return t, fmt.Errorf("asking a sentinel for the master: %w", err)
	}
	t.master = net.JoinHostPort(at[0], at[1])
	return t, nil
}

// childPid finds in what up says the process that listens on a port.
func (p *server) childPid(port int) (int, error) {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(fmt.Sprintf(`127\.0\.0\.1:%d +pid (\d+)`, port)).FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("up did not say which process listens on port %d", port)
	}
	return strconv.Atoi(string(m[1]))
}

func configure(ctx context.Context, addr, directive, value string) error {
	c := newClient(addr)
	defer c.Close()
	return c.ConfigSet(ctx, directive, value).Err()
}

// setMode says what a reply of the chain means.
func (t trio) setMode(ctx context.Context, mode string) error {
	if mode == "" {
		return nil
	}
	for _, addr := range t.members {
		if err := configure(ctx, addr, "ack-mode", mode); err != nil {
			return err
		}
	}
	return nil
}

// startReplicas starts a Redis master with two replicas and waits until both are in step. All of them keep their log on
// disk, as the nodes of a group do.
func startReplicas(ctx context.Context, f *fleet) (trio, error) {
	onDisk := []string{"--appendonly", "yes", "--appendfsync", "everysec"}
	master, err := f.redis(ctx, nil, onDisk...)
	if err != nil {
		return trio{}, err
	}
	t := trio{master: master.addr(), pids: []int{master.Pid()}}
	for range loadReplicas {
		p, err := f.redis(ctx, master, onDisk...)
		if err != nil {
			return t, err
		}
		t.pids = append(t.pids, p.Pid())
	}
	c := master.client()
	defer c.Close()
	return t, master.await(ctx, "get its replicas", func() error {
		info, err := c.Info(ctx, "replication").Result()
		if n := strings.Count(info, "state=online"); err == nil && n < loadReplicas {
			return fmt.Errorf("%d of %d are in step", n, loadReplicas)
		}
		return err
	})
}
