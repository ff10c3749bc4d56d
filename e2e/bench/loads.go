package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/process"
)

const (
	dumpCommandBytes = 750 // of data that one of dumpCommand's brings, about
	dumpPerLarge     = 500 // commands that go into one large collection
)

// loadRow is a start with data.
type loadRow struct {
	System  string  `json:"system"`
	Source  string  `json:"source"`
	Bytes   int64   `json:"bytes"` // of the source
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // of all its threads
}

// loads has both servers start with one and the same dump.rdb, which a redis-server has saved, in turns.
func loads(ctx context.Context, o options, f *fleet, r *report) error {
	source, err := f.redis(ctx, nil)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	if err := fill(ctx, source.addr(), max(1, o.dump<<20/dumpCommandBytes),
		func(i int) []string { return dumpCommand(i, rng) }); err != nil {
		return err
	}
	c := source.client()
	err = c.BgSave(ctx).Err() // SAVE takes longer than this client waits
	if err == nil {
		err = source.awaitFor(ctx, saveWait, "save its data", func() error {
			info, err := c.Info(ctx, "persistence").Result()
			if err == nil && !strings.Contains(info, "rdb_bgsave_in_progress:0") {
				err = fmt.Errorf("it is saving")
			}
			return err
		})
	}
	_ = c.Close() // nothing is under way
	if err != nil {
		return err
	}
	source.stop()
	samples := [2][]loadRow{}
	for round := range o.rounds {
		for k := range 2 {
			i := (k + round) % 2
			row, err := loadOnce(ctx, f, source.dir, i == 0)
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], row)
		}
	}
	for _, s := range samples {
		row := s[0]
		row.Seconds = medianOf(s, func(l loadRow) float64 { return l.Seconds })
		row.CPU = medianOf(s, func(l loadRow) float64 { return l.CPU })
		r.Loads = append(r.Loads, row)
	}
	return nil
}

// loadOnce starts a server on the dump in a directory.
func loadOnce(ctx context.Context, f *fleet, dir string, holdfast bool) (loadRow, error) {
	row := loadRow{System: "redis", Source: "dump of all types"}
	port, err := process.FreePort()
	if err != nil {
		return row, err
	}
	args := []string{"redis-server"}
	if holdfast {
		row.System, args = "holdfast", []string{f.binary, "node"}
	}
	if row.Bytes, err = sizeOf(filepath.Join(dir, "dump.rdb")); err != nil {
		return row, err
	}
	began := time.Now()
	p, err := f.startIn(dir, row.System, port, append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", ""))
	if err != nil {
		return row, err
	}
	defer p.stop()
	return row, p.loaded(ctx, began, &row)
}

// loaded waits until a server that has been started answers, and notes what that took.
func (p *server) loaded(ctx context.Context, began time.Time, row *loadRow) error {
	c := p.client()
	defer c.Close()
	if err := p.awaitFor(ctx, saveWait, "load its data", func() error { return c.DBSize(ctx).Err() }); err != nil {
		return err
	}
	row.Seconds = time.Since(began).Seconds()
	used, err := cpuTime(p.Pid())
	row.CPU = used.Seconds()
	return err
}

// dumpCommand adds to a data set of all types: strings, small hashes, and hashes, sets, sorted sets and lists of ten
// thousand elements and more.
func dumpCommand(i int, rng *rand.Rand) []string {
	large := strconv.Itoa(i / (6 * dumpPerLarge))
	var args []string
	add := func(n int, element func(k int) []string) []string {
		for k := range n {
			args = append(args, element(k)...)
		}
		return args
	}
	switch i % 6 {
	case 0:
		args = []string{"MSET"}
		return add(4, func(k int) []string { return []string{name16("key", 4*i+k), random(rng, 200)} })
	case 1:
		args = []string{"HSET", name16("hash", i)}
		return add(10, func(k int) []string { return []string{"field" + strconv.Itoa(k), random(rng, 24)} })
	case 2:
		args = []string{"HSET", "hash:" + large}
		return add(20, func(int) []string { return []string{random(rng, 16), random(rng, 32)} })
	case 3:
		args = []string{"SADD", "set:" + large}
		return add(40, func(int) []string { return []string{random(rng, 16)} })
	case 4:
		args = []string{"ZADD", "zset:" + large}
		return add(30, func(int) []string { return []string{strconv.Itoa(rng.IntN(1 << 30)), random(rng, 16)} })
	default:
		args = []string{"RPUSH", "list:" + large}
		return add(30, func(int) []string { return []string{random(rng, 32)} })
	}
}

// random is a text of n digits that no compression makes shorter.
func random(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := 0; i < n; i += 12 {
		for k, v := i, rng.Uint64(); k < min(i+12, n); k++ {
			b[k] = alphabet[v%32]
			v /= 32
		}
	}
	return string(b)
}

const alphabet = "abcdefghijklmnopqrstuvwxyz012345"
