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
			for mask := range 8 {
				s := subject{Heard: now.Add(heard), Promised: now.Add(promised), Replaced: mask&1 != 0, Stuck: mask&2 != 0, Slow: mask&4 != 0}
				want := s.Replaced || promised <= 0 && (heard <= -after || s.Stuck || s.Slow)
				if got := judge(s, after, now); got != want {
					t.Errorf("heard %v ago, promised until %v, replaced %v, stuck %v, slow %v: down=%v", -heard, promised, s.Replaced, s.Stuck, s.Slow, got)
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

// TestSlowest: what each member says of itself names the one that holds up the chain. Delays are in milliseconds, the limits are 3500 and 2000.
func TestSlowest(t *testing.T) {
	type says struct {
		ack, store int64
		unheard    int64
		silent     bool
		epoch      uint64 // 0: the group's
		joining    bool
		floor      int
	}
	const late, broken = 3500, 2000
	for _, c := range []struct {
		name   string
		chain  []says // the learner l behind it follows the tail
		slow   string
		forget bool // no chain-slow-timeout
	}{
		{name: "all keep pace", chain: []says{{ack: late - 1}, {ack: late - 1}, {store: late - 1}}},
		{name: "the tail is slow, which shows at the head too", chain: []says{{ack: late + 10}, {ack: late}, {}}, slow: "c"},
		{name: "the middle is slow: it holds nothing for long", chain: []says{{ack: late}, {ack: 20}, {}}, slow: "b"},
		{name: "the middle's disk is slow", chain: []says{{ack: late}, {store: late}, {}}, slow: "b"},
		{name: "the tail's disk is slow", chain: []says{{ack: late}, {ack: late}, {store: late}}, slow: "c"},
		{name: "the head's disk is slow: nobody behind it has anything to wait for", chain: []says{{store: late}, {}, {}}, slow: "a"},
		{name: "two disks are slow: the one further back goes first", chain: []says{{store: late}, {store: late}, {}}, slow: "b"},
		{name: "one accuser is not enough", chain: []says{{ack: late}, {silent: true}, {}}},
		{name: "nor is one whose successor has not adopted the epoch", chain: []says{{ack: late}, {epoch: 6}, {}}},
		{name: "nor if the tail is silent", chain: []says{{ack: late}, {}, {silent: true}}},
		{name: "the joining learner is slow", chain: []says{{ack: late}, {ack: late}, {ack: late, joining: true}}, slow: "l"},
		{name: "a tail that waits for nobody we know", chain: []says{{}, {}, {ack: late}}},
		{name: "a chain of two", chain: []says{{ack: late}, {}}, slow: "b"},
		{name: "a chain of one has nobody to go on with", chain: []says{{store: late}}},
		{name: "but can do without a learner", chain: []says{{ack: late, joining: true}}, slow: "l"},
		{name: "the floor holds", chain: []says{{ack: late, floor: 2}, {ack: late}, {}}},
		{name: "the floor leaves room", chain: []says{{ack: late, floor: 1}, {ack: late}, {}}, slow: "c"},
		{name: "the floor is no matter for a learner", chain: []says{{ack: late, floor: 5}, {ack: late, joining: true}}, slow: "l"},
		{name: "never", chain: []says{{ack: late * 100}, {}}, forget: true},
		{name: "the line to the middle is broken", chain: []says{{ack: broken, unheard: broken}, {}, {}}, slow: "b"},
		{name: "that to the tail, which shows at the head as waiting only", chain: []says{{ack: broken}, {ack: broken, unheard: broken}, {}}, slow: "c"},
		{name: "that to the learner", chain: []says{{ack: broken}, {ack: broken}, {ack: broken, unheard: broken, joining: true}}, slow: "l"},
		{name: "that is not slowness", chain: []says{{ack: broken, unheard: broken}, {}}, slow: "b", forget: true},
		{name: "not yet", chain: []says{{ack: late - 1, unheard: broken - 1}, {}, {}}},
		{name: "the floor holds there too", chain: []says{{ack: broken, unheard: broken, floor: 1}, {}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := cluster.Group{Name: "g", Epoch: 7, Learners: []cluster.Member{member("l", 1)}, Settings: settings()}
			if g.Settings.ChainSlowMs = 5000; c.forget {
				g.Settings.ChainSlowMs = 0
			}
			heard := map[string]cluster.Heartbeat{}
			for i, s := range c.chain {
				m := member(string(rune('a'+i)), 1)
				g.Chain = append(g.Chain, m)
				hb := cluster.Heartbeat{Member: m, Epoch: g.Epoch, AckDelay: s.ack, StoreDelay: s.store, Unheard: s.unheard, Floor: s.floor}
				if s.epoch != 0 {
					hb.Epoch = s.epoch
				}
				if s.joining {
					hb.Joining = g.Learners[0]
				}
				if !s.silent {
					heard[m.Name] = hb
				}
			}
			m, ok := slowest(g, func(m cluster.Member) (cluster.Heartbeat, bool) { hb, ok := heard[m.Name]; return hb, ok })
			if ok != (c.slow != "") || m.Name != c.slow {
				t.Errorf("%q, %v; not %q", m.Name, ok, c.slow)
			}
		})
	}
}

// TestSlowMemberIsFencedAlone: a slow member's heartbeats extend its lease no more, it is fenced when the last promise is over and not before,
// nobody else is meanwhile, and when it is well again that is told.
func TestSlowMemberIsFencedAlone(t *testing.T) {
	now := time.Now()
	g := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{member("a", 1), member("b", 1), member("c", 1)}, Settings: settings()}
	g.Settings.ChainSlowMs = 5000
	w := newWatch(now, groupJudgement{})
	w.adopt(g, now)
	hear := func(m cluster.Member, ack int64) {
		s := w.hear(cluster.Heartbeat{Group: "g", Member: m, Epoch: 7, AckDelay: ack, LinkUp: true}, origin{number: 1, accepted: now}, time.Second, now)
		if !w.slow(g, m, now) {
			s.promised = now.Add(time.Second)
		}
	}
	round := func(delay int64) {
		hear(g.Chain[0], delay)
		hear(g.Chain[1], delay)
		hear(g.Chain[2], 0)
	}
	down := func(i int) bool { return judge(w.subject(g, g.Chain[i], time.Second, now), time.Second, now) }
	round(3400)
	for range 9 {
		now = now.Add(100 * time.Millisecond)
		round(3600)
		if down(0) || down(1) || down(2) {
			t.Fatal("fenced while a promise lasts")
		}
	}
	now = now.Add(100 * time.Millisecond)
	round(4600)
	if !down(2) || down(0) || down(1) {
		t.Fatal("not the slow one, or somebody else, is down")
	}
	f := &fence{member: g.Chain[2], reason: reasonSlow, at: now}
	w.fences["c1"] = f
	if _, ok := w.back(g, f, time.Second, now); ok {
		t.Error("a slow member counts as back")
	}
	now = now.Add(100 * time.Millisecond)
	hear(g.Chain[1], 0)
	hear(g.Chain[0], 4700)
	if down(1) {
		t.Error("two members are fenced for one delay")
	}
	hear(g.Chain[0], 0)
	hear(g.Chain[2], 0)
	if _, ok := w.back(g, f, time.Second, now); !ok {
		t.Error("a member that is well again does not count as back")
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
