package cluster_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
)

// m reads "a1" as start 1 of node a.
func m(text string) cluster.Member {
	return cluster.Member{Name: text[:1], Incarnation: text[1:], Addr: text[:1] + ":6379"}
}

func members(text string) []cluster.Member {
	var list []cluster.Member
	for _, one := range strings.Fields(text) {
		list = append(list, m(one))
	}
	return list
}

// group reads "a1 b1 | c1": the chain, then the learners.
func group(text string) cluster.Group {
	chain, learners, _ := strings.Cut(text, "|")
	return cluster.Group{Name: "mymaster", Epoch: 7, Chain: members(chain), Learners: members(learners)}
}

func show(g cluster.Group) string {
	var words []string
	for _, c := range g.Chain {
		words = append(words, c.Name+c.Incarnation)
	}
	words = append(words, "|")
	for _, l := range g.Learners {
		words = append(words, l.Name+l.Incarnation)
	}
	return strings.Join(words, " ")
}

func TestGroupChanges(t *testing.T) {
	for _, c := range []struct {
		what   string
		before string
		change func(cluster.Group) cluster.Group
		after  string
	}{
		{"first learner", "|", func(g cluster.Group) cluster.Group { return g.WithLearner(m("a1")) }, "| a1"},
		{"learner of a chain", "a1 b1 |", func(g cluster.Group) cluster.Group { return g.WithLearner(m("c1")) },
			"a1 b1 | c1"},
		{"learner restarted", "a1 | c1 d1", func(g cluster.Group) cluster.Group { return g.WithLearner(m("c2")) },
			"a1 | d1 c2"},
		{"chain member restarted, not yet let go", "a1 b1 |",
			func(g cluster.Group) cluster.Group { return g.WithLearner(m("b2")) }, "a1 b1 | b2"},
		{"caught up", "a1 | b1 c1", func(g cluster.Group) cluster.Group { return g.WithTail(m("b1")) }, "a1 b1 | c1"},
		{"another start doesn't stand for it", "a1 | b2",
			func(g cluster.Group) cluster.Group { return g.WithTail(m("b1")) }, "a1 b1 | b2"},
		{"first chain", "| a1 b1", func(g cluster.Group) cluster.Group { return g.WithChain(members("a1")) },
			"a1 | b1"},
		{"handover", "a1 b1 c1 | d1", func(g cluster.Group) cluster.Group { return g.WithChain(members("b1 c1 a1")) },
			"b1 c1 a1 | d1"},
		{"master dies", "a1 b1 c1 |", func(g cluster.Group) cluster.Group { return g.Without(m("a1")) }, "b1 c1 |"},
		{"middle and learner die", "a1 b1 c1 | d1",
			func(g cluster.Group) cluster.Group { return g.Without(m("b1"), m("d1")) }, "a1 c1 |"},
		{"the wrong start dies", "a1 b1 | c1",
			func(g cluster.Group) cluster.Group { return g.Without(m("b2"), m("c2")) }, "a1 b1 | c1"},
		{"all die", "a1 |", func(g cluster.Group) cluster.Group { return g.Without(m("a1")) }, "|"},
		{"refreshed", "a1 b1 | c1", cluster.Group.Refreshed, "a1 b1 | c1"},
	} {
		before := group(c.before)
		untouched := group(c.before)
		after := c.change(before)
		if got := show(after); got != strings.TrimSpace(c.after) {
			t.Errorf("%s: %s, want %s", c.what, got, c.after)
		}
		if after.Epoch != before.Epoch+1 {
			t.Errorf("%s: epoch %d", c.what, after.Epoch)
		}
		if !reflect.DeepEqual(before, untouched) {
			t.Errorf("%s: changed its receiver to %s", c.what, show(before))
		}
		// What is done to the copy must not reach the original through a shared array either.
		after.Chain = append(after.Chain[:0], m("x9"), m("x9"), m("x9"))
		after.Learners = append(after.Learners[:0], m("x9"), m("x9"))
		if !reflect.DeepEqual(before, untouched) {
			t.Errorf("%s: shares its slices", c.what)
		}
	}
}

func TestGroupPlaces(t *testing.T) {
	const none = ""
	g := group("a1 b1 c1 | d1 b2")
	for _, c := range []struct {
		who                    string
		position               int
		learner                bool
		predecessor, successor string
	}{
		{"a1", 0, false, none, "b1"},
		{"b1", 1, false, "a1", "c1"},
		{"c1", 2, false, "b1", none},
		{"d1", -1, true, "c1", none},
		{"b2", -1, true, "c1", none}, // its old start is still in the chain
		{"a2", -1, false, none, none},
		{"x1", -1, false, none, none},
	} {
		who := m(c.who)
		if got := g.Position(who); got != c.position {
			t.Errorf("%s: position %d", c.who, got)
		}
		if got := g.IsLearner(who); got != c.learner {
			t.Errorf("%s: learner %v", c.who, got)
		}
		check := func(what, want string, got cluster.Member, ok bool) {
			t.Helper()
			if ok != (want != none) || (ok && !got.Is(m(want))) {
				t.Errorf("%s: %s is %v, %v; want %q", c.who, what, got, ok, want)
			}
		}
		p, ok := g.Predecessor(who)
		check("predecessor", c.predecessor, p, ok)
		s, ok := g.Successor(who)
		check("successor", c.successor, s, ok)
	}
}

func TestGroupEnds(t *testing.T) {
	for _, c := range []struct{ group, head, tail string }{
		{"|", "", ""},
		{"| a1", "", ""},
		{"a1 | b1", "a1", "a1"},
		{"a1 b1 c1 |", "a1", "c1"},
	} {
		g := group(c.group)
		head, ok := g.Head()
		if ok != (c.head != "") || (ok && !head.Is(m(c.head))) {
			t.Errorf("%s: head %v, %v", c.group, head, ok)
		}
		tail, ok := g.Tail()
		if ok != (c.tail != "") || (ok && !tail.Is(m(c.tail))) {
			t.Errorf("%s: tail %v, %v", c.group, tail, ok)
		}
		if _, ok := g.Predecessor(m("b1")); g.IsLearner(m("b1")) && ok != (c.tail != "") {
			t.Errorf("%s: a learner follows the tail, if there is one", c.group)
		}
	}
}

func TestGroupLookup(t *testing.T) {
	g := group("a1 b1 | c1 b2")
	for name, want := range map[string]string{"a": "a1", "b": "b1", "c": "c1", "x": ""} {
		got, ok := g.Lookup(name)
		if ok != (want != "") || (ok && !got.Is(m(want))) {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

// TestValuesSurviveTheWire fills every field, so that one that doesn't travel is found.
func TestValuesSurviveTheWire(t *testing.T) {
	g := group("a1 b1 | c1")
	fill := func(v any) any { n := int64(0); fillFields(reflect.ValueOf(v).Elem(), &n); return v }
	for _, v := range []any{
		fill(&cluster.Heartbeat{}), fill(&cluster.HeartbeatReply{Group: &g}), fill(&cluster.Group{}),
		fill(&cluster.Node{}),
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := json.Unmarshal(text, back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v, back) {
			t.Errorf("%T: %s came back as %+v", v, text, back)
		}
	}
	// A group without a chain, as the first heartbeat reply carries it.
	var empty cluster.Group
	if err := json.Unmarshal([]byte(`{"name":"g","chain":null}`), &empty); err != nil || empty.Name != "g" ||
		empty.Chain != nil {
		t.Errorf("%+v, %v", empty, err)
	}
}

// fillFields gives every field a value of its own.
func fillFields(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillFields(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillFields(v.Index(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillFields(v.Elem(), n)
	case reflect.String:
		v.SetString(strings.Repeat("s", int(*n)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	}
}

func TestProbation(t *testing.T) {
	g := cluster.Group{Settings: cluster.Settings{ChainSlowMs: 1000}}
	a, b := cluster.Member{Name: "a"}, cluster.Member{Name: "b"}
	before := g.WithSlow(false, a)
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 16, 16} {
		if g = g.WithSlow(false, a); g.Probation("a") != want*time.Second {
			t.Errorf("slow %d times: %v", i+1, g.Probation("a"))
		}
	}
	if g.Probation("b") != 0 || before.Slow["a"] != 1 {
		t.Error("another node is on probation, or another value was changed")
	}
	if g = g.WithSlow(true, b); g.Probation("a") != 0 || g.Probation("b") != time.Second {
		t.Error("what was before is not forgotten")
	}
	g.Settings.ChainSlowMs = 0
	if g.Probation("b") != 0 {
		t.Error("on probation though nobody is ever too slow")
	}
}

// TestSettingsOfAnOlderVersion: what was not stored is as by default, and not for ever.
func TestSettingsOfAnOlderVersion(t *testing.T) {
	for text, want := range map[string]int64{
		`{"name":"g","settings":{"down_after_ms":1000}}`:                        30000,
		`{"name":"g","settings":{"down_after_ms":1000,"busy_command_ms":0}}`:    0,
		`{"name":"g","settings":{"down_after_ms":1000,"busy_command_ms":5000}}`: 5000,
	} {
		var g cluster.Group
		if err := json.Unmarshal([]byte(text), &g); err != nil || g.Settings.BusyCommandMs != want ||
			g.Settings.DownAfterMs != 1000 {
			t.Errorf("%s: %+v, %v", text, g.Settings, err)
		}
	}
}
