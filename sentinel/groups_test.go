package sentinel

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestManyGroups: fifty groups under one quorum cost the sentinels one report each a round, whatever their number, and
// the log one decision a change and nothing while nothing changes; and when the masters of all die at once all are
// replaced as soon as one would be.
func TestManyGroups(t *testing.T) {
	const groups = 50
	inCluster(t, 3, func(w *testCluster) {
		var nodes []*fakeNode
		for i := range groups {
			for j, kind := range "ab" {
				nodes = append(nodes, w.startNodeOf(fmt.Sprintf("group%02d", i), fmt.Sprintf("%c%02d", kind, i),
					fmt.Sprintf("10.1.%d.%d", j, i+1), 0, 0))
			}
		}
		chains := func(members int) func() bool {
			return func() bool {
				whole := 0
				for _, g := range w.sentinels[0].agreed().Groups {
					if len(g.Chain) == members && len(g.Learners) == 0 {
						whole++
					}
				}
				return whole == groups
			}
		}
		w.until("fifty chains of two", 30*time.Second, chains(2))
		time.Sleep(2 * time.Second)

		leader := w.sentinels[slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s.quorum.isLeader() })]
		said := func() (n int64) {
			for _, node := range nodes {
				n += node.said.Load()
			}
			return n
		}
		const quiet = 2 * time.Second
		entries, commands, beats := leader.quorum.raft.LastIndex(), leader.commands.Load(), said()
		time.Sleep(quiet)
		if n := leader.quorum.raft.LastIndex() - entries; n != 0 {
			t.Errorf("%d entries while nothing changed", n)
		}
		heartbeats := (said() - beats) / int64(len(w.sentinels))
		reports := leader.commands.Load() - commands - heartbeats
		rounds := int64(quiet / leader.pace())
		t.Logf("%d heartbeats and %d other messages to the leader in %v", heartbeats, reports, quiet)
		if underway := int64(len(nodes)); reports > 2*rounds+underway || heartbeats < rounds*int64(len(nodes)) {
			t.Errorf("%d reports of two sentinels in %d rounds, %d heartbeats", reports, rounds, heartbeats)
		}

		var masters []string
		var epochs uint64
		for _, g := range w.sentinels[0].agreed().Groups {
			masters = append(masters, g.Chain[0].Name)
			epochs -= g.Epoch
		}
		entries = leader.quorum.raft.LastIndex()
		for _, name := range masters {
			w.running(name).stop()
		}
		began := time.Now()
		w.until("all masters are replaced", 5*time.Second, chains(1))
		took := time.Since(began)
		t.Logf("replaced after %v", took)
		if took > 1500*time.Millisecond {
			t.Errorf("replaced only after %v", took)
		}
		for _, g := range w.sentinels[0].agreed().Groups {
			epochs += g.Epoch
		}
		// Each change is an entry, and the empty one by which the others learn of it.
		if n := leader.quorum.raft.LastIndex() - entries; epochs != groups || n > 2*groups {
			t.Errorf("%d entries and %d epochs for %d changes", n, epochs, groups)
		}
	})
}
