package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// fault is one kind of what can be done to a group. strike does it to a host, mostly the present master's, and answers what ends it,
// which is called after the fault has lasted, also when the run is being ended.
type fault struct {
	name    string
	summary string
	planned bool // a request, no accident: clients may see no error
	strike  func(ctx context.Context, g *group, host int) (mend func(context.Context) error, err error)
}

// faults are all kinds, in the order in which they are made.
var faults = []fault{
	{"kill", "kill -9 of the node, started again after -hold", false, kill},
	{"stop", "SIGSTOP of the node, SIGCONT after -hold", false, pause},
	{"cut", "the host off from the other hosts, not from the clients", false, cut},
	{"oneway", "the host is not heard by the others, or does not hear them", false, cutOneWay},
	{"partial", "the host and one other don't see each other; the third sees both", false, cutPartial},
	{"net", "packets between all hosts are late, lost, doubled and overtake each other", false, slowNet},
	{"disk", "writes to the node's file system stand still, again and again", false, slowDisk},
	{"clock", "kill -9 of the node, started again at once with another clock", false, stepClock},
	{"quorum", "kill -9 of two sentinels, started again after -hold", false, loseQuorum},
	{"all", "kill -9 of all nodes at once, started again a second later", false, killAll},
	{"term", "SIGTERM of the node: a planned handover; started again when it has ended", true, term},
	{"failover", "SENTINEL FAILOVER", true, failover},
	{"rolling", "SIGTERM of each node in turn, started again, when the group is whole the next", true, rolling},
}

func faultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

// chooseFaults reads a list of names; mixed are all of them.
func chooseFaults(list string) (chosen []fault, err error) {
	if list == mixed {
		return faults, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no fault %q: choose among %s, or %s", name, strings.Join(faultNames(), ", "), mixed)
		}
		chosen = append(chosen, faults[i])
	}
	return chosen, nil
}

func kill(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	node := g.nodeOn(host)
	return after(g.hold, func(context.Context) error { return g.launch(node) }), node.kill()
}

func pause(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	node := g.nodeOn(host)
	return after(g.hold, func(context.Context) error { return node.signal(syscall.SIGCONT) }), node.signal(syscall.SIGSTOP)
}

func cut(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	return g.divert(silence, func(d way) bool { return d.from == host || d.to == host })
}

func cutOneWay(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	deaf := g.rng.IntN(2) == 0
	return g.divert(silence, func(d way) bool { return d.from == host && !deaf || d.to == host && deaf })
}

func cutPartial(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	other := (host + 1 + g.rng.IntN(len(g.nodes())-1)) % len(g.nodes())
	return g.divert(silence, func(d way) bool { return d == way{host, other} || d == way{other, host} })
}

func slowNet(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	return g.divert(slow, func(way) bool { return true })
}

// divert puts the directions that are concerned under a rule.
func (g *group) divert(r rule, concerned func(way) bool) (func(context.Context) error, error) {
	var done []way
	mend := after(g.hold, func(context.Context) (err error) {
		for _, d := range done {
			if e := g.wire.restore(d); err == nil {
				err = e
			}
		}
		return err
	})
	for _, d := range g.hosts.between() {
		if concerned(d) {
			if err := g.wire.divert(d, r); err != nil {
				return mend, err
			}
			done = append(done, d)
		}
	}
	return mend, nil
}

func slowDisk(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	end := g.disks.stall(g.nodeOn(host).name)
	return after(g.hold, func(context.Context) error { return end() }), nil
}

// stepClock restarts the node with a monotonic clock that differs by days from the one before. (The wall clock is the machine's, and
// decides nothing but when keys expire.)
func stepClock(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	node := g.nodeOn(host)
	node.clock = time.Duration(1+g.rng.IntN(30*24)) * time.Hour
	return func(context.Context) error { return g.launch(node) }, node.kill()
}

// loseQuorum ends two sentinels of three, the one beside the master and the next.
func loseQuorum(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	gone := []*member{g.sentinelOn(host), g.sentinelOn((host + 1) % len(g.nodes()))}
	for _, m := range gone {
		if err := m.kill(); err != nil {
			return nil, err
		}
	}
	return after(g.hold, func(context.Context) error { return g.launchAll(gone) }), nil
}

// killAll ends all nodes at once, so that what was acknowledged is only on their disks.
func killAll(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	for _, m := range g.nodes() {
		if err := m.signal(syscall.SIGKILL); err != nil {
			return nil, err
		}
	}
	for _, m := range g.nodes() {
		<-m.ended
	}
	return after(time.Second, func(ctx context.Context) error {
		if err := g.launchAll(g.nodes()); err != nil {
			return err
		}
		_, err := g.healthy(ctx) // the nodes load first, for as long as they have much to load
		return err
	}), nil
}

func term(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	node := g.nodeOn(host)
	return func(ctx context.Context) error { return g.restart(ctx, node) }, node.signal(syscall.SIGTERM)
}

// restart starts a node again once it has ended.
func (g *group) restart(ctx context.Context, node *member) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		select {
		case <-node.ended:
			return g.launch(node)
		case <-time.After(time.Second):
			if g.target != "redis" {
				continue
			}
			// Redis refuses to stop while it writes its first log, after a full copy: who wants it to has to say so again.
			if err := node.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("%s does not end: %w", node.name, ctx.Err())
		}
	}
}

func rolling(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		for _, node := range g.nodes() {
			if err := node.signal(syscall.SIGTERM); err != nil {
				return err
			}
			if err := g.restart(ctx, node); err != nil {
				return err
			}
			if _, err := g.healthy(ctx); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func failover(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	s := redis.NewSentinelClient(&redis.Options{Addr: g.sentinels()[(host+1)%len(g.nodes())], MaxRetries: -1})
	defer s.Close()
	for begun := time.Now(); ; {
		err := s.Failover(ctx, groupName).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "NOQUORUM") || time.Since(begun) > leaderTimeout {
			return after(time.Second, func(context.Context) error { return nil }), err
		}
		if err := sleep(ctx, retryPause); err != nil {
			return nil, err
		}
	}
}

// leaderTimeout is for how long the sentinels may be without a leader, as when the machine has stalled.
const leaderTimeout = 10 * time.Second

// after lets a fault last before it is ended; when the run ends, it ends at once.
func after(d time.Duration, mend func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ended := sleep(ctx, d)
		if err := mend(ctx); err != nil {
			return err
		}
		return ended
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
