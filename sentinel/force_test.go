package sentinel

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestForce: a chain of one whose member is gone waits for ever and says so; a person chooses the other node, not while
// somebody answers at the missing member's address. The old member, back, learns.
func TestForce(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.startNode("n1", 500, 3)
		w.until("a chain of one", 15*time.Second, w.chainIs("n1"))
		time.Sleep(time.Second) // it is heard in it
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
		if reply, want := force(1, "FORCE", "n2"), "OK n2 leads. Lost for good may be: 400 bytes of acknowledged "+
			"writes, as the chain had offset 500; writes that only n1 had"; reply != want {
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
	inCluster(t, 3, func(w *testCluster) {
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
