package sentinel

import (
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// TestBusyIsNotStuck: who executes a command can't link anew, nor can anybody to it. After busy-command-timeout it is
// fenced, and until then nobody is.
func TestBusyIsNotStuck(t *testing.T) {
	for _, c := range []struct {
		name                 string
		head, middle, tail   int64 // milliseconds for which they have executed a command
		linkDown             int64 // of the middle
		timeout              int64
		headDown, middleDown bool
	}{
		{name: "nobody executes", linkDown: 3000, timeout: 30000, middleDown: true},
		{name: "it executes itself", middle: 2500, linkDown: 3000, timeout: 30000},
		{name: "its predecessor does", head: 2500, linkDown: 3000, timeout: 30000},
		{name: "who is behind it does", tail: 2500, linkDown: 3000, timeout: 30000, middleDown: true},
		{name: "not long enough", head: 29999, middle: 29999, timeout: 30000},
		{name: "for too long", head: 30000, middle: 29999, linkDown: 30000, timeout: 30000, headDown: true},
		{name: "for ever", head: 1 << 40, middle: 1 << 40, linkDown: 1 << 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			g := cluster.Group{Name: "g", Epoch: 7,
				Chain: []cluster.Member{member("a", 1), member("b", 1), member("c", 1)}, Settings: settings()}
			g.Settings.BusyCommandMs = c.timeout
			w := newWatch(now, groupJudgement{})
			w.adopt(g, now)
			for i, busy := range []int64{c.head, c.middle, c.tail} {
				hb := cluster.Heartbeat{Group: "g", Member: g.Chain[i], Epoch: 7, Busy: busy, LinkUp: i != 1 ||
					c.linkDown == 0}
				if i == 1 {
					hb.LinkDownMs = c.linkDown
				}
				w.hear(g, hb, origin{number: uint64(i + 1), accepted: now}, now)
			}
			for i, want := range []bool{c.headDown, c.middleDown, false} {
				if got := plan.IsDown(w.subject(g, g.Chain[i], time.Second, now), time.Second, now); got != want {
					t.Errorf("member %d: down=%v", i, got)
				}
			}
		})
	}
}

// TestSlowMemberIsFencedAlone: a slow member's heartbeats extend its lease no more, it is fenced when the last promise
// is over and not before, nobody else is meanwhile, and when it is well again that is told.
func TestSlowMemberIsFencedAlone(t *testing.T) {
	now := time.Now()
	g := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{member("a", 1), member("b", 1), member("c", 1)},
		Settings: settings()}
	g.Settings.ChainSlowMs = 5000
	w := newWatch(now, groupJudgement{})
	w.adopt(g, now)
	hear := func(m cluster.Member, ack int64) {
		s, _ := w.hear(g, cluster.Heartbeat{Group: "g", Member: m, Epoch: 7, AckDelay: ack, LinkUp: true},
			origin{number: 1, accepted: now}, now)
		if !w.slow(g, m, now) {
			s.promised = now.Add(time.Second)
		}
	}
	round := func(delay int64) {
		hear(g.Chain[0], delay)
		hear(g.Chain[1], delay)
		hear(g.Chain[2], 0)
	}
	down := func(i int) bool { return plan.IsDown(w.subject(g, g.Chain[i], time.Second, now), time.Second, now) }
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

// TestFenceNeedsSilence plays all short sequences of events against one watch: a member is never fenced within
// down-after of an accepted heartbeat, and a fence only ends with the epoch.
func TestFenceNeedsSilence(t *testing.T) {
	const after = time.Second
	m := cluster.Member{Name: "a", Incarnation: "a1", Addr: "a:1"}
	g := cluster.Group{Name: "g", Epoch: 1, Chain: []cluster.Member{m},
		Settings: cluster.Settings{DownAfterMs: after.Milliseconds()}}
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
				s, _ := w.hear(g, cluster.Heartbeat{Group: "g", Member: m, Epoch: g.Epoch},
					origin{number: 1, accepted: now}, now)
				if w.fences["a1"] == nil {
					s.promised, accepted = now.Add(after), now
				}
			case 3:
				g = g.Refreshed()
				w.adopt(g, now)
			}
			if w.fences["a1"] == nil && plan.IsDown(w.subject(g, m, after, now), after, now) {
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

// Who has a name or an address keeps it as long as he may be alive; see watch.holder.
func TestWhoKeepsName(t *testing.T) {
	const after = time.Second
	real := cluster.Member{Name: "a", Incarnation: "real", Addr: "a:1"}
	twin := cluster.Member{Name: "a", Incarnation: "twin", Addr: "b:1"}
	squatter := cluster.Member{Name: "b", Incarnation: "squatter", Addr: "a:1"}
	inGroup := cluster.Group{Name: "g", Epoch: 3, Chain: []cluster.Member{real},
		Settings: cluster.Settings{DownAfterMs: after.Milliseconds()}}
	outside := cluster.Group{Name: "g", Settings: inGroup.Settings}
	const taken, refused, ignored = "taken", "refused", "ignored"
	for name, c := range map[string]struct {
		group    cluster.Group
		claimant cluster.Member
		replaces []string
		conn     uint64 // of the claimant; the real one has 2
		silent   time.Duration
		broken   bool
		want     string
		replaced bool
	}{
		"a copied directory": {inGroup, twin, nil, 3, after / 10, false, refused,
			false},
		"a copied directory, neither is in the group": {outside, twin, nil, 3, after / 10, false, refused,
			false},
		"a copied directory that claims the other's death": {inGroup, twin, []string{"real"}, 3, after / 10, false,
			refused, false},
		"a copied configuration": {inGroup, squatter, nil, 3, after / 10, false, refused,
			false},
		"the other may have a lease still": {inGroup, twin, nil, 3, after - 1, false, refused,
			false},
		"the other is silent for as long as a lease lasts": {inGroup, twin, nil, 3, after, false, taken, false},
		"its address is free when it is silent": {inGroup, squatter, nil, 3, after, false, taken,
			false},
		"a start after a kill": {inGroup, twin, []string{"real"}, 3, after / 10, true,
			taken, true},
		"two starts after a kill": {inGroup, twin, []string{"between", "real"}, 3,
			after / 10, true, taken, true},
		"another directory after a kill": {inGroup, twin, nil, 3, after / 10, true, ignored,
			false},
		"another directory, some heartbeats after a kill": {inGroup, twin, nil, 3, after / 5, true, taken, false},
		"what a dead process left in a connection": {inGroup, twin, nil, 1, after / 10, false, ignored,
			false},
		"another connection for the same start": {inGroup, real, nil, 3, after / 10, false, refused,
			false},
		"it connects again, the old connection has ended": {inGroup, real, nil, 3, after / 10, true, taken,
			false},
		"it connects again, the old connection hangs": {inGroup, real, nil, 3, after * 4 / 10, false, taken,
			false},
		"the same start says that it is elsewhere": {inGroup,
			cluster.Member{Name: "a", Incarnation: "real", Addr: "x:1"}, nil, 2, after / 10, false, refused, false},
		"the same start, elsewhere and by another connection": {inGroup,
			cluster.Member{Name: "a", Incarnation: "real", Addr: "x:1"}, nil, 3, after / 2, false, refused, false},
		"a member goes before one that came first": {cluster.Group{Name: "g", Epoch: 3,
			Chain: []cluster.Member{twin}, Settings: inGroup.Settings}, twin, nil, 3, after / 10, false, taken, false},
		"a learner's address goes before one that came first": {cluster.Group{Name: "g", Epoch: 3,
			Learners: []cluster.Member{squatter},
			Settings: inGroup.Settings}, squatter, nil, 3, after / 10, false, taken, false},
		"a node with a name and an address of its own is heard": {inGroup,
			cluster.Member{Name: "c", Incarnation: "c1", Addr: "c:1"}, nil, 3, 0, false, taken, false},
	} {
		now := time.Now()
		w := newWatch(now, groupJudgement{})
		w.adopt(c.group, now)
		w.hear(c.group, cluster.Heartbeat{Member: real}, origin{number: 2, accepted: now}, now)
		w.nodes["a"].broken = c.broken
		now = now.Add(c.silent)
		seen, refusal := w.hear(c.group, cluster.Heartbeat{Member: c.claimant, Replaces: c.replaces},
			origin{number: c.conn, accepted: now}, now)
		got := taken
		switch {
		case seen == nil && refusal != "":
			got = refused
		case seen == nil:
			got = ignored
		}
		if got != c.want || w.isReplaced(real) != c.replaced {
			t.Errorf("%s: %s (%s), replaced %v; want %s, %v", name, got, refusal, w.isReplaced(real), c.want,
				c.replaced)
		}
		if _, listed := w.refused[c.claimant.Incarnation]; listed != (c.want == refused) {
			t.Errorf("%s: listed as refused: %v", name, listed)
		}
	}
}

// TestUnmetLearnerHoldsNothing: a learner that the tail does not meet where it says to be goes behind whoever claims
// its name or address, also a node that is not in the group; and has both while nobody does.
func TestUnmetLearnerHoldsNothing(t *testing.T) {
	const after = time.Second
	tail := cluster.Member{Name: "t", Incarnation: "t1", Addr: "t:1"}
	for name, learner := range map[string]cluster.Member{
		"a copied configuration": {Name: "b", Incarnation: "copy", Addr: "a:1"},
		"of one name":            {Name: "a", Incarnation: "copy", Addr: "a:1"},
	} {
		real := cluster.Member{Name: "a", Incarnation: "real", Addr: "a:1"}
		g := cluster.Group{Name: "g", Epoch: 3, Chain: []cluster.Member{tail}, Learners: []cluster.Member{learner},
			Settings: cluster.Settings{DownAfterMs: after.Milliseconds()}}
		for _, unmet := range []bool{false, true} {
			now := time.Now()
			w := newWatch(now, groupJudgement{})
			w.adopt(g, now)
			hears := func(m cluster.Member, conn uint64) (heard bool) {
				now = now.Add(after / 10)
				hb := cluster.Heartbeat{Member: m, Epoch: g.Epoch}
				if m == tail && unmet {
					hb.Unmet = []cluster.Unmet{{Incarnation: learner.Incarnation, Why: "elsewhere"}}
				}
				s, _ := w.hear(g, hb, origin{number: conn, accepted: now}, now)
				return s != nil
			}
			if !hears(tail, 1) || !hears(learner, 2) {
				t.Errorf("%s: a learner is not heard though nobody else is there", name)
			}
			for range 3 {
				if heard := hears(real, 3); heard != unmet {
					t.Errorf("%s, unmet %v: the other one is heard: %v", name, unmet, heard)
				}
				if heard := hears(learner, 2); heard == unmet {
					t.Errorf("%s, unmet %v: the learner is heard: %v", name, unmet, heard)
				}
			}
			if (w.unmet(g, learner) != "") != unmet || w.unmet(g, real) != "" || w.unmet(g, tail) != "" {
				t.Errorf("%s, unmet %v: why %q, %q, %q", name, unmet, w.unmet(g, learner), w.unmet(g, real),
					w.unmet(g, tail))
			}
		}
	}
}

// TestUnmetLearnerGivesWayForGood: the one that is met has the address also when the other one has lost its place,
// which it asks for all the time.
func TestUnmetLearnerGivesWayForGood(t *testing.T) {
	const after = time.Second
	tail := cluster.Member{Name: "t", Incarnation: "t1", Addr: "t:1"}
	real := cluster.Member{Name: "a", Incarnation: "real", Addr: "a:1"}
	other := cluster.Member{Name: "b", Incarnation: "copy", Addr: "a:1"}
	g := cluster.Group{Name: "g", Epoch: 3, Chain: []cluster.Member{tail}, Learners: []cluster.Member{other},
		Settings: cluster.Settings{DownAfterMs: after.Milliseconds()}}
	now := time.Now()
	w := newWatch(now, groupJudgement{})
	hears := func(m cluster.Member, conn uint64, unmet ...cluster.Unmet) bool {
		now = now.Add(after / 10)
		s, _ := w.hear(g, cluster.Heartbeat{Member: m, Epoch: g.Epoch, Unmet: unmet},
			origin{number: conn, accepted: now}, now)
		return s != nil
	}
	hears(tail, 1)
	hears(other, 2)
	hears(tail, 1, cluster.Unmet{Incarnation: other.Incarnation, Why: "elsewhere"})
	hears(real, 3)
	for _, next := range []cluster.Group{g.WithLearner(real), g.WithLearner(real).Without(other),
		g.Without(other).WithChain([]cluster.Member{tail, real})} {
		g = next
		w.adopt(g, now)
		for range 3 {
			if !hears(real, 3) {
				t.Fatalf("the one that is there is refused with the group %v", g)
			}
			hears(tail, 1)
			if len(g.Learners) < 2 && hears(other, 2) {
				t.Fatalf("the one that is elsewhere is heard with the group %v", g)
			}
		}
	}
}

// TestReplacedStaysDead: a start whose directory a later one has locked is dead, and the later one has its name for
// good.
func TestReplacedStaysDead(t *testing.T) {
	now := time.Now()
	old := cluster.Member{Name: "a", Incarnation: "old", Addr: "a:1"}
	young := cluster.Member{Name: "a", Incarnation: "young", Addr: "a:1"}
	g := cluster.Group{Name: "g", Epoch: 3, Chain: []cluster.Member{old}, Settings: cluster.Settings{DownAfterMs: 1000}}
	w := newWatch(now, groupJudgement{}) // of a sentinel that was started after the old one's death
	w.adopt(g, now)
	if s, _ := w.hear(g, cluster.Heartbeat{Member: young, Replaces: []string{"old"}}, origin{number: 2, accepted: now},
		now); s == nil || !w.isReplaced(old) {
		t.Error("the later start was not believed")
	}
	now = now.Add(time.Hour)
	if s, _ := w.hear(g, cluster.Heartbeat{Member: old}, origin{number: 3, accepted: now}, now); s != nil {
		t.Error("a start that was replaced came back")
	}
	other := cluster.Member{Name: "b", Incarnation: "b1", Addr: "b:1"}
	if w.hear(g, cluster.Heartbeat{Member: other, Replaces: []string{"young"}}, origin{number: 4, accepted: now},
		now); w.isReplaced(young) {
		t.Error("another node declared it dead")
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
		if got := plan.IsDown(w.subject(g, m, time.Second, at), time.Second, at); got != c.down {
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
