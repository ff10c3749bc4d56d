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
	"time"

	"holdfast/cluster"
)

func TestForeign(t *testing.T) {
	for _, c := range []struct {
		theirs, ours string
		foreign      bool
	}{{"", "", false}, {"a", "", false}, {"", "a", false}, {"a", "a", false}, {"a", "b", true}} {
		err := cluster.Foreign("node n", c.theirs, c.ours)
		if (err != nil) != c.foreign {
			t.Errorf("%q to %q: %v", c.theirs, c.ours, err)
		}
		if c.foreign && (!errors.As(err, new(*cluster.ForeignError)) ||
			!strings.Contains(err.Error(), "installation a, this is b")) {
			t.Errorf("%v", err)
		}
	}
}

func TestLabel(t *testing.T) {
	for _, c := range []struct{ name, addr, want string }{
		{"10.0.0.1:6379", "10.0.0.1:6379", "10.0.0.1:6379"}, {"pod-1", "10.0.0.1:6379", "pod-1"},
		{cluster.DrawnName("0123456789ab"), "10.0.0.1:6379", "10.0.0.1:6379"}, {cluster.DrawnName("01"), "", "node-01"},
	} {
		if got := (cluster.Member{Name: c.name, Addr: c.addr}).Label(); got != c.want {
			t.Errorf("%s at %s: %s", c.name, c.addr, got)
		}
	}
}

// logged is what a member's log says of errors.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// installed is a member of an installation whose log is read.
type installed struct {
	*cluster.Gossip
	self cluster.Node
	log  logged
}

func (w *world) install(i int, kind, installation string, tentative bool, join ...int) *installed {
	w.t.Helper()
	m := &installed{self: cluster.Node{
		Kind: kind, Name: string(rune('a' + i - 1)), Addr: machine(i) + ":6379", Incarnation: "1",
		Installation: installation, Tentative: tentative,
	}}
	c := cluster.GossipConfig{
		Network: w.net.Host(machine(i)), Self: m.self, Bind: ":7946", Advertise: machine(i) + ":7946",
		DownAfter: time.Second,
		Logger:    slog.New(slog.NewTextHandler(&m.log, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	for _, j := range join {
		c.Join = append(c.Join, machine(j)+":7946")
	}
	g, err := cluster.NewGossip(c)
	if err != nil {
		w.t.Fatal(err)
	}
	m.Gossip = g
	w.t.Cleanup(func() { _ = g.Close() })
	return m
}

func (m *installed) sees() string {
	var names []string
	for _, n := range m.Members() {
		names = append(names, n.Name)
	}
	return strings.Join(names, "")
}

// seeing is the condition that each sees whom it should.
func seeing(want map[*installed]string) func() error {
	return func() error {
		for m, names := range want {
			if got := m.sees(); got != names {
				return fmt.Errorf("%s sees %q, not %q", m.self.Name, got, names)
			}
		}
		return nil
	}
}

// TestTwoInstallations: a member that is told to join another installation gets into it as little as its members get
// into its own; each side says so in one line with both ids, however long it goes on.
func TestTwoInstallations(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.install(1, "sentinel", "prod", false), w.install(2, "node", "prod", false, 1)
		c, d := w.install(3, "sentinel", "test", false), w.install(4, "node", "test", false, 3, 1) // the mistake
		two := seeing(map[*installed]string{a: "ba", b: "ba", c: "dc", d: "dc"})
		w.settle(10*time.Second, two)
		time.Sleep(time.Minute)
		if err := two(); err != nil {
			t.Fatal(err)
		}
		for m, theirs := range map[*installed]string{a: "test", d: "prod"} {
			if n := strings.Count(m.log.String(), "installation="+theirs); n != 1 {
				t.Errorf("%s said it %d times:\n%s", m.self.Name, n, m.log.String())
			}
			if !strings.Contains(m.log.String(), "ours="+m.self.Installation) {
				t.Errorf("%s does not say which is its own:\n%s", m.self.Name, m.log.String())
			}
		}
	})
}

// TestNewMemberSeesBoth: who has no installation yet is let in by all, and sees which there are; once it has one, it is
// the others' no more.
func TestNewMemberSeesBoth(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.install(1, "sentinel", "prod", false), w.install(2, "sentinel", "test", false)
		c := w.install(3, "node", "", false, 1, 2)
		w.settle(10*time.Second, func() error {
			if got := c.Installations(); !c.Joined() || !slices.Equal(got, []string{"prod", "test"}) {
				return fmt.Errorf("it sees %v", got)
			}
			return seeing(map[*installed]string{a: "ca", b: "cb"})()
		})
		c.self.Installation = "prod"
		if err := c.Update(c.self); err != nil {
			t.Fatal(err)
		}
		w.settle(30*time.Second, seeing(map[*installed]string{a: "ca", b: "b", c: "ca"}))
	})
}

// TestTentative: sentinels whose installation has no group yet are shown to nodes of another, whose own may be lost;
// but not to its sentinels.
func TestTentative(t *testing.T) {
	inWorld(t, func(w *world) {
		fresh := w.install(1, "sentinel", "new", true)
		node := w.install(2, "node", "old", false, 1)
		old := w.install(3, "sentinel", "old", false, 2)
		w.settle(20*time.Second, seeing(map[*installed]string{fresh: "ba", node: "bac", old: "bc"}))
		fresh.self.Installation = "old"
		if err := fresh.Update(fresh.self); err != nil {
			t.Fatal(err)
		}
		w.settle(30*time.Second, seeing(map[*installed]string{fresh: "bac", node: "bac", old: "bac"}))
	})
}
