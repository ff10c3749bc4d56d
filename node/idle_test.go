package node

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// TestIdleClients: the directive timeout ends who says nothing, and neither who listens nor who waits to be let go on.
// Redis does the same.
func TestIdleClients(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "timeout 1")
		come := func() client { return dial(t, net.Host("10.0.0.9"), "10.0.0.1") }
		writes, monitor, idle, listens := come(), come(), come(), come()
		monitor.answers("MONITOR", "OK")
		listens.answers("SUBSCRIBE news", "[subscribe news 1]")
		idle.answers("CLIENT PAUSE 5000 WRITE", "OK")
		writes.answers("SET k v", "OK")
		const ended = "-reply: EOF"
		idle.answers("PING", ended)
		for _, shown := range []string{"SUBSCRIBE", "SET"} {
			if got := monitor.reply(); !strings.Contains(got, shown) {
				t.Errorf("MONITOR shows %s, and not %s", got, shown)
			}
		}
		listens.answers("PING", "[pong ]")
		time.Sleep(3 * time.Second)
		writes.answers("PING", ended)
		_ = n.Close()
	})
}
