package sentinel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// asOlder is a snapshot as a sentinel writes it that understands the first level: it leaves out what it does not know.
func asOlder(t *testing.T, m *fsm) io.ReadCloser {
	t.Helper()
	text := string(toJSON(t, snapshot{m.state, m.applied.Load()}))
	for _, later := range []string{`"level":\d+,?`, `,"features":\{[^}]*\}`, `,"feature_level":\d+`} {
		text = regexp.MustCompile(later).ReplaceAllString(text, "")
	}
	return io.NopCloser(strings.NewReader(text))
}

// TestSnapshotOfAnOlderSentinel: what one that was of an earlier version for a while has lost, it has again when the
// sentinels' level rises, however much they had agreed on; and a state that is not the last one is not taken for it.
func TestSnapshotOfAnOlderSentinel(t *testing.T) {
	machine := func() *fsm {
		return &fsm{state: plan.NewState(), level: 3, changed: func(*plan.State) {}, log: slog.New(slog.DiscardHandler)}
	}
	one, two := machine(), machine()
	index := uint64(0)
	apply := func(e plan.Entry) (conflict bool) {
		t.Helper()
		e.Level = e.Needs()
		index++
		text := toJSON(t, e)
		a, b := one.Apply(&raft.Log{Data: text, Index: index}).(plan.Result),
			two.Apply(&raft.Log{Data: text, Index: index}).(plan.Result)
		if a != b {
			t.Fatalf("%s: %+v on one, %+v on the other", text, a, b)
		}
		return a.Conflict
	}
	alike := func() bool { return bytes.Equal(toJSON(t, one.state), toJSON(t, two.state)) }
	raise := func(level cluster.Level) bool {
		return apply(plan.Entry{Raise: &plan.Raise{Level: level, State: one.state, After: one.applied.Load()}})
	}
	pin, quorum := cluster.Level(1), 3
	apply(plan.Entry{Decision: &plan.Decision{Group: cluster.Group{Name: "g", Epoch: 1,
		Chain: []cluster.Member{member("a", 1)}}}})
	if raise(2) || apply(plan.Entry{Raise: &plan.Raise{Group: "g", Expect: 1, Level: 2, Change: 1}}) ||
		apply(plan.Entry{Tune: &plan.Tune{Group: "g", FeatureLevel: &pin, Quorum: &quorum}}) ||
		apply(plan.Entry{Raise: &plan.Raise{Group: "g", Expect: 1, Level: 1, Change: 2}}) || raise(1) || !alike() {
		t.Fatal("they did not get where this test begins")
	}
	if err := two.Restore(asOlder(t, two)); err != nil {
		t.Fatal(err)
	}
	if g := two.state.Groups["g"]; alike() || g.Epoch != 1 || g.Settings.Quorum != 3 || g.Settings.FeatureLevel != 0 {
		t.Fatalf("an older version would have left nothing out, or too much: %+v", g)
	}
	before := plan.Raise{Level: 2, State: one.state, After: one.applied.Load()}
	quorum = 5
	apply(plan.Entry{Tune: &plan.Tune{Group: "g", Quorum: &quorum}})
	if !apply(plan.Entry{Raise: &before}) {
		t.Error("a state from before the last change was taken for the last")
	}
	if raise(2) || !alike() {
		t.Errorf("%s\n%s", toJSON(t, one.state), toJSON(t, two.state))
	}
	if g := two.state.Groups["g"]; g.Features.Change != 2 || g.Settings.FeatureLevel != 1 || g.Settings.Quorum != 5 ||
		two.state.Level != 2 {
		t.Errorf("%+v", g)
	}

	// What is of a level that a sentinel does not understand it says as it starts.
	raise(3)
	var image bytes.Buffer
	if err := json.NewEncoder(&image).Encode(snapshot{one.state, index}); err != nil {
		t.Fatal(err)
	}
	older := machine()
	older.level = 2
	if err := older.Restore(io.NopCloser(&image)); err == nil || older.refused != err ||
		!strings.Contains(err.Error(), "this sentinel understands feature level 2, and level 3 is in use here") {
		t.Errorf("%v", err)
	}
}

// TestWhoIsLetIn: who does not understand what a member has last heard, or what its data need, is not let in; nor
// beside one who leads again.
func TestWhoIsLetIn(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	heard := func(m cluster.Member, level, needs cluster.Level, word cluster.Features) plan.Sighting {
		s := seenAt(m, level, needs)
		s.Heartbeat.Features, s.Heartbeat.Offset, s.For = word, 100, time.Minute
		return s
	}
	back := func(m cluster.Member) cluster.Member {
		return cluster.Member{Name: m.Name, Incarnation: m.Incarnation + "again", Addr: m.Addr}
	}
	high, low := cluster.Features{Level: 3, Change: 1}, cluster.Features{Level: 2, Change: 2}
	for _, x := range []struct {
		what  string
		known cluster.Features // to the sentinels
		nodes []plan.Sighting
		in    bool
	}{
		{"all have heard that the level fell", low, []plan.Sighting{heard(a, 3, 0, low), heard(b, 3, 0, low)}, true},
		{"one has not heard it yet", low, []plan.Sighting{heard(a, 3, 0, high), heard(b, 3, 0, low)}, false},
		{"the data need it", low, []plan.Sighting{heard(a, 3, 0, low), heard(b, 3, 3, low)}, false},
		{"a backup of the sentinels was put back", cluster.Features{Level: 2},
			[]plan.Sighting{heard(a, 3, 0, cluster.Features{Level: 2}), heard(b, 3, 0, high)}, false},
	} {
		v := plan.View{
			Group: cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b}, Features: x.known,
				Settings: cluster.Settings{DownAfterMs: 1000}},
			Nodes: append(x.nodes, heard(c, 2, 0, cluster.Features{})), Level: 3, Voters: 3,
		}
		if got := plan.Next(v); (got.Kind == plan.Propose && got.Group.IsLearner(c)) != x.in {
			t.Errorf("%s: %+v", x.what, got)
		}
	}

	cold := plan.View{
		Group: cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b},
			Settings: cluster.Settings{DownAfterMs: 1000}}, Dead: time.Hour, Voters: 3,
		Fenced: map[string]int{a.Incarnation: 3, b.Incarnation: 3},
		Nodes: []plan.Sighting{heard(back(a), 3, 3, low), heard(back(b), 3, 3, low),
			heard(c, 2, 0, cluster.Features{})},
	}
	if got := plan.Next(cold); got.Kind != plan.Propose || len(got.Group.Learners) != 1 ||
		!got.Group.Learners[0].Is(back(b)) {
		t.Errorf("after all had died: %+v", got)
	}
	if got, _, err := plan.Forced(cold, back(b).Name); err != nil || len(got.Group.Learners) != 1 ||
		!got.Group.Learners[0].Is(back(a)) {
		t.Errorf("forced: %+v, %v", got, err)
	}
	cold.Group.Features = cluster.Features{Level: 3, Change: 3}
	if _, _, err := plan.Forced(cold, c.Name); err == nil ||
		!strings.Contains(err.Error(), "understands feature level 2, and level 3 is in use here") {
		t.Errorf("an older node was forced to lead: %v", err)
	}
	first := plan.View{Group: cluster.Group{Name: "g", Settings: cluster.Settings{DownAfterMs: 1000}},
		Nodes: cold.Nodes}
	if got := plan.Next(first); got.Kind != plan.Propose || len(got.Group.Learners) != 1 ||
		got.Group.Learners[0].Is(c) {
		t.Errorf("the first chain: %+v", got)
	}
}

// showLevels are those of the sentinels and of the group, as a sentinel shows them.
func (w *testCluster) showLevels(i int) (sentinels, group cluster.Level, held string) {
	st := w.sentinels[i].status()
	if len(st.Groups) == 0 {
		return st.Level, 0, ""
	}
	return st.Level, st.Groups[0].Level, st.Held + "; " + st.Groups[0].Held
}

func (w *testCluster) levelsAre(sentinels, group cluster.Level) {
	w.t.Helper()
	for i := range w.sentinels {
		if w.sentinels[i] == nil {
			continue
		}
		w.until("the levels", 20*time.Second, func() bool {
			s, g, _ := w.showLevels(i)
			return s == sentinels && g == group
		})
	}
}

// TestUpgradeAndBack: what is new is used when the last member understands it, no earlier; from then on older members
// are refused, until an operator has gone back.
func TestUpgradeAndBack(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		for _, name := range []string{"n1", "n2", "n3", "n4"} {
			w.levels[name] = 1
		}
		for i := range w.sentinels {
			w.levels[fmt.Sprint(i)] = 1
			w.stopSentinel(i)
			w.storage[i] = NewMemoryStorage()
			w.startSentinel(i)
		}
		w.trio()
		w.levelsAre(1, 1)
		upgrade := func(level cluster.Level, names ...string) {
			for _, name := range names {
				w.levels[name] = level
				if i := strings.Index("012", name); i >= 0 {
					w.stopSentinel(i)
					w.startSentinel(i)
					w.until("the sentinel is back", 20*time.Second,
						func() bool { return w.sentinels[i].status().InTouch })
				} else {
					w.startNode(name, 1000, 1)
				}
				w.until("a chain of all three", 20*time.Second, w.chainOf("n1", "n2", "n3"))
			}
		}
		upgrade(2, "0", "1", "n1", "n2")
		w.levelsAre(1, 1)
		w.until("a refusal of what an old sentinel does not understand", 10*time.Second, func() bool {
			v, err := w.ask(0, "SENTINEL", "SET", testGroup, "feature-level", 1)
			if err == nil {
				t.Fatalf("it was agreed on: %v", v)
			}
			return strings.Contains(err.Error(), "understands level 1")
		})
		upgrade(2, "2")
		w.levelsAre(2, 1)
		w.until("a word on who holds back the level", 10*time.Second, func() bool {
			_, _, held := w.showLevels(0)
			return strings.Contains(held, "node n3")
		})
		upgrade(2, "n3")
		w.levelsAre(2, 2)

		refused := func(name string) bool {
			for _, m := range w.sentinels[0].status().Groups[0].Others {
				if m.Name == name && strings.Contains(m.Refused,
					"understands feature level 1, and level 2 is in use here") {
					return true
				}
			}
			return false
		}
		w.startNode("n4", 1000, 1)
		w.until("an old node is refused", 10*time.Second, func() bool { return refused("n4") })
		w.levels["2"] = 1
		w.stopSentinel(2)
		w.startSentinel(2)
		time.Sleep(10 * time.Second)
		if w.sentinels[2].status().InTouch {
			t.Error("an old sentinel takes part")
		}

		if _, err := w.ask(0, "SENTINEL", "SET", testGroup, "feature-level", 1); err != nil {
			t.Fatal(err)
		}
		w.levelsAre(1, 1)
		w.until("the old node is let in", 20*time.Second, w.chainOf("n1", "n2", "n3", "n4"))
		w.until("the old sentinel takes part", 20*time.Second, func() bool { return w.sentinels[2].status().InTouch })

		w.nodes["n4"].stop()
		w.until("a chain of all three", 20*time.Second, w.chainOf("n1", "n2", "n3"))
		upgrade(2, "2")
		if _, err := w.ask(1, "SENTINEL", "SET", testGroup, "feature-level", 0); err != nil {
			t.Fatal(err)
		}
		w.levelsAre(2, 2)
	})
}

// TestRollsInAnyOrder: whoever is started as whichever version, in any order, and whatever an operator asks for
// meanwhile: no group is above the sentinels, nobody is in a group that does not understand it, and all come to the
// newest level when all understand it, with one state.
func TestRollsInAnyOrder(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inCluster(t, 3, func(w *testCluster) {
				rng := rand.New(rand.NewPCG(seed, 1))
				w.trio()
				holds := func() {
					t.Helper()
					for i, s := range w.sentinels {
						if s.cfg.Level == 1 {
							continue // what it knows leaves out what it does not understand
						}
						state := s.agreed()
						level, g := state.Level.OrBase(), state.Groups[testGroup]
						if g.Features.Level > level {
							t.Errorf("sentinel %d: the group is of level %d, the sentinels of %d", i, g.Features.Level,
								level)
						}
						for name, n := range w.nodes {
							if plan.IsIn(g, n.member) && n.level < g.Features.Level {
								t.Errorf("sentinel %d: %s, which understands level %d, is in a group of level %d", i,
									name, n.level, g.Features.Level)
							}
						}
					}
				}
				inUse := func() (level cluster.Level) {
					for _, s := range w.sentinels {
						level = max(level, s.agreed().Level)
					}
					return level
				}
				old := func(who int) (others int) {
					for i, s := range w.sentinels {
						if i != who && s.cfg.Level == 1 {
							others++
						}
					}
					return others
				}
				start := func(who int, level cluster.Level) {
					if who < 3 {
						w.levels[fmt.Sprint(who)] = level
						w.stopSentinel(who)
						w.startSentinel(who)
						return
					}
					name := fmt.Sprintf("n%d", who-2)
					w.levels[name] = level
					time.Sleep(time.Millisecond) // no two starts are one
					w.startNode(name, 1000, 1)
				}
				for range 25 {
					switch who := rng.IntN(8); {
					case who < 6:
						level := []cluster.Level{1, cluster.LevelNow}[rng.IntN(2)]
						if level == 1 && who < 3 && old(who) > 0 && inUse() > 1 {
							// two old sentinels agree on what they like; docs/running.md says to go back to the level
							// first
							continue
						}
						start(who, level)
					default:
						// it may be refused
						_, _ = w.ask(rng.IntN(3), "SENTINEL", "SET", testGroup, "feature-level", rng.IntN(3))
					}
					for range rng.IntN(30) {
						time.Sleep(100 * time.Millisecond)
						holds()
					}
				}
				for who := range 6 {
					if who < 3 && w.sentinels[who].cfg.Level == cluster.LevelNow || who >= 3 &&
						w.levels[fmt.Sprintf("n%d", who-2)] == cluster.LevelNow {
						continue
					}
					start(who, cluster.LevelNow)
				}
				w.until("an operator lets the level rise", 60*time.Second, func() bool {
					_, err := w.ask(0, "SENTINEL", "SET", testGroup, "feature-level", 0)
					return err == nil
				})
				w.until("a chain of all three", 60*time.Second, w.chainOf("n1", "n2", "n3"))
				w.levelsAre(cluster.LevelNow, cluster.LevelNow)
				holds()
				w.until("one state", 20*time.Second, func() bool {
					one := toJSON(t, w.sentinels[0].agreed())
					return bytes.Equal(one, toJSON(t, w.sentinels[1].agreed())) &&
						bytes.Equal(one, toJSON(t, w.sentinels[2].agreed()))
				})
			})
		})
	}
}
