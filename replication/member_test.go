package replication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// member is a node as this package sees one: data that is a list of words, under one lock with its log.
type member struct {
	t      testing.TB
	net    *testNet
	self   cluster.Member
	log    *Log
	feeder *Feeder

	mu    sync.Mutex // the execution lock
	words []string
	group cluster.Group

	following *Follower
	upstream  cluster.Member
	stop      func() // ends following and waits

	loadErr  func() error  // a fault: Load fails with it, after reading
	applyErr func() error  // a fault: Apply fails with it
	still    chan struct{} // a fault: Apply waits until it is closed
	pause    time.Duration // how long the sender of a full copy rests in the middle
	disk     *testDisk     // nil: it keeps nothing
}

type randomReader struct{ rng *rand.Rand }

func (r randomReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.rng.Uint32())
	}
	return len(p), nil
}

const testTimeout = 30 * time.Second

func newMember(t testing.TB, net *testNet, name string, cfg LogConfig) *member {
	m := &member{t: t, net: net, stop: func() {}, self: cluster.Member{Name: name, Incarnation: "1", Addr: name + ":1"}}
	cfg.Position.ID = testID(name[0])
	m.log = NewLog(cfg)
	m.feeder = NewFeeder(FeederConfig{Log: m.log, Snapshots: m, Logger: slog.New(slog.DiscardHandler),
		Random:  randomReader{rand.New(rand.NewPCG(1, uint64(name[0])))},
		Timeout: func() time.Duration { return testTimeout }, Loops: net.loops})
	net.listen(m.self.Addr, m.serve)
	return m
}

func (m *member) close() {
	m.net.cutAll(m.self.Addr, true)
	m.stop()
	m.feeder.Close()
}

// serve speaks the server's side of the handshake, as a node's commands do.
func (m *member) serve(conn *testConn) {
	var p resp.Parser
	info := FollowerInfo{IP: "127.0.0.1"}
	for {
		args, err := p.Next()
		if err != nil {
			return
		}
		if args == nil {
			n, err := conn.Read(p.Space(0))
			if err != nil {
				return
			}
			p.Fill(n)
			continue
		}
		reply := "+OK\r\n"
		switch word := strings.ToLower(string(args[0])); {
		case word == "ping":
			reply = "+PONG\r\n"
		case word == "replconf" && isWord(args[1], "capa"):
			info.CapaEOF, info.CapaPSYNC2 = true, true
		case word == "replconf" && isWord(args[1], "holdfast"):
			h, err := ParseHello(args[2])
			if err == nil {
				info.IsMember, info.Epoch, info.Member = true, h.Epoch, h.Member
				m.mu.Lock()
				err = h.Check("", m.group, 0, m.self)
				m.mu.Unlock()
			}
			if err != nil {
				_, _ = conn.Write([]byte("-" + err.Error() + "\r\n"))
				_ = conn.Close()
				return
			}
		case word == "psync":
			ask, _ := ParsePSYNC(string(args[1]), string(args[2]))
			_ = m.feeder.ServeFollower(context.Background(), m.net.of(conn), nil, info, ask)
			return
		}
		if _, err := conn.Write([]byte(reply)); err != nil {
			return
		}
	}
}

// adopt is what a node does when it learns of an epoch.
func (m *member) adopt(g cluster.Group) {
	m.mu.Lock()
	m.group = g
	succ, ok := g.Successor(m.self)
	m.log.SetChain(g.Epoch, succ, ok)
	m.mu.Unlock()
	m.feeder.SetGroup(g, m.self)
	pred, ok := g.Predecessor(m.self)
	if ok && m.following != nil && pred.Is(m.upstream) {
		m.following.SetEpoch(g.Epoch)
		return
	}
	m.stop()
	m.stop, m.following, m.upstream = func() {}, nil, pred
	if !ok {
		return
	}
	f := NewFollower(FollowConfig{Network: m.net, Addr: pred.Addr, Log: m.log, Applier: m,
		Logger:  slog.New(slog.DiscardHandler),
		Timeout: func() time.Duration { return testTimeout }, Loops: m.net.loops, Chain: true, Group: g.Name,
		Epoch: g.Epoch, Member: m.self, Upstream: pred})
	m.following, m.stop = f, run(f)
}

// run starts a follower; the result ends it and waits.
func run(f *Follower) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// put is a client's write; it returns the offset that must be committed before the reply.
func (m *member) put(words ...string) int64 {
	defer m.feeder.Push()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range words {
		m.words = append(m.words, w)
		m.log.Append(resp.AppendCommandStrings(nil, "PUT", w))
	}
	m.log.Flush()
	m.disk.store()
	return m.log.End()
}

// fill writes about n bytes.
func (m *member) fill(n int) (end int64) {
	for n > 0 {
		end = m.put(strings.Repeat("x", 1000))
		n -= 1000
	}
	return end
}

func (m *member) Apply(batch []Entry) error {
	if m.still != nil {
		<-m.still
	}
	if m.applyErr != nil {
		if err := m.applyErr(); err != nil {
			return err
		}
	}
	defer m.feeder.Push()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range batch {
		if isWord(e.Args[0], "put") {
			m.words = append(m.words, string(e.Args[1]))
		}
		m.log.Append(e.Raw)
	}
	m.log.Flush()
	m.disk.store()
	return nil
}

func (m *member) Load(r io.Reader, pos Position) error {
	image, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if m.loadErr != nil {
		if err := m.loadErr(); err != nil {
			return err
		}
	}
	words := strings.Split(string(image), "\n")
	n, err := strconv.Atoi(words[0])
	if err != nil || n != len(words)-1 {
		return fmt.Errorf("an image of %s words has %d", words[0], len(words)-1)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.words = words[1:]
	m.log.Reset(pos)
	m.disk.begin(m)
	return nil
}

type image struct {
	text  []byte
	pause time.Duration
}

func (m *member) Snapshot(context.Context) (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := strings.Join(append([]string{strconv.Itoa(len(m.words))}, m.words...), "\n")
	return Snapshot{m.log.Position(), image{[]byte(text), m.pause}}, nil
}

func (i image) Close() error { return nil }

func (i image) WriteTo(w io.Writer) (int64, error) {
	half, size := len(i.text)/2, int64(0)
	for at := range i.text { // in pieces, as a node's come
		if at%pipeRoom != 0 {
			continue
		}
		if at <= half && at+pipeRoom > half {
			time.Sleep(i.pause)
		}
		n, err := w.Write(i.text[at:min(at+pipeRoom, len(i.text))])
		if size += int64(n); err != nil {
			return size, err
		}
	}
	return size, nil
}

func (m *member) data() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.words)
}

// committed waits for offset and fails the test when that takes longer than within.
func (m *member) committed(offset int64, within time.Duration) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := m.log.WaitCommit(ctx, offset); err != nil {
		m.t.Fatalf("%s: commit point is %d after %v, want %d", m.self.Name, m.log.Commit(), within, offset)
	}
}

// uncommitted checks that offset does not get committed within a while.
func (m *member) uncommitted(offset int64) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := m.log.WaitCommit(ctx, offset); !errors.Is(err, context.DeadlineExceeded) {
		m.t.Fatalf("%s: %d was committed", m.self.Name, offset)
	}
}

// same checks that all members hold the same data and logs.
func same(t testing.TB, ms ...*member) {
	t.Helper()
	for _, m := range ms[1:] {
		if !slices.Equal(m.data(), ms[0].data()) || m.log.Position() != ms[0].log.Position() {
			t.Fatalf("%s has %d words at %v, %s %d at %v", ms[0].self.Name, len(ms[0].data()), ms[0].log.Position(),
				m.self.Name, len(m.data()), m.log.Position())
		}
	}
}

// fulls is how many full copies m has sent.
func (m *member) fulls() int64 { return m.feeder.cfg.Traffic.Full.Load() }

func memberValues(ms []*member) (values []cluster.Member) {
	for _, m := range ms {
		values = append(values, m.self)
	}
	return values
}
