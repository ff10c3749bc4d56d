package sentinel

import (
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// TestForeignNodesAreNotPlannedWith: a sentinel that knows no group yet hears any node, and reports it to a leader that
// knows better.
func TestForeignNodesAreNotPlannedWith(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		installation string
		epoch        uint64 // of the group
		seen         bool
	}{
		{"ours", 5, true}, {"", 5, true}, {"theirs", 5, false}, {"theirs", 0, true},
	} {
		s := &Sentinel{id: "me", state: plan.NewState(), watches: map[string]*watch{}, calm: map[string]inEpoch{}}
		s.state.Installation = "ours"
		s.state.Groups["g"] = cluster.Group{Name: "g", Epoch: c.epoch, Settings: cluster.Settings{DownAfterMs: 1000}}
		m := cluster.Member{Name: "a", Incarnation: "1", Addr: "10.0.0.1:6379"}
		nodes := []nodeReport{{Heartbeat: cluster.Heartbeat{Group: "g", Member: m, Installation: c.installation}}}
		s.reports = map[string]received{"x": {report{Sentinel: "x",
			Groups: map[string]groupReport{"g": {Epoch: c.epoch, Nodes: nodes}}}, now}}
		if v := s.viewOf("g", []plan.Voter{{ID: "x"}}, now); (len(v.Nodes) == 1) != c.seen {
			t.Errorf("a node of installation %q beside a group of epoch %d: %+v", c.installation, c.epoch, v.Nodes)
		}
	}
}
