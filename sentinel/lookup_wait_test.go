package sentinel

import (
	"testing"
	"time"

	"holdfast/cluster"
)

// lookup asks sentinel i for the master, and says how long it took.
func (w *testCluster) lookup(i int) (addr string, took time.Duration) {
	w.t.Helper()
	begin := time.Now()
	v, err := w.ask(i, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup)
	if err != nil || len(v.Elems) != 2 {
		w.t.Fatalf("sentinel %d: %v, %v", i, v, err)
	}
	return v.Elems[0].String() + ":" + v.Elems[1].String(), time.Since(begin)
}

// TestLookupWaitsForNews: who asks for a master that has just gone is answered when there is another, or after a while;
// else at once.
func TestLookupWaitsForNews(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		if addr, took := w.lookup(0); addr != chain[0].Addr || took > 10*time.Millisecond {
			t.Errorf("in peace: %s after %v", addr, took)
		}
		w.nodes[chain[0].Name].stop()
		time.Sleep(time.Millisecond)
		for i := range w.sentinels {
			if addr, took := w.lookup(i); addr != chain[0].Addr || took < lookupPatience {
				t.Errorf("sentinel %d: %s after %v", i, addr, took)
			}
		}
		for asked, killed := 0, time.Now(); ; asked++ {
			addr, _ := w.lookup(asked % 3)
			if addr == chain[1].Addr {
				return
			}
			if since := time.Since(killed); since > 2*time.Second || asked > int(since/lookupPatience)+1 {
				t.Fatalf("%s still, after %d questions in %v", addr, asked, since)
			}
		}
	})
}

// TestLookupDuringRestart: a master that was started again is none any more: who asks waits until there is another.
func TestLookupDuringRestart(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		w.startNode(chain[0].Name, 1000, 1)
		time.Sleep(2 * time.Millisecond)
		restarted := time.Now()
		for asked := 1; ; asked++ {
			addr, _ := w.lookup(asked % 3)
			if addr == chain[1].Addr {
				return
			}
			if since := time.Since(restarted); asked > int(since/lookupPatience) || since > time.Second {
				t.Fatalf("%s still, after %d questions in %v", addr, asked, since)
			}
		}
	})
}

// TestLookupOfTheLongDead: a group that nobody repairs is answered for at once.
func TestLookupOfTheLongDead(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		for _, m := range w.agreed().Chain {
			w.nodes[m.Name].stop()
		}
		time.Sleep(5 * time.Second)
		for i := range w.sentinels {
			if addr, took := w.lookup(i); took > 10*time.Millisecond {
				t.Errorf("sentinel %d: %s after %v", i, addr, took)
			}
		}
	})
}

// TestDecisionIsKnownAtOnce: the sentinels that don't lead need not wait for the next change to learn of the last.
func TestDecisionIsKnownAtOnce(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		chain := w.agreed().Chain
		w.nodes[chain[0].Name].stop()
		var first time.Time
		w.until("all know the next chain", 3*time.Second, func() bool {
			know := 0
			for _, s := range w.sentinels {
				if head, _ := s.agreed().Groups[testGroup].Head(); head.Is(chain[1]) {
					know++
				}
			}
			if know > 0 && first.IsZero() {
				first = time.Now()
			}
			return know == len(w.sentinels)
		})
		if late := time.Since(first); late > 5*time.Millisecond {
			t.Errorf("the last learned of it %v after the first", late)
		}
	})
}

func TestDoubtful(t *testing.T) {
	const after = time.Second
	master := cluster.Heartbeat{Epoch: 4, Role: cluster.RoleMaster}
	now := time.Now()
	for name, c := range map[string]struct {
		change func(s *sighting)
		want   bool
	}{
		"all is well":              {func(*sighting) {}, false},
		"late":                     {func(s *sighting) { s.last = now.Add(-after / 5) }, false},
		"silent":                   {func(s *sighting) { s.last = now.Add(-after / 2) }, true},
		"silent for long":          {func(s *sighting) { s.last = now.Add(-3 * after) }, false},
		"its connection ended":     {func(s *sighting) { s.broken = true }, true},
		"it ended long ago":        {func(s *sighting) { s.broken, s.last = true, now.Add(-3*after) }, false},
		"it is about to drain":     {func(s *sighting) { s.hb.Draining = 4 }, true},
		"it was about to drain":    {func(s *sighting) { s.hb.Draining = 3 }, false},
		"it has drained":           {func(s *sighting) { s.hb.Drained = 4 }, true},
		"it drained before":        {func(s *sighting) { s.hb.Drained = 3 }, false},
		"it is the master no more": {func(s *sighting) { s.hb.Epoch, s.hb.Role = 5, cluster.RoleReplica }, true},
	} {
		s := sighting{hb: master, last: now}
		c.change(&s)
		if got := s.doubtful(after, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestLookupDuringHandover: whoever asks any sentinel once the master has let its clients go is told of the new one, at
// the first question.
func TestLookupDuringHandover(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		for round := range 10 {
			chain := w.agreed().Chain
			if _, err := w.ask(round%3, "SENTINEL", "FAILOVER", testGroup); err != nil {
				t.Fatal(err)
			}
			old := w.running(chain[0].Name)
			w.until("the old master knows", time.Second, func() bool {
				old.mu.Lock()
				defer old.mu.Unlock()
				return old.group.Position(old.member) > 0
			})
			for i := range w.sentinels {
				if addr, took := w.lookup((round + i) % 3); addr != chain[1].Addr {
					t.Errorf("sentinel %d: %s after %v", (round+i)%3, addr, took)
				}
			}
			time.Sleep(time.Second)
		}
	})
}

// TestClientsAreSentAheadOfRaft: a sentinel sends clients to a member that leads in a newer epoch than it knows of, and
// not back to one that did before.
func TestClientsAreSentAheadOfRaft(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		s := w.sentinels[0]
		s.mu.Lock()
		defer s.mu.Unlock()
		g := s.state.Groups[testGroup]
		says := func(m cluster.Member, role cluster.Role, ahead uint64) {
			s.confirmMaster(g, cluster.Heartbeat{Member: m, Epoch: g.Epoch + ahead, Role: role})
		}
		for i, c := range []struct {
			say  func()
			want int
		}{
			{func() { says(g.Chain[1], cluster.RoleReplica, 1) }, 0},
			{func() { says(cluster.Member{Name: "stranger"}, cluster.RoleMaster, 1) }, 0},
			{func() { says(g.Chain[1], cluster.RoleMaster, 1) }, 1},
			{func() { says(g.Chain[0], cluster.RoleMaster, 0) }, 1},
			{func() { says(g.Chain[2], cluster.RoleMaster, 3) }, 2},
			{func() { says(g.Chain[1], cluster.RoleMaster, 2) }, 2},
			{func() { s.adoptMaster(g.WithChain(g.Chain[1:]), s.now()) }, 2},
		} {
			if c.say(); !s.masters[testGroup].member.Is(g.Chain[c.want]) {
				t.Errorf("%d: clients are sent to %s", i, s.masters[testGroup].member.Name)
			}
		}
	})
}
