package node

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"holdfast/internal/memfs"
	"holdfast/node/config"
	"holdfast/replication/aof"
	"holdfast/transport"
)

// settingsOf are the settings that lines of a configuration file give, of a node that takes whoever comes.
func settingsOf(t *testing.T, lines ...string) *config.Config {
	t.Helper()
	s := config.Default()
	for _, l := range append([]string{"protected-mode no", "insecure-group yes"}, lines...) {
		name, value, _ := strings.Cut(l, " ")
		if err := s.Set(name, strings.Fields(value)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// start runs a node with these settings, which the caller closes: the one way in which tests do. What follows are the
// kinds of nodes that many of them want. A test of New itself, or of a Start that fails, does without.
func start(t *testing.T, c Config, lines ...string) *Node {
	t.Helper()
	c.Settings = settingsOf(t, lines...)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	n, err := New(c)
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// closed closes a node at the end of the test.
func closed(t *testing.T, n *Node) *Node {
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// startNode runs a standalone node on a simulated host.
func startNode(t *testing.T, network transport.Network, ip string, lines ...string) *Node {
	t.Helper()
	return start(t, Config{Network: network}, append([]string{"bind " + ip}, lines...)...)
}

// startIn is startNode with a directory.
func startIn(t *testing.T, network transport.Network, ip, dir string, lines ...string) *Node {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return start(t, Config{Network: network, Dir: root},
		append([]string{"bind " + ip, "enable-debug-command yes"}, lines...)...)
}

// startOnDisk is startNode with a log on a disk.
func startOnDisk(t *testing.T, network transport.Network, disk aof.FS, ip string, lines ...string) *Node {
	t.Helper()
	return start(t, Config{Network: network, Files: disk},
		append([]string{"bind " + ip, "appendonly yes", "enable-debug-command yes"}, lines...)...)
}

// startReal runs a standalone node on this machine, for as long as the test.
func startReal(t *testing.T, lines ...string) *Node {
	t.Helper()
	return closed(t, start(t, Config{Network: transport.Host{}},
		append([]string{"bind 127.0.0.1", "port 0"}, lines...)...))
}

// startRealOn is startReal with a log on a disk.
func startRealOn(t *testing.T, files aof.FS, lines ...string) *Node {
	t.Helper()
	return closed(t, start(t, Config{Network: transport.Host{}, Files: files},
		append([]string{"bind 127.0.0.1", "port 0", "appendonly yes"}, lines...)...))
}

// openMember starts a member of a group whose sentinels never answer, on this machine. onLong, if not nil, is told of
// each command that may take long, before it runs.
func openMember(t *testing.T, disk bool, onLong func(command string)) *Node {
	t.Helper()
	c, appendonly := Config{Network: transport.Host{}, OnLong: onLong}, "appendonly no"
	if disk {
		c.Files, appendonly = memfs.New(), "appendonly yes"
	}
	return start(t, c, "bind 127.0.0.1", "port 0", "join 127.0.0.1:1", appendonly, "enable-debug-command yes")
}

// startHeldMember is openMember, for as long as the test.
func startHeldMember(t *testing.T, disk bool, onLong func(command string)) *Node {
	t.Helper()
	return closed(t, openMember(t, disk, onLong))
}

// startMember is startHeldMember without onLong.
func startMember(t *testing.T, disk bool) *Node {
	t.Helper()
	return startHeldMember(t, disk, nil)
}
