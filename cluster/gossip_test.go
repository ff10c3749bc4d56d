package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/transport"
)

// member is a gossip in a simulated network, on a machine of its own.
type member struct {
	*cluster.Gossip
	host *simnet.Host
}

// world is a network with members at 10.0.0.1, 10.0.0.2, …
type world struct {
	t   *testing.T
	net *simnet.Network
}

// inWorld runs a scenario in virtual time. It fails when anything is left running at its end.
func inWorld(t *testing.T, scenario func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: simnet.New(1)}
		w.net.SetDefaultLatency(time.Millisecond, time.Millisecond)
		t.Cleanup(func() { time.Sleep(cluster.GossipLinger) }) // after all members were closed
		t.Cleanup(w.net.Close)
		scenario(w)
	})
}

func machine(i int) string { return fmt.Sprintf("10.0.0.%d", i) }

// start runs a member of that name on machine i, told to join the machines in join.
func (w *world) start(i int, name, incarnation, key string, join ...int) *member {
	w.t.Helper()
	host := w.net.Host(machine(i))
	var seeds []string
	for _, j := range join {
		seeds = append(seeds, machine(j)+":7946")
	}
	g, err := cluster.NewGossip(cluster.GossipConfig{
		Network: host, Self: cluster.Node{Kind: "node", Name: name, Addr: machine(i) + ":6379",
			Incarnation: incarnation},
		Bind: ":7946", Advertise: machine(i) + ":7946", Join: seeds, Key: []byte(key), DownAfter: time.Second,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	m := &member{Gossip: g, host: host}
	w.t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestJoinByName: names come from the resolver of the network that was handed in, each time anew, for the announced
// address as well.
func TestJoinByName(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.Name("first.example", machine(9)) // nobody is there yet
		w.net.Name("second.example", machine(2))
		open := func(name, at, join string, i int) *member {
			host := w.net.Host(machine(i))
			g, err := cluster.NewGossip(cluster.GossipConfig{
				Network: host, Self: cluster.Node{Kind: "node", Name: name, Addr: machine(i) + ":6379",
					Incarnation: "1"},
				Bind: ":7946", Advertise: at, Join: []string{join}, DownAfter: time.Second,
				Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				w.t.Fatal(err)
			}
			m := &member{Gossip: g, host: host}
			w.t.Cleanup(func() { _ = m.Close() })
			return m
		}
		all := []*member{open("a", machine(1)+":7946", "nobody.example:7946", 1),
			open("b", "second.example:7946", "first.example:7946", 2)}
		time.Sleep(time.Second)
		w.net.Name("first.example", machine(1))
		w.settle(time.Minute, w.names(all, "a b"))
	})
}

// group starts n members named a, b, c, … that know the first two machines.
func (w *world) group(n int) []*member {
	var all []*member
	for i := 1; i <= n; i++ {
		all = append(all, w.start(i, string(rune('a'+i-1)), "1", "secret", 1, 2))
	}
	w.settle(time.Minute, w.names(all, strings.Join(strings.Split("abcdefgh"[:n], ""), " ")))
	return all
}

// names is the condition that everybody sees exactly these names.
func (w *world) names(all []*member, want string) func() error {
	return func() error {
		for i, m := range all {
			if got := seen(m); got != want {
				return fmt.Errorf("member %d sees %q, want %q", i, got, want)
			}
		}
		return nil
	}
}

func seen(m *member) string {
	var names []string
	for _, n := range m.Members() {
		names = append(names, n.Name)
	}
	return strings.Join(names, " ")
}

// settle lets virtual time pass until the condition holds, at most within.
func (w *world) settle(within time.Duration, holds func() error) time.Duration {
	w.t.Helper()
	start := time.Now()
	for {
		synctest.Wait()
		err := holds()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > within {
			w.t.Fatalf("not within %v: %v", within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestKilledMemberIsNoticed(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(3)
		all[2].host.Kill()
		_ = all[2].Close()
		took := w.settle(20*time.Second, w.names(all[:2], "a b"))
		t.Logf("noticed after %v", took)
	})
}

func TestCrashedMemberIsNoticed(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(4)
		all[3].host.Crash()
		w.settle(20*time.Second, w.names(all[:3], "a b c"))
	})
}

func TestLeaveIsToldAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(3)
		if err := all[0].Leave(2 * time.Second); err != nil {
			t.Fatal(err)
		}
		if err := all[0].Leave(2 * time.Second); err != nil {
			t.Errorf("leaving again: %v", err)
		}
		w.settle(time.Second, w.names(all[1:], "b c"))
		time.Sleep(time.Minute) // and it doesn't come back while it still runs
		w.settle(0, w.names(all[1:], "b c"))
		if err := all[0].Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := all[0].Leave(time.Second); !errors.Is(err, cluster.ErrGossipClosed) {
			t.Errorf("leaving after close: %v", err)
		}
		if err := all[0].Broadcast("x", nil); !errors.Is(err, cluster.ErrGossipClosed) {
			t.Errorf("broadcast after close: %v", err)
		}
		if err := all[0].Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

// TestRestartedMemberReplacesTheOld: at once at the same address, at another one as soon as the old one is known to be
// dead.
func TestRestartedMemberReplacesTheOld(t *testing.T) {
	for _, at := range []int{3, 9} {
		t.Run(machine(at), func(t *testing.T) {
			inWorld(t, func(w *world) {
				all := w.group(3)
				all[2].host.Kill()
				_ = all[2].Close()
				all[2].host.Restart()
				all[2] = w.start(at, "c", "2", "secret", 1, 2)
				want := cluster.Node{Kind: "node", Name: "c", Addr: machine(at) + ":6379", Incarnation: "2"}
				took := w.settle(30*time.Second, func() error {
					for i, m := range all {
						if got := m.Members(); len(got) != 3 || got[2] != want {
							return fmt.Errorf("member %d sees %v", i, got)
						}
					}
					return nil
				})
				t.Logf("replaced after %v", took)
			})
		})
	}
}

func TestJoiningWaitsForSeeds(t *testing.T) {
	inWorld(t, func(w *world) {
		late := w.start(2, "b", "1", "", 1, 2) // one seed is itself, the other not there
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := seen(late); got != "b" {
			t.Fatalf("sees %q", got)
		}
		first := w.start(1, "a", "1", "")
		all := []*member{first, late}
		w.settle(10*time.Second, w.names(all, "a b"))
	})
}

// TestMovedMemberIsSeenSoon: as soon as the old address is given up, whatever the others believe of it when the member
// is back.
func TestMovedMemberIsSeenSoon(t *testing.T) {
	for _, ms := range []time.Duration{0, 500, 1000, 1500, 2000, 3000, 10000} {
		away := ms * time.Millisecond
		for seed := range 10 {
			inWorld(t, func(w *world) {
				all := w.group(6)
				time.Sleep(time.Duration(seed) * 70 * time.Millisecond)
				all[5].host.Kill()
				_ = all[5].Close()
				time.Sleep(away)
				all[5] = w.start(9, "f", "2", "secret", 1, 2)
				want := cluster.Node{Kind: "node", Name: "f", Addr: machine(9) + ":6379", Incarnation: "2"}
				took := w.settle(30*time.Second, func() error {
					for i, m := range all {
						if got := m.Members(); len(got) != 6 || got[5] != want {
							return fmt.Errorf("member %d sees %v", i, got)
						}
					}
					return nil
				})
				if took > 6*time.Second {
					t.Errorf("away for %v: seen after %v", away, took)
				}
			})
		}
	}
}

// TestMovedMemberIsSeenSoonByOneLeftAlone: there is nobody else to confirm that it is gone from where it was.
func TestMovedMemberIsSeenSoonByOneLeftAlone(t *testing.T) {
	for seed := range 10 {
		inWorld(t, func(w *world) {
			all := w.group(3)
			time.Sleep(time.Duration(seed) * 70 * time.Millisecond)
			for _, m := range all[1:] {
				m.host.Kill()
				_ = m.Close()
			}
			all = []*member{all[0], w.start(9, "c", "2", "secret", 1)}
			want := cluster.Node{Kind: "node", Name: "c", Addr: machine(9) + ":6379", Incarnation: "2"}
			took := w.settle(30*time.Second, func() error {
				for i, m := range all {
					if got := m.Members(); !slices.Contains(got, want) {
						return fmt.Errorf("member %d sees %v", i, got)
					}
				}
				return nil
			})
			if took > 8*time.Second {
				t.Errorf("seen after %v", took)
			}
		})
	}
}

// TestHalvesFindTogetherAgain after a cut so long that each had forgotten the other.
func TestHalvesFindTogetherAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(4)
		w.net.Partition([]string{machine(1), machine(2)}, []string{machine(3), machine(4)})
		w.settle(30*time.Second, w.names(all[:2], "a b"))
		w.settle(30*time.Second, w.names(all[2:], "c d"))
		time.Sleep(10 * time.Minute)
		w.net.HealAll()
		w.settle(30*time.Second, w.names(all, "a b c d"))
	})
}

func TestAnotherKeyStaysOutside(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.start(1, "a", "1", "secret")
		b := w.start(2, "b", "1", "another", 1)
		c := w.start(3, "c", "1", "", 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		for m, want := range map[*member]string{a: "a", b: "b", c: "c"} {
			if got := seen(m); got != want {
				t.Errorf("%s sees %q", want, got)
			}
		}
	})
}

func TestUpdateIsSeen(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(3)
		var mu sync.Mutex
		changes := 0
		all[2].OnChange(func() { mu.Lock(); changes++; mu.Unlock() })
		synctest.Wait()
		next := cluster.Node{Kind: "node", Name: "a", Addr: "elsewhere:1", Incarnation: "1", Group: "g"}
		for _, step := range []string{"x", "y", "g"} { // the last one wins
			next.Group = step
			if err := all[0].Update(next); err != nil {
				t.Fatal(err)
			}
		}
		w.settle(10*time.Second, func() error {
			for i, m := range all {
				if got := m.Members()[0]; got != next {
					return fmt.Errorf("member %d sees %v", i, got)
				}
			}
			return nil
		})
		mu.Lock()
		if changes < 2 {
			t.Errorf("%d calls of the hook", changes)
		}
		mu.Unlock()
		next.Name = "z"
		if err := all[0].Update(next); err == nil {
			t.Error("changed its name")
		}
		next.Name, next.Addr = "a", strings.Repeat("x", 600)
		if err := all[0].Update(next); err == nil {
			t.Error("took more than gossip can carry")
		}
	})
}

func TestBroadcastReachesEverybodyOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(5)
		w.net.SetDefaultLoss(0.2) // gossip repeats what datagrams lose
		var mu sync.Mutex
		got := make([][]string, len(all))
		for i, m := range all {
			m.OnMessage(func(kind string, payload []byte) {
				mu.Lock()
				defer mu.Unlock()
				got[i] = append(got[i], kind+":"+string(payload))
			})
		}
		for i, text := range []string{"first", "", "third"} {
			if err := all[i].Broadcast("epoch", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		sent := []string{"epoch:first", "epoch:", "epoch:third"}
		for i := range all {
			want := slices.Clone(sent)
			if i < len(sent) {
				want = slices.Delete(want, i, i+1)
			}
			slices.Sort(want)
			slices.Sort(got[i])
			if !slices.Equal(got[i], want) {
				t.Errorf("member %d got %q, want %q", i, got[i], want)
			}
		}
		if err := all[0].Broadcast("big", bytes.Repeat([]byte("x"), 2000)); err == nil {
			t.Error("broadcast more than a datagram holds")
		}
	})
}

// TestBroadcastIsFast: one hop on a good network, no matter when gossip's next round is.
func TestBroadcastIsFast(t *testing.T) {
	inWorld(t, func(w *world) {
		all := w.group(3)
		heard := make(chan string, 2)
		for _, m := range all[1:] {
			m.OnMessage(func(kind string, payload []byte) { heard <- kind + string(payload) })
		}
		start := time.Now()
		if err := all[0].Broadcast("k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := <-heard; got != "kv" {
				t.Errorf("heard %q", got)
			}
		}
		if took := time.Since(start); took > 5*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestGossipRefusesBadConfig(t *testing.T) {
	good := cluster.GossipConfig{
		Network: transport.Host{}, Self: cluster.Node{Kind: "node", Name: "a"},
		Bind: "127.0.0.1:0", Advertise: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	}
	for what, spoil := range map[string]func(*cluster.GossipConfig){
		"long name":      func(c *cluster.GossipConfig) { c.Self.Name = strings.Repeat("x", 600) },
		"no port":        func(c *cluster.GossipConfig) { c.Advertise = "127.0.0.1" },
		"bad port":       func(c *cluster.GossipConfig) { c.Advertise = "127.0.0.1:x" },
		"bad bind":       func(c *cluster.GossipConfig) { c.Bind = "127.0.0.1" },
		"not ours":       func(c *cluster.GossipConfig) { c.Bind = "192.0.2.1:0" },
		"empty announce": func(c *cluster.GossipConfig) { c.Advertise = "no such name:1" },
	} {
		c := good
		spoil(&c)
		if g, err := cluster.NewGossip(c); err == nil {
			t.Errorf("%s: accepted", what)
			_ = g.Close()
		}
	}
}

// TestRealSockets runs two members over the machine's own network.
func TestRealSockets(t *testing.T) {
	var all []*cluster.Gossip
	var join []string
	met := make(chan struct{}, 1)
	for _, name := range []string{"a", "b"} {
		g, err := cluster.NewGossip(cluster.GossipConfig{
			Network: transport.Host{}, Self: cluster.Node{Kind: "sentinel", Name: name, Incarnation: "1"},
			Bind: "127.0.0.1:0", Advertise: "localhost:0", Join: join, Key: []byte("secret"),
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		all, join = append(all, g), []string{g.Addr()}
	}
	all[0].OnChange(func() {
		if len(all[0].Members()) == 2 {
			select {
			case met <- struct{}{}:
			default:
			}
		}
	})
	<-met
	for _, g := range all {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}
