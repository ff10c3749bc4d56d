package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
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
}

// benchCommand is a command as redis-benchmark is asked to send it.
type benchCommand struct {
	name   string
	title  string   // in redis-benchmark's CSV
	args   []string // the last ones of its command line
	before []string // likewise, for a run beforehand that is not measured
}

var benchCommands = []benchCommand{
	{name: "SET", title: "SET", args: []string{"-t", "set"}},
	{name: "GET", title: "GET", args: []string{"-t", "get"}},
	{name: "INCR", title: "INCR", args: []string{"-t", "incr"}},
	{name: "LPUSH", title: "LPUSH", args: []string{"-t", "lpush"}},
	{name: "LPOP", title: "LPOP", args: []string{"-t", "lpop"}, before: []string{"-t", "lpush"}},
	{name: "HSET", title: "HSET", args: []string{"-t", "hset"}},
	{name: "SADD", title: "SADD", args: []string{"-t", "sadd"}},
	{name: "ZADD", title: "ZADD", args: []string{"-t", "zadd"}},
	{name: "ZRANGE", title: "ZRANGE myzset 0 9", args: []string{"ZRANGE", "myzset", "0", "9"}, before: []string{"-t", "zadd"}},
	{name: "MSET", title: "MSET (10 keys)", args: []string{"-t", "mset"}},
}

// sample is one measurement of one server.
type sample struct{ rps, cpuMicros float64 }

// standalone runs redis-benchmark against a node and a redis-server in turns.
func standalone(ctx context.Context, o options, f *fleet, r *report) error {
	holdfast, err := f.holdfast(ctx)
	if err != nil {
		return err
	}
	redis, err := f.redis(ctx, nil)
	if err != nil {
		return err
	}
	servers := []*process{holdfast, redis}
	for _, text := range strings.Split(o.depths, ",") {
		depth, err := strconv.Atoi(text)
		if err != nil || depth < 1 {
			return fmt.Errorf("-depths %s: %q is no depth", o.depths, text)
		}
		for _, command := range benchCommands {
			if !chosen(o.commands, command.name) {
				continue
			}
			row, err := measurePair(ctx, o, servers, command, depth)
			if err != nil {
				return err
			}
			r.Standalone = append(r.Standalone, row)
		}
	}
	r.printStandalone()
	return nil
}

// measurePair measures one workload on both servers in as many rounds as asked for.
func measurePair(ctx context.Context, o options, servers []*process, command benchCommand, depth int) (standaloneRow, error) {
	row := standaloneRow{Command: command.name, Depth: depth}
	requests := make([]int, len(servers))
	for i, p := range servers {
		n, err := calibrate(ctx, p, command, depth, o.length())
		if err != nil {
			return row, err
		}
		requests[i] = n
	}
	samples := make([][]sample, len(servers))
	for round := range o.rounds {
		for k := range servers {
			i := (k + round) % len(servers)
			s, err := benchmark(ctx, servers[i], command, depth, requests[i])
			if err != nil {
				return row, err
			}
			samples[i] = append(samples[i], s)
		}
	}
	rps := func(s sample) float64 { return s.rps }
	cpu := func(s sample) float64 { return s.cpuMicros }
	h, d := samples[0], samples[1]
	row.HoldfastRPS, row.RedisRPS, row.Ratio = medianOf(h, rps), medianOf(d, rps), medianRatio(h, d, rps)
	row.HoldfastCPU, row.RedisCPU, row.CPURatio = medianOf(h, cpu), medianOf(d, cpu), medianRatio(h, d, cpu)
	return row, nil
}

// calibrate warms a server up and finds how many requests take about as long as a measurement should.
func calibrate(ctx context.Context, p *process, command benchCommand, depth int, length time.Duration) (int, error) {
	n := 5000 * min(depth, 16)
	for {
		began := time.Now()
		s, err := benchmark(ctx, p, command, depth, n)
		if err != nil {
			return 0, err
		}
		if time.Since(began) >= calibrateTime {
			return max(n, int(s.rps*length.Seconds())), nil
		}
		n *= 4
	}
}

// benchmark runs redis-benchmark once.
func benchmark(ctx context.Context, p *process, command benchCommand, depth, requests int) (sample, error) {
	if command.before != nil {
		if _, err := redisBenchmark(ctx, p, command.before, depth, requests); err != nil {
			return sample{}, err
		}
	}
	before, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	out, err := redisBenchmark(ctx, p, command.args, depth, requests)
	if err != nil {
		return sample{}, err
	}
	after, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	rps, err := readRate(string(out), command.title)
	if err != nil {
		return sample{}, fmt.Errorf("redis-benchmark against %s: %w", p.name, err)
	}
	return sample{rps: rps, cpuMicros: float64((after - before).Microseconds()) / float64(requests)}, nil
}

// redisBenchmark answers what redis-benchmark prints.
func redisBenchmark(ctx context.Context, p *process, args []string, depth, requests int) ([]byte, error) {
	// --csv also keeps it from painting its progress.
	cmd := exec.CommandContext(ctx, "redis-benchmark", append([]string{"-p", strconv.Itoa(p.port), "-c", strconv.Itoa(benchClients),
		"-r", strconv.Itoa(benchKeys), "-d", strconv.Itoa(benchValue), "-P", strconv.Itoa(depth), "-n", strconv.Itoa(requests), "--csv"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("redis-benchmark against %s: %w", p.name, err)
	}
	return out, nil
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
