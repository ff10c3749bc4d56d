package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

const (
	settlePause  = 500 * time.Millisecond
	settleSteps  = 20
	settleWithin = 256 << 10 // bytes of change that count as none
)

// memoryRow is what an item of one shape takes.
type memoryRow struct {
	Shape    string  `json:"shape"`
	Item     string  `json:"item"`
	Items    int     `json:"items"`
	Holdfast float64 `json:"holdfast_bytes"`
	Redis    float64 `json:"redis_bytes"`
	Ratio    float64 `json:"ratio"`
}

// shape is a way in which data can lie: the command that adds item i.
type shape struct {
	name, item string
	add        func(i int, rng *rand.Rand) []string
}

func name16(kind string, i int) string { return fmt.Sprintf("%s:%012d", kind, i) }

var shapes = []shape{
	{"string", "16 B key, 16 B value", func(i int, _ *rand.Rand) []string {
		return []string{"SET", name16("key", i), name16("val", i)}
	}},
	{"expiring", "16 B key, 16 B value, expiry", func(i int, _ *rand.Rand) []string {
		return []string{"SET", name16("key", i), name16("val", i), "EX", "1000000"}
	}},
	{"string128", "16 B key, 128 B value", func(i int, _ *rand.Rand) []string {
		return []string{"SET", name16("key", i), fmt.Sprintf("%0128d", i)}
	}},
	{"smallhash", "16 B key, hash of 10 fields: 6 B, values 8 B", func(i int, _ *rand.Rand) []string {
		args := []string{"HSET", name16("key", i)}
		for f := range 10 {
			args = append(args, fmt.Sprintf("field%d", f), fmt.Sprintf("val%05d", (i+f)%100000))
		}
		return args
	}},
	{"zset", "16 B member of a big sorted set", func(i int, rng *rand.Rand) []string {
		return []string{"ZADD", "big", strconv.Itoa(rng.IntN(1 << 30)), name16("mem", i)}
	}},
	{"set", "16 B member of a big set",
		func(i int, _ *rand.Rand) []string { return []string{"SADD", "big", name16("mem", i)} }},
	{"hash", "16 B field of a big hash, 16 B value", func(i int, _ *rand.Rand) []string {
		return []string{"HSET", "big", name16("fld", i), name16("val", i)}
	}},
	{"list", "16 B element of a big list",
		func(i int, _ *rand.Rand) []string { return []string{"RPUSH", "big", name16("elm", i)} }},
	{"stream", "entry of a big stream, three small fields", func(i int, rng *rand.Rand) []string {
		return []string{"XADD", "big", strconv.Itoa(1_700_000_000_000+10*i+rng.IntN(10)) + "-0", "user",
			strconv.Itoa(rng.IntN(1_000_000)), "action", []string{"view", "click", "buy"}[rng.IntN(3)], "item",
			fmt.Sprintf("item:%05d", rng.IntN(100_000))}
	}},
}

// memory fills fresh servers with items of each shape.
func memory(ctx context.Context, o options, f *fleet, r *report) error {
	for _, sh := range shapes {
		if !chosen(o.shapes, sh.name) {
			continue
		}
		row := memoryRow{Shape: sh.name, Item: sh.item, Items: o.items}
		for _, s := range []struct {
			start func() (*server, error)
			to    *float64
		}{
			{func() (*server, error) { return f.holdfast(ctx) }, &row.Holdfast},
			{func() (*server, error) { return f.redis(ctx, nil) }, &row.Redis},
		} {
			p, err := s.start()
			if err != nil {
				return err
			}
			if *s.to, err = bytesPerItem(ctx, p, o.items, sh); err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, sh.name, err)
			}
			f.stop() // its memory is needed no more
		}
		row.Ratio = row.Holdfast / row.Redis
		r.Memory = append(r.Memory, row)
	}
	r.printMemory()
	return nil
}

// bytesPerItem is by how much a server grows, over the number of items.
func bytesPerItem(ctx context.Context, p *server, items int, sh shape) (float64, error) {
	before, err := settled(ctx, p.Pid())
	if err != nil {
		return 0, err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	if err := fill(ctx, p.addr(), items, func(i int) []string { return sh.add(i, rng) }); err != nil {
		return 0, err
	}
	after, err := settled(ctx, p.Pid())
	if err != nil {
		return 0, err
	}
	return float64(after-before) / float64(items), nil
}

// settled is the resident memory once it no longer changes, or after a while.
func settled(ctx context.Context, pid int) (int64, error) {
	last := int64(-1)
	for range settleSteps {
		now, err := resident(pid)
		if err != nil {
			return 0, err
		}
		if last >= 0 && max(now-last, last-now) <= settleWithin {
			return now, nil
		}
		last = now
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return last, nil
}
