package sentinel

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestBrokenMember: a member that says that its data is not what its log says is shown so, taken out of the chain, and
// comes back behind the others.
func TestBrokenMember(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		w.nodes[g.Chain[1].Name].spoil("cannot execute it")
		time.Sleep(100 * time.Millisecond)
		if now := w.agreed(); now.Epoch == g.Epoch { // it has the promise of a moment ago
			for i := range w.sentinels {
				v, err := w.ask(i, "SENTINEL", "REPLICAS", testGroup)
				if err != nil || len(v.Elems) != 2 {
					t.Fatalf("%v, %v", v, err)
				}
				if r := v.Elems[0]; !strings.Contains(field(r, "flags"), "broken") ||
					!strings.Contains(field(r, "flags"), "s_down") {
					t.Errorf("sentinel %d: flags %s", i, field(r, "flags"))
				}
				v, err = w.ask(i, "HOLDFAST", "STATUS")
				var st Status
				if err == nil {
					err = json.Unmarshal(v.Str, &st)
				}
				if err != nil || st.Groups[0].Chain[1].Broken != "cannot execute it" {
					t.Errorf("sentinel %d: %v, %v", i, st.Groups, err)
				}
			}
		} else {
			t.Error("it was taken out before its promise was over")
		}
		w.until("chain without the broken one", 3*time.Second, w.chainIs(g.Chain[0].Name, g.Chain[2].Name))
		w.until("it is back", 5*time.Second, w.chainIs(g.Chain[0].Name, g.Chain[2].Name, g.Chain[1].Name))
	})
}

// TestBrokenMemberNeverLeads: also when the head dies at the same time.
func TestBrokenMemberNeverLeads(t *testing.T) {
	for _, together := range []bool{false, true} {
		inCluster(t, 3, func(w *testCluster) {
			w.trio()
			g := w.agreed()
			heir := w.nodes[g.Chain[1].Name]
			if together {
				w.nodes[g.Chain[2].Name].stop()
			}
			heir.spoil("cannot execute it")
			time.Sleep(60 * time.Millisecond) // so that it is heard
			w.nodes[g.Chain[0].Name].stop()
			if !together {
				w.until("chain of the third alone", 5*time.Second, w.chainIs(g.Chain[2].Name))
				return
			}
			time.Sleep(20 * time.Second)
			if head, _ := w.agreed().Head(); head.Name == heir.name {
				t.Error("it leads")
			}
			v, err := w.ask(0, "HOLDFAST", "STATUS")
			if err != nil || !strings.Contains(string(v.Str), "is there, but broken: cannot execute it") {
				t.Errorf("what it waits for: %s, %v", v.Str, err)
			}
			if v, err = w.ask(0, "HOLDFAST", "FAILOVER", testGroup, heir.member.Addr, "FORCE"); err == nil ||
				!strings.Contains(err.Error(), "is broken") {
				t.Errorf("forced: %v, %v", v, err)
			}
		})
	}
}
