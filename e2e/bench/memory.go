package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"holdfast/resp"
)

const (
	fillBatch    = 1000
	settlePause  = 500 * time.Millisecond
	settleSteps  = 20
	settleWithin = 256 << 10 // bytes of change that count as none
)

// memoryRow is what an item takes.
type memoryRow struct {
	Items    int     `json:"items"`
	Expiry   bool    `json:"expiry"`
	Holdfast float64 `json:"holdfast_bytes"`
	Redis    float64 `json:"redis_bytes"`
	Ratio    float64 `json:"ratio"`
}

// memory fills fresh servers with items of 16 bytes for the key and 16 for the value.
func memory(ctx context.Context, o options, f *fleet, r *report) error {
	for _, expiry := range []bool{false, true} {
		row := memoryRow{Items: o.items, Expiry: expiry}
		for _, s := range []struct {
			start func() (*process, error)
			to    *float64
		}{
			{func() (*process, error) { return f.holdfast(ctx) }, &row.Holdfast},
			{func() (*process, error) { return f.redis(ctx, nil) }, &row.Redis},
		} {
			p, err := s.start()
			if err != nil {
				return err
			}
			if *s.to, err = bytesPerItem(ctx, p, o.items, expiry); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
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
func bytesPerItem(ctx context.Context, p *process, items int, expiry bool) (float64, error) {
	before, err := settled(ctx, p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	if err := fill(ctx, p.addr(), items, expiry); err != nil {
		return 0, err
	}
	after, err := settled(ctx, p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	c := p.client()
	defer c.Close()
	if n, err := c.DBSize(ctx).Result(); err != nil || n != int64(items) {
		return 0, fmt.Errorf("it holds %d of %d items: %w", n, items, err)
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

// fill sets all items over one connection.
func fill(ctx context.Context, addr string, items int, expiry bool) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var out []byte
	for at := 0; at < items; at += fillBatch {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		out = out[:0]
		n := min(fillBatch, items-at)
		for i := range n {
			args := []string{"SET", fmt.Sprintf("key:%012d", at+i), fmt.Sprintf("val:%012d", at+i)}
			if expiry {
				args = append(args, "EX", "1000000")
			}
			out = resp.AppendCommandStrings(out, args...)
		}
		if err := conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
			return err
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
		for range n {
			line, err := in.ReadString('\n')
			if err != nil {
				return err
			}
			if line != "+OK\r\n" {
				return fmt.Errorf("filling: %s", strings.TrimSpace(line))
			}
		}
	}
	return nil
}
