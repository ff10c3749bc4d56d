package plan

import (
	"strings"
	"testing"

	"holdfast/cluster"
)

// TestForced: who may be made to lead, what that may lose, and what a group without a living member says of itself.
func TestForced(t *testing.T) {
	a, b, c := member("a", 1), member("b", 1), member("c", 1)
	back := func(name string, epoch uint64, offset int64) Sighting {
		s := heard(cluster.Group{}, member(name, 2), offset)
		s.Heartbeat.LogEpoch = epoch
		return s
	}
	chain := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b}, Learners: []cluster.Member{c},
		Settings: settings()}
	one := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a}, Settings: settings()}
	for _, test := range []struct {
		name   string
		group  cluster.Group
		down   string
		nodes  []Sighting
		target string
		err    string // the beginning of the refusal
		cost   string
		waits  string // the end of it
		heard  int64  // the furthest commit point
	}{
		{"only an empty member is back", chain, "ab", []Sighting{back("b", 0, 0)}, "b",
			"", "all data, as the chosen one is empty; writes that only a had",
			"waiting for a to come back; b is back without its data. If they are gone for good: holdfast failover g " +
				"--to b --force", 0},
		{"a chain of one, and a stranger by address", one, "a", []Sighting{heard(one, member("x", 1), 9)}, "x:6379",
			"", "writes that only a had",
			"waiting for a to come back. If they are gone for good: holdfast failover g --to x --force", 0},
		{"a learner has more than the empty one", chain, "ab", []Sighting{back("a", 0, 0), heard(chain, c, 90)}, "a",
			"", "all data, as the chosen one is empty; what c has beyond the chosen one, with epoch 7 offset 90; " +
				"writes that only b had",
			"waiting for b to come back; a is back without its data. If they are gone for good: holdfast failover g " +
				"--to c --force", 0},
		{"somebody with data is back", chain, "ab", []Sighting{back("b", 7, 80)}, "b",
			"", "writes that only a had",
			"waiting for a to come back; b is back with epoch 7 offset 80; goes on without the missing soon", 0},
		{"nobody is there", chain, "ab", nil, "b",
			"ERR No node 'b' is there", "", "waiting for a, b to come back. If they are gone for good: start another " +
				"node, and choose it with holdfast failover --force", 0},
		{"a member is alive", chain, "b", []Sighting{heard(chain, a, 90)}, "a", "ERR a of the chain is alive", "", "",
			0},
		{"a fenced member is heard again", chain, "ab", []Sighting{heard(chain, b, 90)}, "b",
			"ERR b of the chain is alive", "", "", 0},
		{"a member is not known to be down", chain, "a", []Sighting{heard(chain, c, 90)}, "c",
			"ERR b of the chain is not known to be down yet", "", "", 0},
		{"no chain yet", cluster.Group{Name: "g", Settings: settings()}, "", []Sighting{back("b", 0, 0)}, "b",
			"ERR The group has no chain yet", "", "", 0},
		{"a backup is back", chain, "ab", []Sighting{back("b", 7, 80)}, "b",
			"", "20 bytes of acknowledged writes, as the chain had offset 100; writes that only a had",
			"waiting for a to come back; b is back with epoch 7 offset 80, but the chain had acknowledged writes up " +
				"to offset 100: 20 bytes of them would be lost. " +
				"If the missing are gone for good: holdfast failover g --to b --force", 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := view(test.group, test.nodes...)
			v.Reached = Reached{Epoch: test.group.Epoch, Offset: test.heard}
			for _, name := range test.down {
				v.Fenced[string(name)+"1"] = 2
			}
			if waits := v.Waits(); !strings.HasSuffix(waits, test.waits) || (waits == "") != (test.waits == "") {
				t.Errorf("waits: %s", waits)
			}
			action, _, err := Forced(v, test.target)
			if test.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.err) {
					t.Errorf("not refused: %v, %+v", err, action)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			g := action.Group
			if action.Kind != Propose || g.Epoch != 8 || len(g.Chain) != 1 ||
				!strings.HasPrefix(test.target, g.Chain[0].Name) || len(g.Learners) != len(test.nodes)-1 {
				t.Errorf("%+v", action)
			}
			if action.Cost != test.cost {
				t.Errorf("cost: %s", action.Cost)
			}
		})
	}
}
