package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/process"
)

// idleRow is what a whole group costs that has nothing to do: three nodes and three sentinels.
type idleRow struct {
	System  string  `json:"system"`
	Percent float64 `json:"percent"` // of one processor
	Wakes   float64 `json:"wakes"`   // a second: how often threads gave a processor back and were given it again
	Ratio   float64 `json:"ratio"`   // of Percent to that of the first system
}

// idleSettle is for how long a group that is ready is left alone before it is measured: the last epochs and copies are
// done with then.
const idleSettle = 5 * time.Second

// idleSample is one look at a group.
type idleSample struct{ percent, wakes float64 }

// idle measures Holdfast's members and Redis's, with Redis Sentinel's, while nobody asks them anything. Both groups are
// there all the time.
func idle(ctx context.Context, o options, f *fleet, r *report) error {
	holdfast, err := startChain(ctx, f)
	if err != nil {
		return err
	}
	redis, err := startReplicas(ctx, f)
	if err != nil {
		return err
	}
	redisPids, err := f.watchWithSentinels(ctx, redis)
	if err != nil {
		return err
	}
	time.Sleep(idleSettle)
	names, pids := []string{"holdfast", "redis with sentinel"},
		[][]int{append(holdfast.pids, holdfast.sentinels...), redisPids}
	samples := make([][]idleSample, len(names))
	for range o.rounds {
		for i := range names {
			s, err := watchIdle(ctx, pids[i], o.length())
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], s)
		}
	}
	for i, name := range names {
		r.Idle = append(r.Idle, idleRow{
			System: name, Percent: medianOf(samples[i], func(s idleSample) float64 { return s.percent }),
			Wakes: medianOf(samples[i], func(s idleSample) float64 { return s.wakes }),
			Ratio: medianRatio(samples[i], samples[0], func(s idleSample) float64 { return s.percent }),
		})
	}
	r.printIdle()
	return nil
}

// watchIdle measures processes for a while.
func watchIdle(ctx context.Context, pids []int, length time.Duration) (s idleSample, err error) {
	cpu, err := cpuTime(pids...)
	if err != nil {
		return s, err
	}
	wakes, err := switches(pids)
	if err != nil {
		return s, err
	}
	began := time.Now()
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return s, ctx.Err()
	}
	took := time.Since(began)
	cpuThen, err := cpuTime(pids...)
	if err != nil {
		return s, err
	}
	wakesThen, err := switches(pids)
	return idleSample{percent: 100 * float64(cpuThen-cpu) / float64(took),
		wakes: float64(wakesThen-wakes) / took.Seconds()}, err
}

// switches is how often the threads of processes have gone to sleep since they began.
func switches(pids []int) (n int64, err error) {
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil {
			return 0, err
		}
		for _, task := range tasks {
			text, err := os.ReadFile(task)
			if os.IsNotExist(err) {
				continue // the thread has ended
			} else if err != nil {
				return 0, err
			}
			for line := range strings.Lines(string(text)) {
				if value, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
					count, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
					if err != nil {
						return 0, fmt.Errorf("%s: %w", task, err)
					}
					n += count
				}
			}
		}
	}
	return n, nil
}

// watchWithSentinels puts three Redis Sentinels beside a Redis master and its replicas. It returns the processes of all
// six.
func (f *fleet) watchWithSentinels(ctx context.Context, t trio) (pids []int, err error) {
	host, port, _ := strings.Cut(t.master, ":")
	pids = t.pids
	for i := range chainNodes {
		at, err := process.FreePort()
		if err != nil {
			return nil, err
		}
		dir, err := f.newDir("redis-sentinel")
		if err != nil {
			return nil, err
		}
		conf := filepath.Join(dir, "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor %s %s %s 2\nsentinel down-after-milliseconds "+
			"%s 1000\n", at, groupName, host, port, groupName)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			return nil, err
		}
		p, err := f.startIn(dir, "redis-sentinel", at, []string{"redis-sentinel", conf})
		if err != nil {
			return nil, err
		}
		c := p.client()
		defer c.Close()
		if err := p.await(ctx, "know the others", func() error {
			info, err := c.Info(ctx, "sentinel").Result()
			if err == nil && i == chainNodes-1 &&
				!strings.Contains(info, fmt.Sprintf("slaves=%d,sentinels=%d", loadReplicas, chainNodes)) {
				err = fmt.Errorf("it knows of less: %s", info)
			}
			return err
		}); err != nil {
			return nil, err
		}
		pids = append(pids, p.Pid())
	}
	return pids, nil
}

func (r *report) printIdle() {
	fmt.Fprint(r.out, "\nidle: three nodes and three sentinels that nobody asks anything, down-after 1 s\n\n")
	r.table(func(w io.Writer) {
		fmt.Fprintln(w, "system\tof a processor\twakes a second\tratio\t")
		for _, row := range r.Idle {
			fmt.Fprintf(w, "%s\t%.2f %%\t%.0f\t%.2f\t\n", row.System, row.Percent, row.Wakes, row.Ratio)
		}
	})
}
