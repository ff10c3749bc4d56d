package plan

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
)

// seenAt is the sighting of a member that understands a level, heard just now.
func seenAt(m cluster.Member, level, needs cluster.Level) Sighting {
	return Sighting{Heartbeat: cluster.Heartbeat{Group: "g", Member: m, Level: level, Needs: needs}}
}

func TestGroupLevel(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	group := func(level, highest cluster.Level) cluster.Group {
		return cluster.Group{
			Name: "g", Epoch: 7, Chain: []cluster.Member{a, b}, Features: cluster.Features{Level: level},
			Settings: cluster.Settings{DownAfterMs: 1000, FeatureLevel: highest},
		}
	}
	silent := seenAt(b, 3, 0)
	silent.Age = time.Minute
	for _, x := range []struct {
		what      string
		group     cluster.Group
		sentinels cluster.Level
		nodes     []Sighting
		want      cluster.Level
		held      string
	}{
		{"all understand it", group(2, 0), 3, []Sighting{seenAt(a, 3, 0), seenAt(b, 3, 0)}, 3, ""},
		{"from the first on", group(0, 0), 3, []Sighting{seenAt(a, 3, 0), seenAt(b, 3, 0)}, 3, ""},
		{"one is older", group(1, 0), 3, []Sighting{seenAt(a, 3, 0), seenAt(b, 2, 0)}, 2,
			"node b.1 understands level 2"},
		{"one says none", group(1, 0), 3, []Sighting{seenAt(a, 3, 0), seenAt(b, 0, 0)}, 1,
			"node b.1 understands level 1"},
		{"one is silent", group(1, 0), 3, []Sighting{seenAt(a, 3, 0), silent}, 1, "node b.1 is silent"},
		{"one that wants to join is older", group(1, 0), 3,
			[]Sighting{seenAt(a, 3, 0), seenAt(b, 3, 0), seenAt(c, 2, 0)}, 2, "node c.1 understands level 2"},
		{"it never falls for one that wants to join", group(3, 0), 3,
			[]Sighting{seenAt(a, 3, 0), seenAt(b, 3, 0), seenAt(c, 2, 0)}, 3, "node c.1 understands level 2"},
		{"the sentinels are older", group(1, 0), 2, []Sighting{seenAt(a, 3, 0), seenAt(b, 3, 0)}, 2, "the sentinels"},
		{"an operator holds it back", group(1, 2), 3, []Sighting{seenAt(a, 3, 0), seenAt(b, 3, 0)}, 2,
			"the group's feature-level"},
		{"an operator takes it back", group(3, 2), 3, []Sighting{seenAt(a, 3, 2), seenAt(b, 3, 0)}, 2, ""},
		{"an operator takes it back to the first", group(3, 1), 3, []Sighting{seenAt(a, 3, 1), seenAt(b, 3, 0)}, 1, ""},
		{"the data need it", group(3, 2), 3, []Sighting{seenAt(a, 3, 0), seenAt(b, 3, 3)}, 3,
			"the data of node b.1 need level 3"},
		{"somebody's data may need it", group(3, 2), 3, []Sighting{seenAt(a, 3, 0), silent}, 3, "node b.1 is silent"},
	} {
		v := View{Group: x.group, Nodes: x.nodes, Level: x.sentinels}
		want, held := v.FeatureLevel(3)
		if want != x.want || held != strings.NewReplacer("b.1", b.Label(), "c.1", c.Label()).Replace(x.held) {
			t.Errorf("%s: level %d, held by %q; want %d, %q", x.what, want, held, x.want, x.held)
		}
	}
}

// TestFeaturesGoOn: a change of a group's level is newer than all that its nodes have heard of, or they would not
// follow it, and is said once.
func TestFeaturesGoOn(t *testing.T) {
	a, b := member("a", 1), member("b", 1)
	of := func(level cluster.Level, change uint64) cluster.Features {
		return cluster.Features{Level: level, Change: change}
	}
	for _, x := range []struct{ known, heard, want cluster.Features }{
		{of(0, 0), of(0, 0), of(3, 1)},
		{of(2, 4), of(2, 4), of(3, 5)},
		{of(3, 5), of(2, 4), of(3, 5)},
		{of(0, 0), of(3, 5), of(3, 5)}, // a backup of the sentinels was put back
		{of(2, 1), of(1, 5), of(3, 6)},
	} {
		says := seenAt(b, 3, 0)
		says.Heartbeat.Features = x.heard
		v := View{
			Group: cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b}, Features: x.known,
				Settings: cluster.Settings{DownAfterMs: 1000}},
			Nodes: []Sighting{seenAt(a, 3, 0), says}, Level: 3,
		}
		if got, held := v.Features(3); got != x.want || held != "" {
			t.Errorf("sentinels know %+v, a node has heard %+v: %+v, held back by %q", x.known, x.heard, got, held)
		}
	}
}

func TestSentinelLevel(t *testing.T) {
	voters := []Voter{{ID: "s"}, {ID: "t"}, {ID: "u"}}
	state := func(level cluster.Level, groups ...cluster.Group) *State {
		s := NewState()
		s.Level = level
		for _, g := range groups {
			s.Groups[g.Name] = g
		}
		return s
	}
	without := func(s *State, group string) *State {
		s.Ignored[group] = true
		return s
	}
	group := func(name string, level, highest cluster.Level) cluster.Group {
		return cluster.Group{Name: name, Features: cluster.Features{Level: level},
			Settings: cluster.Settings{FeatureLevel: highest}}
	}
	const silent = cluster.Level(-1)
	for _, x := range []struct {
		what  string
		state *State
		says  map[string]cluster.Level
		want  cluster.Level
		held  string
	}{
		{"all understand it", state(0), map[string]cluster.Level{"s": 3, "t": 3, "u": 3}, 3, ""},
		{"one is older", state(0, group("g", 0, 0)), map[string]cluster.Level{"s": 3, "t": 2, "u": 3}, 2,
			"sentinel t understands level 2"},
		{"one is silent", state(2), map[string]cluster.Level{"s": 3, "t": 3, "u": silent}, 2, "sentinel u is silent"},
		{"it does not fall by itself", state(3), map[string]cluster.Level{"s": 3, "t": 2, "u": silent}, 3,
			"sentinel t understands level 2, sentinel u is silent"},
		{"the only group holds it back", state(1, group("g", 1, 2)), map[string]cluster.Level{"s": 3, "t": 3, "u": 3},
			2, "the groups' feature-level"},
		{"one of two groups does not", state(1, group("g", 1, 2), group("h", 1, 0)),
			map[string]cluster.Level{"s": 3, "t": 3, "u": 3}, 3, ""},
		{"all groups have gone back", state(3, group("g", 1, 1), group("h", 2, 2)),
			map[string]cluster.Level{"s": 3, "t": 3, "u": silent}, 2, "the groups' feature-level"},
		{"a group has not gone back yet", state(3, group("g", 3, 1)), map[string]cluster.Level{"s": 3, "t": 3, "u": 3},
			3, "group g is of level 3"},
		{"a group that is out of care has not gone back", without(state(3, group("g", 1, 1), group("h", 3, 0)), "h"),
			map[string]cluster.Level{"s": 3, "t": 3, "u": 3}, 3, "group h is of level 3"},
	} {
		want, held := x.state.SentinelLevel(3, voters,
			func(v Voter) (cluster.Level, bool) { l := x.says[v.ID]; return l, l != silent })
		if want != x.want || held != x.held {
			t.Errorf("%s: level %d, held by %q; want %d, %q", x.what, want, held, x.want, x.held)
		}
	}
}

// TestRaise: a group's level changes only in the epoch that the decider saw, never above the sentinels', and stays when
// the chain changes.
func TestRaise(t *testing.T) {
	a := member("a", 1)
	s := NewState()
	s.Groups["g"] = cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a}}
	apply := func(e Entry) bool {
		next, result := s.Apply(e)
		s = next
		return !result.Conflict
	}
	raise := func(expect uint64, level cluster.Level) bool {
		return apply(Entry{Raise: &Raise{Group: "g", Expect: expect, Level: level,
			Change: s.Groups["g"].Features.Change + 1}})
	}
	raiseAll := func(level cluster.Level) bool { return apply(Entry{Raise: &Raise{Level: level, State: s}}) }
	if raise(7, 2) {
		t.Error("the group is above the sentinels")
	}
	if !raiseAll(2) || s.Level != 2 {
		t.Fatalf("the sentinels are of level %d", s.Level)
	}
	if raise(6, 2) || raise(8, 2) {
		t.Error("a chain that the decider did not see got a level")
	}
	if !raise(7, 2) || s.Groups["g"].Features != (cluster.Features{Level: 2, Change: 1}) {
		t.Errorf("%+v", s.Groups["g"].Features)
	}
	if apply(Entry{Raise: &Raise{Group: "g", Expect: 7, Level: 1, Change: 1}}) {
		t.Error("a change of the level that had been made already was made again")
	}
	if raiseAll(1) {
		t.Error("the sentinels are below a group")
	}
	// as an older version proposes it
	old := cluster.Group{Name: "g", Epoch: 8, Chain: []cluster.Member{a, member("b", 1)}}
	if !apply(Entry{Decision: &Decision{Expect: 7, Group: old}}) || s.Groups["g"].Features.Level != 2 {
		t.Errorf("after a new chain: %+v", s.Groups["g"])
	}
	newer := cluster.Group{Name: "g", Epoch: 9, Features: cluster.Features{Level: 3, Change: 1}}
	if !apply(Entry{Decision: &Decision{Expect: 8, Group: newer}}) || s.Groups["g"].Features.Level != 2 {
		t.Errorf("after a chain of a decider that had not heard: %+v", s.Groups["g"])
	}
	if !raise(9, 1) || s.Groups["g"].Features != (cluster.Features{Level: 1, Change: 2}) {
		t.Errorf("back: %+v", s.Groups["g"].Features)
	}
}

// TestFirstChainRemembers: sentinels that lost all they knew learn from nodes of which level the group is, and let no
// older node into it.
func TestFirstChainRemembers(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	knows := seenAt(a, 2, 0)
	knows.Heartbeat.Epoch, knows.Heartbeat.Offset, knows.Heartbeat.Features = 7, 100,
		cluster.Features{Level: 2, Change: 5}
	v := View{Group: cluster.Group{Name: "g", Settings: cluster.Settings{DownAfterMs: 1000}},
		Nodes: []Sighting{knows, seenAt(b, 2, 0), seenAt(c, 1, 0)}}
	for i := range v.Nodes {
		v.Nodes[i].For = time.Minute
	}
	got := Next(v)
	if got.Kind != Propose || got.Group.Features != knows.Heartbeat.Features || !got.Group.Chain[0].Is(a) ||
		len(got.Group.Learners) != 1 || !got.Group.Learners[0].Is(b) {
		t.Errorf("%+v", got)
	}
	s := NewState()
	if s,
		_ = s.Apply(Entry{Decision: &Decision{Group: got.Group}}); s.Groups["g"].Features != knows.Heartbeat.Features {
		t.Errorf("agreed on %+v", s.Groups["g"].Features)
	}
	v.Group = cluster.Group{Name: "g", Epoch: 8, Chain: []cluster.Member{a}, Settings: v.Group.Settings}
	v.Nodes[0].Heartbeat.Needs = 2
	if got := Next(v); len(got.Group.Learners) != 1 || !got.Group.Learners[0].Is(b) {
		t.Errorf("who can't read the members' data was let in: %+v", got)
	}
}

// TestEntryLevel: an entry of a level that this sentinel does not understand changes nothing, whatever else it says.
func TestEntryLevel(t *testing.T) {
	three, e := cluster.Level(3), Entry{Ignore: &Ignore{Group: "g"}}
	e.Level = three
	if err := e.Check(2); err == nil {
		t.Error("an entry of level 3 is understood by level 2")
	}
	if err := e.Check(3); err != nil {
		t.Error(err)
	}
	if err := (Entry{Tune: &Tune{Group: "g", FeatureLevel: &three}}).Check(1); err == nil {
		t.Error("level 1 understands levels")
	}
	for _, r := range []Raise{{State: NewState()}, {Level: 1}, {Level: 1, State: &State{}}} {
		if err := (Entry{Raise: &r}).Check(2); err == nil {
			t.Errorf("%+v is understood", r)
		}
	}
	if err := (Entry{Raise: &Raise{Level: 1, State: NewState()}}).Check(2); err != nil {
		t.Error(err)
	}
}
