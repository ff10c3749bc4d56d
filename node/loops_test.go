package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/replication/aof"
	"holdfast/resp"
	"holdfast/transport"
)

// peer is a client that reads and writes as it likes.
type peer struct {
	t *testing.T
	net.Conn
	r *resp.Reader
}

func dialTCP(t *testing.T, n *Node) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t, conn, resp.NewReader(conn)}
}

// send sends commands, one a line.
func (p *peer) send(lines ...string) {
	var b []byte
	for _, l := range lines {
		b = resp.AppendCommandStrings(b, strings.Fields(l)...)
	}
	if _, err := p.Write(b); err != nil {
		p.t.Error(err)
	}
}

func (p *peer) expect(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if v, err := p.r.ReadValue(); err != nil || v.String() != w {
			p.t.Errorf("%q, %v: want %q", v.String(), err, w)
			return
		}
	}
}

// TestEndsWithItsLastReply: a connection whose last command comes while the reply before is still being written ends
// when that has left, and does not wait for the time that a peer gets which takes nothing.
func TestEndsWithItsLastReply(t *testing.T) {
	n := startReal(t)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 300 {
				p := dialTCP(t, n)
				_ = p.SetReadDeadline(time.Now().Add(1500 * time.Millisecond))
				p.send("ping")
				p.expect("PONG")
				p.send("quit")
				p.expect("OK")
				if v, err := p.r.ReadValue(); !errors.Is(err, io.EOF) {
					t.Errorf("after the last reply: %q, %v", v.String(), err)
				}
				_ = p.Close()
			}
		})
	}
	clients.Wait()
}

// TestPolledClientsAreServedInOrder: what clients send one after the other, without waiting, is executed in that order.
// A busy kernel delivers bytes in another order now and then; of a server that doesn't keep it hardly a round passes.
func TestPolledClientsAreServedInOrder(t *testing.T) {
	n := startReal(t)
	rng := rand.New(rand.NewPCG(1, 1))
	var peers []*peer
	for range 20 {
		p := dialTCP(t, n)
		p.send("ping")
		p.expect("PONG")
		peers = append(peers, p)
	}
	reader := dialTCP(t, n)
	const rounds = 50
	kept := 0
	for range rounds {
		var order []string
		for _, i := range rng.Perm(len(peers)) {
			order = append(order, strconv.Itoa(i))
			peers[i].send(fmt.Sprint("rpush list ", i))
		}
		for _, p := range peers {
			if _, err := p.r.ReadValue(); err != nil {
				t.Fatal(err)
			}
		}
		reader.send("lrange list 0 -1", "del list")
		list, err := reader.r.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		reader.expect("1")
		if list.String() == "["+strings.Join(order, " ")+"]" {
			kept++
		}
	}
	if kept < rounds*3/4 {
		t.Errorf("the order was kept in %d of %d rounds", kept, rounds)
	}
}

// TestPolledClientsMixed has clients of all kinds at once: long and short pipelines in pieces of any size, large
// values, blocked and pausing ones, subscribers; each checks that its replies come whole and in order.
func TestPolledClientsMixed(t *testing.T) {
	n := startReal(t)
	const rounds = 12
	large := strings.Repeat("v", 300_000)
	var clients sync.WaitGroup
	for id := range 12 {
		p := dialTCP(t, n)
		rng := rand.New(rand.NewPCG(7, uint64(id)))
		clients.Go(func() {
			for round := range rounds {
				var lines, want []string
				say := func(line, answer string) { lines, want = append(lines, line), append(want, answer) }
				key := fmt.Sprint("k", id)
				for range 1 + rng.IntN(40)*rng.IntN(40) {
					value := strconv.Itoa(rng.IntN(1000))
					say("set "+key+" "+value, "OK")
					say("get "+key, value)
				}
				switch rng.IntN(4) {
				case 0:
					say("set "+key+" "+large, "OK")
					say("get "+key, large)
				case 1: // blocked until its own next command comes by another connection
					pusher := dialTCP(t, n)
					say("blpop "+key+"-list 0", "["+key+"-list "+strconv.Itoa(round)+"]")
					say("echo after", "after")
					time.AfterFunc(time.Duration(rng.IntN(3000))*time.Microsecond,
						func() { pusher.send(fmt.Sprintf("rpush %s-list %d", key, round)) })
				case 2:
					say("client reply skip", "")
					say("echo unheard", "")
					want = want[:len(want)-2]
				}
				var b []byte
				for _, l := range lines {
					b = resp.AppendCommandStrings(b, strings.Fields(l)...)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					for len(b) > 0 {
						piece := min(len(b), 1+rng.IntN(1+len(b)))
						if _, err := p.Write(b[:piece]); err != nil {
							t.Error(err)
							return
						}
						b = b[piece:]
					}
				}()
				p.expect(want...)
				<-done
				if t.Failed() {
					return
				}
			}
		})
	}
	subscriber, publisher := dialTCP(t, n), dialTCP(t, n)
	subscriber.send("subscribe news")
	subscriber.expect("[subscribe news 1]")
	clients.Go(func() {
		for i := range 2000 {
			publisher.send(fmt.Sprint("publish news ", i))
		}
	})
	clients.Go(func() {
		for i := range 2000 {
			subscriber.expect(fmt.Sprintf("[message news %d]", i))
		}
	})
	clients.Wait()
}

// TestPolledClientThatReadsLate: its replies wait for it, its commands wait for them, and others don't wait for either.
func TestPolledClientThatReadsLate(t *testing.T) {
	n := startReal(t)
	slow, other := dialTCP(t, n), dialTCP(t, n)
	other.send("setrange big 1000000 x")
	other.expect("1000001")
	const gets = 100
	lines := make([]string, gets)
	for i := range lines {
		lines[i] = "strlen big"
		if i%2 == 0 {
			lines[i] = "get big"
		}
	}
	slow.send(lines...)
	for range 100 {
		other.send("incr n")
		if _, err := other.r.ReadValue(); err != nil {
			t.Fatal(err)
		}
	}
	big := strings.Repeat("\x00", 1_000_000) + "x"
	for i := range lines {
		if slow.expect([]string{big, "1000001"}[i%2]); t.Failed() {
			t.Fatal("at reply ", i)
		}
	}
}

// TestPolledClientThatSendsAllFirst: a client may send more than fits into any buffer before it reads the first reply.
// It may then say that it has nothing more to send, and still gets them all.
func TestPolledClientThatSendsAllFirst(t *testing.T) {
	const commands = 60_000
	value := strings.Repeat("v", 1000)
	echo := resp.AppendCommandStrings(nil, "echo", value)
	for _, first := range []string{"ping", "blpop list 0"} {
		n := startReal(t)
		p, other := dialTCP(t, n), dialTCP(t, n)
		p.send(first)
		all := bytes.Repeat(echo, commands)
		_ = p.SetWriteDeadline(time.Now().Add(time.Minute))
		if _, err := p.Write(all); err != nil {
			t.Fatalf("after %s: it can't send all: %v", first, err)
		}
		if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if first == "ping" {
			p.expect("PONG")
		} else {
			other.send("rpush list x")
			p.expect("[list x]")
		}
		for i := range commands {
			if p.expect(value); t.Failed() {
				t.Fatalf("after %s: at reply %d", first, i)
			}
		}
		if v, err := p.r.ReadValue(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last reply: %q, %v", v.String(), err)
		}
	}
}

// TestHalfClosedClientGetsItsReply: who has nothing more to say waits for the answer to what it has said, also where
// that takes its time.
func TestHalfClosedClientGetsItsReply(t *testing.T) {
	disk := &stalledDisk{FS: memfs.New(), letGo: make(chan struct{})}
	n := startRealOn(t, disk)
	other := dialTCP(t, n)
	other.send("set k 0")
	other.expect("OK")
	disk.stalls.Store(true)
	var halves []*peer
	for range 20 {
		before := n.log.End()
		p := dialTCP(t, n)
		halves = append(halves, p)
		p.send("incr n")
		if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		for n.log.End() == before && !t.Failed() { // until it has been executed
			other.send("ping")
			other.expect("PONG")
		}
	}
	disk.stalls.Store(false)
	close(disk.letGo)
	for i, p := range halves {
		p.expect(strconv.Itoa(i + 1))
		if v, err := p.r.ReadValue(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last reply: %q, %v", v.String(), err)
		}
	}
}

// TestPolledConnectionsEnd in every way.
func TestPolledConnectionsEnd(t *testing.T) {
	n := startReal(t)
	ends := func(p *peer) {
		t.Helper()
		if rest, err := io.ReadAll(p.Conn); err != nil || len(rest) > 0 {
			t.Errorf("the end was to come: %q, %v", rest, err)
		}
	}
	blocked := dialTCP(t, n)
	blocked.send("blpop nothing 0", "ping", "ping")
	quits := dialTCP(t, n)
	quits.send("set k v", "quit", "set k w")
	quits.expect("OK", "OK")
	ends(quits)
	wrong := dialTCP(t, n)
	wrong.send("get k")
	if _, err := wrong.Write([]byte("*1\r\n+oops\r\n")); err != nil {
		t.Fatal(err)
	}
	wrong.expect("v", "ERR Protocol error: expected '$', got '+'")
	ends(wrong)
	half := dialTCP(t, n)
	half.send("get k")
	if err := half.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	half.expect("v")
	ends(half)
	killed := dialTCP(t, n)
	killed.send("client id")
	v, err := killed.r.ReadValue()
	if err != nil {
		t.Fatal(err)
	}
	killer := dialTCP(t, n)
	killer.send("client kill id " + v.String())
	killer.expect("1")
	ends(killed)
	reset := dialTCP(t, n)
	reset.send("blpop nothing 0")
	if err := reset.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = reset.Close()
	_ = blocked.Close()
	for { // what has ended is forgotten: only the killer is left
		killer.send("client list")
		v, err := killer.r.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(v.Str, []byte("\n")) == 1 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestCloseWithPolledClients ends a node in the middle of everything.
func TestCloseWithPolledClients(t *testing.T) {
	for seed := range uint64(10) {
		n := startNode(t, transport.Host{}, "127.0.0.1", "port 0")
		rng := rand.New(rand.NewPCG(seed, 3))
		var clients sync.WaitGroup
		for id := range 8 {
			conn, err := net.Dial("tcp", n.Addr())
			if err != nil {
				t.Fatal(err)
			}
			clients.Go(func() {
				defer func() { _ = conn.Close() }()
				request := resp.AppendCommandStrings(nil, "rpush", fmt.Sprint("list", id%4), "x")
				if id%2 == 1 {
					request = resp.AppendCommandStrings(nil, "blpop", fmt.Sprint("list", id%4-1), "0")
				}
				request = bytes.Repeat(request, 20)
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				for {
					if _, err := conn.Write(request); err != nil {
						if errors.Is(err, net.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		if err := n.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		clients.Wait()
	}
}

// TestClientsDoNotWaitForTheLogsFiles: while somebody else has the log's files, to put a new base in its place or to
// begin a new one, whoever writes waits for its acknowledgement, but not the loop that serves it and the others.
func TestClientsDoNotWaitForTheLogsFiles(t *testing.T) {
	for _, policy := range []string{"everysec", "always"} {
		t.Run(policy, func(t *testing.T) {
			disk := &heldManifest{FS: memfs.New(), held: make(chan struct{}), release: make(chan struct{})}
			n := startRealOn(t, disk, "appendfsync "+policy)
			writer, reader := dialTCP(t, n), dialTCP(t, n)
			writer.send("set k 1")
			writer.expect("OK")
			disk.hold.Store(true)
			reader.send("bgrewriteaof")
			reader.expect("Background append only file rewriting started")
			<-disk.held
			before := n.log.End()
			writer.send("set k 2")
			for { // until it has been executed
				reader.send("ping")
				reader.expect("PONG")
				if n.log.End() > before || t.Failed() {
					break
				}
			}
			reader.send("ping")
			reader.expect("PONG")
			if n.log.Commit() > before {
				t.Error("a write was committed that can't be on disk")
			}
			close(disk.release)
			writer.expect("OK")
			reader.send("get k")
			reader.expect("2")
		})
	}
}

// heldManifest is a disk on which, if so told, whoever is about to put a new manifest in its place stands still.
type heldManifest struct {
	*memfs.FS
	hold          atomic.Bool
	held, release chan struct{}
}

func (d *heldManifest) Rename(from, to string) error {
	if strings.HasSuffix(to, ".manifest") && d.hold.CompareAndSwap(true, false) {
		close(d.held)
		<-d.release
	}
	return d.FS.Rename(from, to)
}

// stalledDisk is a disk whose writes, while it stalls, take until they are let go.
type stalledDisk struct {
	*memfs.FS
	stalls atomic.Bool
	letGo  chan struct{}
}

type stalledFile struct {
	aof.File
	disk *stalledDisk
}

func (d *stalledDisk) Busy() bool                           { return d.stalls.Load() }
func (d *stalledDisk) Update(name string) (aof.File, error) { return d.stall(d.FS.Update(name)) }
func (d *stalledDisk) Create(name string) (aof.File, error) { return d.stall(d.FS.Create(name)) }
func (d *stalledDisk) stall(f aof.File, err error) (aof.File, error) {
	return stalledFile{f, d}, err
}

func (f stalledFile) Write(p []byte) (int, error) {
	if f.disk.stalls.Load() {
		<-f.disk.letGo
	}
	return f.File.Write(p)
}

// TestClientsDoNotWaitForABusyDisk: while a write may have to wait for the disk the only loop leaves it to somebody
// else.
func TestClientsDoNotWaitForABusyDisk(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	disk := &stalledDisk{FS: memfs.New(), letGo: make(chan struct{})}
	n := startRealOn(t, disk)
	letGo := sync.OnceFunc(func() {
		disk.stalls.Store(false)
		close(disk.letGo)
	})
	t.Cleanup(letGo)
	writer, reader := dialTCP(t, n), dialTCP(t, n)
	writer.send("set k 1")
	writer.expect("OK")
	disk.stalls.Store(true)
	end := n.log.End()
	writer.send("set k 2")
	for n.log.End() == end {
		time.Sleep(time.Millisecond)
	}
	if err := reader.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		reader.send("ping")
		reader.expect("PONG")
	}
	letGo()
	writer.expect("OK")
}
