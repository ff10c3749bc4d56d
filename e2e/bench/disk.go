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
	// by how much the machine's processes grew at most, as a share of the server's memory before
	Extra float64 `json:"extra_memory"`
}

// disk measures what it costs to keep the log on disk, to rewrite and save it, and to start with it.
func disk(ctx context.Context, o options, f *fleet, r *report) error {
	for _, part := range []struct {
		name string
		run  func(context.Context, options, *fleet, *report) error
	}{{"writes", writes}, {"saves", saves}, {"loads", loads}} {
		if !chosen(o.disk, part.name) {
			continue
		}
		if err := part.run(ctx, o, f, r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		f.stop()
	}
	r.printLoads() // those of saves too
	return nil
}

// writes measures writing with the log on disk.
func writes(ctx context.Context, o options, f *fleet, r *report) error {
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
			row, err := measurePair(ctx, o, []*server{holdfast, redis}, setString, depth)
			if err != nil {
				return err
			}
			row.Command += " " + policy
			r.Disk = append(r.Disk, row)
		}
		f.stop()
	}
	r.printDisk()
	return nil
}

// saves has one server after the other save and rewrite under writes.
func saves(ctx context.Context, o options, f *fleet, r *report) error {
	idle, err := f.redis(ctx, nil)
	if err != nil {
		return err
	}
	for _, start := range []func() (*server, error){
		func() (*server, error) { return f.holdfast(ctx, savesArgs...) },
		func() (*server, error) { return f.redis(ctx, nil, savesArgs...) },
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

// savesArgs keep a log that is only rewritten when it is asked for.
var savesArgs = []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"}

// savesOf fills a server, has it save and rewrite under writes, and starts it again.
func savesOf(ctx context.Context, o options, f *fleet, p, idle *server, r *report) error {
	text := random(rand.New(rand.NewPCG(1, 1)), 1<<16) // that nothing can be compressed
	set := func(i int) []string {
		at := i * 7 % (len(text) - diskValue)
		return []string{"SET", fmt.Sprintf("key:%012d", i), text[at : at+diskValue]}
	}
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
	row := loadRow{System: p.name, Source: "base and log"}
	if row.Bytes, err = sizeOf(p.dir); err != nil {
		return err
	}
	if err := again.loaded(ctx, began, &row); err != nil {
		return err
	}
	r.Loads = append(r.Loads, row)
	again.stop()
	return nil
}

// watchSave has the server save, while keys all over are overwritten a few thousand times a second.
func watchSave(ctx context.Context, o options, p, idle *server, command string, set func(i int) []string) (saveRow,
	error) {
	size, err := resident(p.Pid())
	if err != nil {
		return saveRow{}, err
	}
	before, err := anonymous()
	if err != nil {
		return saveRow{}, err
	}
	most := before
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
				if err := fill(ctx, p.addr(), fillBatch,
					func(int) []string { return set(rng.IntN(o.keys)) }); err != nil {
					written <- err
					return
				}
				time.Sleep(diskPace)
			}
			written <- nil
		}()
		for end := time.Now().Add(saveWait); time.Now().Before(end); time.Sleep(diskPace / 10) {
			now, err := anonymous()
			if err != nil {
				return err
			}
			most = max(most, now)
			info, err := c.Info(ctx, "persistence").Result()
			if err != nil {
				return err
			}
			if strings.Contains(info, "rdb_bgsave_in_progress:0") &&
				strings.Contains(info, "aof_rewrite_in_progress:0") {
				ended.Store(true)
				return <-written
			}
		}
		return fmt.Errorf("not done within %v", saveWait)
	})
	pauses.System, pauses.Phase = p.name, command
	return saveRow{pauses, float64(most-before) / float64(size)}, err
}
