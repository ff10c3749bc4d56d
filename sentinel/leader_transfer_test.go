package sentinel

import (
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// TestBetterPlaced: the lead goes to who hears more of a chain, not away from a chain whose member is dead for all.
func TestBetterPlaced(t *testing.T) {
	a, b := member("a", 1), member("b", 1)
	g := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b}, Settings: settings()}
	after := plan.DownAfter(g.Settings)
	start := time.Unix(1000, 0)
	now := start.Add(10 * after)
	voters := []plan.Voter{{ID: "me"}, {ID: "x"}, {ID: "y"}}
	for _, c := range []struct {
		name     string
		mine     time.Duration            // since this sentinel heard a; b it hears
		reported map[string]time.Duration // since the others did
		reportAt time.Duration            // how old their reports are
		ceded    time.Duration            // since the last attempt
		to       string
	}{
		{"all hear all", 0, map[string]time.Duration{"x": 0, "y": 0}, 0, time.Hour, ""},
		{"it is dead", 2 * after, map[string]time.Duration{"x": 2 * after, "y": 2 * after}, 0, time.Hour, ""},
		{"it has just died", after, map[string]time.Duration{"x": after - 1, "y": after / 3}, 0, time.Hour, ""},
		{"one still hears it", 2 * after, map[string]time.Duration{"x": 2 * after, "y": 0}, 0, time.Hour, "y"},
		{"one did when it last reported", 2 * after, map[string]time.Duration{"x": 2 * after, "y": 0}, after, time.Hour,
			""},
		{"the attempt has just been made", 2 * after, map[string]time.Duration{"y": 0}, 0, after, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Sentinel{id: "me", state: plan.NewState(), watches: map[string]*watch{},
				reports: map[string]received{}, transferTried: now.Add(-c.ceded)}
			s.state.Groups["g"] = g
			w := newWatch(start, groupJudgement{})
			w.hear(g, cluster.Heartbeat{Group: "g", Member: a, Epoch: 7}, origin{number: 1, accepted: start},
				now.Add(-c.mine))
			w.hear(g, cluster.Heartbeat{Group: "g", Member: b, Epoch: 7}, origin{number: 2, accepted: start}, now)
			s.watches["g"] = w
			for id, age := range c.reported {
				nodes := []nodeReport{{Heartbeat: cluster.Heartbeat{Member: b}},
					{Heartbeat: cluster.Heartbeat{Member: a}, AgeMs: age.Milliseconds()}}
				s.reports[id] = received{report{Sentinel: id,
					Groups: map[string]groupReport{"g": {Epoch: 7, Nodes: nodes}}}, now.Add(-c.reportAt)}
			}
			to, group := s.betterPlaced(voters, now)
			if (to == nil) != (c.to == "") || to != nil && (to.ID != c.to || group != "g") {
				t.Errorf("%v for %q, not %q", to, group, c.to)
			}
		})
	}
}
