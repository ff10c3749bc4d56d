package replication

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster"
)

// rig is a group of three in one bubble: a → b → c, in epoch 1, all with the same data.
type rig struct {
	net     *testNet
	a, b, c *member
	group   cluster.Group
}

func inBubble(t *testing.T, cfg LogConfig, test func(t *testing.T, r *rig)) {
	bothWays(t, func(t *testing.T, polled bool) {
		synctest.Test(t, func(t *testing.T) { inOneBubble(t, cfg, polled, test) })
	})
}

func inOneBubble(t *testing.T, cfg LogConfig, polled bool, test func(t *testing.T, r *rig)) {
	r := &rig{net: newTestNet(polled)}
	r.a, r.b, r.c = newMember(t, r.net, "a", cfg), newMember(t, r.net, "b", cfg), newMember(t, r.net, "c", cfg)
	defer func() {
		r.a.close()
		r.b.close()
		r.c.close()
		r.net.close(t)
	}()
	r.group = cluster.Group{Name: "g", Epoch: 1, Chain: []cluster.Member{r.a.self, r.b.self, r.c.self}}
	r.all(r.group)
	r.a.put("first")
	time.Sleep(3 * time.Second)
	same(t, r.a, r.b, r.c)
	test(t, r)
}

// all lets every member learn of g, the last in the chain first.
func (r *rig) all(g cluster.Group) {
	r.group = g
	for _, m := range []*member{r.c, r.b, r.a} {
		m.adopt(g)
	}
}

func TestChainCommits(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		for range 50 {
			r.a.committed(r.a.put("w", "x"), time.Millisecond)
		}
		end := r.a.fill(300_000)
		r.a.committed(end, time.Millisecond)
		same(t, r.a, r.b, r.c)
		if r.b.log.Commit() != end || r.c.log.Commit() != end {
			t.Errorf("commit points %d, %d of %d", r.b.log.Commit(), r.c.log.Commit(), end)
		}
		synctest.Wait()
		s := r.a.feeder.Followers()
		if len(s) != 1 || s[0].State != LinkOnline || s[0].Offset != end || !s[0].Info.Member.Is(r.b.self) ||
			s[0].Sent != end {
			t.Errorf("followers of a: %+v", s)
		}
		if r.a.feeder.Acked(end) != 1 || r.a.feeder.Acked(end+1) != 0 || r.a.feeder.Good(2*time.Second) != 1 {
			t.Error("plain acknowledgements are not counted")
		}
		if st := r.c.following.Status(); st.State != FollowConnected || st.Offset != end || !st.DownSince.IsZero() {
			t.Errorf("c follows: %+v", st)
		}
	})
}

func TestDeadTailHoldsCommitBack(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		before := r.b.fulls()
		r.net.cutAll(r.b.self.Addr, true) // c can't reach b
		end := r.a.put("held back")
		r.a.uncommitted(end)
		if r.b.log.End() != end {
			t.Fatal("b did not get it")
		}
		r.net.listen(r.b.self.Addr, r.b.serve)
		r.a.committed(end, 2*time.Second)
		same(t, r.a, r.b, r.c)
		if r.b.fulls() != before {
			t.Errorf("b sent %d full copies; a broken link resumes", r.b.fulls()-before)
		}
	})
}

func TestEpochKeepsLinks(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
			before := r.a.feeder.Followers()[0].ID
			g := r.group.Refreshed()
			ms := []*member{r.a, r.b, r.c}
			r.net.cutAll(r.c.self.Addr, false)
			end := r.a.put("between two epochs")
			for _, i := range order {
				ms[i].adopt(g)
				synctest.Wait()
			}
			r.a.committed(end, time.Millisecond)
			if f := r.a.feeder.Followers(); len(f) != 1 || f[0].ID != before || f[0].AckEpoch != 2 {
				t.Errorf("order %v: link %d became %+v", order, before, f)
			}
			end = r.a.put("and after")
			r.a.committed(end, time.Millisecond)
		})
	}
}

func TestTailLeaves(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		r.c.close()
		end := r.a.put("c is dead")
		r.a.uncommitted(end)
		g := r.group.Without(r.c.self)
		r.a.adopt(g)
		r.a.uncommitted(end)
		r.b.adopt(g)
		r.a.committed(end, time.Millisecond)
		if len(r.b.feeder.Followers()) != 0 {
			t.Error("b still feeds c")
		}
	})
}

func TestMiddleLeaves(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		before := r.a.fulls()
		r.b.close()
		end := r.a.put("b is dead")
		r.a.uncommitted(end)
		g := r.group.Without(r.b.self)
		r.a.adopt(g)
		r.c.adopt(g)
		r.a.committed(end, 100*time.Millisecond)
		same(t, r.a, r.c)
		if r.a.fulls() != before {
			t.Errorf("a sent %d full copies: c must go on from where b left it", r.a.fulls()-before)
		}
	})
}

func TestHeadDiesAndComesBack(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		copies := r.b.fulls()
		// The head is cut off with a write that nobody else has; it learns nothing of what follows.
		r.net.cutAll(r.a.self.Addr, true)
		lost := r.a.put("never committed")
		r.a.uncommitted(lost)
		g := r.group.Without(r.a.self)
		r.b.adopt(g)
		r.b.mu.Lock()
		r.b.log.ContinueAs(testID('e'))
		r.b.mu.Unlock()
		r.c.adopt(g)
		end := r.b.put("by the new head", "much longer than what was lost")
		r.b.committed(end, 100*time.Millisecond)
		same(t, r.b, r.c)
		if r.b.fulls() != copies || r.c.log.Info().SecondID != testID('a') {
			t.Errorf("b sent %d full copies, c knows %+v", r.b.fulls(), r.c.log.Info())
		}
		r.a.uncommitted(lost)

		// It comes back behind the tail, and drops its write though the others' logs are longer by now.
		r.net.listen(r.a.self.Addr, r.a.serve)
		r.group = g
		r.all(g.WithLearner(r.a.self))
		time.Sleep(time.Second)
		same(t, r.b, r.c, r.a)
		if r.c.fulls() != 1 || slices.Contains(r.a.data(), "never committed") {
			t.Error("the deposed head kept what was never committed")
		}
		r.all(r.group.WithTail(r.a.self))
		r.b.committed(r.b.put("three again"), 100*time.Millisecond)
		same(t, r.b, r.c, r.a)
	})
}

func TestEarlyFollowerWaitsForItsPredecessor(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		g := r.group.WithChain([]cluster.Member{r.a.self, r.c.self, r.b.self})
		r.c.adopt(g) // learns first that it follows a
		time.Sleep(3 * time.Second)
		if st := r.c.following.Status(); st.State == FollowConnected || !errors.Is(st.LastError, errStaleEpoch) {
			t.Fatalf("c follows a, which is an epoch behind: %+v", st)
		}
		r.a.adopt(g)
		r.b.adopt(g)
		r.a.committed(r.a.put("in the new order"), 2*retryEpoch)
		same(t, r.a, r.b, r.c)
	})
}

func TestBacklogTooShortMeansFullCopy(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.c.stop()
		r.c.following = nil
		r.all2(r.group.Without(r.c.self))
		r.a.committed(r.a.fill(500_000), time.Millisecond)
		g := r.group.WithLearner(r.c.self)
		before := r.b.fulls()
		r.all(g)
		time.Sleep(time.Second)
		same(t, r.a, r.b, r.c)
		if r.b.fulls() != before+1 {
			t.Errorf("b sent %d full copies, want one more than %d", r.b.fulls(), before)
		}
	})
}

// all2 lets only a and b learn of g.
func (r *rig) all2(g cluster.Group) {
	r.group = g
	r.b.adopt(g)
	r.a.adopt(g)
}

func TestBrokenTransferLeavesTheOldData(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		old, pos := r.c.data(), r.c.log.Position()
		r.c.stop()
		r.c.following = nil
		r.all2(r.group.Without(r.c.self))
		r.a.committed(r.a.fill(500_000), time.Millisecond)
		fails := errors.New("disk on fire")
		r.b.pause = 50 * time.Millisecond
		r.all(r.group.WithLearner(r.c.self))
		for range 20 { // cut in the middle, again and again
			time.Sleep(37 * time.Millisecond)
			r.net.cutAll(r.b.self.Addr, false)
		}
		if !slices.Equal(old, r.c.data()) || r.c.log.Position() != pos {
			t.Fatal("a transfer that broke off changed the data")
		}
		if st := r.c.following.Status(); st.State == FollowConnected || errors.Is(st.LastError, fails) ||
			r.b.fulls() < 3 {
			t.Fatalf("cut %d times: %+v", r.b.fulls(), st)
		}
		r.c.stop()
		r.c.loadErr, r.c.following = func() error { return fails }, nil
		r.c.adopt(r.group)
		time.Sleep(2 * time.Second)
		if st := r.c.following.Status(); !errors.Is(st.LastError, fails) || st.DownSince.IsZero() ||
			r.c.log.Position() != pos {
			t.Fatalf("a load that failed: %+v", st)
		}
		r.c.stop()
		r.c.loadErr, r.c.following = nil, nil
		r.c.adopt(r.group)
		time.Sleep(2 * time.Second)
		same(t, r.a, r.b, r.c)
	})
}

func TestSlowFollowerIsGivenUp(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize, ReaderLimit: 4 * BlockSize}, func(t *testing.T, r *rig) {
		before := r.b.fulls()
		r.c.still = make(chan struct{}) // its socket fills up
		r.a.put("c stands still here")
		time.Sleep(time.Second)
		r.b.adopt(r.group.Without(r.c.self).WithLearner(r.c.self))
		r.a.adopt(r.b.group)
		for range 20 {
			r.a.fill(BlockSize)
			synctest.Wait() // b keeps up
		}
		if held := r.b.log.Info().Memory; held > 16*BlockSize {
			t.Errorf("b holds %d bytes for a follower that stands still", held)
		}
		close(r.c.still)
		r.c.adopt(r.b.group)
		time.Sleep(3 * time.Second)
		same(t, r.a, r.b, r.c)
		if r.b.fulls() != before+1 {
			t.Errorf("b sent %d full copies, want one more than %d", r.b.fulls(), before)
		}
	})
}

func TestSilenceEndsLinks(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		// Nothing is written, so b hears nothing from a and c nothing from b: both ask again.
		time.Sleep(testTimeout - 4*time.Second)
		if r.b.following.Status().State != FollowConnected {
			t.Fatal("the link ended too early")
		}
		before := r.a.feeder.cfg.Traffic.PartialOK.Load()
		time.Sleep(5 * time.Second)
		if after := r.a.feeder.cfg.Traffic.PartialOK.Load(); after == before ||
			r.b.following.Status().State != FollowConnected {
			t.Error("a silent master was not given up and asked again")
		}
	})
}

func TestDropAndClose(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		if n := r.a.feeder.Drop(errors.New("told to"),
			func(s FollowerStatus) bool { return s.Info.Member.Is(r.b.self) }); n != 1 {
			t.Errorf("dropped %d", n)
		}
		time.Sleep(time.Second)
		if f := r.a.feeder.Followers(); len(f) != 1 || f[0].State != LinkOnline {
			t.Errorf("it did not come back: %+v", f)
		}
		r.a.feeder.Close()
		time.Sleep(time.Second)
		if f := r.a.feeder.Followers(); len(f) != 0 {
			t.Errorf("closed, but feeds %+v", f)
		}
	})
}
