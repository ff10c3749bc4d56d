package sentinel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/sentinel/plan"
)

func TestMayRemove(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		voters  string // a letter each; capital: it answers
		removed int    // already
		knows   string // of them all
		force   bool
		want    string // the beginning of the refusal
	}{
		{"ABC", 0, "", false, ""},
		{"aBC", 0, "", false, ""},
		{"aBCDe", 0, "", false, ""},
		{"aBc", 0, "", false, "ERR Of the 2 sentinels that would be left 1 answer"},
		{"ABc", 0, "", false, "ERR Of the 2 sentinels that would be left 1 answer"},
		{"ABc", 0, "", true, ""},
		{"aBCd", 0, "", false, ""},
		{"A", 0, "", false, "ERR It is the only"},
		{"A", 0, "", true, "ERR It is the only"},
		{"AB", 0, "", false, ""},
		{"aBCD", 1, "BCD", false, ""},
		{"aBCD", 1, "BC", false, "ERR 1 of the sentinels that would be left may not know"},
		{"aBCd", 1, "BC", false, "ERR 1 of the sentinels that would be left may not know"},
		{"aBCd", 1, "BCd", false, ""}, // it said so before it fell silent
		{"aBCd", 1, "BC", true, ""},
	} {
		var voters []plan.Voter
		reports := map[string]received{}
		for _, v := range c.voters {
			id := strings.ToUpper(string(v))
			voters = append(voters, plan.Voter{ID: id})
			r := received{at: now}
			if id != string(v) {
				r.at = now.Add(-time.Hour)
			}
			if strings.ContainsRune(c.knows, v) {
				r.report.Removed = c.removed
			}
			reports[id] = r
		}
		err := mayRemove("A", voters, reports, c.removed, c.force, now)
		if text := fmt.Sprint(err); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(text, c.want) {
			t.Errorf("%s, %d removed before, which %q know, force %v: %v", c.voters, c.removed, c.knows, c.force, err)
		}
	}
}

func TestSurvival(t *testing.T) {
	for n, want := range []string{"", "1 sentinel survives the loss of none: run three",
		"2 sentinels survive the loss of none, as 1 does: run three", "",
		"4 sentinels survive the loss of 1, as 3 do: run an odd number", "",
		"6 sentinels survive the loss of 2, as 5 do: run an odd number"} {
		if got := Survival(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// voters are the sentinels that have a vote, as one of them has it.
func (w *testCluster) voters(i int) (list []int) {
	for _, v := range w.sentinels[i].quorum.voters() {
		for j, s := range w.storage {
			if id, _ := s.get(keyID); string(id) == v.ID {
				list = append(list, j)
			}
		}
	}
	slices.Sort(list)
	return list
}

func (w *testCluster) left(i int) bool {
	select {
	case <-w.sentinels[i].leave:
		return true
	default:
		return false
	}
}

// TestRemoveSentinels: of five sentinels a dead one, the leader and one more are removed; majorities are counted anew
// each time, nobody who is left knows of the removed, who stop and never start again, and a node that is killed is
// missed by those who are left.
func TestRemoveSentinels(t *testing.T) {
	inCluster(t, 5, func(w *testCluster) {
		w.startNode("n1", 0, 0)
		w.startNode("n2", 0, 0)
		w.until("a chain", 10*time.Second, w.chainOf("n1", "n2"))
		w.until("five votes", 10*time.Second, func() bool { return len(w.voters(0)) == 5 })
		leader := slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s.quorum.isLeader() })
		var rest []int
		for i := range w.sentinels {
			if i != leader {
				rest = append(rest, i)
			}
		}
		dead, one := rest[0], rest[1]
		rest = append(rest[2:], leader)
		remove := func(by, whom int) error {
			for {
				_, err := w.ask(by, "HOLDFAST", "SENTINEL-REMOVE", sentinelIP(whom)+":26379")
				if err == nil || !strings.HasPrefix(err.Error(), "TRYAGAIN ") &&
					!strings.HasPrefix(err.Error(), "NOQUORUM ") {
					return err
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
		w.killSentinel(dead)
		time.Sleep(5 * time.Second)
		if err := remove(rest[0], dead); err != nil {
			t.Fatal(err)
		}
		w.until("four votes", time.Second, func() bool { return len(w.voters(rest[0])) == 4 })
		time.Sleep(time.Second)
		if err := remove(rest[0], one); err != nil {
			t.Fatal(err)
		}
		if !w.left(one) {
			t.Error("a removed sentinel goes on")
		}
		w.stopSentinel(one)
		time.Sleep(time.Second)
		if err := remove(rest[0], leader); err != nil {
			t.Fatal(err)
		}
		rest = rest[:len(rest)-1]
		if !w.left(leader) {
			t.Error("the removed leader goes on")
		}
		w.stopSentinel(leader)
		w.until("two votes", 2*time.Second, func() bool { return slices.Equal(w.voters(rest[0]), rest) })
		for _, i := range rest {
			w.until("the removed are forgotten", 20*time.Second,
				func() bool { return len(w.sentinels[i].status().Sentinels) == 2 })
			if s := w.sentinels[i].status(); s.Advice == "" {
				t.Errorf("sentinel %d says nothing of two being too few", i)
			}
			if v, err := w.ask(i, "SENTINEL", "SENTINELS", testGroup); err != nil || len(v.Elems) != 1 {
				t.Errorf("sentinel %d names %d others, %v", i, len(v.Elems), err)
			}
			if v, err := w.ask(i, "SENTINEL", "CKQUORUM", testGroup); err != nil ||
				!strings.Contains(v.String(), "as 1 does") {
				t.Errorf("sentinel %d: %v, %v", i, v, err)
			}
		}
		w.running(w.agreed().Chain[0].Name).stop()
		w.until("the other node leads", 5*time.Second, func() bool { return len(w.agreed().Chain) == 1 })
		if _, err := w.ask(rest[0], "HOLDFAST", "SENTINEL-REMOVE", "10.9.9.9:1"); err == nil ||
			!strings.HasPrefix(err.Error(), "ERR No such sentinel") {
			t.Errorf("a stranger: %v", err)
		}
		// The dead one comes back with its disk: it has no vote, and is told.
		w.startSentinel(dead)
		w.until("the dead one is told", 10*time.Second, func() bool { return w.left(dead) })
		if n := len(w.voters(rest[0])); n != 2 {
			t.Errorf("%d votes", n)
		}
		w.stopSentinel(dead)
		cfg := Default()
		cfg.Bind = "127.0.0.1"
		cfg.Storage = w.storage[dead]
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "removed") {
			t.Errorf("a removed sentinel starts again: %v", err)
		}
	})
}
