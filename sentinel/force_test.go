package sentinel

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
	chain := cluster.Group{Name: "g", Epoch: 7, Chain: []cluster.Member{a, b}, Learners: []cluster.Member{c}, Settings: settings()}
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
	}{
		{"only an empty member is back", chain, "ab", []Sighting{back("b", 0, 0)}, "b",
			"", "all data, as the chosen one is empty; writes that only a had",
			"waiting for a to come back; b is back without its data. If they are gone for good: holdfast failover g --to b --force"},
		{"a chain of one, and a stranger by address", one, "a", []Sighting{heard(one, member("x", 1), 9)}, "x:6379",
			"", "writes that only a had", "waiting for a to come back. If they are gone for good: holdfast failover g --to x --force"},
		{"a learner has more than the empty one", chain, "ab", []Sighting{back("a", 0, 0), heard(chain, c, 90)}, "a",
			"", "all data, as the chosen one is empty; what c has beyond the chosen one, with epoch 7 offset 90; writes that only b had",
			"waiting for b to come back; a is back without its data. If they are gone for good: holdfast failover g --to c --force"},
		{"somebody with data is back", chain, "ab", []Sighting{back("b", 7, 80)}, "b",
			"", "writes that only a had", "waiting for a to come back; b is back with epoch 7 offset 80; goes on without the missing soon"},
		{"nobody is there", chain, "ab", nil, "b",
			"ERR No node 'b' is there", "", "waiting for a, b to come back. If they are gone for good: start another node, and choose it with holdfast failover --force"},
		{"a member is alive", chain, "b", []Sighting{heard(chain, a, 90)}, "a", "ERR a of the chain is alive", "", ""},
		{"a fenced member is heard again", chain, "ab", []Sighting{heard(chain, b, 90)}, "b", "ERR b of the chain is alive", "", ""},
		{"a member is not known to be down", chain, "a", []Sighting{heard(chain, c, 90)}, "c", "ERR b of the chain is not known to be down yet", "", ""},
		{"no chain yet", cluster.Group{Name: "g", Settings: settings()}, "", []Sighting{back("b", 0, 0)}, "b", "ERR The group has no chain yet", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := view(test.group, test.nodes...)
			for _, name := range test.down {
				v.Fenced[string(name)+"1"] = 2
			}
			if waits := v.waits(); !strings.HasSuffix(waits, test.waits) || (waits == "") != (test.waits == "") {
				t.Errorf("waits: %s", waits)
			}
			action, _, err := forced(v, test.target)
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
			if action.Kind != Propose || g.Epoch != 8 || len(g.Chain) != 1 || !strings.HasPrefix(test.target, g.Chain[0].Name) || len(g.Learners) != len(test.nodes)-1 {
				t.Errorf("%+v", action)
			}
			if action.Cost != test.cost {
				t.Errorf("cost: %s", action.Cost)
			}
		})
	}
}

// TestForce: a chain of one whose member is gone waits for ever and says so; a person chooses the other node, not while somebody
// answers at the missing member's address. The old member, back, learns.
func TestForce(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.startNode("n1", 500, 3)
		w.until("a chain of one", 15*time.Second, w.chainIs("n1"))
		w.running("n1").stop()
		time.Sleep(2 * time.Second)
		w.startNode("n2", 100, 2)
		time.Sleep(30 * time.Second)
		if !w.chainIs("n1")() {
			t.Fatal("a chain of one was given away")
		}
		for i := range w.sentinels {
			waits := w.sentinels[i].status().Groups[0].Waits
			if !strings.Contains(waits, "waiting for n1") || !strings.HasSuffix(waits, "--to n2 --force") {
				t.Errorf("sentinel %d: %q", i, waits)
			}
		}
		force := func(i int, words ...any) string {
			v, err := w.ask(i, append([]any{"SENTINEL", "FAILOVER", testGroup}, words...)...)
			if err != nil {
				return err.Error()
			}
			return v.String()
		}
		door, err := w.net.Host("10.0.1.1").Restart().Listen(":6379")
		if err != nil {
			t.Fatal(err)
		}
		for i := range w.sentinels {
			if reply := force(i, "FORCE", "n2"); !strings.HasPrefix(reply, "ERR n1 answers at its address") {
				t.Errorf("somebody answers at the missing member's address: %s", reply)
			}
		}
		_ = door.Close()
		if reply := force(0, "FORCE"); !strings.HasPrefix(reply, "ERR FORCE needs") {
			t.Error(reply)
		}
		if reply, want := force(1, "FORCE", "n2"), "OK n2 leads. Lost for good may be: writes that only n1 had"; reply != want {
			t.Errorf("%q", reply)
		}
		w.until("the chosen one leads", time.Second, w.chainIs("n2"))
		time.Sleep(time.Second)
		for i := range w.sentinels {
			if waits := w.sentinels[i].status().Groups[0].Waits; waits != "" {
				t.Errorf("sentinel %d still waits: %s", i, waits)
			}
		}
		w.startNode("n1", 500, 3)
		w.until("the old one follows", 15*time.Second, w.chainIs("n2", "n1"))
		if reply := force(2, "FORCE", "n1"); !strings.HasPrefix(reply, "ERR n2 of the chain is alive") {
			t.Error(reply)
		}
	})
}

// TestResetForgetsTheSilent: SENTINEL RESET drops nodes that are dead and in no chain, and nothing that is agreed.
func TestResetForgetsTheSilent(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.trio()
		before := w.agreed()
		dead := before.Chain[2].Name
		w.running(dead).stop()
		w.until("it is taken out", 5*time.Second, func() bool { return len(w.agreed().Chain) == 2 })
		time.Sleep(1500 * time.Millisecond)
		for i := range w.sentinels {
			others := func() string { return fmt.Sprint(len(w.sentinels[i].status().Groups[0].Others)) }
			if others() != "1" {
				t.Fatalf("sentinel %d does not remember %s", i, dead)
			}
			if v, err := w.ask(i, "SENTINEL", "RESET", "my*"); err != nil || v.Int != 1 {
				t.Errorf("%v, %v", v, err)
			}
			if others() != "0" {
				t.Errorf("sentinel %d remembers the dead", i)
			}
		}
		if g := w.agreed(); len(g.Chain) != 2 || g.Epoch <= before.Epoch {
			t.Errorf("what was agreed has changed: %+v", g)
		}
	})
}
