package node

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/replication"
)

// TestDrainEndsConnections: behind the reply, and not that of a member that links.
func TestDrainEndsConnections(t *testing.T) {
	chained(t, func(n *Node, g cluster.Group, member client) {
		leads := g.Without(g.Chain[0], g.Chain[2])
		n.adopt(leads)
		user := dial(member.t, n.network, "10.0.0.1")
		user.answers("SET k 1", "OK")
		member.answers("REPLCONF capa psync2", "OK")
		n.drain(leads.Epoch, time.Minute)
		time.Sleep(time.Second)
		if got := user.do("GET", "k"); !strings.HasPrefix(got, "-") {
			t.Errorf("answered %q", got)
		}
		member.answers("REPLCONF capa psync2", "OK")
	})
}

// TestNewMasterWaitsForItsChain: it says when those behind it are there, and soon that they are not.
func TestNewMasterWaitsForItsChain(t *testing.T) {
	for name, acked := range map[string]bool{"they are there": true, "they are not": false} {
		chained(t, func(n *Node, g cluster.Group, _ client) {
			last := g.WithChain(g.Chain[:2])
			n.adopt(last)
			if err := n.link().Apply([]replication.Entry{{Args: [][]byte{[]byte("PING")}, Raw: pingWire}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			leads := last.WithChain(g.Chain[1:])
			n.adopt(leads)
			if !n.heartbeat(1).Forming {
				t.Errorf("%s: has the chain already", name)
			}
			if acked {
				n.log.Ack(leads.Epoch, g.Chain[2], n.log.Commit())
			} else {
				time.Sleep(2 * formingMax)
			}
			if n.heartbeat(2).Forming {
				t.Errorf("%s: waits still", name)
			}
		})
	}
}
