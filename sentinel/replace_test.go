package sentinel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/sentinel/plan"
)

func TestReplaced(t *testing.T) {
	now := time.Now()
	voters := []plan.Voter{{ID: "self", Addr: "h1:27379"}, {ID: "old", Addr: "h2:27379"},
		{ID: "other", Addr: "h3:27379"}, {ID: "young", Addr: "h6:27379"}}
	addrs := map[string]string{"self": "h1:26379", "old": "h2:26379", "other": "h3:26379"}
	heard := func(age time.Duration) map[string]received { return map[string]received{"old": {at: now.Add(-age)}} }
	for _, c := range []struct {
		what    string
		p       peer
		present []peer
		reports map[string]received
		want    string // with a star: it has been heard of late
	}{
		{"back at both addresses", peer{ID: "new", Addr: "h2:26379", RaftAddr: "h2:27379"}, nil, nil, "old"},
		{"where the voter began, and is no more", peer{ID: "new", Addr: "h2:9", RaftAddr: "h2:27379"}, nil, nil, ""},
		{"with another Raft port", peer{ID: "new", Addr: "h2:26379", RaftAddr: "h2:9"}, nil, nil, "old"},
		{"nobody was there", peer{ID: "new", Addr: "h4:26379", RaftAddr: "h4:27379"}, nil, nil, ""},
		{"the voter reported long ago", peer{ID: "new", Addr: "h2:26379", RaftAddr: "h2:27379"}, nil,
			heard(time.Minute), "old"},
		{"the voter reported just now", peer{ID: "new", Addr: "h2:26379", RaftAddr: "h2:27379"}, nil,
			heard(time.Second), "old*"},
		{"the voter has moved", peer{ID: "new", Addr: "h2:26379", RaftAddr: "h2:27379"},
			[]peer{{ID: "old", Addr: "h5:26379"}}, nil, ""},
		{"gossip has not missed the voter yet", peer{ID: "new", Addr: "h2:26379", RaftAddr: "h2:27379"},
			[]peer{{ID: "old", Addr: "h2:26379"}}, nil, "old"},
		{"the voter died before its address was published", peer{ID: "new", Addr: "h6:26379", RaftAddr: "h6:27379"},
			nil, nil, "young"},
		{"a voter that is there itself", peer{ID: "other", Addr: "h3:26379", RaftAddr: "h3:27379"}, nil, nil, ""},
		{"never the leader itself", peer{ID: "new", Addr: "h1:26379", RaftAddr: "h1:27379"}, nil, nil, ""},
	} {
		got, heard, ok := replaced(c.p, "self", voters, addrs, c.present, c.reports, now)
		if heard {
			got += "*"
		}
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", c.what, got, ok)
		}
	}
}

// TestMayAdd: letters are voters, capitals know of the last removal; A leads.
func TestMayAdd(t *testing.T) {
	for _, c := range []struct {
		voters  string
		removed int
		want    bool
	}{
		// with the removed one b could make a majority of the three before
		{"Abc", 0, true}, {"AB", 1, true}, {"Ab", 1, false},
		{"ABCd", 1, true}, {"ABcd", 1, false}, {"ABCD", 1, true}, {"A", 1, true}, {"ABCDef", 2, true},
		{"ABCdef", 2, false},
	} {
		var voters []plan.Voter
		reports := map[string]received{}
		for _, v := range c.voters {
			id := strings.ToUpper(string(v))
			voters = append(voters, plan.Voter{ID: id})
			if id == string(v) {
				reports[id] = received{report: report{Removed: c.removed}}
			}
		}
		if got := mayAdd(voters, "A", reports, c.removed); got != c.want {
			t.Errorf("%s, %d removed: %v", c.voters, c.removed, got)
		}
	}
}

// wipe ends a sentinel as kill -9 does, and has it come back without its directory.
func (w *testCluster) wipe(i int) {
	w.killSentinel(i)
	w.storage[i] = NewMemoryStorage()
	w.startSentinel(i)
}

// quorate says that exactly these sentinels vote, as all that run see it.
func (w *testCluster) quorate() bool {
	for i, s := range w.sentinels {
		if s == nil || !s.quorum.inTouch() || len(w.voters(i)) != len(w.sentinels) ||
			len(s.quorum.voters()) != len(w.sentinels) || s.self.installation() == "" {
			return false
		}
	}
	return true
}

// TestWipedSentinels: a sentinel that loses its directory has its vote again without a hand, whichever it is, one after
// the other, also the same one again and again before it had got its vote; then all of them have been replaced, and
// still decide.
func TestWipedSentinels(t *testing.T) {
	for _, n := range []int{3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inCluster(t, n, func(w *testCluster) {
				w.startNode("n1", 0, 0)
				w.startNode("n2", 0, 0)
				w.until("a chain", 10*time.Second, w.chainOf("n1", "n2"))
				w.until("all vote", 10*time.Second, w.quorate)
				installation := w.sentinels[0].self.installation()
				rng := rand.New(rand.NewPCG(uint64(n), 1))
				for i := range 3 { // the leader among them, of three
					epoch := w.agreed().Epoch
					for range 1 + rng.IntN(3) {
						w.wipe(i)
						time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
					}
					w.until("all vote again", 20*time.Second, w.quorate)
					if now := w.agreed().Epoch; now < epoch {
						t.Fatalf("epoch %d became %d", epoch, now)
					}
				}
				for i, s := range w.sentinels {
					if got := s.self.installation(); got != installation {
						t.Errorf("sentinel %d is of installation %q, not %q", i, got, installation)
					}
					if listed := s.status().Sentinels; len(listed) != n &&
						slices.ContainsFunc(listed, func(o SentinelStatus) bool { return o.Voter && !o.Alive }) {
						t.Errorf("sentinel %d lists %+v", i, listed)
					}
				}
				w.running(w.agreed().Chain[0].Name).stop()
				w.until("the other node leads", 5*time.Second, func() bool { return len(w.agreed().Chain) == 1 })
			})
		})
	}
}

// TestTwoOfFiveWiped: two that lose their directories at once are replaced one after the other.
func TestTwoOfFiveWiped(t *testing.T) {
	inCluster(t, 5, func(w *testCluster) {
		w.startNode("n1", 0, 0)
		w.until("a chain", 10*time.Second, w.chainOf("n1"))
		w.until("all vote", 10*time.Second, w.quorate)
		w.wipe(1)
		w.wipe(3)
		w.until("all vote again", 20*time.Second, w.quorate)
	})
}

// TestTwoOfThreeWiped: the one that is left decides nothing, and says what to do; when that is done the group goes on.
func TestTwoOfThreeWiped(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.startNode("n1", 0, 0)
		w.startNode("n2", 0, 0)
		w.until("a chain", 10*time.Second, w.chainOf("n1", "n2"))
		w.until("all vote", 10*time.Second, w.quorate)
		if got := w.sentinels[2].status().Advice; got != "" {
			t.Errorf("advice without need: %s", got)
		}
		w.killSentinel(0)
		w.killSentinel(1)
		for i := range 2 {
			w.storage[i] = NewMemoryStorage()
			w.startSentinel(i)
		}
		w.until("advice", 10*time.Second, func() bool {
			return strings.Contains(w.sentinels[2].status().Advice, "2 of 3 sentinels have lost their directories")
		})
		for i := range 3 {
			w.killSentinel(i)
		}
		for i := range 3 {
			w.storage[i] = NewMemoryStorage()
			w.startSentinel(i)
		}
		w.until("all vote again", 20*time.Second, w.quorate)
		w.until("the chain goes on", 20*time.Second, w.chainOf("n1", "n2"))
		if got := w.sentinels[2].status().Advice; got != "" {
			t.Errorf("advice without need: %s", got)
		}
	})
}

// TestWipedSentinelDoesNotVoteForItsPredecessor: of three sentinels two knew of the last decision. One of them loses
// its disk, the other is away, and the third, which had been away, knows nothing of it: they are no quorum until the
// one that knows is back.
func TestWipedSentinelDoesNotVoteForItsPredecessor(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.startNode("n1", 0, 0)
		w.startNode("n2", 0, 0)
		w.until("a chain", 10*time.Second, w.chainOf("n1", "n2"))
		w.until("all vote", 10*time.Second, w.quorate)
		w.killSentinel(2)
		w.running(w.agreed().Chain[0].Name).stop()
		w.until("the other node leads", 10*time.Second, func() bool { return len(w.agreed().Chain) == 1 })
		decided := w.agreed().Epoch
		w.killSentinel(0)
		w.killSentinel(1)
		w.storage[1] = NewMemoryStorage()
		w.startSentinel(1)
		w.startSentinel(2)
		for range 300 {
			time.Sleep(50 * time.Millisecond)
			for i := 1; i < 3; i++ {
				if w.sentinels[i].quorum.isLeader() {
					t.Fatalf("sentinel %d leads, without the one that knows of epoch %d", i, decided)
				}
			}
		}
		w.startSentinel(0)
		w.until("all vote", 20*time.Second, w.quorate)
		if got := w.agreed().Epoch; got < decided {
			t.Errorf("epoch %d is forgotten: %d", decided, got)
		}
	})
}

// TestAllSentinelsMoved: sentinels that all come back elsewhere know each other by their ids. Two have exchanged their
// addresses.
func TestAllSentinelsMoved(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.startNode("n1", 0, 0)
		w.until("a chain", 10*time.Second, w.chainOf("n1"))
		w.until("all vote", 10*time.Second, w.quorate)
		for i := range w.sentinels {
			w.killSentinel(i)
		}
		w.storage[0], w.storage[1], w.storage[2] = w.storage[1], w.storage[2], w.storage[0]
		for i := range w.sentinels {
			w.startSentinel(i)
		}
		began := time.Now()
		w.until("they decide again", 3*time.Second, func() bool {
			return slices.ContainsFunc(w.sentinels,
				func(s *Sentinel) bool { return s.quorum.isLeader() && s.quorum.inTouch() })
		})
		t.Logf("after %v", time.Since(began))
		w.until("clients are told where they are", 10*time.Second, func() bool {
			for _, o := range w.sentinels[0].status().Sentinels {
				if i := slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s.id == o.ID }); i < 0 ||
					o.Addr != w.sentinels[i].addr {
					return false
				}
			}
			return w.quorate()
		})
	})
}

// TestMovedSentinelsTakeNoPlaces: sentinels that have exchanged their addresses keep their votes, and that of one who
// is back later is left to it.
func TestMovedSentinelsTakeNoPlaces(t *testing.T) {
	for round := range 9 { // either of the two may lead, and only the other can be taken for one that was wiped
		late := round % 3
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			inCluster(t, 3, func(w *testCluster) {
				w.startNode("n1", 0, 0)
				w.until("a chain", 10*time.Second, w.chainOf("n1"))
				w.until("all vote", 10*time.Second, w.quorate)
				for i := range w.sentinels {
					w.killSentinel(i)
				}
				w.storage[0], w.storage[1], w.storage[2] = w.storage[1], w.storage[2], w.storage[0]
				for i := range w.sentinels {
					if i != late {
						w.startSentinel(i)
					}
				}
				time.Sleep(10 * time.Second)
				w.startSentinel(late)
				w.until("all vote", 10*time.Second, w.quorate)
			})
		})
	}
}
