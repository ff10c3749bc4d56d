package sentinel

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
)

func (w *testCluster) trio() {
	w.t.Helper()
	w.startNode("n1", 0, 0)
	w.startNode("n2", 0, 0)
	w.startNode("n3", 0, 0)
	w.until("a chain of all three", 10*time.Second, w.chainOf("n1", "n2", "n3"))
	time.Sleep(time.Second)
}

func TestGroupForms(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		for _, n := range w.nodes {
			if !n.holdsLease() {
				t.Errorf("%s holds no lease", n.name)
			}
		}
	})
}

func TestHeadDies(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		begin := time.Now()
		w.nodes[chain[0].Name].stop()
		w.until("chain without the head", 3*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
		t.Logf("new chain after %v", time.Since(begin))
		host, port := splitAddr(chain[1].Addr)
		for i := range w.sentinels {
			w.until("lookup of the new master", time.Second, func() bool {
				v, err := w.ask(i, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup)
				return err == nil && len(v.Elems) == 2 && v.Elems[0].String() == host && v.Elems[1].String() == port
			})
		}
		w.startNode(chain[0].Name, 1000, 1)
		w.until("the old head at the end", 5*time.Second, w.chainIs(chain[1].Name, chain[2].Name, chain[0].Name))
	})
}

func TestMiddleAndTailDie(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		w.nodes[chain[1].Name].stop()
		w.until("chain without the middle", 3*time.Second, w.chainIs(chain[0].Name, chain[2].Name))
		w.nodes[chain[2].Name].stop()
		w.until("chain of the head alone", 3*time.Second, w.chainIs(chain[0].Name))
	})
}

func TestHeadCutOff(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		head := w.nodes[chain[0].Name]
		w.net.Isolate(head.ip)
		w.until("chain without the head", 3*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
		w.net.Rejoin(head.ip)
		w.until("the old head at the end", 10*time.Second, w.chainIs(chain[1].Name, chain[2].Name, chain[0].Name))
	})
}

func TestLeaderDiesWithTheHead(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		begin := time.Now()
		for i, s := range w.sentinels {
			if s.quorum.isLeader() {
				w.killSentinel(i)
				break
			}
		}
		w.nodes[chain[0].Name].stop()
		w.until("chain without the head", 5*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
		t.Logf("new chain after %v", time.Since(begin))
	})
}

// A sentinel alone must not decide, and must not answer what it cannot know.
func TestMinorityKnowsNothing(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		w.killSentinel(1)
		w.killSentinel(2)
		time.Sleep(2 * time.Second)
		v, err := w.ask(0, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup)
		if err != nil || len(v.Elems) != 2 {
			t.Errorf("a master that confirms itself is to be told: %v %v", v, err)
		}
		w.nodes[chain[0].Name].stop()
		time.Sleep(5 * time.Second)
		v, err = w.ask(0, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup)
		if err != nil || !v.Null {
			t.Errorf("told %v, %v", v, err)
		}
		if g := w.sentinels[0].agreed().Groups[testGroup]; len(g.Chain) != 3 {
			t.Errorf("a minority changed the chain: %v", g)
		}
		w.startSentinel(1)
		w.until("chain without the head", 10*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
	})
}

func TestSentinelsRestart(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		before := w.agreed()
		for i := range w.sentinels {
			w.killSentinel(i)
			time.Sleep(time.Second)
			w.startSentinel(i)
			time.Sleep(2 * time.Second)
		}
		w.until("the same chain", 5*time.Second, func() bool { return len(w.agreed().Chain) == 3 })
		if after := w.agreed(); after.Chain[0] != before.Chain[0] {
			t.Errorf("the master changed: %v", after.Chain)
		}
		for i := range w.sentinels {
			w.killSentinel(i)
		}
		time.Sleep(5 * time.Second)
		for i := range w.sentinels {
			w.startSentinel(i)
		}
		w.until("leases again", 10*time.Second, func() bool {
			return len(w.agreed().Chain) == 3 && w.nodes[before.Chain[0].Name].holdsLease()
		})
	})
}

// All nodes are killed and come back one after the other: the one with the most data leads.
func TestColdStart(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		for _, m := range chain {
			w.nodes[m.Name].stop()
		}
		w.startNode(chain[0].Name, 0, 0) // lost its disk
		time.Sleep(300 * time.Millisecond)
		w.startNode(chain[1].Name, 1000, 5)
		time.Sleep(300 * time.Millisecond)
		w.startNode(chain[2].Name, 990, 5)
		w.until("the fullest leads", 15*time.Second, w.chainIs(chain[1].Name))
		w.until("all in a chain", 15*time.Second, w.chainOf("n1", "n2", "n3"))
	})
}

// TestTwin: a node with the name and the address of a member gets no place as long as that one lives, and all can see
// why; it gets one when the member has gone, without a restart; and the one that it replaced gets one again in its
// turn.
func TestTwin(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		for _, m := range g.Chain {
			twin := w.startTwin(m.Name, "10.0.2."+m.Name[1:])
			time.Sleep(3 * time.Second)
			if now := w.agreed(); now.Epoch != g.Epoch {
				t.Fatalf("a twin of %s for three seconds: epoch %d became %d", m.Name, g.Epoch, now.Epoch)
			}
			for i, s := range w.sentinels {
				others := s.status().Groups[0].Others
				if len(others) != 1 || others[0].Incarnation != twin.member.Incarnation || others[0].Refused == "" {
					t.Errorf("sentinel %d lists %+v", i, others)
				}
			}
			twin.stop()
		}
		time.Sleep(3 * time.Second)
		if n := len(w.sentinels[0].status().Groups[0].Others); n != 0 || w.agreed().Epoch != g.Epoch {
			t.Errorf("behind them: %d others, epoch %d", n, w.agreed().Epoch)
		}

		tail := g.Chain[2]
		twin := w.startTwin(tail.Name, "10.0.2.9")
		is := func(m cluster.Member) func() bool {
			return func() bool { have, _ := w.agreed().Lookup(tail.Name); return have.Is(m) }
		}
		w.net.Partition([]string{w.nodes[tail.Name].ip}, []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"})
		w.until("the twin has its place", 20*time.Second, is(twin.member))
		w.net.HealAll()
		time.Sleep(3 * time.Second)
		if !is(twin.member)() {
			t.Error("the twin lost the place while it was alive")
		}
		twin.stop()
		w.until("the first has its place again", 20*time.Second, is(tail))
	})
}

// TestBackupPutBack: a member that is back alone with less than the chain had acknowledged does not lead, also when the
// sentinels have been started anew meanwhile; it is said what is missing; the member that has it leads when it is back.
func TestBackupPutBack(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		for _, m := range g.Chain {
			w.nodes[m.Name].stop()
		}
		w.startNode(g.Chain[0].Name, 600, g.Epoch)
		for range 2 {
			time.Sleep(20 * time.Second)
			if now := w.agreed(); now.Epoch != g.Epoch {
				t.Fatalf("epoch %d became %d: %+v", g.Epoch, now.Epoch, now.Chain)
			}
			if waits := w.sentinels[0].status().Groups[0].Waits; !strings.Contains(waits,
				"400 bytes of them would be lost") {
				t.Errorf("it says: %q", waits)
			}
			for i := range w.sentinels {
				w.stopSentinel(i)
			}
			for i := range w.sentinels {
				w.startSentinel(i)
			}
		}
		w.startNode(g.Chain[1].Name, 1000, g.Epoch)
		w.until("who has everything leads", 20*time.Second, w.chainIs(g.Chain[1].Name, g.Chain[0].Name))
	})
}

func TestHandover(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		for i := range w.sentinels { // also on a follower, which forwards it
			if w.sentinels[i].quorum.isLeader() {
				continue
			}
			if v, err := w.ask(i, "SENTINEL", "FAILOVER", testGroup); err != nil || v.String() != "OK" {
				t.Fatalf("%v %v", v, err)
			}
			break
		}
		w.until("the second leads", 2*time.Second, w.chainIs(chain[1].Name, chain[2].Name, chain[0].Name))
		if v, err := w.ask(0, "HOLDFAST", "FAILOVER", testGroup, chain[0].Name); err != nil || v.String() != "OK" {
			t.Fatalf("%v %v", v, err)
		}
		w.until("the first leads again", 2*time.Second, w.chainIs(chain[0].Name, chain[2].Name, chain[1].Name))
	})
}

func TestLeaving(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		for i, m := range chain[:2] {
			n := w.nodes[m.Name]
			n.mu.Lock()
			n.leaving = true
			n.mu.Unlock()
			w.until("left", 2*time.Second, func() bool { return len(w.agreed().Chain) == 2-i })
			n.stop()
		}
		last := w.nodes[chain[2].Name]
		last.mu.Lock()
		last.leaving = true
		last.mu.Unlock()
		time.Sleep(3 * time.Second)
		if !w.chainIs(chain[2].Name)() {
			t.Errorf("the last one was let go: %v", w.agreed().Chain)
		}
	})
}

// A link between two nodes breaks while both reach the sentinels: the chain must not hang.
func TestStuckMember(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		n := w.nodes[chain[1].Name]
		n.mu.Lock()
		n.cutOff = true
		n.mu.Unlock()
		w.until("chain without the stuck one", 10*time.Second, w.chainIs(chain[0].Name, chain[2].Name))
		n.mu.Lock()
		n.cutOff = false
		n.mu.Unlock()
		w.until("back", 10*time.Second, w.chainIs(chain[0].Name, chain[2].Name, chain[1].Name))
	})
}

// A node that one sentinel cannot hear stays, and its fence is lifted when it is heard again.
func TestFencedByOne(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		head := w.nodes[g.Chain[0].Name]
		w.net.Cut(head.ip, sentinelIP(1))
		time.Sleep(3 * time.Second)
		if now := w.agreed(); now.Epoch != g.Epoch {
			t.Errorf("one sentinel changed the chain: %v", now)
		}
		w.net.Heal(head.ip, sentinelIP(1))
		w.until("a new epoch", 5*time.Second, func() bool { return w.agreed().Epoch > g.Epoch })
		if now := w.agreed(); len(now.Chain) != 3 || now.Chain[0] != g.Chain[0] {
			t.Errorf("the chain changed: %v", now)
		}
	})
}

// All nodes are cut off from the sentinels for a while: they hold their data, so the same chain goes on.
func TestAllCutOff(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		w.net.Partition([]string{sentinelIP(0), sentinelIP(1), sentinelIP(2)},
			[]string{"10.0.1.1", "10.0.1.2", "10.0.1.3"})
		time.Sleep(5 * time.Second)
		w.net.HealAll()
		w.until("all in a chain", 15*time.Second, w.chainOf("n1", "n2", "n3"))
		w.until("leases", 5*time.Second, func() bool { return w.nodes[w.agreed().Chain[0].Name].holdsLease() })
		t.Logf("epochs %d to %d", g.Epoch, w.agreed().Epoch)
	})
}

func TestFourthSentinelGetsAVote(t *testing.T) {
	inCluster(t, 4, func(w *testCluster) {
		w.until("four voters", 10*time.Second, func() bool {
			for _, s := range w.sentinels {
				if len(s.quorum.voters()) != 4 {
					return false
				}
			}
			return true
		})
		w.trio()
	})
}

// TestConsent: a sentinel without a log promises itself to one other, as long as that one lives and might begin a log.
func TestConsent(t *testing.T) {
	inCluster(t, 2, func(w *testCluster) { // too few to begin one
		s, other := w.sentinels[0], w.sentinels[1].id
		w.until("two that know each other", 5*time.Second, func() bool { return len(s.gossip.Peers()) == 1 })
		for i, c := range []struct {
			to     string
			voters []string
			want   bool
		}{
			{"gone", nil, true},
			{other, nil, true},
			{other, nil, true},
			{"a third", nil, false},
			{"a third", []string{"a third"}, false},
			{"a third", []string{"a third", other}, true},
			{other, nil, true},
		} {
			if got := s.consent(c.to, c.voters); got != c.want {
				t.Errorf("%d: to %s, with voters %s: %t", i, c.to, c.voters, got)
			}
		}
	})
}
