package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	pingEvery  = time.Millisecond
	longPause  = 10 * time.Millisecond
	loadPace   = 6 * time.Microsecond
	expireSpan = 10 * time.Second // within which all keys expire
	expireWait = 5 * time.Minute  // for the server to have deleted all of them
	flushWatch = 2 * time.Second  // after FLUSHALL, while memory is given back
)

// pauseRow is what a client that sends PING every millisecond saw of one phase, in milliseconds.
type pauseRow struct {
	System  string  `json:"system"`
	Phase   string  `json:"phase"`
	Seconds float64 `json:"seconds"`
	Pings   int64   `json:"pings"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	P999    float64 `json:"p999_ms"`
	Max     float64 `json:"max_ms"`
	Long    int64   `json:"over_10_ms"`
	Idle    float64 `json:"idle_max_ms"` // the longest wait for a server that had nothing else to do, at the same time
	Turn    float64 `json:"turn_max_ms"` // holdfast: the longest that one turn held everybody else up, by its own clock
}

// pauses has millions of keys come, expire, come again and be flushed, on one server after the other. Beside each an
// idle redis-server is asked as often: what that client waits for is the machine, not the server.
func pauses(ctx context.Context, o options, f *fleet, r *report) error {
	idle, err := f.redis(ctx, nil)
	if err != nil {
		return err
	}
	for _, start := range []func() (*server, error){
		func() (*server, error) { return f.holdfast(ctx) },
		func() (*server, error) { return f.redis(ctx, nil) },
	} {
		p, err := start()
		if err != nil {
			return err
		}
		if err := pausesOf(ctx, o, p, idle, r); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		p.stop()
	}
	r.printPauses()
	return nil
}

// pausesOf goes through the phases on one server.
func pausesOf(ctx context.Context, o options, p, idle *server, r *report) error {
	key := func(i int) string { return fmt.Sprintf("key:%012d", i) }
	var deadline time.Time
	for _, phase := range []struct {
		name string
		run  func() error
	}{
		{"load with expiry", func() error {
			// The first key expires when the last is there: a rough guess suffices, as it is the sweep that is watched.
			began := time.Now()
			at := began.Add(time.Duration(o.keys) * loadPace)
			deadline = at.Add(expireSpan)
			span := int(expireSpan.Milliseconds())
			return fill(ctx, p.addr(), o.keys, func(i int) []string {
				return []string{"SET", key(i), "value", "PXAT", strconv.FormatInt(at.UnixMilli()+int64(i%span), 10)}
			})
		}},
		{"expire", func() error { return awaitEmpty(ctx, p, deadline) }},
		{"load", func() error {
			return fill(ctx, p.addr(), o.keys, func(i int) []string { return []string{"SET", key(i), "value"} })
		}},
		{"FLUSHALL", func() error {
			c := p.client()
			defer c.Close()
			// Redis empties everything before it answers, which takes longer than this client waits.
			err := c.FlushAll(ctx).Err()
			time.Sleep(flushWatch)
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				return awaitEmpty(ctx, p, time.Now())
			}
			return err
		}},
	} {
		row, err := watchPauses(ctx, p, idle, phase.run)
		if err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		row.System, row.Phase = p.name, phase.name
		r.Pauses = append(r.Pauses, row)
	}
	return nil
}

// awaitEmpty waits until the server has no keys left. It asks seldom: DBSIZE is cheap, but a command like any other.
func awaitEmpty(ctx context.Context, p *server, from time.Time) error {
	c := p.client()
	defer c.Close()
	for end := from.Add(expireWait); ; time.Sleep(200 * time.Millisecond) {
		n, err := c.DBSize(ctx).Result()
		switch {
		case err != nil:
			return err
		case n == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d keys have not expired", n)
		}
	}
}

// watchPauses pings both servers while run runs.
func watchPauses(ctx context.Context, p, idle *server, run func() error) (pauseRow, error) {
	if _, err := longestTurn(ctx, p, true); err != nil {
		return pauseRow{}, err
	}
	pinger, err := newPinger(p.addr())
	if err != nil {
		return pauseRow{}, err
	}
	control, err := newPinger(idle.addr())
	if err != nil {
		return pauseRow{}, errors.Join(err, pinger.conn.Close())
	}
	go pinger.run()
	go control.run()
	began := time.Now()
	err = run()
	took := time.Since(began)
	if err = errors.Join(err, pinger.stop(), control.stop()); err != nil {
		return pauseRow{}, err
	}
	turn, err := longestTurn(ctx, p, false)
	h := pinger.waits
	return pauseRow{
		Seconds: took.Seconds(), Pings: h.TotalCount(), P50: millis(h.ValueAtQuantile(50)),
		P99:  millis(h.ValueAtQuantile(99)),
		P999: millis(h.ValueAtQuantile(99.9)), Max: millis(h.Max()), Long: pinger.long,
		Idle: millis(control.waits.Max()),
		Turn: turn,
	}, err
}

func millis(nanos int64) float64 { return float64(nanos) / 1e6 }

// longestTurn asks a holdfast server for the longest turn under its execution lock in milliseconds, and can have it
// count anew.
func longestTurn(ctx context.Context, p *server, reset bool) (float64, error) {
	c := p.client()
	defer c.Close()
	info, err := c.Info(ctx, "stats").Result()
	if err != nil {
		return 0, err
	}
	if reset {
		if err := c.ConfigResetStat(ctx).Err(); err != nil {
			return 0, err
		}
	}
	_, rest, ok := strings.Cut(info, "holdfast_longest_turn_usec:")
	if !ok {
		return 0, nil // another server
	}
	text, _, _ := strings.Cut(rest, "\r")
	usec, err := strconv.ParseInt(text, 10, 64)
	return float64(usec) / 1000, err
}

// pinger sends PING every millisecond, or as soon as the last one was answered, and notes how long that took.
type pinger struct {
	conn  net.Conn
	waits *hdrhistogram.Histogram // nanoseconds
	long  int64                   // that were longer than longPause
	end   chan struct{}
	ended chan error
}

func newPinger(addr string) (*pinger, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return nil, err
	}
	return &pinger{conn: conn, waits: newHistogram(), end: make(chan struct{}), ended: make(chan error, 1)}, nil
}

func (p *pinger) run() {
	in := bufio.NewReader(p.conn)
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.end:
			p.ended <- nil
			return
		}
		if err := p.ping(in); err != nil {
			p.ended <- fmt.Errorf("PING: %w", err)
			return
		}
	}
}

func (p *pinger) ping(in *bufio.Reader) error {
	began := time.Now()
	if _, err := p.conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	if _, err := in.ReadSlice('\n'); err != nil {
		return err
	}
	wait := time.Since(began)
	if wait > longPause {
		p.long++
	}
	return p.waits.RecordValue(min(int64(wait), maxLatencyNano))
}

// stop ends the pings and answers what went wrong.
func (p *pinger) stop() error {
	close(p.end)
	return errors.Join(<-p.ended, p.conn.Close())
}
