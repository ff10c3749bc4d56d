package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/resp"
	"holdfast/transport"
)

// lateNetwork is a network on which who dials one address has to wait, even when it was told to end.
type lateNetwork struct {
	transport.Host
	addr          string
	dialed, begin chan struct{}
}

func (l *lateNetwork) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if addr != l.addr {
		return l.Host.Dial(ctx, addr)
	}
	conn, err := l.Host.Dial(ctx, addr)
	close(l.dialed)
	<-l.begin
	return conn, err
}

// TestCloseWhileTheFirstLinkBegins: a node that is closed when its link is about to be the first connection that the
// loops serve leaves nothing behind.
func TestCloseWhileTheFirstLinkBegins(t *testing.T) {
	head, tail := openMember(t, false, nil), openMember(t, false, nil)
	late := &lateNetwork{addr: head.Addr(), dialed: make(chan struct{}), begin: make(chan struct{})}
	tail.replication.Network = late
	g := cluster.Group{Name: head.settings.Group(), Epoch: 1, Chain: []cluster.Member{head.self, tail.self}}
	head.replication.Adopt(g)
	tail.replication.Adopt(g)
	<-late.dialed
	closed := make(chan error)
	go func() { closed <- tail.Close() }()
	// the agent has been told to end, and what waits for no link is closed
	for gone := false; !gone; time.Sleep(time.Millisecond) {
		gone = tail.agent.Gone()
	}
	close(late.begin)
	if err := errors.Join(<-closed, head.Close()); err != nil {
		t.Error(err)
	}
	all := make([]byte, 1<<20)
	if all = all[:runtime.Stack(all, true)]; bytes.Contains(all, []byte("netloop.(*group).run")) {
		t.Errorf("the loops went on:\n%s", all)
	}
}

// TestChainOverSockets: a chain whose links the loops serve carries what clients write at once, with and without a
// disk, while epochs come and the member in the middle goes.
func TestChainOverSockets(t *testing.T) {
	for _, disk := range []bool{false, true} {
		t.Run(fmt.Sprint("disk=", disk), func(t *testing.T) {
			nodes := []*Node{startMember(t, disk), startMember(t, disk), startMember(t, disk)}
			g := cluster.Group{Name: nodes[0].settings.Group(), Epoch: 1}
			for _, n := range nodes {
				g.Chain = append(g.Chain, n.self)
			}
			adopt := func(next cluster.Group) {
				g = next
				for _, n := range nodes {
					n.replication.Adopt(g)
				}
			}
			adopt(g)
			// without it, it sends its clients away when the machine stalls for a second
			nodes[0].lease.Grant("sentinel", time.Now(), time.Hour, 1)
			var clients sync.WaitGroup
			const writers, rounds = 8, 60
			var halfway sync.WaitGroup
			halfway.Add(writers)
			for id := range writers {
				p := dialTCP(t, nodes[0])
				clients.Go(func() {
					for round := range rounds {
						if round == rounds/2 {
							halfway.Done()
						}
						var lines, want []string
						for k := range 1 + (id+round)%7 {
							lines = append(lines, fmt.Sprintf("set %d:%d:%d %s", id, round, k,
								strings.Repeat("v", 1+1000*(round%9))))
							want = append(want, "OK")
						}
						p.send(append(lines, fmt.Sprintf("incr count:%d", id))...)
						p.expect(append(want, strconv.Itoa(round+1))...)
					}
				})
			}
			halfway.Wait()
			adopt(g.Refreshed())
			adopt(g.Without(nodes[1].self))
			clients.Wait()
			last := nodes[2]
			for id := range writers {
				reader := dialTCP(t, last)
				reader.send(fmt.Sprintf("get count:%d", id))
				reader.expect(strconv.Itoa(rounds))
			}
			head, tail := nodes[0].log, last.log
			if head.Commit() < head.End() || tail.End() != head.End() {
				t.Errorf("%d of %d bytes are committed, and the tail has %d", head.Commit(), head.End(), tail.End())
			}
			if f := nodes[0].replication.Feeder.Followers(); len(f) != 1 || !f[0].Info.Member.Is(last.self) {
				t.Errorf("followers of the head: %+v", f)
			}
		})
	}
}

// TestFollowerThatDoesNotRead: what its connection doesn't take waits for it, and nobody else does.
func TestFollowerThatDoesNotRead(t *testing.T) {
	n := startReal(t)
	conn, err := net.Dial("tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(resp.AppendCommandStrings(nil, "PSYNC", "?", "-1")); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	head, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(head, "+FULLRESYNC ") {
		t.Fatalf("%q, %v", head, err)
	}
	size := ""
	for size == "" || size == "\n" {
		if size, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	length, err := strconv.ParseInt(strings.TrimSpace(size[1:]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, in, length); err != nil {
		t.Fatal(err)
	}
	const writes = 300
	value := strings.Repeat("v", 100_000)
	writer := dialTCP(t, n)
	for i := range writes {
		writer.send(fmt.Sprintf("set k%d %s", i, value))
		writer.expect("OK")
	}
	r := resp.NewReader(in)
	for i := 0; i < writes; {
		v, err := r.ReadValue()
		if err != nil {
			t.Fatalf("after %d writes: %v", i, err)
		}
		switch text := v.String(); {
		case strings.HasPrefix(text, "[SELECT"), text == "[ping]", text == "[PING]":
		case text == fmt.Sprintf("[set k%d %s]", i, value):
			i++
		default:
			t.Fatalf("write %d came as %.40q", i, text)
		}
	}
	// The same connection is served at once again, in both directions.
	end := n.log.End()
	if _, err := conn.Write(resp.AppendCommandStrings(nil, "REPLCONF", "ACK", strconv.FormatInt(end, 10))); err != nil {
		t.Fatal(err)
	}
	writer.send("wait 1 60000", "set last 1")
	writer.expect("1", "OK")
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		v, err := r.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		if v.String() == "[set last 1]" {
			break
		}
	}
}

// TestNoReplyInTheMiddleOfALink: who asks for the log behind a write that is not committed gets neither before that is
// answered, nor the answer in the middle of the log.
func TestNoReplyInTheMiddleOfALink(t *testing.T) {
	inLine(t, 1, nil, func(t *testing.T, net *simnet.Network, l *line) {
		n := l.nodes[0]
		n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
		g := l.group
		g.Epoch, g.Chain = 2, append(slices.Clip(g.Chain), cluster.Member{Name: "away", Addr: "10.0.0.7:6379",
			Incarnation: "i"})
		n.replication.Adopt(g)
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		for _, line := range []string{"SET k v", "PSYNC ? -1"} {
			if err := c.Send(t.Context(), words(line)...); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.reply(); got != "-receive: EOF" {
			t.Errorf("answered %q", got)
		}
	})
}
