package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
)

func member(name string, start int) cluster.Member {
	return cluster.Member{Name: name, Incarnation: fmt.Sprintf("%s%d", name, start), Addr: name + ":6379"}
}

// heard is a fresh sighting of a node in a group's epoch, linked to its predecessor.
func heard(g cluster.Group, m cluster.Member, offset int64) Sighting {
	hb := cluster.Heartbeat{Group: g.Name, Member: m, Epoch: g.Epoch, LogEpoch: g.Epoch, ReplID: "r", Offset: offset,
		Priority: 100}
	if p, ok := g.Predecessor(m); ok {
		hb.Upstream, hb.LinkUp = p, true
	}
	return Sighting{Heartbeat: hb, Age: 10 * time.Millisecond, For: time.Minute}
}

func settings() cluster.Settings {
	return cluster.Settings{DownAfterMs: 1000, FailoverTimeoutMs: 10000, Quorum: 2, ParallelSyncs: 1}
}

func view(g cluster.Group, nodes ...Sighting) View {
	return View{Group: g, Voters: 3, Fenced: map[string]int{}, Back: map[string]bool{}, Nodes: nodes}
}

// TestPlanSmallWorlds goes through every state of a group of up to three members: each fenced by 0, 1, 2 or 3 of 3
// sentinels, and silent, heard, restarted, leaving and drained, or broken. Whatever the plan proposes must keep the
// rules.
func TestPlanSmallWorlds(t *testing.T) {
	const worldStates = 4 * 5 // of a member
	names := []string{"a", "b", "c"}
	worlds := 0
	for size := 1; size <= 3; size++ {
		for chained := 1; chained <= size; chained++ {
			g := cluster.Group{Name: "g", Epoch: 7, Settings: settings()}
			for i := range size {
				if i < chained {
					g.Chain = append(g.Chain, member(names[i], 1))
				} else {
					g.Learners = append(g.Learners, member(names[i], 1))
				}
			}
			states := 1
			for range size {
				states *= worldStates
			}
			for state := range states {
				for _, dead := range []time.Duration{0, time.Minute} {
					v := view(g)
					v.Dead = dead
					rest := state
					for _, m := range Members(g) {
						v.Fenced[m.Incarnation] = rest % 4
						v.Back[m.Incarnation] = rest/4%5 == 1
						v.Nodes = append(v.Nodes, nodeIn(g, m, rest/4%5)...)
						rest /= worldStates
					}
					checkAction(t, v, Next(v))
					worlds++
				}
			}
		}
	}
	t.Logf("%d worlds", worlds)
}

func nodeIn(g cluster.Group, m cluster.Member, state int) []Sighting {
	s := heard(g, m, 100)
	switch state {
	case 0:
		return nil // silent
	case 2:
		restarted := m
		restarted.Incarnation = m.Name + "2"
		s.Heartbeat.Member, s.Heartbeat.LinkUp, s.Heartbeat.Epoch = restarted, false, 6
	case 3:
		s.Heartbeat.Leaving, s.Heartbeat.Drained = true, g.Epoch
	case 4:
		s.Heartbeat.Broken, s.Heartbeat.LinkUp = "bad", false
	}
	return []Sighting{s}
}

// checkAction holds an action against the rules of the design.
func checkAction(t *testing.T, v View, a Action) {
	t.Helper()
	if a.Kind != Propose {
		return
	}
	fail := func(why string) {
		t.Helper()
		t.Fatalf("%s\nview %+v\naction %+v", why, v, a)
	}
	g := a.Group
	if g.Epoch != v.Group.Epoch+1 || a.Reason == "" || len(g.Chain) == 0 {
		fail("not a next epoch")
	}
	var survivors []cluster.Member
	for _, m := range v.Group.Chain {
		if g.Position(m) >= 0 {
			survivors = append(survivors, m)
		} else if s, ok := v.Alive(m); !v.Odown(m) && !(ok && s.Heartbeat.Leaving) {
			fail(m.Name + " was removed against its will without a majority's fences")
		}
	}
	if len(survivors) > 0 {
		if !slices.Equal(survivors, g.Chain[:len(survivors)]) {
			fail("the survivors are not in their order")
		}
		if s, ok := v.sighting(g.Chain[0].Name); ok && s.Heartbeat.Broken != "" && g.Chain[0] != v.Group.Chain[0] {
			fail("the new master is broken")
		}
		if s, ok := v.Alive(g.Chain[0]); !ok && g.Chain[0] != v.Group.Chain[0] || ok &&
			!s.Heartbeat.Member.Is(g.Chain[0]) {
			fail("the new master is not there")
		}
	} else {
		for _, m := range v.Group.Chain {
			if _, ok := v.Alive(m); !v.Odown(m) || ok {
				fail("a cold start though a member is left")
			}
		}
		back, missing := v.returned()
		if len(back) == 0 || len(missing) > 0 && v.Dead == 0 {
			fail("a cold start too early")
		}
	}
	for _, m := range g.Chain[len(survivors):] {
		if len(survivors) > 0 && !v.Group.IsLearner(m) {
			fail("a stranger got into the chain")
		}
	}
	seen := map[string]bool{}
	for _, m := range Members(g) {
		if seen[m.Name] {
			fail(m.Name + " is in the group twice")
		}
		seen[m.Name] = true
	}
}

func TestPlanCreate(t *testing.T) {
	empty := cluster.Group{Name: "g", Settings: settings()}
	node := func(name string, epoch uint64, offset int64, since time.Duration) Sighting {
		s := heard(empty, member(name, 1), offset)
		s.Heartbeat.Epoch, s.Heartbeat.LogEpoch, s.For = epoch, epoch, since
		return s
	}
	for _, c := range []struct {
		name  string
		nodes []Sighting
		head  string
		epoch uint64
	}{
		{"nobody", nil, "", 0},
		{"not settled", []Sighting{node("a", 0, 0, 100*time.Millisecond)}, "", 0},
		{"most data", []Sighting{node("a", 0, 5, time.Second), node("b", 0, 9, 0)}, "b", 1},
		{"by name", []Sighting{node("b", 0, 0, time.Second), node("a", 0, 0, time.Second)}, "a", 1},
		{"shorter port first", []Sighting{node("h:10000", 0, 0, time.Second), node("h:6379", 0, 0, time.Second)},
			"h:6379", 1},
		{"lost state waits", []Sighting{node("a", 8, 5, 2*time.Second)}, "", 0},
		{"lost state", []Sighting{node("a", 8, 5, 6*time.Second), node("b", 7, 9, 0)}, "a", 9},
	} {
		a := Next(view(empty, c.nodes...))
		head, _ := a.Group.Head()
		if head.Name != c.head || c.head != "" &&
			(a.Group.Epoch != c.epoch || len(a.Group.Learners) != len(c.nodes)-1) {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

func TestPlanLearner(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	g := cluster.Group{Name: "g", Epoch: 4, Chain: []cluster.Member{a}, Learners: []cluster.Member{b, c},
		Settings: settings()}
	for _, test := range []struct {
		name   string
		change func(hb *cluster.Heartbeat)
		joins  bool
	}{
		{"caught up", func(*cluster.Heartbeat) {}, true},
		{"older epoch", func(hb *cluster.Heartbeat) { hb.Epoch-- }, false},
		{"no link", func(hb *cluster.Heartbeat) { hb.LinkUp = false }, false},
		{"other upstream", func(hb *cluster.Heartbeat) { hb.Upstream = c }, false},
		{"other history", func(hb *cluster.Heartbeat) { hb.ReplID = "x" }, false},
		{"leaving", func(hb *cluster.Heartbeat) { hb.Leaving = true }, false},
	} {
		s, tail := heard(g, b, 10<<20), heard(g, a, 10<<20)
		if action := Next(view(g, tail, s)); action.Kind != Nothing {
			t.Errorf("%s: the tail commits without the learner: %+v", test.name, action)
		}
		tail.Heartbeat.Joining = b
		test.change(&s.Heartbeat)
		action := Next(view(g, tail, s))
		if joined := action.Kind == Propose && action.Group.Position(b) == 1; joined != test.joins {
			t.Errorf("%s: %+v", test.name, action)
		}
	}
}

// TestPlanNoLearnerBehindABrokenChain: a tail that hears nothing from its predecessor gets no successor, nor does one
// behind such a member.
func TestPlanNoLearnerBehindABrokenChain(t *testing.T) {
	a, b, c, d := member("a", 1), member("b", 1), member("c", 1), member("d", 1)
	g := cluster.Group{Name: "g", Epoch: 4, Chain: []cluster.Member{a, b, c}, Learners: []cluster.Member{d},
		Settings: settings()}
	for _, test := range []struct {
		name   string
		change func(b, c *Sighting)
		joins  bool
	}{
		{"whole", func(_, _ *Sighting) {}, true},
		{"the tail has no link", func(_, c *Sighting) { c.Heartbeat.LinkUp = false }, false},
		{"the tail follows another one", func(_, c *Sighting) { c.Heartbeat.Upstream = a }, false},
		{"the middle has no link", func(b, _ *Sighting) { b.Heartbeat.LinkUp = false }, false},
		{"the middle is silent", func(b, _ *Sighting) { b.Age = 700 * time.Millisecond }, false},
	} {
		first, second, third, learner := heard(g, a, 100), heard(g, b, 100), heard(g, c, 100), heard(g, d, 100)
		third.Heartbeat.Joining = d
		test.change(&second, &third)
		action := Next(view(g, first, second, third, learner))
		if joined := action.Kind == Propose && action.Group.Position(d) == 3; joined != test.joins {
			t.Errorf("%s: %+v", test.name, action)
		}
	}
}

// TestPlanSlow: who was fenced for holding up the chain is noted, more often each time, until the chain has stood for
// long.
func TestPlanSlow(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	g := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b, c}, Settings: settings()}
	g.Settings.ChainSlowMs = 5000
	for _, test := range []struct {
		name   string
		before map[string]int
		calm   time.Duration
		silent bool // the slow one is not heard any more
		slow   map[string]int
		reason string
	}{
		{"the first time", nil, time.Hour, false, map[string]int{"c": 1}, "down: b; slow: c"},
		{"again, soon", map[string]int{"a": 2, "c": 1}, time.Minute, false, map[string]int{"a": 2, "c": 2},
			"down: b; slow: c"},
		{"again, after long", map[string]int{"a": 2, "c": 1}, time.Hour, false, map[string]int{"c": 1},
			"down: b; slow: c"},
		{"it died meanwhile", map[string]int{"a": 2}, time.Hour, true, map[string]int{"a": 2}, "down: b, c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := g
			g.Slow = test.before
			v := view(g, heard(g, a, 100))
			if !test.silent {
				v.Nodes = append(v.Nodes, heard(g, c, 90))
			}
			v.Fenced["b1"], v.Fenced["c1"], v.Slow, v.Calm = 2, 3, map[string]bool{"c1": true}, test.calm
			got := Next(v)
			if got.Kind != Propose || got.Reason != test.reason || len(got.Group.Chain) != 1 ||
				!maps.Equal(got.Group.Slow, test.slow) || got.Group.Epoch != 8 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestPlanHandover(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	g := cluster.Group{Name: "g", Epoch: 4, Chain: []cluster.Member{a, b, c}, Settings: settings()}
	v := view(g, heard(g, a, 1), heard(g, b, 1), heard(g, c, 1))
	v.Asked = &Handover{}
	if got := Next(v); got.Kind != Drain {
		t.Errorf("before draining: %+v", got)
	}
	v.Nodes[0].Heartbeat.Drained = 3
	if got := Next(v); got.Kind != Drain {
		t.Errorf("drained in an older epoch: %+v", got)
	}
	v.Nodes[0].Heartbeat.Drained = 4
	if got := Next(v); got.Kind != Propose || !slices.Equal(got.Group.Chain, []cluster.Member{b, c, a}) {
		t.Errorf("drained: %+v", got)
	}
	v.Asked.Target = "c"
	if got := Next(v); got.Kind != Propose || !slices.Equal(got.Group.Chain, []cluster.Member{c, b, a}) {
		t.Errorf("to a target: %+v", got)
	}
	for _, asked := range []*Handover{{Target: "x"}, nil} {
		v.Asked = asked
		if got := Next(v); got.Kind != Propose || !slices.Equal(got.Group.Chain, g.Chain) || got.Group.Epoch != 5 {
			t.Errorf("drained for nothing, or for a stranger: %+v", got)
		}
	}
	v.Nodes[0].Heartbeat.Drained = 0
	if got := Next(v); got.Kind != Nothing {
		t.Errorf("not drained, and not asked: %+v", got)
	}
}

func TestPlanColdStart(t *testing.T) {
	a, b, l := member("a", 1), member("b", 1), member("l", 1)
	g := cluster.Group{Name: "g", Epoch: 9, Chain: []cluster.Member{a, b}, Learners: []cluster.Member{l},
		Settings: settings(), Began: 7}
	back := func(name string, epoch uint64, offset int64) Sighting {
		s := heard(cluster.Group{Name: "g", Epoch: epoch}, member(name, 2), offset)
		return s
	}
	learner := func(offset int64, followed bool) Sighting {
		s := heard(g, l, offset)
		s.Followed = followed
		return s
	}
	for _, c := range []struct {
		name  string
		dead  time.Duration
		nodes []Sighting
		head  string
		heard Reached // of commit points
		cost  string
	}{
		{"nobody back", time.Hour, nil, "", Reached{}, ""},
		{"only the learner", time.Hour, []Sighting{learner(50, true)}, "", Reached{}, ""},
		{"one back, too early", time.Second, []Sighting{back("a", 9, 50)}, "", Reached{}, ""},
		{"one back, grace over", 5 * time.Second, []Sighting{back("a", 9, 50)}, "a", Reached{}, ""},
		{"one back empty, grace over", time.Hour, []Sighting{back("a", 0, 0)}, "", Reached{}, ""},
		{"one back empty, and the learner", time.Hour, []Sighting{back("a", 0, 0), learner(60, true)}, "", Reached{},
			""},
		{"all back empty", 0, []Sighting{back("b", 0, 0), back("a", 0, 0)}, "a", Reached{}, ""},
		{"tie: chain order", 0, []Sighting{back("b", 9, 50), back("a", 9, 50)}, "a", Reached{}, ""},
		{"longer log", 0, []Sighting{back("a", 9, 50), back("b", 9, 51)}, "b", Reached{}, ""},
		{"longer log of one that did not learn of the last epochs", 0, []Sighting{back("a", 9, 50), back("b", 0, 51)},
			"b", Reached{}, ""},
		{"learner longer, followed", 0, []Sighting{back("a", 9, 50), back("b", 9, 40), learner(60, true)}, "l",
			Reached{}, ""},
		{"learner longer, never followed", 0, []Sighting{back("a", 9, 50), back("b", 9, 40), learner(60, false)}, "a",
			Reached{}, ""},
		{"all empty but the learner", 0, []Sighting{back("a", 0, 0), back("b", 0, 0), learner(60, false)}, "l",
			Reached{}, ""},
		{"all empty but two that were taken out", 0, []Sighting{back("a", 0, 0), back("b", 0, 0), back("x", 6, 80),
			back("y", 7, 60)}, "y", Reached{}, ""},
		{"one that was taken out, with more", 0, []Sighting{back("a", 9, 50), back("b", 9, 40), back("x", 8, 60)}, "a",
			Reached{}, ""},
		{"a backup, alone", time.Hour, []Sighting{back("a", 9, 50)}, "", Reached{9, 51}, ""},
		{"a backup, and the learner has less than was heard of, too", time.Hour,
			[]Sighting{back("a", 9, 50), learner(60, true)}, "", Reached{9, 61}, ""},
		{"a backup, and the learner has what was heard of", time.Hour, []Sighting{back("a", 9, 50), learner(60, true)},
			"l", Reached{9, 60}, "b has not come back"},
		{"one back that has all that was heard of", 5 * time.Second, []Sighting{back("a", 9, 50)}, "a", Reached{9, 50},
			"b has not come back"},
		{"all back with less than was heard of", 0, []Sighting{back("a", 9, 50), back("b", 9, 40)}, "a", Reached{8, 60},
			"10 bytes of acknowledged writes: the chain had offset 60"},
		{"heard of in a history that was given up", 5 * time.Second, []Sighting{back("a", 9, 50)}, "a", Reached{6, 60},
			"b has not come back"},
		{"one that was taken out, before the others", time.Hour, []Sighting{back("x", 8, 60)}, "", Reached{}, ""},
	} {
		v := view(g, c.nodes...)
		v.Fenced[a.Incarnation], v.Fenced[b.Incarnation], v.Dead = 2, 3, c.dead
		v.Reached = c.heard
		got := Next(v)
		head, _ := got.Group.Head()
		if head.Name != c.head || c.head == "" && got.Kind == Propose {
			t.Errorf("%s: %+v", c.name, got)
		}
		if c.head != "" && (len(got.Group.Chain) != 1 || got.Group.Began != got.Group.Epoch) {
			t.Errorf("%s: %+v", c.name, got.Group)
		}
		if !strings.Contains(got.Cost, c.cost) {
			t.Errorf("%s: cost %q", c.name, got.Cost)
		}
	}
}

// TestPlanCopyOfAnAddress: whoever claims the address of a member that is there does not join, though a sentinel heard
// it first.
func TestPlanCopyOfAnAddress(t *testing.T) {
	a, b, copied := member("a", 1), member("b", 1), member("c", 1)
	copied.Addr = b.Addr
	g := cluster.Group{Name: "g", Epoch: 3, Chain: []cluster.Member{a, b}, Settings: settings()}
	twin := heard(g, copied, 0)
	if got := Next(view(g, heard(g, a, 10), heard(g, b, 10), twin)); got.Kind != Nothing {
		t.Errorf("%+v", got)
	}
	if got := Next(view(g, heard(g, a, 10), twin)); got.Kind == Propose {
		t.Errorf("no tail to follow: %+v", got)
	}
	g.Chain = []cluster.Member{b, a}
	if got := Next(view(g, heard(g, a, 10), twin)); got.Kind != Propose || !got.Group.IsLearner(copied) {
		t.Errorf("the member is silent: %+v", got)
	}
}
