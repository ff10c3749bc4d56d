package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/sentinel"
)

// TestSentinelsMoveNodesStay: all sentinels come back elsewhere, after more than a moment, and the nodes, which never
// stopped, find them where the names lead that they were told to join.
func TestSentinelsMoveNodesStay(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		f := &faults{group: g}
		for _, w := range g.sentinels {
			g.killSentinel(w)
		}
		g.sleep(2300 * time.Millisecond)
		for _, w := range g.sentinels {
			f.moveSentinel(w, g.freshIP())
			g.startSentinel(w)
		}
		back := time.Now()
		g.until("the group is whole", 3*time.Second, func() bool { return g.whole() != nil })
		t.Logf("whole after %v", time.Since(back))
		g.stillWriting()
		g.settled()
		if now := g.chain(); now[0] != chain[0] {
			t.Error("the master changed")
		}
	})
}

// TestNeighbourIsKilledAtOnce: a node that was killed as soon as it had acknowledged its first write knows where it
// belongs, whatever it is told to join then.
func TestNeighbourIsKilledAtOnce(t *testing.T) {
	scenarioOn(t, "always", func(g *group, chain []*machine) {
		f := &faults{group: g}
		n := f.startNeighbour(50 * time.Millisecond)
		n.o.m.host.Kill()
		g.closeNode(n.o.m)
		g.startGuest(n.o, g.gossipSeeds(), n.o.m.ip())
		g.sleep(3 * time.Second)
		f.checkNeighbour(n, false)
		if v, err := g.ask(n.o.m.addr(), "DBSIZE"); err == nil && v.Int != 1 {
			t.Errorf("it holds %v keys", v)
		}
		n.end(f)
		g.settled()
	})
}

// TestSentinelsMoveOneAfterTheOther: two of three move, the second before anybody can have missed the first where it
// was; they decide again at once.
func TestSentinelsMoveOneAfterTheOther(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		f := &faults{group: g}
		for _, w := range g.sentinels[:2] {
			g.killSentinel(w)
			g.sleep(500 * time.Millisecond)
			f.moveSentinel(w, g.freshIP())
			g.startSentinel(w)
			g.sleep(300 * time.Millisecond)
		}
		g.kill(chain[0])
		g.until("the next one leads", 3*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.restart(chain[0])
		g.settled()
	})
}

// TestPlacesAreTaken: strangers have all places of all processes; a member that dies comes back, a sentinel that dies
// comes back, another one leads.
func TestPlacesAreTaken(t *testing.T) {
	for seed := range uint64(2) { // without a key, and with one
		t.Run([]string{"without a key", "with a key"}[seed], func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{seed: seed, rerun: "go test ./e2e/sim -count=1 -run TestPlacesAreTaken"}, func(g *group) {
				chain := g.awaitWhole()
				f := &faults{group: g}
				f.takeAll(g.doors())
				g.sleep(500 * time.Millisecond)
				g.kill(chain[0])
				l := g.leader()
				g.killSentinel(l)
				g.until("the next one leads", 3*time.Second, g.masterIs(chain[1]))
				g.restart(chain[0])
				g.startSentinel(l)
				g.until("the group is whole", together, func() bool { return g.whole() != nil })
				for _, m := range g.nodes {
					f.administers(m)
				}
			})
		})
	}
}

// TestCopiedConfigurationNeverLeads: who announces a member's address while that one is away follows the chain, and is
// told why it gets no place in it, as it could be followed there by nobody. It keeps nobody out: the member gets its
// place when it is back. Without a disk both have one name.
func TestCopiedConfigurationNeverLeads(t *testing.T) {
	for _, fsync := range []string{"", "always"} {
		t.Run(map[bool]string{true: "of one name", false: "of two names"}[fsync == ""], func(t *testing.T) {
			scenarioOn(t, fsync, func(g *group, chain []*machine) {
				away := chain[1]
				g.kill(away)
				g.until("the chain goes on without it", 3*time.Second,
					func() bool { return len(g.agreed().Chain) == size-1 })
				o := &guest{m: newMachine("copy", g.freshIP()), of: away}
				if fsync != "" {
					o.m.disk = memfs.New()
				}
				g.startGuest(o, g.gossipSeeds(), away.ip())
				isCopy := func(m sentinel.MemberStatus) bool { return m.Incarnation == o.m.n.RunID() }
				g.until("it is told why it does not join", 5*time.Second, func() bool {
					return slices.ContainsFunc(g.agreed().Learners, func(m sentinel.MemberStatus) bool {
						return isCopy(m) && strings.Contains(m.Refused,
							"announce another address (--port, --announce-ip, --announce-port)")
					})
				})
				g.kill(chain[0])
				g.until("the last one leads", 3*time.Second, g.masterIs(chain[2]))
				g.stillWriting()
				if slices.ContainsFunc(g.agreed().Chain, isCopy) {
					t.Error("the copy is in the chain")
				}
				g.restart(chain[0])
				g.restart(away)
				g.until("the group is whole", together, func() bool { return g.whole() != nil })
				g.guests.leave(g)
				g.settled()
			})
		})
	}
}
