package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/linear"
)

// audit is a number of clients that write and read keys which all of them share, reads from every member too, and a
// record of what they were told. Keys come in generations, so that each has a short history, in which few writes were
// not answered.
type audit struct {
	linear.Recorder
	g      *group
	prefix string
	begin  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup
}

const (
	generationLasts = 500 * time.Millisecond
	generationsRead = 20 // a read looks back so far at most
	keysOfAKind     = 2
	auditorPause    = 4 * time.Millisecond
	unknownPause    = 100 * time.Millisecond // the more outcomes are unknown, the more orders there are to try
)

func (g *group) newAudit(prefix string) *audit {
	ctx, cancel := context.WithCancel(context.Background())
	a := &audit{g: g, prefix: prefix, begin: time.Now(), cancel: cancel}
	for id := range g.auditors {
		rng := rand.New(rand.NewPCG(g.rng.Uint64(), uint64(id)))
		a.done.Go(func() { a.work(ctx, id, rng) })
	}
	return a
}

func (a *audit) stop() {
	a.cancel()
	a.done.Wait()
}

// generation is the present one.
func (a *audit) generation() int { return int(time.Since(a.begin) / generationLasts) }

func (a *audit) key(kind string, generation, n int) string {
	return fmt.Sprintf("%s:%s%d:%d", a.prefix, kind, generation, n)
}

// readers are clients of each node, for reads.
func (g *group) readers() (all []*redis.Client) {
	for i := range g.nodes() {
		all = append(all, redis.NewClient(&redis.Options{
			Addr: g.nodeAddr(i), MaxRetries: -1, PoolSize: 1,
			Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
				d := net.Dialer{Timeout: clientTimeout}
				return d.DialContext(ctx, "tcp", g.nodeAddr(i)) // where it is now
			},
			DialTimeout: clientTimeout, ReadTimeout: clientTimeout, WriteTimeout: clientTimeout,
		}))
	}
	return all
}

// work is one client's life.
func (a *audit) work(ctx context.Context, id int, rng *rand.Rand) {
	master, readers := a.g.client(0), a.g.readers()
	defer func() {
		_ = master.Close()
		for _, c := range readers {
			_ = c.Close()
		}
	}()
	for n := 0; sleep(ctx, auditorPause) == nil; n++ {
		o, read := a.draw(rng, fmt.Sprintf("%d.%d", id, n))
		c := master
		if read {
			c = readers[rng.IntN(len(readers))]
		}
		a.ask(ctx, id, c, o, read)
	}
}

// draw is an operation on a register or a counter.
func (a *audit) draw(rng *rand.Rand, word string) (o linear.Operation, read bool) {
	generation, n := a.generation(), rng.IntN(keysOfAKind)
	switch rng.IntN(8) {
	case 0, 1:
		return linear.Op("SET", a.key("x", generation, n), word), false
	case 2:
		return linear.Op("GETSET", a.key("x", generation, n), word), false
	case 3, 4:
		return linear.Op("INCR", a.key("k", generation, n), ""), false
	case 5:
		generation = max(0, generation-rng.IntN(generationsRead))
	}
	kind := "x"
	if rng.IntN(2) == 0 {
		kind = "k"
	}
	return linear.Op("GET", a.key(kind, generation, n), ""), true
}

// ask does an operation and records it.
func (a *audit) ask(ctx context.Context, id int, c *redis.Client, o linear.Operation, read bool) {
	args := []any{o.What, o.Key}
	if o.Arg != "" {
		args = append(args, o.Arg)
	}
	call := a.Begin()
	value, err := c.Do(ctx, args...).Result()
	switch {
	case err == redis.Nil: // wrapped, it is a sentinel's that knows no master: nothing was sent
		a.Done(id, o, call, linear.Outcome{Value: linear.Null})
	case err == nil:
		a.Done(id, o, call, linear.Outcome{Value: text(value)})
	case !read && !neverSent(err) && !linear.RefusedText(err.Error()):
		a.Done(id, o, call, linear.Outcome{Unknown: true})
		_ = sleep(ctx, unknownPause)
	}
}

func text(reply any) string {
	if n, ok := reply.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprint(reply)
}

// noSentinels begins what go-redis says when it can't learn where the master is.
const noSentinels = "redis: all sentinels"

// neverSent says that there was no connection to send a command by.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || strings.HasPrefix(err.Error(), noSentinels)
}

// readAll reads every key from every member at the end: nothing that was acknowledged may be missing anywhere.
func (a *audit) readAll(ctx context.Context) {
	for i, c := range a.g.readers() {
		for generation := range a.generation() + 1 {
			for n := range keysOfAKind {
				for _, kind := range []string{"x", "k"} {
					a.ask(ctx, a.g.auditors+i, c, linear.Op("GET", a.key(kind, generation, n), ""), true)
				}
			}
		}
		_ = c.Close()
	}
}
