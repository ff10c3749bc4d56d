package sentinel

import (
	"slices"
	"testing"
	"time"
)

func (w *testCluster) leading() *Sentinel {
	i := slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s != nil && s.quorum.isLeader() })
	if i < 0 {
		return nil
	}
	return w.sentinels[i]
}

// TestHeartbeatsOfTheLeader: they come at the ticks and hardly ever besides; as soon as one of the others is not heard
// Raft's own come more often, and whoever does not lead keeps the patience that all have.
func TestHeartbeatsOfTheLeader(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		leader := w.leading()
		patience := func(s *Sentinel) time.Duration { return s.quorum.raft.ReloadableConfig().HeartbeatTimeout }
		every := heartbeatEvery(leader.cfg.DownAfter)
		const watched = 4 * time.Second
		heard, atTick := 0, 0
		for end, last := time.Now().Add(watched), (time.Time{}); time.Now().Before(end); time.Sleep(time.Millisecond) {
			for _, s := range w.sentinels {
				if got := patience(s); s == leader && got != calmPace*s.quorum.election || s != leader &&
					got != s.quorum.election {
					t.Fatalf("a sentinel has a patience of %v; it leads: %v", got, s == leader)
				}
			}
			follower := w.sentinels[slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s != leader })]
			contact := follower.quorum.raft.LastContact()
			if silent := time.Since(contact); silent > every+10*time.Millisecond {
				t.Fatalf("the leader has been silent for %v", silent)
			}
			if contact != last {
				last = contact
				if heard++; time.Duration(contact.UnixNano())%every < 10*time.Millisecond {
					atTick++
				}
			}
		}
		ticks := int(watched / every)
		if t.Logf("%d heartbeats, %d at the %d ticks", heard, atTick, ticks); atTick < ticks-1 || heard > 3*ticks/2 {
			t.Errorf("%d heartbeats, %d at the %d ticks", heard, atTick, ticks)
		}
		w.killSentinel(slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s != leader }))
		w.until("the pace of a leader who misses somebody", 2*leader.cfg.DownAfter,
			func() bool { return patience(leader) == alertPace*leader.quorum.election })
	})
}

// TestNewLeaderIsToldAtOnce: whoever begins to lead has the reports of all who are there without waiting for a tick.
func TestNewLeaderIsToldAtOnce(t *testing.T) {
	inCluster(t, 5, func(w *testCluster) {
		w.trio()
		for range 2 {
			w.killSentinel(slices.Index(w.sentinels, w.leading()))
			w.until("another leader", 5*time.Second, func() bool { return w.leading() != nil })
			time.Sleep(20 * time.Millisecond)
			leader := w.leading()
			leader.mu.Lock()
			for _, s := range w.sentinels {
				if _, told := leader.reports[s.idOf()]; s != nil && !told {
					t.Error("a sentinel has not reported to the new leader")
				}
			}
			leader.mu.Unlock()
			time.Sleep(time.Second)
		}
	})
}

// idOf is empty for one that does not run.
func (s *Sentinel) idOf() string {
	if s == nil {
		return ""
	}
	return s.id
}
