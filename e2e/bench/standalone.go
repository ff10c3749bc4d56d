package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	benchClients  = 50
	benchKeys     = 100_000
	benchValue    = 24 // bytes
	calibrateTime = 200 * time.Millisecond
)

// standaloneRow is one workload of one node beside one redis-server.
type standaloneRow struct {
	Command     string  `json:"command"`
	Depth       int     `json:"depth"`
	HoldfastRPS float64 `json:"holdfast_rps"`
	RedisRPS    float64 `json:"redis_rps"`
	Ratio       float64 `json:"ratio"` // the median of the rounds' ratios, not the ratio of the medians
	HoldfastCPU float64 `json:"holdfast_cpu_us"`
	RedisCPU    float64 `json:"redis_cpu_us"`
	CPURatio    float64 `json:"cpu_ratio"`
	Load        string  `json:"load"` // who made it
	// How busy its maker was beside each, as a share of one processor.
	HoldfastLoad float64 `json:"holdfast_load"`
	RedisLoad    float64 `json:"redis_load"`
}

// Who makes the load. redis-benchmark takes as much time for a command in a pipeline as a server does, so that it would
// be measured rather than the server; without pipelines both mostly wait for the kernel.
const (
	loadByRedis = "redis-benchmark"
	loadByBench = "bench"
	pipelined   = 16 // the least depth at which the bench makes the load itself, unless it is told
)

// sample is one measurement of one server.
type sample struct{ rps, cpuMicros, load float64 }

// standalone measures a node and a redis-server in turns.
func standalone(ctx context.Context, o options, f *fleet, r *report) error {
	holdfast, err := f.holdfast(ctx)
	if err != nil {
		return err
	}
	redis, err := f.redis(ctx, nil)
	if err != nil {
		return err
	}
	if r.Standalone, err = measurePairs(ctx, o, []*server{holdfast, redis}); err != nil {
		return err
	}
	r.printStandalone()
	return nil
}

// measurePairs measures all that was chosen, of commands and depths, on two servers.
func measurePairs(ctx context.Context, o options, servers []*server) (rows []standaloneRow, err error) {
	for _, text := range strings.Split(o.depths, ",") {
		depth, err := strconv.Atoi(text)
		if err != nil || depth < 1 {
			return nil, fmt.Errorf("-depths %s: %q is no depth", o.depths, text)
		}
		for _, command := range benchCommands {
			if !chosen(o.commands, command.name) {
				continue
			}
			row, err := measurePair(ctx, o, servers, command, depth)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// measurePair measures one workload on both servers in as many rounds as asked for.
func measurePair(ctx context.Context, o options, servers []*server, command benchCommand, depth int) (standaloneRow,
	error) {
	row := standaloneRow{Command: command.name, Depth: depth, Load: o.load}
	if o.load == "" {
		row.Load = loadByRedis
		if depth >= pipelined {
			row.Load = loadByBench
		}
	}
	if row.Load == loadByBench {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as many as redis-benchmark takes
	}
	requests := make([]int, len(servers))
	for i, p := range servers {
		n, err := calibrate(ctx, p, row.Load, command, depth, o.length())
		if err != nil {
			return row, err
		}
		requests[i] = n
	}
	samples := make([][]sample, len(servers))
	for round := range o.rounds {
		for k := range servers {
			i := (k + round) % len(servers)
			s, err := benchmark(ctx, servers[i], row.Load, command, depth, requests[i])
			if err != nil {
				return row, err
			}
			samples[i] = append(samples[i], s)
		}
	}
	rps := func(s sample) float64 { return s.rps }
	cpu := func(s sample) float64 { return s.cpuMicros }
	load := func(s sample) float64 { return s.load }
	h, d := samples[0], samples[1]
	row.HoldfastRPS, row.RedisRPS, row.Ratio = medianOf(h, rps), medianOf(d, rps), medianRatio(h, d, rps)
	row.HoldfastCPU, row.RedisCPU, row.CPURatio = medianOf(h, cpu), medianOf(d, cpu), medianRatio(h, d, cpu)
	row.HoldfastLoad, row.RedisLoad = medianOf(h, load), medianOf(d, load)
	return row, nil
}

// calibrate warms a server up and finds how many requests take about as long as a measurement should.
func calibrate(ctx context.Context, p *server, load string, command benchCommand, depth int,
	length time.Duration) (int, error) {
	n := 5000 * min(depth, 16)
	for {
		began := time.Now()
		s, err := benchmark(ctx, p, load, command, depth, n)
		if err != nil {
			return 0, err
		}
		if time.Since(began) >= calibrateTime {
			return max(n, int(s.rps*length.Seconds())), nil
		}
		n *= 4
	}
}

// benchmark measures one server once.
func benchmark(ctx context.Context, p *server, load string, command benchCommand, depth, requests int) (sample,
	error) {
	run := ownBenchmark
	if load == loadByRedis {
		run = redisBenchmark
	}
	if command.before != nil {
		if _, err := ownBenchmark(ctx, p, *command.before, max(depth, pipelined), requests); err != nil {
			return sample{}, err
		}
	}
	before, err := cpuTime(p.Pid())
	if err != nil {
		return sample{}, err
	}
	s, err := run(ctx, p, command, depth, requests)
	if err != nil {
		return sample{}, fmt.Errorf("%s against %s: %w", command.name, p.name, err)
	}
	after, err := cpuTime(p.Pid())
	s.cpuMicros = float64((after - before).Microseconds()) / float64(requests)
	return s, err
}

// ownBenchmark has the bench's own clients send the requests.
func ownBenchmark(ctx context.Context, p *server, command benchCommand, depth, requests int) (sample, error) {
	out, err := workload{addrs: []string{p.addr()}, clients: benchClients, command: command, depth: depth,
		requests: requests}.run(ctx)
	return sample{rps: float64(out.ops) / out.took.Seconds(), load: out.busy.Seconds() / out.took.Seconds()}, err
}

// redisBenchmark has redis-benchmark send them.
func redisBenchmark(ctx context.Context, p *server, command benchCommand, depth, requests int) (sample, error) {
	// --csv also keeps it from painting its progress.
	cmd := exec.CommandContext(ctx, "redis-benchmark",
		append([]string{"-p", strconv.Itoa(p.port), "-c", strconv.Itoa(benchClients),
			"-r", strconv.Itoa(benchKeys), "-P", strconv.Itoa(depth), "-n", strconv.Itoa(requests),
			"--csv"}, command.words...)...)
	out, err := cmd.Output()
	if err != nil {
		return sample{}, err
	}
	rps, err := readRate(string(out), strings.Join(command.words, " "))
	if err != nil {
		return sample{}, err
	}
	busy := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sample{rps: rps, load: busy.Seconds() * rps / float64(requests)}, nil
}

// readRate finds the requests per second of a command in redis-benchmark's CSV.
func readRate(out, command string) (float64, error) {
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if len(row) > 1 && row[0] == command {
			return strconv.ParseFloat(row[1], 64)
		}
	}
	return 0, fmt.Errorf("no figure for %s in %q", command, out)
}
