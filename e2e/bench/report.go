package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is everything that a run found.
type report struct {
	Machine    machineInfo     `json:"machine"`
	Seconds    float64         `json:"seconds"`
	Rounds     int             `json:"rounds"`
	Standalone []standaloneRow `json:"standalone,omitempty"`
	Chain      []chainRow      `json:"chain,omitempty"`
	Reads      []readRow       `json:"reads,omitempty"`
	Memory     []memoryRow     `json:"memory,omitempty"`
	Pauses     []pauseRow      `json:"pauses,omitempty"`
	Disk       []standaloneRow `json:"disk,omitempty"`
	Saves      []saveRow       `json:"saves,omitempty"`
	Loads      []loadRow       `json:"loads,omitempty"`
	Big        []bigRow        `json:"big,omitempty"`
	Idle       []idleRow       `json:"idle,omitempty"`
	Engines    []engineRow     `json:"engines,omitempty"`
	Against    []againstRow    `json:"against,omitempty"`

	out io.Writer
}

// machineInfo is what the figures depend on.
type machineInfo struct {
	Cores     int    `json:"cores"`
	MemoryGiB int64  `json:"memory_gib"`
	System    string `json:"system"`
	Holdfast  string `json:"holdfast"`
	Redis     string `json:"redis"`
	Other     string `json:"other,omitempty"` // the other build's version
}

func machine(ctx context.Context, o options) machineInfo {
	m := machineInfo{Cores: runtime.NumCPU(), System: runtime.GOOS + " " + runtime.GOARCH,
		Holdfast: firstLine(ctx, o.binary, "version"), Redis: firstLine(ctx, "redis-benchmark", "--version")}
	if o.against != "" {
		m.Other = firstLine(ctx, o.against, "version")
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64) // the kernel writes numbers
			m.MemoryGiB = (kib + 1<<19) >> 20
		}
	}
	return m
}

// firstLine is the first line that a program prints; one that is missing is found out when it is started.
func firstLine(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

func (r *report) table(print func(w io.Writer)) {
	t := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	print(t)
	_ = t.Flush() // standard output: there is nobody to tell
}

func (r *report) printMachine() {
	fmt.Fprintf(r.out, "%d cores, %d GiB, %s; %s beside the Redis of %s\n%d rounds of %g s each, medians\n",
		r.Machine.Cores, r.Machine.MemoryGiB,
		r.Machine.System, r.Machine.Holdfast, r.Machine.Redis, r.Rounds, r.Seconds)
}

func (r *report) printStandalone() {
	fmt.Fprintf(r.out, "\none node beside one redis-server: %d clients, %d keys, values of %d bytes; load: who made "+
		"it, busy: how much of a processor that took beside each\n\n", benchClients, benchKeys, benchValue)
	r.printRows(r.Standalone)
}

func (r *report) printDisk() {
	fmt.Fprint(r.out, "\nthe same with the log on disk, by appendfsync\n\n")
	r.printRows(r.Disk)
}

func (r *report) printSaves() {
	fmt.Fprint(r.out, "\nsnapshots of a server that is written to: PING every millisecond, in ms; extra: memory "+
		"beside what there was before\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "command\tserver\tseconds\tp50\tp99\tp99.9\tmax\t> 10 ms\tidle max\tturn max\textra\t")
		for _, s := range r.Saves {
			fmt.Fprintf(w, "%s\t%s\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%.2f\t%.2f\t%.0f %%\t\n", s.Phase, s.System,
				s.Seconds,
				s.P50, s.P99, s.P999, s.Max, s.Long, s.Idle, s.Turn, 100*s.Extra)
		}
	})
}

func (r *report) printLoads() {
	if len(r.Loads) == 0 {
		return
	}
	fmt.Fprint(r.out, "\nstarting with data\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "server\tfrom\tMB\tseconds\tCPU s\t")
		for _, l := range r.Loads {
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.1f\t%.1f\t\n", l.System, l.Source, float64(l.Bytes)/1e6, l.Seconds, l.CPU)
		}
	})
}

func (r *report) printRows(rows []standaloneRow) {
	r.table(func(w io.Writer) {
		fmt.Fprintln(w,
			"command\tdepth\tholdfast/s\tredis/s\tratio\tholdfast CPU µs/op\tredis CPU µs/op\tratio\tload\tbusy\t")
		for _, s := range rows {
			fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%.0f %% / %.0f %%\t\n", s.Command, s.Depth,
				s.HoldfastRPS, s.RedisRPS, s.Ratio,
				s.HoldfastCPU, s.RedisCPU, s.CPURatio, s.Load, 100*s.HoldfastLoad, 100*s.RedisLoad)
		}
	})
}

func (r *report) printChain() {
	fmt.Fprintf(r.out, "\nSET on three data nodes: own load on the same cores, %d keys, values of %d bytes; latency "+
		"is a pipeline's, CPU is the three nodes' together;\nall nodes keep their log on disk, appendfsync "+
		"everysec\n\n", benchKeys, len(loadValue))
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "clients\tdepth\tsystem\tSET/s\tp50 ms\tp99 ms\tCPU µs/op\tchain is\t")
		for _, c := range r.Chain {
			fmt.Fprintf(w, "%d\t%d\t%s\t%.0f\t%.3f\t%.3f\t%.2f\t%.2f ×\t\n", c.Clients, c.Depth, c.System, c.RPS, c.P50,
				c.P99, c.CPU, c.Ratio)
		}
	})
}

func (r *report) printReads() {
	fmt.Fprint(r.out, "\nGET on members of the chain, as fresh as on the master: the same number of clients on one "+
		"member or spread over three; CPU is all members'\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "clients\tdepth\tmembers\tGET/s\tp50 ms\tp99 ms\tCPU µs/op\tto one member\t")
		for _, c := range r.Reads {
			fmt.Fprintf(w, "%d\t%d\t%d\t%.0f\t%.3f\t%.3f\t%.2f\t%.2f ×\t\n", c.Clients, c.Depth, c.Members, c.RPS,
				c.P50, c.P99, c.CPU, c.Ratio)
		}
	})
}

func (r *report) printMemory() {
	fmt.Fprint(r.out, "\nresident bytes per item\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "item\titems\tholdfast\tredis\tratio\t")
		for _, m := range r.Memory {
			fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.2f\t\n", m.Item, m.Items, m.Holdfast, m.Redis, m.Ratio)
		}
	})
}

func (r *report) printPauses() {
	fmt.Fprint(r.out, "\nwhat a client waits that sends PING every millisecond, in ms; idle: what one waits at the "+
		"same time for a server that does nothing else;\n"+
		"turn: the longest that holdfast by its own clock held everybody up at once\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "phase\tserver\tseconds\tpings\tp50\tp99\tp99.9\tmax\t> 10 ms\tidle max\tturn max\t")
		for _, p := range r.Pauses {
			fmt.Fprintf(w, "%s\t%s\t%.1f\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%.2f\t%.2f\t\n", p.Phase, p.System, p.Seconds,
				p.Pings,
				p.P50, p.P99, p.P999, p.Max, p.Long, p.Idle, p.Turn)
		}
	})
}

func (r *report) printEngines() {
	fmt.Fprint(r.out, "\nscripts in the package lua beside gopher-lua 1.1.2, ms of CPU\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "loop\tlua\tgopher-lua\tratio\t")
		for _, e := range r.Engines {
			fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t\n", e.Loop, e.Own, e.Other, e.Ratio)
		}
	})
}

func (r *report) printBigHead() {
	fmt.Fprintf(r.out, "\na single command on one node and on one redis-server, nobody else asking, in ms: what its "+
		"client waits for all of the reply, for how long\n"+
		"it executes, and others can't, and the server's CPU\n\n")
	fmt.Fprintf(r.out, "%62s%10s%10s%8s%10s%10s%8s%10s%10s%8s\n", "command", "holdfast", "redis", "ratio", "executes",
		"redis", "ratio", "CPU", "redis", "ratio")
}

// printBigRow prints a row as soon as it is measured: all of them take minutes.
func (r *report) printBigRow(b bigRow) {
	fmt.Fprintf(r.out, "%62s%10.2f%10.2f%8.2f%10.2f%10.2f%8.2f%10.2f%10.2f%8.2f\n", b.Command, b.Holdfast, b.Redis,
		b.Ratio,
		b.HoldfastRuns, b.RedisRuns, b.RunsRatio, b.HoldfastCPU, b.RedisCPU, b.CPURatio)
}

// write puts everything into a file, if one is named.
func (r *report) write(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// medianOf is the median of one figure of the samples.
func medianOf[S any](samples []S, figure func(S) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return median(values)
}

// medianRatio is the median of the ratios of a figure that two servers reached in the same round. Rounds too short for
// the clock that the figure is taken from are left out.
func medianRatio[S any](of, to []S, figure func(S) float64) float64 {
	var values []float64
	for i := range of {
		if divisor := figure(to[i]); divisor > 0 {
			values = append(values, figure(of[i])/divisor)
		}
	}
	return median(values)
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return 0
	}
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}
