package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// The faults, made to the host of the present master; all kills every node at once.
var faultNames = []string{"kill", "stop", "cut", "term", "failover", "all"}

// planned faults are requests, not accidents: beyond a closed connection no client may see an error.
func planned(fault string) bool { return fault == "term" || fault == "failover" }

// strike makes the fault, and answers what ends it.
func (g *group) strike(ctx context.Context, fault string, host int) (mend func() error, err error) {
	node := g.nodeOn(host)
	switch fault {
	case "kill":
		return func() error { return g.launch(node) }, g.signal(node, syscall.SIGKILL)
	case "all":
		return g.launchNodes, g.killNodes()
	case "term":
		return func() error { return g.launch(node) }, node.cmd.Process.Signal(syscall.SIGTERM)
	case "stop":
		return func() error { return node.cmd.Process.Signal(syscall.SIGCONT) }, node.cmd.Process.Signal(syscall.SIGSTOP)
	case "cut":
		return func() error { return g.hosts.heal(host) }, g.hosts.cut(host)
	case "failover":
		s := redis.NewSentinelClient(&redis.Options{Addr: g.sentinels()[(host+1)%g.hosts.n], MaxRetries: -1})
		defer s.Close()
		return func() error { return nil }, s.Failover(ctx, groupName).Err()
	}
	return nil, fmt.Errorf("there is no fault %q", fault)
}

// killNodes ends all nodes at once, so that what was acknowledged is only on their disks.
func (g *group) killNodes() error {
	for _, m := range g.members {
		if !m.sentinel {
			if err := m.cmd.Process.Signal(syscall.SIGKILL); err != nil {
				return err
			}
		}
	}
	for _, m := range g.members {
		if !m.sentinel {
			<-m.ended
		}
	}
	return nil
}

func (g *group) launchNodes() error {
	for _, m := range g.members {
		if !m.sentinel {
			if err := g.launch(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *group) signal(m *member, s syscall.Signal) error {
	err := m.cmd.Process.Signal(s)
	<-m.ended
	return err
}

// round runs the load through one fault and counts.
func (g *group) round(ctx context.Context, fault string, r *row) error {
	host, err := g.healthy(ctx)
	if err != nil {
		return err
	}
	l := g.newLoad()
	if err := sleep(ctx, g.settle); err != nil {
		l.stop()
		return err
	}
	mend, err := g.strike(ctx, fault, host)
	if err != nil {
		l.stop()
		return err
	}
	err = sleep(ctx, g.wait(fault))
	if fault == "term" && err == nil {
		<-g.nodeOn(host).ended
	}
	if e := mend(); err == nil {
		err = e
	}
	if fault == "all" && err == nil {
		_, err = g.healthy(ctx) // the nodes load first, for as long as they have much to load
	}
	if e := sleep(ctx, g.settle); err == nil {
		err = e
	}
	result := l.stop()
	if err != nil {
		return err
	}
	if _, err := g.healthy(ctx); err != nil {
		return err
	}
	lost, err := g.verify(ctx, result)
	if err != nil {
		return err
	}
	r.add(result, lost)
	fmt.Printf("%-9s round %2d: %8d acknowledged, %6d lost, longest silence %6.0f ms, errors %v\n",
		fault, r.rounds, result.acknowledged, lost, float64(result.silence)/1e6, result.errors)
	return nil
}

// wait is how long a fault lasts.
func (g *group) wait(fault string) time.Duration {
	switch fault {
	case "stop", "cut":
		return g.hold
	case "kill":
		return 3 * time.Second
	}
	return time.Second
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
