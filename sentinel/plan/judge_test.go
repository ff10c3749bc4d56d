package plan

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
			for mask := range 32 {
				s := Subject{Heard: now.Add(heard), Promised: now.Add(promised), Replaced: mask&1 != 0,
					Stuck: mask&2 != 0, Slow: mask&4 != 0, Busy: mask&8 != 0, Broken: mask&16 != 0}
				want := s.Replaced || promised <= 0 && (heard <= -after || s.Stuck || s.Slow || s.Busy || s.Broken)
				if got := IsDown(s, after, now); got != want {
					t.Errorf("heard %v ago, promised until %v, %+v: down=%v", -heard, promised, s, got)
				}
			}
		}
	}
}

func TestAccepts(t *testing.T) {
	for mask := range 16 {
		a := Acceptance{Voter: mask&1 != 0, Member: mask&2 != 0, Fenced: mask&4 != 0, Stuck: mask&8 != 0}
		for _, known := range []uint64{0, 4, 5, 6} {
			a.Epoch = known
			want := a.Voter && !a.Fenced && !a.Stuck && (known < 5 || known == 5 && a.Member)
			if got := a.Accepts(5); got != want {
				t.Errorf("%+v accepts epoch 5: %v", a, got)
			}
			if a.Accepts(0) {
				t.Errorf("%+v accepts a node without an epoch", a)
			}
		}
	}
}

// TestSlowest: what each member says of itself names the one that holds up the chain. Delays are in milliseconds, the
// limits are 3500 and 2000.
func TestSlowest(t *testing.T) {
	type says struct {
		ack, store int64
		unheard    int64
		busy       int64
		silent     bool
		epoch      uint64 // 0: the group's
		joining    bool
		floor      int
	}
	const late, broken, long = 3500, 2000, 250
	for _, c := range []struct {
		name   string
		chain  []says // the learner l behind it follows the tail
		slow   string
		forget bool // no chain-slow-timeout
	}{
		{name: "all keep pace", chain: []says{{ack: late - 1}, {ack: late - 1}, {store: late - 1}}},
		{name: "the tail is slow, which shows at the head too", chain: []says{{ack: late + 10}, {ack: late}, {}},
			slow: "c"},
		{name: "the tail is, which is about to show at the middle", chain: []says{{ack: late}, {ack: late - 500}, {}}},
		{name: "not for much longer", chain: []says{{ack: late}, {ack: late - 501}, {}}, slow: "b"},
		{name: "nor does it speak for the middle's disk", chain: []says{{ack: late}, {ack: late - 500, store: late},
			{}}, slow: "b"},
		{name: "about to show at one behind the middle", chain: []says{{ack: late}, {ack: late}, {ack: late - 1}, {}}},
		{name: "the middle is slow: it holds nothing for long", chain: []says{{ack: late}, {ack: 20}, {}}, slow: "b"},
		{name: "the middle's disk is slow", chain: []says{{ack: late}, {store: late}, {}}, slow: "b"},
		{name: "the tail's disk is slow", chain: []says{{ack: late}, {ack: late}, {store: late}}, slow: "c"},
		{name: "the head's disk is slow: nobody behind it has anything to wait for",
			chain: []says{{store: late}, {}, {}}, slow: "a"},
		{name: "two disks are slow: the one further back goes first", chain: []says{{store: late}, {store: late}, {}},
			slow: "b"},
		{name: "one accuser is not enough", chain: []says{{ack: late}, {silent: true}, {}}},
		{name: "nor is one whose successor has not adopted the epoch", chain: []says{{ack: late}, {epoch: 6}, {}}},
		{name: "nor if the tail is silent", chain: []says{{ack: late}, {}, {silent: true}}},
		{name: "the joining learner is slow", chain: []says{{ack: late}, {ack: late}, {ack: late, joining: true}},
			slow: "l"},
		{name: "a tail that waits for nobody we know", chain: []says{{}, {}, {ack: late}}},
		{name: "a chain of two", chain: []says{{ack: late}, {}}, slow: "b"},
		{name: "a chain of one has nobody to go on with", chain: []says{{store: late}}},
		{name: "but can do without a learner", chain: []says{{ack: late, joining: true}}, slow: "l"},
		{name: "the floor holds", chain: []says{{ack: late, floor: 2}, {ack: late}, {}}},
		{name: "the floor leaves room", chain: []says{{ack: late, floor: 1}, {ack: late}, {}}, slow: "c"},
		{name: "the floor is no matter for a learner", chain: []says{{ack: late, floor: 5}, {ack: late, joining: true}},
			slow: "l"},
		{name: "never", chain: []says{{ack: late * 100}, {}}, forget: true},
		{name: "the line to the middle is broken", chain: []says{{ack: broken, unheard: broken}, {}, {}}, slow: "b"},
		{name: "that to the tail, which shows at the head as waiting only",
			chain: []says{{ack: broken}, {ack: broken, unheard: broken}, {}}, slow: "c"},
		{name: "that to the learner",
			chain: []says{{ack: broken}, {ack: broken}, {ack: broken, unheard: broken, joining: true}}, slow: "l"},
		{name: "that is not slowness", chain: []says{{ack: broken, unheard: broken}, {}}, slow: "b", forget: true},
		{name: "not yet", chain: []says{{ack: late - 1, unheard: broken - 1}, {}, {}}},
		{name: "the tail executes", chain: []says{{ack: late}, {ack: late, unheard: broken}, {busy: long}}},
		{name: "that is no reason for another line to be silent",
			chain: []says{{ack: late, unheard: broken}, {ack: late}, {busy: long}}, slow: "b"},
		{name: "the middle does", chain: []says{{ack: late, unheard: broken}, {busy: long}, {}}},
		{name: "the head itself does", chain: []says{{ack: late, unheard: broken, busy: long}, {}, {}}},
		{name: "the head does, which is no reason for the tail to be slow",
			chain: []says{{ack: late, busy: long}, {ack: late}, {}}, slow: "c"},
		{name: "nor is a command that has just begun", chain: []says{{ack: late}, {busy: long - 1}, {busy: long - 1}},
			slow: "b"},
		{name: "a disk does not wait for a command", chain: []says{{ack: late}, {busy: late, store: late}, {}},
			slow: "b"},
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
				hb := cluster.Heartbeat{Member: m, Epoch: g.Epoch, AckDelay: s.ack, StoreDelay: s.store,
					Unheard: s.unheard, Busy: s.busy, Floor: s.floor}
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
			m, ok := Slowest(g, func(m cluster.Member) (cluster.Heartbeat, bool) {
				hb, ok := heard[m.Name]
				return hb,
					ok
			})
			if ok != (c.slow != "") || m.Name != c.slow {
				t.Errorf("%q, %v; not %q", m.Name, ok, c.slow)
			}
		})
	}
}
