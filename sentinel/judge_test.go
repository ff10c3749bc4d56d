package sentinel

import (
	"testing"
	"time"

	"holdfast/cluster"
)

// TestJudge runs through every combination of what can matter.
func TestJudge(t *testing.T) {
	now := time.Now()
	after := time.Second
	times := []time.Duration{-2 * after, -after, -after + 1, -1, 0}
	promises := []time.Duration{-after, 0, 1, after}
	for _, heard := range times {
		for _, promised := range promises {
			for mask := range 4 {
				s := subject{Heard: now.Add(heard), Promised: now.Add(promised), Replaced: mask&1 != 0, Stuck: mask&2 != 0}
				want := s.Replaced || promised <= 0 && (heard <= -after || s.Stuck)
				if got := judge(s, after, now); got != want {
					t.Errorf("heard %v ago, promised until %v, replaced %v, stuck %v: down=%v", -heard, promised, s.Replaced, s.Stuck, got)
				}
			}
		}
	}
}

func TestAccepts(t *testing.T) {
	for mask := range 16 {
		a := acceptance{Voter: mask&1 != 0, Member: mask&2 != 0, Fenced: mask&4 != 0, Stuck: mask&8 != 0}
		for _, known := range []uint64{0, 4, 5, 6} {
			a.Epoch = known
			want := a.Voter && !a.Fenced && !a.Stuck && (known < 5 || known == 5 && a.Member)
			if got := a.accepts(5); got != want {
				t.Errorf("%+v accepts epoch 5: %v", a, got)
			}
			if a.accepts(0) {
				t.Errorf("%+v accepts a node without an epoch", a)
			}
		}
	}
}

// TestFenceNeedsSilence plays all short sequences of events against one watch: a member is never fenced within down-after of an
// accepted heartbeat, and a fence only ends with the epoch.
func TestFenceNeedsSilence(t *testing.T) {
	const after = time.Second
	m := cluster.Member{Name: "a", Incarnation: "a1", Addr: "a:1"}
	g := cluster.Group{Name: "g", Epoch: 1, Chain: []cluster.Member{m}, Settings: cluster.Settings{DownAfterMs: after.Milliseconds()}}
	const steps = 7
	for seq := range 1 << (2 * steps) {
		now := time.Now()
		w := newWatch(now, groupJudgement{})
		g := g
		w.adopt(g, now)
		accepted, fenced := now.Add(-time.Hour), uint64(0)
		for i := range steps {
			switch seq >> (2 * i) & 3 {
			case 0:
				now = now.Add(after / 2)
			case 1:
				now = now.Add(after)
			case 2:
				s := w.hear(cluster.Heartbeat{Group: "g", Member: m, Epoch: g.Epoch}, origin{number: 1, accepted: now}, after/2, now)
				if w.fences["a1"] == nil {
					s.promised, accepted = now.Add(after), now
				}
			case 3:
				g = g.Refreshed()
				w.adopt(g, now)
			}
			if w.fences["a1"] == nil && judge(w.subject(g, m, after, now), after, now) {
				w.fences["a1"] = &fence{member: m, at: now}
				if fenced = g.Epoch; now.Sub(accepted) < after {
					t.Fatalf("sequence %b: fenced %v after an accepted heartbeat", seq, now.Sub(accepted))
				}
			}
			if fenced == g.Epoch && w.fences["a1"] == nil {
				t.Fatalf("sequence %b: a fence ended within its epoch", seq)
			}
		}
	}
}

// The heartbeat of a dead process that comes late must not pass for a new start of the node.
func TestLateHeartbeatOfTheDead(t *testing.T) {
	now := time.Now()
	old := cluster.Member{Name: "a", Incarnation: "old", Addr: "a:1"}
	young := cluster.Member{Name: "a", Incarnation: "young", Addr: "a:1"}
	g := cluster.Group{Name: "g", Epoch: 3, Chain: []cluster.Member{young}}
	w := newWatch(now, groupJudgement{})
	w.hear(cluster.Heartbeat{Member: young}, origin{number: 2, accepted: now}, time.Second, now)
	if w.hear(cluster.Heartbeat{Member: old}, origin{number: 1, accepted: now.Add(-time.Second)}, time.Second, now) != nil {
		t.Error("an older connection's heartbeat was taken")
	}
	w.adopt(g, now)
	if w.isReplaced(young) {
		t.Error("the living one counts as replaced")
	}
	next := cluster.Member{Name: "a", Incarnation: "next", Addr: "a:1"}
	w.hear(cluster.Heartbeat{Member: next}, origin{number: 3, accepted: now.Add(time.Second)}, time.Second, now)
	if !w.isReplaced(young) || w.hear(cluster.Heartbeat{Member: young}, origin{number: 4, accepted: now.Add(2 * time.Second)}, time.Second, now) != nil {
		t.Error("a start that was replaced came back")
	}
}

// What a sentinel promised before a restart binds it afterwards.
func TestRestartKeepsPromises(t *testing.T) {
	now := time.Now()
	m := cluster.Member{Name: "a", Incarnation: "a1", Addr: "a:1"}
	g := cluster.Group{Name: "g", Epoch: 2, Chain: []cluster.Member{m}, Settings: cluster.Settings{DownAfterMs: 1000}}
	w := newWatch(now, groupJudgement{Epoch: 2, PromiseMs: 10_000})
	w.adopt(g, now)
	for _, c := range []struct {
		later time.Duration
		down  bool
	}{{time.Second, false}, {10*time.Second - 1, false}, {10 * time.Second, true}} {
		at := now.Add(c.later)
		if got := judge(w.subject(g, m, time.Second, at), time.Second, at); got != c.down {
			t.Errorf("%v after the restart: down=%v", c.later, got)
		}
	}
	w = newWatch(now, groupJudgement{Epoch: 2, Fenced: []string{"a1"}})
	w.adopt(g.Refreshed(), now)
	if w.fences["a1"] != nil {
		t.Error("the fence outlived its epoch")
	}
	w = newWatch(now, groupJudgement{Epoch: 2, Fenced: []string{"a1"}})
	w.adopt(cluster.Group{Name: "g", Epoch: 1, Chain: g.Chain}, now) // the log is replayed from its beginning
	w.adopt(g, now)
	if f := w.fences["a1"]; f == nil || f.member != m {
		t.Error("the fence was forgotten with the restart")
	}
}
