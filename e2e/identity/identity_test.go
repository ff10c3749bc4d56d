package identity

import (
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// patience is for a busy machine; what is awaited takes a few seconds.
const patience = 60 * time.Second

const (
	nodePort, nodeGossip         = 25379, 25479
	sentinelPort, sentinelGossip = 25579, 25779
)

// installation is three sentinels and three nodes, each on an address of its own.
type installation struct {
	t                *testing.T
	sentinels, nodes [3]*servers.Member
}

// newMember is a node or a sentinel that has not been started.
func newMember(t *testing.T, kind string) *servers.Member {
	m := &servers.Member{Kind: kind, Path: servers.Binary(t), IP: address(), Port: nodePort, GossipPort: nodeGossip,
		Dir: t.TempDir()}
	if kind == "sentinel" {
		m.Port, m.GossipPort = sentinelPort, sentinelGossip
	}
	m.KillAtEnd(t)
	return m
}

// addresses are drawn one after the other, so that nobody gets one that another test has used.
var addresses atomic.Int32

func address() string { return fmt.Sprintf("127.0.25.%d", addresses.Add(1)) }

// install starts an installation whose members each edit has changed before.
func install(t *testing.T, edit ...func(*servers.Member)) *installation {
	t.Helper()
	i := &installation{t: t}
	for n := range 3 {
		i.sentinels[n], i.nodes[n] = newMember(t, "sentinel"), newMember(t, "node")
	}
	for _, m := range i.all() {
		for _, f := range edit {
			f(m)
		}
		i.start(m)
	}
	i.whole()
	return i
}

func (i *installation) all() (list []*servers.Member) {
	return append(append(list, i.sentinels[:]...), i.nodes[:]...)
}

func (i *installation) seeds() string {
	var seeds []string
	for _, s := range i.sentinels {
		seeds = append(seeds, s.Gossip())
	}
	return strings.Join(seeds, ",")
}

// start runs a member; also is joined beside the own sentinels.
func (i *installation) start(m *servers.Member, also ...string) {
	i.t.Helper()
	m.Start(i.t, strings.Join(append([]string{i.seeds()}, also...), ","))
}

// status is what a sentinel says to an operator.
func (i *installation) status(s *servers.Member) string {
	out, _ := exec.Command(servers.Binary(i.t), "status", "--sentinel", s.Addr()).CombinedOutput()
	return string(out)
}

func (i *installation) until(what string, ok func() bool) {
	i.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			i.t.Fatalf("waited in vain for %s:\n%s", what, i.status(i.sentinels[0]))
		}
	}
}

// whole waits until three nodes where they are now, and three sentinels, are all right.
func (i *installation) whole() {
	i.t.Helper()
	i.until("a whole installation", func() bool {
		for _, s := range i.sentinels {
			text := i.status(s)
			if strings.Contains(text, "WARNING") || strings.Count(text, "silent")+strings.Count(text, "joining")+
				strings.Count(text, "down\n") > 0 {
				return false
			}
			for _, m := range i.all() {
				if strings.Count(text, "  "+m.Addr()+" ") != 1 {
					return false
				}
			}
			if strings.Count(text, "  yes  ") != 3 {
				return false
			}
		}
		return true
	})
}

// await waits for a word in a member's log.
func (i *installation) await(m *servers.Member, word string) {
	i.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(m.Log(), word); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			i.t.Fatalf("%s %s does not say %q:\n%s", m.Kind, m.IP, word, m.Log())
		}
	}
}

// master is the node that clients are sent to.
func (i *installation) master() (m *servers.Member) {
	i.t.Helper()
	i.until("a master", func() bool {
		for _, m = range i.nodes {
			if strings.Contains(i.status(i.sentinels[0]), "master "+m.Addr()+",") {
				return true
			}
		}
		return false
	})
	return m
}

func (i *installation) client() *redis.Client { return i.clientOf("mymaster") }

func (i *installation) clientOf(group string) *redis.Client {
	var at []string
	for _, s := range i.sentinels {
		at = append(at, s.Addr())
	}
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: group, SentinelAddrs: at, MaxRetries: -1})
	i.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (i *installation) write(key string) {
	i.t.Helper()
	c := i.client()
	i.until("a write of "+key, func() bool { return c.Set(i.t.Context(), key, "v", 0).Err() == nil })
}

func (i *installation) has(keys ...string) {
	i.t.Helper()
	c := i.client()
	i.until("an answer", func() bool { return c.Ping(i.t.Context()).Err() == nil })
	for _, key := range keys {
		if v, err := c.Get(i.t.Context(), key).Result(); err != nil || v != "v" {
			i.t.Errorf("%s is %q, %v", key, v, err)
		}
	}
}

// TestEverythingMoves: all come back at other addresses with their directories, and go on; then the sentinels lose
// theirs as well.
func TestEverythingMoves(t *testing.T) {
	i := install(t)
	i.write("before")
	move := func() {
		for _, m := range i.all() {
			m.Kill()
			m.IP = address()
		}
	}
	move()
	for _, m := range i.all() {
		i.start(m)
	}
	i.whole()
	i.has("before")
	i.write("between")
	move()
	for _, s := range i.sentinels {
		s.Dir = t.TempDir()
	}
	for _, m := range i.all() {
		i.start(m)
	}
	i.whole()
	i.has("before", "between")
}

// TestWipedSentinels: one sentinel after the other comes back without its directory, and the quorum is whole again
// without a hand each time.
func TestWipedSentinels(t *testing.T) {
	i := install(t)
	for n, s := range i.sentinels {
		s.Kill()
		s.Dir = t.TempDir()
		i.start(s)
		i.write(fmt.Sprint("wiped ", n))
		i.whole()
	}
	i.has("wiped 0", "wiped 1", "wiped 2")
}

// TestWrongJoin: a node that is told to join another installation beside its own stays where it belongs; both lose
// nothing, and both say so.
func TestWrongJoin(t *testing.T) {
	a, b := install(t), install(t)
	a.write("a")
	b.write("b")
	m := b.nodes[2]
	m.Kill()
	b.start(m, a.seeds())
	refused := func(i *installation, name string) {
		i.until(name+" says who was refused", func() bool {
			for _, s := range i.sentinels {
				if strings.Contains(i.status(s), "REFUSED") && strings.Contains(s.Log(), "is not let in") {
					return true
				}
			}
			return false
		})
	}
	refused(a, "the installation that was joined")
	if !strings.Contains(m.Log(), "is not let in") {
		t.Errorf("the node does not say whom it refuses:\n%s", m.Log())
	}
	b.whole()
	a.whole()
	a.has("a")
	b.has("b")
	if v, err := a.client().Exists(t.Context(), "b").Result(); err != nil || v != 0 {
		t.Errorf("the one has the other's data: %d, %v", v, err)
	}
}
