package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// judgingLasts bounds the search for an order of one key's operations.
const judgingLasts = 20 * time.Second

// drawHost is whom a fault strikes: the master, or with mixed faults any node in one of three rounds.
func (g *group) drawHost(f fault, master int) int {
	if g.options.faults == mixed && !f.planned && g.rng.IntN(3) == 0 {
		return g.rng.IntN(len(g.nodes()))
	}
	return master
}

// round runs clients through one fault and judges what they were told.
func (g *group) round(ctx context.Context, f fault, r *row) error {
	master, err := g.healthy(ctx)
	if err != nil {
		return err
	}
	host, begun := g.drawHost(f, master), time.Now()
	l, err := g.newLoad(ctx)
	if err != nil {
		return err
	}
	history := g.newAudit(l.prefix)
	err = g.suffer(ctx, f, host)
	result, loadErr := l.stop()
	result.stall = g.stalls.longest(begun)
	history.stop()
	if err := errors.Join(err, loadErr); err != nil {
		return err
	}
	if _, err := g.healthy(ctx); err != nil {
		return err
	}
	if result.lost, err = g.verify(ctx, result); err != nil {
		return err
	}
	history.readAll(ctx)
	if g.target == "holdfast" {
		if err := g.sameEverywhere(ctx); err != nil {
			return err
		}
	}
	result.verdict = history.Check(judgingLasts)
	if err := g.empty(ctx); err != nil {
		return err
	}
	r.add(result)
	who := "the master"
	if host != master {
		who = "a slave"
	}
	fmt.Printf("%3d %-9s %-10s: %7d acknowledged, %6d lost, silence %5d ms until %s (%s), %5d operations judged, %d "+
		"of %d keys without an order, errors %v\n",
		r.rounds, f.name, who, result.acknowledged, result.lost, result.silence.lasted.Milliseconds(),
		result.silence.until.UTC().Format("15:04:05.000"), result.silence.client, result.verdict.Operations,
		len(result.verdict.Broken), result.verdict.Keys, result.errors)
	if result.stall >= stallLong {
		fmt.Printf("    the machine itself stalled for %d ms\n", result.stall.Milliseconds())
	}
	for _, key := range result.verdict.Broken[:min(len(result.verdict.Broken), brokenShown)] {
		fmt.Printf("    %s\n", key)
	}
	for _, key := range result.verdict.Undecided {
		fmt.Printf("    %s: no verdict within %v\n", key, judgingLasts)
	}
	return nil
}

// brokenShown is how many keys of a round are told of in full; Redis has many.
const brokenShown = 2

// suffer makes the fault and ends it, with time for clients before and after.
func (g *group) suffer(ctx context.Context, f fault, host int) error {
	if err := sleep(ctx, g.settle); err != nil {
		return err
	}
	g.tell(f, host)
	mend, err := f.strike(ctx, g, host)
	if mend != nil {
		err = errors.Join(err, mend(ctx))
	}
	if err != nil {
		return err
	}
	return sleep(ctx, g.settle)
}

// tell writes into the logs of all members when which fault was made.
func (g *group) tell(f fault, host int) {
	for _, m := range g.members {
		m.note(fmt.Sprintf("%s chaos: %s to host %d\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), f.name,
			host+1))
	}
}

// empty makes room for the next round. The logs are written anew, too: who starts again is to load what one round has
// written, not more from round to round.
func (g *group) empty(ctx context.Context) error {
	c := g.client(0)
	defer c.Close()
	if err := c.FlushAll(ctx).Err(); err != nil && !strings.Contains(err.Error(), "NOREPLICAS") {
		return fmt.Errorf("emptying the group: %w", err)
	}
	for i := range g.nodes() {
		if err := g.rewriteLog(ctx, i); err != nil {
			return fmt.Errorf("emptying the log of %s: %w", g.nodeAddr(i), err)
		}
	}
	return nil
}

func (g *group) rewriteLog(ctx context.Context, host int) error {
	c := redis.NewClient(&redis.Options{Addr: g.nodeAddr(host), MaxRetries: 5}) // a chain that changes ends connections
	defer c.Close()
	err := c.BgRewriteAOF(ctx).Err()
	if err != nil && strings.Contains(err.Error(), "already in progress") {
		return nil
	}
	return err
}
