package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// againstRow is one workload of this program beside another build of it: the medians over the rounds of what one has of
// the other in the same round.
type againstRow struct {
	Part       string  `json:"part"`
	What       string  `json:"what"`
	Throughput float64 `json:"throughput"` // 0: it is not asked
	CPU        float64 `json:"cpu"`        // for one operation, all processes together; 0: not asked
	P99        float64 `json:"p99"`
	Memory     float64 `json:"memory"` // for one item
}

// against measures the program under test and another build of it in turns: one node, a chain of three, and memory.
func against(ctx context.Context, o options, f *fleet, r *report) error {
	other := &fleet{dir: f.dir, binary: o.against, name: "other-"}
	defer other.stop()
	for _, part := range []struct {
		name string
		run  func(ctx context.Context, o options, ours, other *fleet, r *report) error
	}{{"standalone", standaloneAgainst}, {"chain", chainAgainst}, {"memory", memoryAgainst}} {
		if !chosen(o.only, part.name) {
			continue
		}
		if err := part.run(ctx, o, f, other, r); err != nil {
			return err
		}
		f.stop()
		other.stop()
	}
	r.printAgainst()
	return nil
}

func standaloneAgainst(ctx context.Context, o options, ours, other *fleet, r *report) error {
	var servers []*server
	for _, f := range []*fleet{ours, other} {
		p, err := f.holdfast(ctx)
		if err != nil {
			return err
		}
		servers = append(servers, p)
	}
	rows, err := measurePairs(ctx, o, servers)
	for _, row := range rows {
		r.Against = append(r.Against, againstRow{
			Part: "standalone", What: fmt.Sprintf("%s, depth %d", row.Command, row.Depth), Throughput: row.Ratio,
			CPU: row.CPURatio,
		})
	}
	return err
}

func chainAgainst(ctx context.Context, o options, ours, other *fleet, r *report) error {
	var trios []trio
	for _, f := range []*fleet{ours, other} {
		t, err := startChain(ctx, f)
		if err != nil {
			return err
		}
		trios = append(trios, t)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one goroutine is all clients
	for _, depth := range []int{1, 16} {
		for _, clients := range []int{1, 16, 64} {
			var all []*contender
			for i, name := range []string{"this", "other"} {
				on := trios[i]
				all = append(all, &contender{name: name, on: on, ask: []string{on.master}, command: setString,
					mode: "chain", wait: waitNever})
			}
			if err := contest(ctx, o, all, clients, depth); err != nil {
				return err
			}
			ratio := func(of func(chainSample) float64) float64 {
				return medianRatio(all[0].samples, all[1].samples,
					of)
			}
			r.Against = append(r.Against, againstRow{
				Part: "chain", What: fmt.Sprintf("SET, %d clients, depth %d", clients, depth),
				Throughput: ratio(func(s chainSample) float64 { return s.rps }),
				CPU:        ratio(func(s chainSample) float64 { return s.cpuMicros }),
				P99:        ratio(func(s chainSample) float64 { return s.p99 }),
			})
		}
	}
	return nil
}

func memoryAgainst(ctx context.Context, o options, ours, other *fleet, r *report) error {
	for _, sh := range shapes {
		if !chosen(o.shapes, sh.name) {
			continue
		}
		var bytes [2]float64
		for i, f := range []*fleet{ours, other} {
			p, err := f.holdfast(ctx)
			if err != nil {
				return err
			}
			if bytes[i], err = bytesPerItem(ctx, p, o.items, sh); err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, sh.name, err)
			}
			f.stop() // its memory is needed no more
		}
		r.Against = append(r.Against, againstRow{Part: "memory", What: sh.item, Memory: bytes[0] / bytes[1]})
	}
	return nil
}

func (r *report) printAgainst() {
	fmt.Fprintf(r.out, "\nthis program as a multiple of the other, %s: throughput should be high, the rest low\n\n",
		r.Machine.Other)
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "part\twhat\tthroughput\tCPU/op\tp99\tmemory\t")
		figure := func(x float64) string {
			if x == 0 {
				return ""
			}
			return fmt.Sprintf("%.3f", x)
		}
		for _, a := range r.Against {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t\n", a.Part, a.What, figure(a.Throughput), figure(a.CPU),
				figure(a.P99), figure(a.Memory))
		}
	})
}
