package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTimeout is for Redis Sentinel, which may take two failover timeouts to set all replicas right.
const startTimeout = 3 * time.Minute

// group is the system under test.
type group struct {
	options
	rng     *rand.Rand // of the schedule
	hosts   *hosts
	wire    *wire
	disks   disks
	members []*member
	moved   atomic.Int64 // how often all have got other ports
	stalls  *stalls
}

// newGroup makes what the processes need, and starts them.
func newGroup(o options) (g *group, err error) {
	g = &group{options: o, rng: rand.New(rand.NewPCG(o.seed, 0)), disks: disks{dir: o.dir}}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	if g.stalls, err = newStalls(); err != nil {
		return g, err
	}
	if o.target == compose {
		g.members, err = composeMembers()
		return g, err
	}
	if g.hosts, err = parseHosts(o.inside); err != nil {
		return g, err
	}
	if g.wire, err = openWire(g.hosts, o.seed); err != nil {
		return g, err
	}
	members, err := layout(o, g.hosts)
	if err != nil {
		return g, err
	}
	for _, m := range members {
		if !m.sentinel && o.needsDisks() {
			if err := g.disks.mount(m.name); err != nil {
				return g, err
			}
		}
		g.members = append(g.members, m)
		if err := g.launch(m); err != nil {
			return g, err
		}
		if g.target == "redis" && m.name == "node1" {
			time.Sleep(300 * time.Millisecond) // the others replicate from it at once
		}
	}
	return g, nil
}

// close ends everything that runs and takes away what it needed.
func (g *group) close() {
	for _, m := range g.members {
		m.end()
		if !m.sentinel && g.needsDisks() {
			g.disks.unmount(m.name)
		}
	}
	if g.wire != nil {
		g.wire.close()
	}
	if g.stalls != nil {
		g.stalls.close()
	}
}

func (g *group) sentinels() []string {
	var all []string
	for _, m := range g.members {
		if m.sentinel {
			all = append(all, fmt.Sprintf("%s:%d", m.ip, sentinelPort))
		}
	}
	return all
}

// on finds a host's node, or its sentinel.
func (g *group) on(host int, sentinel bool) *member {
	i := slices.IndexFunc(g.members, func(m *member) bool { return m.host == host && m.sentinel == sentinel })
	return g.members[i]
}

func (g *group) nodeOn(host int) *member     { return g.on(host, false) }
func (g *group) sentinelOn(host int) *member { return g.on(host, true) }

func (g *group) nodes() (list []*member) {
	for _, m := range g.members {
		if !m.sentinel {
			list = append(list, m)
		}
	}
	return list
}

func (g *group) nodeAddr(host int) string {
	return fmt.Sprintf("%s:%d", g.nodeOn(host).ip, nodePort+g.moved.Load())
}

// healthy waits until all sentinels name the same master and know its replicas, it has two replicas that are up, and it
// takes a write.
func (g *group) healthy(ctx context.Context) (host int, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if host, err = g.master(ctx); err == nil {
			return host, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("the group did not become healthy: %w", err)
		}
	}
}

func (g *group) master(ctx context.Context) (int, error) {
	named := ""
	for _, addr := range g.sentinels() {
		s := redis.NewSentinelClient(&redis.Options{Addr: addr, DialTimeout: time.Second, MaxRetries: -1})
		at, err := s.GetMasterAddrByName(ctx, groupName).Result()
		var replicas []map[string]string
		if err == nil {
			replicas, err = s.Replicas(ctx, groupName).Result()
		}
		_ = s.Close()
		switch {
		case err != nil:
			return 0, fmt.Errorf("sentinel %s: %w", addr, err)
		case len(replicas) != len(g.nodes())-1:
			// Redis's looks for them every ten seconds
			return 0, fmt.Errorf("sentinel %s knows %d replicas", addr, len(replicas))
		}
		if named == "" {
			named = at[0]
		}
		if at[0] != named {
			return 0, fmt.Errorf("sentinels disagree: %s and %s", named, at[0])
		}
	}
	for _, m := range g.nodes() {
		if m.ip == named {
			return m.host, g.masterReady(ctx, m.host)
		}
	}
	return 0, fmt.Errorf("the master %s is none of ours", named)
}

func (g *group) masterReady(ctx context.Context, host int) error {
	for i := range g.nodes() {
		c := redis.NewClient(&redis.Options{Addr: g.nodeAddr(i), MaxRetries: -1})
		info, err := c.Info(ctx, "replication").Result()
		if err == nil && i == host {
			err = c.Set(ctx, "healthy", "1", 0).Err()
		}
		_ = c.Close()
		switch {
		case err != nil:
			return err
		case i == host && !strings.Contains(info, "role:master"):
			return errors.New("the master does not say it is one")
		case i != host && (!strings.Contains(info, "role:slave") || !strings.Contains(info, "master_link_status:up") ||
			!strings.Contains(info, "master_host:"+g.nodeOn(host).ip)):
			return fmt.Errorf("%s is not a replica in step", g.nodeOn(i).ip)
		case g.target != "redis" && strings.Contains(info, "holdfast_chain_position:0"):
			return fmt.Errorf("%s is not in the chain yet", g.nodeOn(i).ip)
		}
	}
	return nil
}
