package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The keys that a slow script keeps equal: it changes one when it begins, and the other when it ends.
var twins = []string{"twins:left", "twins:right"}

// slowBody takes so many milliseconds.
const slowBody = "redis.call('INCR', KEYS[1]) local t = redis.call('TIME') repeat for i = 1, 10000 do end " +
	"local now = redis.call('TIME') until (now[1] - t[1]) * 1000 + (now[2] - t[2]) / 1000 >= tonumber(ARGV[1]) " +
	"return redis.call('INCR', KEYS[2])"

// slowLibrary has it as a function. No two rounds have the same library.
func slowLibrary(round int64) string {
	return fmt.Sprintf("#!lua name=chaos\nredis.register_function('slow', function(KEYS, ARGV) %s end) -- %d", slowBody,
		round)
}

// slowly has a node run a script, or a function, for -hold, and gives what came of it.
func (g *group) slowly(ctx context.Context, host int, function bool) (ended chan error, err error) {
	loader := g.client(1)
	err = loader.FunctionLoadReplace(ctx, slowLibrary(time.Now().UnixNano())).Err()
	if err := errors.Join(err, loader.Close()); err != nil {
		return nil, fmt.Errorf("loading the functions: %w", err)
	}
	c := redis.NewClient(&redis.Options{Addr: g.nodeAddr(host), MaxRetries: -1, ReadTimeout: g.hold + startTimeout})
	ended = make(chan error, 1)
	go func() {
		var err error
		if function {
			err = c.FCall(ctx, "slow", twins, g.hold.Milliseconds()).Err()
		} else {
			err = c.Eval(ctx, slowBody, twins, g.hold.Milliseconds()).Err()
		}
		ended <- errors.Join(err, c.Close())
	}()
	return ended, sleep(ctx, g.hold/10)
}

// slowScript has the node run nothing but one script. That it is answered says that nobody took the node's place.
func slowScript(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	ended, err := g.slowly(ctx, host, g.rng.IntN(2) == 0)
	if err != nil {
		return nil, err
	}
	return func(context.Context) error {
		if err := <-ended; err != nil {
			return fmt.Errorf("the slow script: %w", err)
		}
		return nil
	}, nil
}

// whileScripted are the faults that befall a node while it runs a script.
var whileScripted = []func(context.Context, *group, int) (func(context.Context) error, error){
	kill, cut, pause, term, failover,
}

// faultInScript has the node run a script, which has written and will write more, and inflicts another fault on it
// meanwhile. Whether the script is answered depends on that.
func faultInScript(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	ended, err := g.slowly(ctx, host, g.rng.IntN(2) == 0)
	if err != nil {
		return nil, err
	}
	mend, err := whileScripted[g.rng.IntN(len(whileScripted))](ctx, g, host)
	if mend == nil {
		return nil, err
	}
	waited := sync.OnceFunc(func() { <-ended })
	return func(ctx context.Context) error {
		err := mend(ctx)
		waited()
		return err
	}, err
}

// sameEverywhere says that the members have the same data, functions and scripts, and nothing of half a script.
func (g *group) sameEverywhere(ctx context.Context) error {
	for begun := time.Now(); ; {
		err := g.compare(ctx)
		if err == nil || time.Since(begun) > sameWithin {
			return err
		}
		if err := sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

// sameWithin is for how long a member may be about to execute what it has in its log.
const sameWithin = 10 * time.Second

func (g *group) compare(ctx context.Context) error {
	first := ""
	for i := range g.nodes() {
		c := redis.NewClient(&redis.Options{Addr: g.nodeAddr(i), MaxRetries: 5})
		half, err := c.MGet(ctx, twins...).Result()
		digest, errData := c.Do(ctx, "DEBUG", "DIGEST").Result()
		programs, errPrograms := c.Do(ctx, "DEBUG", "DIGEST-PROGRAMS").Result()
		if err := errors.Join(err, errData, errPrograms, c.Close()); err != nil {
			return fmt.Errorf("comparing %s: %w", g.nodeAddr(i), err)
		}
		if half[0] != half[1] {
			return fmt.Errorf("%s has the half of a script: %v", g.nodeAddr(i), half)
		}
		all := fmt.Sprint(digest, programs)
		if first == "" {
			first = all
		}
		if all != first {
			return fmt.Errorf("%s has not what %s has: %s, %s", g.nodeAddr(i), g.nodeAddr(0), all, first)
		}
	}
	return nil
}
