package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/resp"
)

// scenario is a test with a group that is whole and clients that work on it.
func scenario(t *testing.T, run func(g *group, chain []*machine)) {
	t.Helper()
	scenarioOn(t, "", run)
}

// scenarioOn is a scenario with nodes that keep a log on disks, unless fsync is empty.
func scenarioOn(t *testing.T, fsync string, run func(g *group, chain []*machine)) {
	t.Helper()
	t.Parallel()
	inBubble(t, setup{seed: 7, fsync: fsync, rerun: "go test ./e2e/sim -count=1 -run '^" + t.Name() + "$'"},
		func(g *group) {
			chain := g.awaitWhole()
			g.startClients(3, 5*time.Millisecond)
			g.startWatchers()
			g.sleep(500 * time.Millisecond)
			g.history.resetGaps()
			run(g, chain)
		})
}

// promised bounds the time in which a client cannot write when the master dies: down-after is a second.
const promised = 1500 * time.Millisecond

// pausedLess says that no client has been without a write for so long since the scenario began.
func (g *group) pausedLess(limit time.Duration) {
	g.t.Helper()
	if gap := g.history.gap(); gap >= limit {
		g.t.Errorf("a client could not write for %v, at most %v was promised", gap, limit)
	} else {
		g.story.tell("test", "longest pause %v", gap)
		g.t.Logf("longest pause %v", gap)
	}
}

// stillWriting says that clients get on, without a fault in between. Each of them also waits in vain, at times, for a
// read from a machine that is away.
func (g *group) stillWriting() {
	g.t.Helper()
	before := g.history.writes()
	g.sleep(time.Second)
	if n := g.history.writes() - before; n < 15 {
		g.t.Errorf("only %d writes were acknowledged within a second", n)
	}
}

func (g *group) masterIs(m *machine) func() bool {
	return func() bool {
		chain := g.chain()
		return len(chain) > 0 && chain[0] == m
	}
}

func TestGroupForms(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{seed: 7, rerun: "go test ./e2e/sim -count=1 -run TestGroupForms"}, func(g *group) {
		began := time.Now()
		chain := g.awaitWhole()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the group was whole only after %v", took)
		}
		if _, err := g.ask(chain[0].addr(), "SET", "k", "v"); err != nil {
			t.Error(err)
		}
		for i, m := range chain {
			want := "master"
			if i > 0 {
				want = "slave"
			}
			if v, err := g.ask(m.addr(), "ROLE"); err != nil || string(v.Elems[0].Str) != want {
				t.Errorf("%s: role %v, %v, not %s", m.name, v, err, want)
			}
			if v, err := g.ask(m.addr(), "GET", "k"); err != nil || string(v.Str) != "v" {
				t.Errorf("%s: GET k is %v, %v", m.name, v, err)
			}
		}
		if _, err := g.ask(chain[1].addr(), "SET", "k", "w"); err == nil ||
			!strings.HasPrefix(err.Error(), "READONLY") {
			t.Errorf("a slave answers a write with %v", err)
		}
	})
}

func TestMasterKilled(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.kill(chain[0])
		g.until("the next one leads", 2*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.pausedLess(promised)
		g.restart(chain[0])
		g.settled()
	})
}

func TestMasterMachineCrashes(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.crash(chain[0])
		g.until("the next one leads", 2*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.pausedLess(promised + 2*patience) // a client must also give up the silent connection, and one for a read
		g.restart(chain[0])
		g.settled()
	})
}

// TestMasterCutOff: a master without its group confirms nothing, and when it is back it has dropped what it took alone.
func TestMasterCutOff(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		old := chain[0]
		g.cut(old)
		lost := []string{}
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
			key := "lost:" + time.Now().Format("05.000000")
			_, err := g.ask(old.addr(), "SET", key, "x")
			if err == nil {
				t.Errorf("the master that is cut off acknowledged %s", key)
			}
			// With its lease, and later without: what it may have to drop it shows to nobody.
			if v, err := g.ask(old.addr(), "GET", key); err == nil {
				t.Errorf("the master that is cut off answers %v to GET %s", v, key)
			}
			lost = append(lost, key)
			g.sleep(10 * time.Millisecond)
		}
		if len(lost) < 3 || !g.masterIs(chain[1])() {
			t.Fatal("the others did not go on")
		}
		g.stillWriting()
		g.pausedLess(promised + patience)
		g.heal()
		g.settled()
		now := g.chain()
		if now[0] != chain[1] || now[size-1] != old {
			t.Errorf("the old master did not come back as the tail")
		}
		if !g.story.has(old.name, "role=learner") {
			t.Error("the old master did not come back as a learner")
		}
		for _, m := range now {
			for _, key := range lost {
				if v, err := g.ask(m.addr(), "GET", key); err != nil || !v.Null {
					t.Errorf("%s: %s, taken by the master while it was cut off, is %v, %v", m.name, key, v, err)
				}
			}
		}
	})
}

// TestMasterCutOffLetsGo: who waits for a master without its group is sent away to look for another one, however
// patient he is.
func TestMasterCutOffLetsGo(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c, err := resp.Dial(ctx, g.control, chain[0].addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		g.cut(chain[0])
		cut := time.Now()
		if v, err := c.Do(ctx, "SET", "k", "v"); err == nil {
			t.Errorf("the master that is cut off answers %v", v)
		}
		if took := time.Since(cut); took < time.Second || took > 1300*time.Millisecond {
			t.Errorf("the master let its client go after %v; down-after is a second", took)
		}
		g.heal()
		g.settled()
	})
}

// TestBlockedOnMasterCutOff: a client that waits for a key on a master without its group is served with nothing that
// the others don't have, though the master has taken the push that should serve it; one that waits for another key is
// told that the master has changed.
func TestBlockedOnMasterCutOff(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		old := chain[0]
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		heard := map[string]chan error{"pushed": make(chan error, 1), "awaited": make(chan error, 1)}
		for key, result := range heard {
			c, err := resp.Dial(ctx, g.control, old.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() {
				v, err := c.Do(ctx, "BLPOP", key, "0")
				if err == nil {
					err = fmt.Errorf("served with %v", v)
				}
				result <- err
			}()
		}
		g.sleep(100 * time.Millisecond)
		g.cut(old)
		if _, err := g.ask(old.addr(), "LPUSH", "pushed", "x"); err == nil {
			t.Error("the master that is cut off acknowledged a push")
		}
		g.sleep(3 * time.Second)
		g.heal()
		g.settled()
		if err := <-heard["pushed"]; strings.HasPrefix(err.Error(), "served") {
			t.Error(err)
		}
		if err := <-heard["awaited"]; !hungUp(err) {
			t.Errorf("the other client heard: %v", err)
		}
		for _, m := range g.chain() {
			if v, err := g.ask(m.addr(), "EXISTS", "pushed"); err != nil || v.Int != 0 {
				t.Errorf("%s: the pushed list is there: %v, %v", m.name, v, err)
			}
		}
	})
}

// hungUp reports that a connection ended without a reply, after which clients try again by themselves.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// TestBlockedAtHandover: who waits in a blocking command at a planned handover gets no error, but a connection that
// ends, and is served by the new master when it comes there.
func TestBlockedAtHandover(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		waiting := func(m *machine, words ...any) (*resp.Client, chan error) {
			c, err := resp.Dial(ctx, g.control, m.addr())
			if err != nil {
				t.Fatal(err)
			}
			result := make(chan error, 1)
			go func() {
				v, err := c.Do(ctx, words...)
				if err == nil {
					err = fmt.Errorf("served with %v", v)
				}
				result <- err
			}()
			return c, result
		}
		c, popped := waiting(chain[0], "BLPOP", "queue", "0")
		defer c.Close()
		d, moved := waiting(chain[0], "BLMOVE", "queue", "other", "LEFT", "LEFT", "0")
		defer d.Close()
		g.sleep(100 * time.Millisecond)
		if _, err := g.ask(g.sentinels[0].addr(), "SENTINEL", "FAILOVER", groupName); err != nil {
			t.Fatal(err)
		}
		g.until("another master", time.Second, g.masterIs(chain[1]))
		g.awaitWhole()
		for _, result := range []chan error{popped, moved} {
			if err := <-result; !hungUp(err) {
				t.Errorf("a blocked client heard: %v", err)
			}
		}
		head := chain[1]
		again, served := waiting(head, "BLPOP", "queue", "0")
		defer again.Close()
		g.sleep(100 * time.Millisecond)
		if _, err := g.ask(head.addr(), "LPUSH", "queue", "x"); err != nil {
			t.Error(err)
		}
		if err := <-served; err.Error() != "served with [queue x]" {
			t.Error(err)
		}
	})
}

func TestTailKilled(t *testing.T)   { slaveKilled(t, 2) }
func TestMiddleKilled(t *testing.T) { slaveKilled(t, 1) }

func slaveKilled(t *testing.T, position int) {
	scenario(t, func(g *group, chain []*machine) {
		g.kill(chain[position])
		g.sleep(2 * time.Second)
		g.stillWriting()
		g.pausedLess(promised)
		if !g.masterIs(chain[0])() {
			t.Error("the master changed")
		}
		g.restart(chain[position])
		g.settled()
	})
}

// TestPlannedFailover: clients notice nothing but a connection that ends.
func TestPlannedFailover(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		if _, err := g.ask(g.sentinels[0].addr(), "SENTINEL", "FAILOVER", groupName); err != nil {
			t.Fatal(err)
		}
		g.until("the next one leads", 2*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.noErrors(50 * time.Millisecond)
	})
}

// TestMasterLeaves: as a planned failover; the master is gone afterwards.
func TestMasterLeaves(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		began := time.Now()
		g.leave(chain[0])
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the master was let go only after %v", took)
		}
		g.until("the next one leads", 2*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.restart(chain[0])
		g.noErrors(50 * time.Millisecond)
	})
}

// noErrors ends a scenario in which no client may have got an error, nor waited for long.
func (g *group) noErrors(pause time.Duration) {
	g.t.Helper()
	g.pausedLess(pause)
	g.settled()
	for _, c := range g.clients {
		for _, r := range c.refused {
			g.t.Errorf("%s got the error %s", c.name, r)
		}
	}
	if g.history.unknown > len(g.clients) {
		g.t.Errorf("%d writes were not answered, more than one for each client", g.history.unknown)
	}
}

// TestQuorumGone: sentinels decide, they don't serve. Without all of them writes go on, and reads on every member, also
// after a link of the chain has broken; with them back all is well.
func TestQuorumGone(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		for _, w := range g.sentinels {
			g.killSentinel(w)
		}
		for range 10 {
			g.stillWriting()
			g.allRead(chain)
		}
		if v, err := g.ask(chain[1].addr(), "CLIENT", "KILL", "TYPE", "replica"); err != nil || v.Int != 1 {
			t.Errorf("breaking the link to the tail: %v, %v", v, err)
		}
		g.stillWriting()
		g.allRead(chain)
		g.pausedLess(500 * time.Millisecond)
		for _, w := range g.sentinels {
			g.startSentinel(w)
		}
		g.settled()
		if now := g.chain(); now[0] != chain[0] {
			t.Error("the master changed")
		}
	})
}

// allRead says that every member answers, and has what was written before.
func (g *group) allRead(chain []*machine) {
	g.t.Helper()
	before := g.history.newest()
	for _, m := range chain {
		v, err := g.ask(m.addr(), "GET", "counter")
		n, _ := strconv.ParseInt(string(v.Str), 10, 64)
		if err != nil || n < before {
			g.t.Errorf("%s doesn't confirm a read through its chain: %v, %v, where %d was acknowledged", m.name, v, err,
				before)
		}
	}
}

// TestEmptyMasterRestarts: a master that comes back empty at once, before anybody has missed it, wipes nobody.
func TestEmptyMasterRestarts(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.kill(chain[0])
		g.sleep(50 * time.Millisecond)
		g.restart(chain[0])
		g.until("the next one leads", 2*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.pausedLess(promised)
		g.settled()
		if now := g.chain(); now[size-1] != chain[0] {
			t.Error("the old master is not the tail")
		}
	})
}

// TestEmptyChainWipesNobody: when all of a chain come back without what they had, a node that was taken out before has
// most, and leads.
func TestEmptyChainWipesNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{seed: 7, rerun: "go test ./e2e/sim -count=1 -run " + t.Name()}, func(g *group) {
		chain := g.awaitWhole()
		if _, err := g.ask(chain[0].addr(), "SET", "k", "v"); err != nil {
			t.Fatal(err)
		}
		g.cut(chain[2])
		g.until("the chain goes on without its tail", 3*time.Second, g.chainIs(chain[0], chain[1]))
		g.kill(chain[0])
		g.kill(chain[1])
		g.sleep(2 * time.Second) // now it finds nobody to follow
		g.heal()
		g.sleep(200 * time.Millisecond)
		g.restart(chain[0])
		g.restart(chain[1])
		for _, m := range g.awaitWhole() {
			if v, err := g.ask(m.addr(), "GET", "k"); err != nil || string(v.Str) != "v" {
				t.Errorf("%s: GET k is %v, %v", m.name, v, err)
			}
		}
	})
}
