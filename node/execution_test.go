package node

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/cluster"
)

// holder has members stand still in the midst of a command.
type holder struct {
	command string
	on      atomic.Bool
	held    chan string   // the names of members that have come to it
	release chan struct{} // closed to let them go on
}

func (h *holder) of(member string) func(command string) {
	return func(command string) {
		if h.on.Load() && command == h.command {
			h.held <- member
			<-h.release
		}
	}
}

// heldChain is a chain of three whose members h can have stand still.
func heldChain(t *testing.T, disk bool, h *holder) (nodes []*Node, adopt func(cluster.Group)) {
	h.held, h.release = make(chan string, 10), make(chan struct{})
	for i := range 3 {
		nodes = append(nodes, startHeldMember(t, disk, h.of(fmt.Sprint(i))))
	}
	adopt = func(next cluster.Group) {
		for _, n := range nodes {
			n.replication.Adopt(next)
		}
	}
	g := cluster.Group{Name: nodes[0].settings.Group(), Epoch: 1}
	for _, n := range nodes {
		g.Chain = append(g.Chain, n.self)
	}
	adopt(g)
	return nodes, adopt
}

// grantLeases has members hold leases, as those do with which the sentinels are in touch: a head without one sends its
// clients away when nothing is committed for a down-after.
func grantLeases(nodes []*Node) {
	for _, n := range nodes {
		n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
	}
}

// awaitBusy waits until a member's heartbeat says that it has been executing this for a while.
func awaitBusy(t *testing.T, n *Node, command string) {
	t.Helper()
	for seq := uint64(1); ; seq++ {
		h := n.agent.Heartbeat()
		if h.Busy > 20 && h.Command == command {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestChainGoesOnWhileAMemberExecutes: a command that takes long, a client's or one of the log, on any member, keeps
// neither heartbeats nor the chain from going on. What was acknowledged meanwhile is there as soon as the member is
// asked.
func TestChainGoesOnWhileAMemberExecutes(t *testing.T) {
	for _, disk := range []bool{false, true} {
		for at, name := range []string{"head", "middle", "tail"} {
			t.Run(fmt.Sprintf("disk=%v/read on the %s", disk, name), func(t *testing.T) {
				h := &holder{command: "keys"}
				nodes, _ := heldChain(t, disk, h)
				p := dialTCP(t, nodes[0])
				p.send("set k 0")
				p.expect("OK")
				h.on.Store(true)
				reader := dialTCP(t, nodes[at])
				reader.send("keys *")
				<-h.held
				h.on.Store(false)
				awaitBusy(t, nodes[at], "keys")
				if at > 0 { // else the writer itself has to wait
					for i := range 50 {
						p.send(fmt.Sprintf("set k %d", i), "incr count")
						p.expect("OK", fmt.Sprint(i+1))
					}
				}
				for i, n := range nodes {
					if h := n.agent.Heartbeat(); i != at && h.Busy > 20 {
						t.Errorf("member %d says that it is busy, too: %+v", i, h)
					}
				}
				close(h.release)
				reader.expect("[k]")
				if at > 0 {
					reader.send("get k", "get count")
					reader.expect("49", "50")
				}
				if h := nodes[at].agent.Heartbeat(); h.Busy > 20 && h.Command != "" {
					t.Errorf("it still says that it is busy: %+v", h)
				}
			})
		}
		t.Run(fmt.Sprintf("disk=%v/a write on the slaves", disk), func(t *testing.T) {
			h := &holder{command: "setrange"}
			nodes, adopt := heldChain(t, disk, h)
			p := dialTCP(t, nodes[0])
			p.send("set k 0123456789")
			p.expect("OK")
			h.on.Store(true)
			p.send("setrange k 3 abc")
			if who := <-h.held; who != "0" {
				t.Fatalf("%s was the first", who)
			}
			h.release <- struct{}{} // the head may
			p.expect("10")
			first, second := <-h.held, <-h.held
			if first+second != "12" && first+second != "21" {
				t.Fatalf("%s and %s execute it", first, second)
			}
			h.on.Store(false)
			awaitBusy(t, nodes[1], "setrange")
			awaitBusy(t, nodes[2], "setrange")
			for i := range 50 {
				p.send("append k .", "incr count")
				p.expect(fmt.Sprint(11+i), fmt.Sprint(i+1))
			}
			promoted := make(chan struct{})
			go func() {
				defer close(promoted)
				g := nodes[0].agent.Standing().Group
				adopt(g.Without(nodes[0].self))
			}()
			select {
			case <-promoted:
				t.Fatal("it leads with data that its log is ahead of")
			case <-time.After(20 * time.Millisecond):
			}
			close(h.release)
			<-promoted
			for _, n := range nodes[1:] {
				reader := dialTCP(t, n)
				reader.send("getrange k 0 9", "strlen k", "get count")
				reader.expect("012abc6789", "60", "50")
			}
		})
	}
}

// TestLongArgumentsAreExecutedLater: what was appended while a command ran is executed whatever its length, also where
// a long argument ends in the midst of what is read of the log at once.
func TestLongArgumentsAreExecutedLater(t *testing.T) {
	h := &holder{command: "keys"}
	nodes, _ := heldChain(t, false, h)
	reader := dialTCP(t, nodes[2])
	h.on.Store(true)
	reader.send("keys *")
	<-h.held
	h.on.Store(false)
	p := dialTCP(t, nodes[0])
	sizes := []int{64 << 10, 1, 100 << 10, 300 << 10, 5, 2 << 20, 64<<10 - 7, 70 << 10}
	for i, size := range sizes {
		p.send(fmt.Sprintf("set k%d %s", i, strings.Repeat("x", size)), "incr count")
		p.expect("OK", fmt.Sprint(i+1))
	}
	close(h.release)
	reader.expect("[]")
	for i, size := range sizes {
		reader.send(fmt.Sprintf("strlen k%d", i))
		reader.expect(fmt.Sprint(size))
	}
}
