package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// fault is one kind of what can be done to a group. strike does it to a host, mostly the present master's, and answers
// what ends it, which is called after the fault has lasted, also when the run is being ended.
type fault struct {
	name    string
	summary string
	planned bool // a request, no accident: clients may see no error
	// of what only Holdfast's members have, as a name and a directory, or promise: not among the mixed, which are the
	// same for Redis
	own    bool
	strike func(ctx context.Context, g *group, host int) (mend func(context.Context) error, err error)
}

// faults are all kinds, in the order in which they are made.
var faults = []fault{
	{"kill", "kill -9 of the node, started again after -hold", false, false, kill},
	{"stop", "SIGSTOP of the node, SIGCONT after -hold", false, false, pause},
	{"cut", "the host off from the other hosts, not from the clients", false, false, cut},
	{"oneway", "the host is not heard by the others, or does not hear them", false, false, cutOneWay},
	{"partial", "the host and one other don't see each other; the third sees both", false, false, cutPartial},
	{"net", "packets between all hosts are late, lost, doubled and overtake each other", false, false, slowNet},
	{"disk", "writes to the node's file system stand still, again and again", false, false, slowDisk},
	{"fulldisk", "the nodes' file systems, or some of them, run full and get room, twice; then kill -9 of these " +
		"nodes, started again a second later", false, false, fillDisks},
	{"slowcmd", "the node, or one other, executes one command for -hold", false, false, slowCommand},
	{"slowscript", "the node executes one script for -hold, which writes when it begins and when it ends", false, true,
		slowScript},
	{"inscript", "kill -9, SIGSTOP, SIGTERM, a cut or SENTINEL FAILOVER of the node while it executes such a script",
		false, true, faultInScript},
	{"clock", "kill -9 of the node, started again at once with another clock", false, false, stepClock},
	{"quorum", "kill -9 of two sentinels, started again after -hold", false, false, loseQuorum},
	{"lead", "kill -9 of the node and of the leading sentinel at once, started again after -hold", false, true,
		killLead},
	{"all", "kill -9 of all nodes at once, started again a second later", false, false, killAll},
	{"move", "kill -9 of everything, which comes back on other ports", false, true, move},
	{"wipe-sentinel", "kill -9 of the sentinel beside the node, started again without its directory", false, true,
		wipeSentinel},
	{"twin", "a copy of the node's directory, or of its configuration, runs besides", false, true, twin},
	{"term", "SIGTERM of the node: a planned handover; started again when it has ended", true, false, term},
	{"failover", "SENTINEL FAILOVER", true, false, failover},
	{"rolling", "SIGTERM of each node in turn, started again, when the group is whole the next", true, false, rolling},
}

func faultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

// chooseFaults reads a list of names; mixed are all that Redis can have as well.
func chooseFaults(list string) (chosen []fault, err error) {
	if list == mixed {
		return slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.own }), nil
	}
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no fault %q: choose among %s, or %s", name,
				strings.Join(faultNames(), ", "), mixed)
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
	return after(g.hold, func(context.Context) error { return node.signal(syscall.SIGCONT) }),
		node.signal(syscall.SIGSTOP)
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

// fillDisks has the file systems of the host's node and perhaps of others run full while clients write, gives them room
// again, twice, and then kills these nodes at once: what was acknowledged since is on their disks, or nowhere.
func fillDisks(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	full := []*member{g.nodeOn(host)}
	for _, m := range g.nodes() {
		if m.host != host && g.rng.IntN(3) > 0 {
			full = append(full, m)
		}
	}
	each := func(do func(name string) error) error {
		var errs []error
		for _, m := range full {
			errs = append(errs, do(m.name))
		}
		return errors.Join(errs...)
	}
	mend := func(ctx context.Context) error {
		for again := true; ; again = false {
			ended := sleep(ctx, g.hold/2)
			if err := errors.Join(ended, each(g.disks.free)); err != nil {
				return err
			}
			if err := sleep(ctx, g.settle); err != nil {
				return err
			}
			if !again {
				break
			}
			if err := each(g.disks.fill); err != nil {
				return err
			}
		}
		return g.killTogether(ctx, full)
	}
	return mend, each(g.disks.fill)
}

// slowCommand has the node, or any other, execute nothing but one command. That it is answered says that nobody took
// the node's place.
func slowCommand(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	if g.rng.IntN(2) == 0 {
		host = g.rng.IntN(len(g.nodes()))
	}
	return func(ctx context.Context) error {
		c := redis.NewClient(&redis.Options{Addr: g.nodeAddr(host), MaxRetries: -1, ReadTimeout: g.hold + startTimeout})
		defer c.Close()
		if err := c.Do(ctx, "DEBUG", "SLEEP", g.hold.Seconds()).Err(); err != nil && g.target != "redis" {
			return fmt.Errorf("the slow command: %w", err)
		}
		return nil
	}, nil
}

// stepClock restarts the node with a monotonic clock that differs by days from the one before. (The wall clock is the
// machine's, and decides nothing but when keys expire.)
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

// killLead ends the master and, at the same time, the sentinel that would have to replace it: the others elect another
// meanwhile.
func killLead(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	gone := []*member{g.nodeOn(host)}
	for i := range g.nodes() {
		c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("%s:%d", g.sentinelOn(i).ip, sentinelPort),
			MaxRetries: -1})
		text, err := c.Do(ctx, "HOLDFAST", "STATUS").Text()
		_ = c.Close() // all that was wanted of it has come
		var status struct{ Sentinel, Leader string }
		if err == nil {
			err = json.Unmarshal([]byte(text), &status)
		}
		if err != nil {
			return nil, fmt.Errorf("who leads: %w", err)
		}
		if status.Sentinel == status.Leader {
			gone = append(gone, g.sentinelOn(i))
		}
	}
	if len(gone) != 2 {
		return nil, fmt.Errorf("%d sentinels lead", len(gone)-1)
	}
	for _, m := range gone {
		if err := m.signal(syscall.SIGKILL); err != nil {
			return nil, err
		}
	}
	for _, m := range gone {
		<-m.ended
	}
	return after(g.hold, func(context.Context) error { return g.launchAll(gone) }), nil
}

// killAll ends all nodes at once, so that what was acknowledged is only on their disks.
func killAll(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	return func(ctx context.Context) error { return g.killTogether(ctx, g.nodes()) }, nil
}

// killTogether ends nodes at once and starts them again a second later.
func (g *group) killTogether(ctx context.Context, nodes []*member) error {
	for _, m := range nodes {
		if err := m.signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	for _, m := range nodes {
		<-m.ended
	}
	return after(time.Second, func(ctx context.Context) error {
		if err := g.launchAll(nodes); err != nil {
			return err
		}
		_, err := g.healthy(ctx) // the nodes load first, for as long as they have much to load
		return err
	})(ctx)
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
			// Redis refuses to stop while it writes its first log, after a full copy: who wants it to has to say so
			// again.
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
