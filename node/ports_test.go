package node

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/memfs"
	"holdfast/resp"
	"holdfast/transport"
)

// startMember starts a member of a group whose sentinels never answer, on this machine.
func startMember(t *testing.T, disk bool) *Node {
	t.Helper()
	c := Config{Network: transport.Host{}, Logger: slog.New(slog.DiscardHandler)}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"bind 127.0.0.1", "port 0", fmt.Sprint("gossip-port ", free.Addr().(*net.TCPAddr).Port), "join 127.0.0.1:1", "appendonly no"}
	_ = free.Close()
	if disk {
		c.Files = memfs.New()
		lines[4] = "appendonly yes"
	}
	c.Settings = settingsOf(t, lines...)
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// TestChainOverSockets: a chain whose links the loops serve carries what clients write at once, with and without a disk, while
// epochs come and the member in the middle goes.
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
					n.adopt(g)
				}
			}
			adopt(g)
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
							lines = append(lines, fmt.Sprintf("set %d:%d:%d %s", id, round, k, strings.Repeat("v", 1+1000*(round%9))))
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
			if f := nodes[0].feeder.Followers(); len(f) != 1 || !f[0].Info.Member.Is(last.self) {
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
