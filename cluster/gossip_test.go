package cluster

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"holdfast/transport"
)

func startGossip(t *testing.T, name, join, key string) *Gossip {
	t.Helper()
	var seeds []string
	if join != "" {
		seeds = []string{join}
	}
	g, err := NewGossip(GossipConfig{
		Network: transport.Host{}, Self: Node{Kind: "node", Name: name, Addr: "127.0.0.1:1", Incarnation: name},
		Bind: "127.0.0.1:0", Advertise: "127.0.0.1:0", Join: seeds, Key: []byte(key), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// sees waits until g knows exactly these names.
func sees(t *testing.T, g *Gossip, names ...string) {
	t.Helper()
	changed := make(chan struct{}, 1)
	g.OnChange(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	for {
		var got []string
		for _, m := range g.Members() {
			got = append(got, m.Name)
		}
		if slices.Equal(got, names) {
			return
		}
		select {
		case <-changed:
		case <-time.After(30 * time.Second):
			t.Fatalf("sees %v, want %v", got, names)
		}
	}
}

func TestMembersFindEachOther(t *testing.T) {
	a := startGossip(t, "a", "", "secret")
	b := startGossip(t, "b", a.Addr(), "secret")
	c := startGossip(t, "c", b.Addr(), "secret")
	for _, g := range []*Gossip{a, b, c} {
		sees(t, g, "a", "b", "c")
	}
	if err := c.Leave(time.Second); err != nil {
		t.Fatal(err)
	}
	sees(t, a, "a", "b")
}

func TestAnotherKeyStaysOutside(t *testing.T) {
	a := startGossip(t, "a", "", "secret")
	b := startGossip(t, "b", a.Addr(), "another")
	if _, err := b.list.Join([]string{a.Addr()}); err == nil {
		t.Fatal("joined with a wrong key")
	}
	sees(t, a, "a")
}
