package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/linear"
	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/node"
	"holdfast/node/config"
	"holdfast/replication/aof"
	"holdfast/resp"
	"holdfast/sentinel"
)

const (
	groupName = "mymaster"
	size      = 3 // nodes, and sentinels
	// patience is how long a client waits for a connection or a reply.
	patience = 300 * time.Millisecond
	// clockSkew bounds the rate by which any clock differs from the right one: two of them by a little less than the
	// share of a lease that is given away for it.
	clockSkew = 0.03
	// together bounds the time in which a group must be whole after everything was healed.
	together = 20 * time.Second
)

// group is the whole system under test. Only the test's own goroutine starts and ends processes.
type group struct {
	t       *testing.T
	story   *story
	history *history
	linear  linear.Recorder
	net     *simnet.Network
	rng     *rand.Rand // of the schedule

	key     string   // the group-key; empty: nobody proves anything
	fsync   string   // appendfsync of the nodes' logs; empty: they have no disks
	did     []string // the kinds of the faults so far
	uniform bool     // clients send commands of one length
	latency time.Duration

	scripts   knownScripts
	jitter    time.Duration
	trap      trap
	up        sync.Mutex // held where a node begins or ceases to be: the test's goroutine changes it, and others look
	nodes     [size]*machine
	sentinels [size]*watcher
	control   *simnet.Host // the machine from which the test looks on
	clients   []*client
	stop      context.CancelFunc // ends clients and watchers
	running   context.Context
	lostDisk  bool // a node's, for good
	guests    guests
	full      crowd // strangers who take all places
	moves     int   // addresses given out anew
	work      sync.WaitGroup
}

// keys are the group-keys of seeds: every other group has one.
var keys = [2]string{"", "8a1f0c5e7d3b29466f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0987"}

// whereabouts is a machine's IP, which may become another one while others look.
type whereabouts struct{ at atomic.Pointer[string] }

func (w *whereabouts) ip() string       { return *w.at.Load() }
func (w *whereabouts) moveTo(ip string) { w.at.Store(&ip) }

// machine is a node's.
type machine struct {
	whereabouts
	name  string
	lock  string // names the machine and the directory, see node.Config
	host  *simnet.Host
	disk  *memfs.FS  // nil: it keeps nothing
	n     *node.Node // nil while it is down
	cut   bool       // by a fault that is not healed yet
	since time.Time  // when it was started or healed
	long  burden
}

func (m *machine) addr() string { return m.ip() + ":6379" }

// watcher is a sentinel's machine; storage is its disk.
type watcher struct {
	whereabouts
	name    string
	host    *simnet.Host
	s       *sentinel.Sentinel // nil while it is down
	storage *sentinel.Storage
	starts  uint64
	moved   time.Time // it has moved last
	alone   bool      // it is the only one of its installation
	asked   *inquiry
}

func (w *watcher) addr() string { return w.ip() + ":26379" }

// setup is what a run begins with.
type setup struct {
	seed   uint64
	fsync  string                       // as in group
	rerun  string                       // the command that runs it again
	report func(t *testing.T, s *story) // tells how it ended; nil: the story's end
	judged func(v linear.Verdict)       // told what became of the history of shared keys; nil: nobody
}

// inBubble runs a test with a group in virtual time, ends everything, and prints the story when something was wrong.
func inBubble(t *testing.T, s setup, run func(g *group)) {
	var g *group
	defer func() { // outside the bubble, where time passes while a history is judged
		if g == nil {
			return
		}
		v := g.judgeHistory()
		if s.judged != nil {
			s.judged(v)
		}
		if s.report != nil {
			s.report(t, g.story)
			return
		}
		g.story.end(t, s.rerun)
	}()
	synctest.Test(t, func(t *testing.T) {
		g = &group{t: t, key: keys[s.seed%2], fsync: s.fsync, story: newStory(), net: simnet.New(s.seed),
			rng: rand.New(rand.NewPCG(s.seed, 1))}
		g.history = newHistory(g.story)
		g.running, g.stop = context.WithCancel(context.Background())
		g.latency, g.jitter = 200*time.Microsecond, 300*time.Microsecond
		g.net.SetDefaultLatency(g.latency, g.jitter)
		g.control = g.net.Host("10.0.9.9")
		defer g.story.over()
		defer g.end()
		for i := range size {
			g.sentinels[i] = &watcher{name: fmt.Sprintf("sentinel%d", i+1), storage: sentinel.NewMemoryStorage()}
			g.sentinels[i].asked = &inquiry{w: g.sentinels[i], g: g}
			g.sentinels[i].moveTo(fmt.Sprintf("10.0.1.%d", i+1))
			g.nodes[i] = newMachine(fmt.Sprintf("node%d", i+1), fmt.Sprintf("10.0.0.%d", i+1))
			if s.fsync != "" {
				g.nodes[i].disk = memfs.New()
			}
		}
		for _, w := range g.sentinels {
			g.startSentinel(w)
		}
		for _, m := range g.nodes {
			g.startNode(m)
		}
		run(g)
	})
}

// judgingLasts bounds the search for an order of one key's operations.
const judgingLasts = 10 * time.Second

// judgeHistory looks for an order of all that clients were told of the keys they share.
func (g *group) judgeHistory() linear.Verdict {
	v := g.linear.Check(judgingLasts)
	for _, key := range v.Broken {
		g.story.violated("linearizability", "%s", key)
	}
	if len(v.Undecided) > 0 {
		g.t.Logf("no verdict on %v within %v", v.Undecided, judgingLasts)
	}
	return v
}

// end closes everything that runs. What is left behind keeps the bubble from ending, which fails the test.
func (g *group) end() {
	g.stop()
	g.work.Wait()
	g.full.leave()
	g.guests.leave(g)
	for _, m := range g.nodes {
		g.closeNode(m)
	}
	for _, w := range g.sentinels {
		w.asked.close()
		g.closeSentinel(w)
	}
	g.net.Close()
	time.Sleep(10 * time.Second) // for timers of libraries that end by themselves
}

// gossipSeeds are what every process is told to join: names, which lead to wherever the sentinels are.
func (g *group) gossipSeeds() (seeds []string) {
	for _, w := range g.sentinels {
		seeds = append(seeds, w.name+":28379")
	}
	return seeds
}

func newMachine(name, ip string) *machine {
	m := &machine{name: name, lock: name}
	m.moveTo(ip)
	return m
}

// newNode makes the process of a node on its machine, which is told to join and to announce that.
func (g *group) newNode(m *machine, join []string, announce string) *node.Node {
	g.t.Helper()
	settings := config.Default()
	for _, s := range [][]string{
		{"bind", m.ip(), "127.0.0.1"}, {"announce-ip", announce}, append([]string{"join"}, join...),
		{"protected-mode", "no"}, {"insecure-group", "yes"}, {"group-key", g.key}, {"save", ""},
		{"enable-debug-command", "yes"}, {"maxclients", strconv.Itoa(places)},
		{"busy-reply-threshold", "100"},
	} {
		if err := settings.Set(s[0], s[1:]); err != nil {
			g.t.Fatal(err)
		}
	}
	var files aof.FS
	if m.disk != nil {
		files = m.disk
		for _, s := range [][]string{{"appendonly", "yes"}, {"appendfsync", g.fsync}} {
			if err := settings.Set(s[0], s[1:]); err != nil {
				g.t.Fatal(err)
			}
		}
	}
	m.host = g.net.Host(m.ip()).Restart()
	m.long.born()
	n, err := node.New(node.Config{
		Settings: settings, Network: m.host, Files: files, LeaseClock: g.clock(), Logger: g.story.logger(m.name),
		Version: "sim",
		Rand:    rand.New(rand.NewPCG(g.rng.Uint64(), 2)), Lock: m.lock, NewLock: newLock, OnLong: m.long.bear,
		Steps: g.trap.observer(m.name),
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

func (g *group) startNode(m *machine) { g.startNodeTo(m, g.gossipSeeds()) }

func (g *group) startNodeTo(m *machine, join []string) {
	g.t.Helper()
	n := g.newNode(m, join, m.ip())
	if err := n.Start(); err != nil {
		if !m.host.Dead() { // else the trap of a fault has sprung on the way
			g.t.Fatal(err)
		}
		return
	}
	g.up.Lock()
	defer g.up.Unlock()
	m.n, m.since = n, time.Now()
}

// clock is a machine's: too slow or too fast, now and then as much as is allowed.
func (g *group) clock() func() time.Time {
	began, skew := time.Now(), clockSkew*(2*g.rng.Float64()-1)
	if g.rng.IntN(3) == 0 {
		skew = math.Copysign(clockSkew, skew)
	}
	return func() time.Time { return began.Add(time.Duration((1 + skew) * float64(time.Since(began)))) }
}

func (g *group) startSentinel(w *watcher) { g.startSentinelTo(w, g.gossipSeeds()) }

func (g *group) startSentinelTo(w *watcher, join []string) {
	g.t.Helper()
	g.net.Name(w.name, w.ip())
	w.host = g.net.Host(w.ip()).Restart()
	w.starts++
	c := sentinel.Default()
	c.MaxClients = places
	if w.alone {
		c.BootstrapExpect = 1
	}
	c.AnnounceIP, c.Join, c.Network, c.Storage = w.ip(), join, w.host, w.storage
	c.Logger, c.Rand = g.story.logger(w.name), rand.New(rand.NewPCG(g.rng.Uint64(), 3))
	c.Clock, c.GroupKey, c.Insecure = g.clock(), g.key, true
	c.Steps = g.trap.observer(w.name)
	s, err := sentinel.New(c)
	if err != nil {
		if !w.host.Dead() {
			g.t.Fatal(err)
		}
		return
	}
	w.s = s
}

// kill ends a node as kill -9 does: its machine takes the sockets first, so that it cannot say goodbye.
func (g *group) kill(m *machine) {
	g.story.tell("FAULT", "kill %s", m.name)
	m.host.Kill()
	g.closeNode(m)
}

// crash ends the machine of a node: nobody is told anything.
func (g *group) crash(m *machine) {
	g.story.tell("FAULT", "crash the machine of %s", m.name)
	m.host.Crash()
	g.closeNode(m)
}

// powerLoss ends some nodes' machines at once: what was not synced is gone, or torn.
func (g *group) powerLoss(machines ...*machine) {
	for _, m := range machines {
		g.story.tell("FAULT", "%s loses its power", m.name)
		m.host.Crash()
		m.disk.LosePower(g.rng)
	}
	for _, m := range machines {
		g.closeNode(m)
	}
}

func (g *group) restart(m *machine) {
	how := "empty"
	if m.disk != nil {
		how = "with its disk"
	}
	if g.rng.IntN(3) > 0 {
		m.mendDisk()
	}
	g.story.tell("FAULT", "restart %s, %s", m.name, how)
	g.startNode(m)
}

func (g *group) closeNode(m *machine) {
	if m.n != nil {
		n := m.n
		g.up.Lock()
		m.n = nil
		g.up.Unlock()
		m.long.die()
		_ = n.Close() // of a killed node the sockets are gone, which is what the error says
	}
}

func (g *group) killSentinel(w *watcher) {
	g.story.tell("FAULT", "kill %s", w.name)
	w.host.Kill()
	g.closeSentinel(w)
}

func (g *group) closeSentinel(w *watcher) {
	if w.s != nil {
		s := w.s
		w.s = nil
		_ = s.Close() // as in closeNode
	}
}

// cut isolates a node from nodes and sentinels, not from clients.
func (g *group) cut(m *machine) {
	g.story.tell("FAULT", "cut %s off from all but the clients", m.name)
	m.cut = true
	for _, o := range g.nodes {
		if o != m {
			g.net.Cut(m.ip(), o.ip())
		}
	}
	for _, w := range g.sentinels {
		g.net.Cut(m.ip(), w.ip())
	}
}

// heal undoes all cuts.
func (g *group) heal() {
	g.story.tell("FAULT", "heal the network")
	g.net.HealAll()
	for _, m := range g.nodes {
		if m.cut {
			m.cut, m.since = false, time.Now()
		}
	}
}

// ask sends one command from the machine of the test.
func (g *group) ask(addr string, args ...any) (resp.Value, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := resp.Dial(ctx, g.control, addr)
	if err != nil {
		return resp.Value{}, err
	}
	defer c.Close()
	return c.Do(ctx, args...)
}

// inquiry asks one sentinel again and again, as an administrator on its machine, on a connection that it keeps. It
// belongs to one goroutine.
type inquiry struct {
	g      *group
	w      *watcher
	client *resp.Client // nil: not connected
}

func (i *inquiry) close() {
	if i.client != nil {
		_ = i.client.Close() // there is nothing more to hear
		i.client = nil
	}
}

// status is what the sentinel says.
func (i *inquiry) status() (s sentinel.Status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v, kept := resp.Value{}, i.client != nil
	for {
		if i.client == nil {
			if i.client, err = resp.Dial(ctx, i.g.net.Host(i.w.ip()), "127.0.0.1:26379"); err != nil {
				i.client = nil
				return s, err
			}
		}
		if v, err = i.client.Do(ctx, "HOLDFAST", "STATUS"); err == nil {
			return s, json.Unmarshal(v.Str, &s)
		}
		i.close()
		if !kept {
			return s, err
		}
		kept = false // the connection may be one to a process that is gone
	}
}

// statusOf is what one sentinel says, asked by the test's own goroutine.
func (g *group) statusOf(w *watcher) (sentinel.Status, error) { return w.asked.status() }

// views are what all sentinels say that answer and are in touch with each other, of the one group.
func (g *group) views() (list []sentinel.Status) {
	for _, w := range g.sentinels {
		if w.s == nil {
			continue
		}
		if s, err := g.statusOf(w); err == nil && s.InTouch && len(s.Groups) == 1 {
			list = append(list, s)
		}
	}
	return list
}

// statuses are those of the group alone.
func (g *group) statuses() (list []sentinel.GroupStatus) { return groupsOf(g.views()) }

func groupsOf(views []sentinel.Status) (list []sentinel.GroupStatus) {
	for _, s := range views {
		list = append(list, s.Groups[0])
	}
	return list
}

// quorate says whether each view has the sentinels that run as those that vote, and nobody else.
func (g *group) quorate(views []sentinel.Status) bool {
	ids := map[string]bool{}
	for _, w := range g.sentinels {
		if w.s != nil {
			ids[w.s.ID()] = true
		}
	}
	for _, v := range views {
		for _, s := range v.Sentinels {
			if !s.Voter || !s.Alive || !ids[s.ID] {
				return false
			}
		}
		if len(v.Sentinels) != size {
			return false
		}
	}
	return len(views) == size && len(ids) == size
}

// agreed is the group as the sentinels that are in touch with each other have it, at the newest epoch.
func (g *group) agreed() sentinel.GroupStatus { return newestOf(g.statuses()) }

func newestOf(list []sentinel.GroupStatus) (newest sentinel.GroupStatus) {
	for _, s := range list {
		if s.Epoch > newest.Epoch {
			newest = s
		}
	}
	return newest
}

// leader is the sentinel that leads.
func (g *group) leader() *watcher {
	for _, w := range g.sentinels {
		if w.s == nil {
			continue
		}
		if s, err := g.statusOf(w); err == nil && s.Leader == s.Sentinel {
			return w
		}
	}
	return nil
}

// chain is the agreed chain's machines, head first; nil when one of them isn't the process that was agreed on.
func (g *group) chain() []*machine { return g.machinesOf(g.agreed()) }

func (g *group) machinesOf(s sentinel.GroupStatus) (chain []*machine) {
	for _, m := range s.Chain {
		i := slices.IndexFunc(g.nodes[:], func(o *machine) bool { return o.addr() == m.Addr })
		if i < 0 || g.nodes[i].n == nil || g.nodes[i].n.RunID() != m.Incarnation {
			return nil
		}
		chain = append(chain, g.nodes[i])
	}
	return chain
}

// whole is the chain, if all nodes are in it, all sentinels vote and agree on it, and everybody knows; else nil.
func (g *group) whole() []*machine {
	views := g.views()
	all := groupsOf(views)
	now := newestOf(all)
	chain := g.machinesOf(now)
	if !g.quorate(views) || len(chain) != size {
		return nil
	}
	for _, s := range all {
		if s.Epoch != now.Epoch || len(s.Learners) > 0 || s.Master != s.Chain[0].Addr {
			return nil
		}
		for _, m := range s.Chain {
			if m.Epoch != now.Epoch || !m.Lease || m.Sdown {
				return nil
			}
		}
	}
	return chain
}

// awaitWhole waits until the group is whole; it answers its chain.
func (g *group) awaitWhole() (chain []*machine) {
	g.t.Helper()
	g.until("all nodes in one chain", together, func() bool { chain = g.whole(); return chain != nil })
	g.story.tell("test", "whole: %s, %s, %s", chain[0].name, chain[1].name, chain[2].name)
	return chain
}

// until waits in virtual time.
func (g *group) until(what string, within time.Duration, ok func() bool) {
	g.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	for _, w := range g.sentinels {
		if w.s != nil {
			s, err := g.statusOf(w)
			text, _ := json.Marshal(s)
			g.story.tell("test", "status of %s: %s %v", w.name, text, err)
		}
	}
	g.story.violated("liveness", "not within %v: %s", within, what)
	g.t.FailNow()
}

// sleep lets virtual time pass.
func (g *group) sleep(d time.Duration) { time.Sleep(d) }

// between draws a duration.
func (g *group) between(low, high time.Duration) time.Duration {
	return low + time.Duration(g.rng.Int64N(int64(high-low)+1))
}

func joinAddr(v resp.Value) (addr string, ok bool) {
	if len(v.Elems) != 2 {
		return "", false
	}
	if _, err := strconv.Atoi(string(v.Elems[1].Str)); err != nil {
		return "", false
	}
	return net.JoinHostPort(string(v.Elems[0].Str), string(v.Elems[1].Str)), true
}
