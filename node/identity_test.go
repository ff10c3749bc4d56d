package node

import (
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
)

// named starts a node of a group at an address on a disk, and tells what it is called.
func named(t *testing.T, net *simnet.Network, disk *memfs.FS, ip string, directives ...string) (string, error) {
	t.Helper()
	lines := append([]string{"bind " + ip, "join 10.0.1.1:28379"}, directives...)
	c := Config{Settings: settingsOf(t, lines...), Network: net.Host(ip).Restart(),
		Logger: slog.New(slog.DiscardHandler)}
	if disk != nil {
		c.Files = disk
	}
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		return "", err
	}
	name := n.self.Name
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(cluster.GossipLinger)
	return name, nil
}

// TestNameIsKept: a node is who its directory says, wherever it is; node-name overrides that, and is kept then.
func TestNameIsKept(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		must := func(disk *memfs.FS, ip string, directives ...string) string {
			t.Helper()
			name, err := named(t, net, disk, ip, directives...)
			if err != nil {
				t.Fatal(err)
			}
			return name
		}
		one, two := memfs.New(), memfs.New()
		first := must(one, "10.0.0.1", "appendonly yes")
		if !regexp.MustCompile(`^node-[0-9a-f]{12}$`).MatchString(first) {
			t.Errorf("a new node is called %q", first)
		}
		if again := must(one, "10.0.0.2", "appendonly yes"); again != first {
			t.Errorf("at another address %s is called %s", first, again)
		}
		if other := must(two, "10.0.0.1"); other == first {
			t.Errorf("a new node at the address of another is called %s as well", other)
		}
		if got := must(one, "10.0.0.1", "appendonly yes", "node-name pod-1"); got != "pod-1" {
			t.Errorf("node-name pod-1: %s", got)
		}
		if got := must(one, "10.0.0.3", "appendonly yes"); got != "pod-1" {
			t.Errorf("after node-name pod-1: %s", got)
		}
		// A directory of an older version: a log, and no name.
		if err := one.Remove("holdfast.json"); err != nil {
			t.Fatal(err)
		}
		if got := must(one, "10.0.0.1", "appendonly yes"); got != "10.0.0.1:6379" {
			t.Errorf("after an upgrade: %s", got)
		}
		if got := must(one, "10.0.0.9", "appendonly yes"); got != "10.0.0.1:6379" {
			t.Errorf("after an upgrade and a move: %s", got)
		}
		if got := must(nil, "10.0.0.4"); got != "10.0.0.4:6379" {
			t.Errorf("without a disk: %s", got)
		}
	})
}

// TestDamagedIdentityIsNamed: nobody guesses who a node is.
func TestDamagedIdentityIsNamed(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk := memfs.New()
		f, err := disk.Create("holdfast.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, `{"name":"a`); err != nil {
			t.Fatal(err)
		}
		if _, err := named(t, net, disk, "10.0.0.1"); err == nil || !strings.Contains(err.Error(), "holdfast.json") ||
			!strings.Contains(err.Error(), "restore it, or remove it") {
			t.Fatalf("%v", err)
		}
	})
}

// TestEarlierStartsHaveEnded: a node tells of the starts before it on the same directory, newest first, and of none of
// which it has a copy only.
func TestEarlierStartsHaveEnded(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk := memfs.New()
		var starts []string
		again := func(lock string) *Node {
			t.Helper()
			n := start(t, Config{Network: net.Host("10.0.0.1").Restart(), Files: disk, Lock: lock}, "bind 10.0.0.1",
				"join 10.0.1.1:28379")
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(cluster.GossipLinger)
			return n
		}
		for range 10 {
			n := again("this directory")
			want := starts[:min(len(starts), 8)]
			if got := n.agent.Heartbeat().Replaces; !slices.Equal(got, want) {
				t.Errorf("start %d: it tells of %q, want %q", len(starts)+1, got, want)
			}
			starts = append([]string{n.self.Incarnation}, starts...)
		}
		for _, lock := range []string{"a copy", ""} {
			if got := again(lock).agent.Heartbeat().Replaces; len(got) != 0 {
				t.Errorf("lock %q: it tells of %q", lock, got)
			}
		}
	})
}
