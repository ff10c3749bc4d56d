package sentinel

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/membership"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// testCluster is three sentinels and some nodes that only heartbeat, on a simulated network in virtual time.
type testCluster struct {
	t         *testing.T
	net       *simnet.Network
	log       *slog.Logger
	storage   []*Storage
	sentinels []*Sentinel // nil while down
	nodes     map[string]*fakeNode
	starts    map[string][]string // the incarnations of each node, newest first
	twins     []*fakeNode
	levels    map[string]cluster.Level // of sentinels, by number, and of nodes, by name; others are of this version's
	key       string                   // the group-key; empty: nobody proves anything
	keys      *membership.Group        // of it

	mu    sync.Mutex                    // protects chain, and nodes against the goroutines of nodes
	chain map[agreedEpoch]cluster.Group // as nodes saw it
}

// agreedEpoch is one epoch of one group.
type agreedEpoch struct {
	group string
	epoch uint64
}

const testGroup = "mymaster"

// testKey is the group-key of most tests.
const testKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// inCluster runs a test in a bubble with n sentinels.
func inCluster(t *testing.T, n int, run func(w *testCluster)) { inClusterOf(t, n, testKey, run) }

// inClusterOf is inWorld with another group-key, or none.
func inClusterOf(t *testing.T, n int, key string, run func(w *testCluster)) {
	synctest.Test(t, func(t *testing.T) {
		level := slog.LevelError + 4
		if os.Getenv("SENTINEL_LOG") != "" {
			level = slog.LevelDebug
		}
		w := &testCluster{
			t: t, key: key, net: simnet.New(1), levels: map[string]cluster.Level{}, nodes: map[string]*fakeNode{},
			starts: map[string][]string{}, chain: map[agreedEpoch]cluster.Group{},
			log:     slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
			storage: make([]*Storage, n), sentinels: make([]*Sentinel, n),
		}
		if key != "" {
			var err error
			if w.keys, err = membership.Derive(key); err != nil {
				t.Fatal(err)
			}
		}
		w.net.SetDefaultLatency(200*time.Microsecond, 100*time.Microsecond)
		for i := range n {
			w.storage[i] = NewMemoryStorage()
			w.startSentinel(i)
		}
		defer w.end()
		run(w)
	})
}

func (w *testCluster) end() {
	for _, n := range maps.Clone(w.nodes) {
		n.stop()
	}
	for _, n := range w.twins {
		n.stop()
	}
	for i := range w.sentinels {
		w.stopSentinel(i)
	}
	w.net.Close()
	time.Sleep(10 * time.Second) // memberlist leaves its probes behind; they end by themselves
}

func sentinelIP(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

func (w *testCluster) startSentinel(i int) {
	w.t.Helper()
	cfg := Default()
	cfg.AnnounceIP = sentinelIP(i)
	if level, ok := w.levels[fmt.Sprint(i)]; ok {
		cfg.Level = level
	}
	cfg.GroupKey, cfg.Insecure = w.key, w.key == ""
	cfg.Network = w.net.Host(sentinelIP(i)).Restart()
	cfg.Storage = w.storage[i]
	cfg.Logger = w.log
	cfg.Rand = rand.New(rand.NewPCG(7, uint64(i)+uint64(time.Now().UnixNano())))
	for j := range w.sentinels {
		cfg.Join = append(cfg.Join, sentinelIP(j)+":28379")
	}
	s, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.sentinels[i] = s
}

func (w *testCluster) stopSentinel(i int) {
	if s := w.sentinels[i]; s != nil {
		w.sentinels[i] = nil
		if err := s.Close(); err != nil {
			w.t.Errorf("close sentinel %d: %v", i, err)
		}
	}
}

// killSentinel cuts the process off first, so that it cannot say goodbye.
func (w *testCluster) killSentinel(i int) {
	w.net.Host(sentinelIP(i)).Kill()
	if s := w.sentinels[i]; s != nil {
		w.sentinels[i] = nil
		// Its sockets are gone already, which is what the errors say.
		_ = s.Close()
	}
}

// until waits in virtual time.
func (w *testCluster) until(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("not within %v: %s; %s", within, what, w.describe())
}

func (w *testCluster) describe() string {
	text := ""
	for i, s := range w.sentinels {
		if s != nil {
			data, _ := json.Marshal(s.status().Groups)
			text += fmt.Sprintf("\nsentinel %d leads=%v: %s", i, s.quorum.isLeader(), data)
		}
	}
	return text
}

// agreed is the state as this sentinel has it; Raft replaces it at any time.
func (s *Sentinel) agreed() *plan.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// agreed is the group as the first sentinel that runs and is in touch has it.
func (w *testCluster) agreed() cluster.Group {
	for _, s := range w.sentinels {
		if s != nil && s.quorum.inTouch() {
			return s.agreed().Groups[testGroup]
		}
	}
	return cluster.Group{}
}

// chainIs says whether the agreed chain consists of these nodes in this order.
func (w *testCluster) chainIs(names ...string) func() bool {
	return func() bool {
		g := w.agreed()
		return slices.EqualFunc(g.Chain, names, func(m cluster.Member, name string) bool { return m.Name == name })
	}
}

// chainOf says whether the agreed chain consists of these nodes in any order.
func (w *testCluster) chainOf(names ...string) func() bool {
	return func() bool {
		var have []string
		for _, m := range w.agreed().Chain {
			have = append(have, m.Name)
		}
		slices.Sort(have)
		return slices.Equal(have, names)
	}
}

// fakeNode heartbeats to all sentinels and adopts what they agree on. Its log is a number.
type fakeNode struct {
	w    *testCluster
	of   string // its group
	name string
	ip   string
	said atomic.Int64 // heartbeats

	level    cluster.Level // that it understands
	replaces []string      // see cluster.Heartbeat
	ctx      context.Context
	end      context.CancelFunc
	done     sync.WaitGroup

	mu       sync.Mutex
	member   cluster.Member
	group    cluster.Group
	features cluster.Features // the newest that it has heard of
	offset   int64
	epoch    uint64 // found on disk
	linkDown time.Time
	broken   string    // why its data is not what its log says
	busy     time.Time // since when it has executed a SORT; zero: it does not
	cutOff   bool      // can't reach its predecessor
	leaving  bool
	drained  uint64
	accepted map[int]time.Time // per sentinel: when the newest accepted heartbeat was sent
	voters   map[int]int
	lease    time.Duration
}

// startNode starts a node; offset and epoch are what it finds on its disk.
func (w *testCluster) startNode(name string, offset int64, epoch uint64) *fakeNode {
	return w.startNodeOf(testGroup, name, "10.0.1."+name[1:], offset, epoch)
}

func (w *testCluster) startNodeOf(group, name, ip string, offset int64, epoch uint64) *fakeNode {
	if old := w.nodes[name]; old != nil {
		old.stop()
	}
	n := w.newNode(group, name, ip, ip+":6379", offset, epoch)
	n.replaces = w.starts[name]
	w.starts[name] = append([]string{n.member.Incarnation}, n.replaces...)
	w.mu.Lock()
	w.nodes[name] = n
	w.mu.Unlock()
	n.run()
	return n
}

// startTwin starts another node under a name that is taken, which announces the address that the first one has.
func (w *testCluster) startTwin(name, ip string) *fakeNode {
	n := w.newNode(testGroup, name, ip, w.nodes[name].member.Addr, 0, 0)
	w.twins = append(w.twins, n)
	n.run()
	return n
}

func (w *testCluster) newNode(group, name, ip, addr string, offset int64, epoch uint64) *fakeNode {
	n := &fakeNode{
		w: w, of: group, name: name, ip: ip, level: cmp.Or(w.levels[name], cluster.LevelNow), offset: offset,
		epoch: epoch, accepted: map[int]time.Time{}, voters: map[int]int{},
		member: cluster.Member{Name: name,
			Incarnation: randomID(rand.New(rand.NewPCG(uint64(time.Now().UnixNano()),
				uint64(len(ip))<<8+uint64(name[1])))), Addr: addr},
	}
	n.ctx, n.end = context.WithCancel(context.Background())
	return n
}

func (n *fakeNode) run() {
	host := n.w.net.Host(n.ip).Restart()
	for i := range n.w.sentinels {
		n.done.Go(func() { n.talk(i, host) })
	}
}

// stop is kill -9.
func (n *fakeNode) stop() {
	n.end()
	n.w.net.Host(n.ip).Kill()
	n.done.Wait()
	n.w.mu.Lock()
	if n.w.nodes[n.name] == n {
		delete(n.w.nodes, n.name)
	}
	n.w.mu.Unlock()
}

// running is the node of that name, nil while it is down.
func (w *testCluster) running(name string) *fakeNode {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes[name]
}

// talk keeps up the conversation with one sentinel.
func (n *fakeNode) talk(i int, host *simnet.Host) {
	for n.ctx.Err() == nil {
		n.session(i, host)
		select {
		case <-n.ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// dialAs connects to a sentinel as a member of the group.
func (w *testCluster) dialAs(ctx context.Context, host *simnet.Host, who membership.Peer, i int) (*resp.Client, error) {
	var member *membership.Member
	if w.keys != nil {
		var err error
		if member, err = w.keys.Member(who); err != nil {
			return nil, err
		}
	}
	conn, err := host.Dial(ctx, sentinelIP(i)+":26379")
	if err == nil {
		conn, _, err = member.Client(ctx, conn, membership.Quorum, membership.Peer{Kind: membership.Sentinel})
	}
	if err != nil {
		return nil, err
	}
	return resp.NewClient(conn), nil
}

func (n *fakeNode) session(i int, host *simnet.Host) {
	ctx, cancel := context.WithTimeout(n.ctx, 500*time.Millisecond)
	client, err := n.w.dialAs(ctx, host, membership.Peer{Kind: membership.Node, Name: n.member.Name}, i)
	cancel()
	if err != nil {
		return
	}
	var reader sync.WaitGroup
	var mu sync.Mutex
	sent := map[uint64]time.Time{}
	reader.Go(func() {
		for {
			v, err := client.Receive(n.ctx)
			if err != nil {
				return
			}
			if v.Kind == resp.KindPush {
				var g cluster.Group
				if json.Unmarshal(v.Elems[2].Str, &g) == nil {
					n.adopt(g)
				}
				continue
			}
			var reply cluster.HeartbeatReply
			if json.Unmarshal(v.Str, &reply) == nil {
				mu.Lock()
				at := sent[reply.Seq]
				delete(sent, reply.Seq)
				mu.Unlock()
				n.take(i, reply, at)
			}
		}
	})
	defer reader.Wait()
	defer client.Close()
	for seq := uint64(1); n.ctx.Err() == nil; seq++ {
		data, _ := json.Marshal(n.heartbeat(seq))
		n.said.Add(1)
		mu.Lock()
		sent[seq] = time.Now()
		lost := len(sent) > 20
		mu.Unlock()
		if lost || client.Send(n.ctx, "HOLDFAST", "HEARTBEAT", data) != nil {
			return
		}
		select {
		case <-n.ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (n *fakeNode) heartbeat(seq uint64) cluster.Heartbeat {
	n.mu.Lock()
	defer n.mu.Unlock()
	hb := cluster.Heartbeat{
		Group: n.of, Member: n.member, Seq: seq, Epoch: n.group.Epoch, LogEpoch: max(n.group.Epoch, n.epoch),
		Role:   cluster.RoleNone,
		ReplID: "r", Offset: n.offset, Commit: n.offset, Leaving: n.leaving, Drained: n.drained, Priority: 100,
		Version: "test", Replaces: n.replaces,
		Level: n.level, Features: n.features,
	}
	switch {
	case n.group.Position(n.member) == 0:
		hb.Role, hb.Committing = cluster.RoleMaster, true
	case n.group.Position(n.member) > 0:
		hb.Role = cluster.RoleReplica
	case n.group.IsLearner(n.member):
		hb.Role = cluster.RoleLearner
	}
	if tail, ok := n.group.Tail(); ok && tail.Is(n.member) {
		for _, l := range n.group.Learners {
			if o := n.w.running(l.Name); o != nil && o.member.Is(l) {
				hb.Joining = l
				break
			}
		}
	}
	if p, ok := n.group.Predecessor(n.member); ok {
		hb.Upstream = p
		if up := n.w.running(p.Name); up != nil && !n.cutOff && up.member.Is(p) {
			hb.LinkUp = true
			n.linkDown = time.Time{}
			n.offset = max(n.offset, 1000)
			hb.Offset = n.offset
		} else {
			if n.linkDown.IsZero() {
				n.linkDown = time.Now()
			}
			hb.LinkDownMs = time.Since(n.linkDown).Milliseconds()
		}
	}
	if !n.busy.IsZero() {
		hb.Busy, hb.Command = time.Since(n.busy).Milliseconds(), "sort"
	}
	if hb.Broken = n.broken; hb.Broken != "" {
		hb.LinkUp, hb.Upstream = false, cluster.Member{}
	}
	return hb
}

// spoil has the node say that it is broken, or, without a reason, whole.
func (n *fakeNode) spoil(reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = reason
}

// execute has the node busy with a command, or no more.
func (n *fakeNode) execute(busy bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy = (time.Time{}); busy {
		n.busy = time.Now()
	}
}

func (n *fakeNode) adopt(g cluster.Group) {
	n.mu.Lock()
	if g.Epoch > n.group.Epoch {
		n.group, n.drained = g, 0
		if g.Position(n.member) < 0 {
			n.broken = "" // it drops what it has
		}
		clear(n.accepted)
	}
	n.mu.Unlock()
	n.w.witness(g)
}

func (n *fakeNode) take(i int, r cluster.HeartbeatReply, sent time.Time) {
	if r.Group != nil {
		n.adopt(*r.Group)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lease = time.Duration(r.DownAfterMs) * time.Millisecond
	n.features = n.features.Newest(r.Features)
	if r.Accepted {
		n.accepted[i], n.voters[i] = sent, r.Voters
	}
	if r.Drain != 0 && r.Drain == n.group.Epoch {
		n.drained = r.Drain
	}
}

// holdsLease says whether the node may answer reads alone at this moment.
func (n *fakeNode) holdsLease() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	voters, count := 0, 0
	for i, at := range n.accepted {
		if time.Since(at) < n.lease {
			count++
			voters = max(voters, n.voters[i])
		}
	}
	return n.group.Position(n.member) >= 0 && voters > 0 && count >= plan.Majority(voters)
}

// witness checks what must never be: two decisions for an epoch, or an epoch without a member that still holds a lease.
func (w *testCluster) witness(g cluster.Group) {
	w.mu.Lock()
	at := agreedEpoch{g.Name, g.Epoch}
	old, known := w.chain[at]
	w.chain[at] = g
	nodes := slices.Collect(maps.Values(w.nodes))
	w.mu.Unlock()
	if known {
		if !slices.Equal(old.Chain, g.Chain) {
			w.t.Errorf("epoch %d was decided twice: %v and %v", g.Epoch, old.Chain, g.Chain)
		}
		return
	}
	for _, n := range nodes {
		n.mu.Lock()
		leaving, drained, epoch := n.leaving, n.drained != 0, n.group.Epoch
		n.mu.Unlock()
		if n.of == g.Name && g.Position(n.member) < 0 && epoch < g.Epoch && !leaving && !drained && n.holdsLease() {
			w.t.Errorf("%s holds a lease of epoch %d while epoch %d is without it", n.name, epoch, g.Epoch)
		}
	}
}

// ask sends one command to a sentinel and gives its reply.
func (w *testCluster) ask(i int, args ...any) (resp.Value, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, err := resp.Dial(ctx, w.net.Host("10.0.9.9"), sentinelIP(i)+":26379")
	if err != nil {
		return resp.Value{}, err
	}
	defer client.Close()
	return client.Do(ctx, args...)
}
