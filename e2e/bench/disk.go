package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"
)

const (
	diskValue = 480 // bytes of a value, so that ten million keys are about 5 GB
	diskPace  = 100 * time.Millisecond
	saveWait  = 10 * time.Minute
)

// saveRow is one snapshot of a server that is written to meanwhile.
type saveRow struct {
	pauseRow
	Extra float64 `json:"extra_memory"` // what it took at most beside the memory before, as a share of that
}

// loadRow is a start with data.
type loadRow struct {
	System  string  `json:"system"`
	Source  string  `json:"source"`
	Seconds float64 `json:"seconds"`
}

// disk measures what it costs to keep the log on disk, to rewrite and save it, and to start with it.
func disk(ctx context.Context, o options, f *fleet, r *report) error {
	for _, policy := range []string{"everysec", "always"} {
		args := []string{"--appendonly", "yes", "--appendfsync", policy}
		holdfast, err := f.holdfast(ctx, args...)
		if err != nil {
			return err
		}
		redis, err := f.redis(ctx, nil, args...)
		if err != nil {
			return err
		}
		for _, depth := range []int{1, 16} {
			row, err := measurePair(ctx, o, []*process{holdfast, redis}, benchCommands[0], depth)
			if err != nil {
				return err
			}
			row.Command += " " + policy
			r.Disk = append(r.Disk, row)
		}
		holdfast.stop()
		redis.stop()
	}
	r.printDisk()
	idle, err := f.redis(ctx, nil)
	if err != nil {
		return err
	}
	for _, start := range []func() (*process, error){
		func() (*process, error) { return f.holdfast(ctx, "--appendonly", "yes") },
		func() (*process, error) { return f.redis(ctx, nil, "--appendonly", "yes") },
	} {
		p, err := start()
		if err != nil {
			return err
		}
		if err := savesOf(ctx, o, f, p, idle, r); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	r.printSaves()
	return nil
}

// savesOf fills a server, has it save and rewrite under writes, and starts it again.
func savesOf(ctx context.Context, o options, f *fleet, p, idle *process, r *report) error {
	value := strings.Repeat("v", diskValue)
	set := func(i int) []string { return []string{"SET", fmt.Sprintf("key:%012d", i), value} }
	if err := fill(ctx, p.addr(), o.keys, set); err != nil {
		return err
	}
	for _, command := range []string{"BGREWRITEAOF", "BGSAVE"} {
		row, err := watchSave(ctx, o, p, idle, command, set)
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		r.Saves = append(r.Saves, row)
	}
	p.stop()
	began := time.Now()
	again, err := f.again(p)
	if err != nil {
		return err
	}
	c := again.client()
	defer c.Close()
	if err := again.awaitFor(ctx, saveWait, "load its data", func() error { return c.Get(ctx, "key:000000000000").Err() }); err != nil {
		return err
	}
	r.Loads = append(r.Loads, loadRow{p.name, "base and log", time.Since(began).Seconds()})
	again.stop()
	return nil
}

// watchSave has the server save, while keys all over are overwritten a few thousand times a second.
func watchSave(ctx context.Context, o options, p, idle *process, command string, set func(i int) []string) (saveRow, error) {
	before, err := resident(p.cmd.Process.Pid)
	if err != nil {
		return saveRow{}, err
	}
	var most int64
	pauses, err := watchPauses(ctx, p, idle, func() error {
		c := p.client()
		defer c.Close()
		if err := c.Do(ctx, command).Err(); err != nil {
			return err
		}
		var ended atomic.Bool
		written := make(chan error, 1)
		go func() {
			rng := rand.New(rand.NewPCG(1, 1))
			for !ended.Load() {
				if err := fill(ctx, p.addr(), fillBatch, func(int) []string { return set(rng.IntN(o.keys)) }); err != nil {
					written <- err
					return
				}
				time.Sleep(diskPace)
			}
			written <- nil
		}()
		for end := time.Now().Add(saveWait); time.Now().Before(end); time.Sleep(diskPace / 10) {
			now, err := memoryWithChildren(p.cmd.Process.Pid)
			if err != nil {
				return err
			}
			most = max(most, now)
			info, err := c.Info(ctx, "persistence").Result()
			if err != nil {
				return err
			}
			if strings.Contains(info, "rdb_bgsave_in_progress:0") && strings.Contains(info, "aof_rewrite_in_progress:0") {
				ended.Store(true)
				return <-written
			}
		}
		return fmt.Errorf("not done within %v", saveWait)
	})
	pauses.System, pauses.Phase = p.name, command
	return saveRow{pauses, float64(most-before) / float64(before)}, err
}

// memoryWithChildren is what a process and those it has forked hold, pages that they share counted once.
func memoryWithChildren(pid int) (int64, error) {
	total, err := proportional(pid)
	if err != nil {
		return 0, err
	}
	children, err := childrenOf(pid)
	for _, child := range children {
		if n, err := proportional(child); err == nil { // it may have ended by now
			total += n
		}
	}
	return total, err
}
