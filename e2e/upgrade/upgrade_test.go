package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/cluster"
	"holdfast/internal/servers"
	"holdfast/resp"
	"holdfast/sentinel"
	"holdfast/transport"
)

func TestMain(m *testing.M) { servers.Main(m) }

// before is the feature level of the earlier program.
const before = cluster.LevelNow - 1

// patience is for a busy machine; what is awaited takes a few seconds.
const patience = 60 * time.Second

type group struct {
	t                *testing.T
	old, new         string // programs
	sentinels, nodes []*servers.Member
}

func (g *group) add(kind string, n int) *servers.Member {
	m := &servers.Member{Kind: kind, Path: g.old, IP: fmt.Sprintf("127.0.26.%d", n), Port: 25379, Dir: g.t.TempDir()}
	m.KillAtEnd(g.t)
	return m
}

func (g *group) start(m *servers.Member) {
	g.t.Helper()
	var seeds []string
	for _, s := range g.sentinels {
		seeds = append(seeds, s.Gossip())
	}
	m.Start(g.t, strings.Join(seeds, ","))
}

// status is what a sentinel says; an old one says nothing of levels.
func (g *group) status(s *servers.Member) (st sentinel.Status) {
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Second)
	defer cancel()
	client, err := resp.Dial(ctx, transport.Host{}, s.Addr())
	if err != nil {
		return st
	}
	defer client.Close()
	if v, err := client.Do(ctx, "HOLDFAST", "STATUS"); err == nil {
		_ = json.Unmarshal(v.Str, &st) // what can't be read is not what is waited for
	}
	return st
}

func (g *group) until(what string, ok func() bool) {
	g.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			text, _ := json.MarshalIndent(g.status(g.sentinels[0]), "", " ")
			g.t.Fatalf("waited in vain for %s:\n%s", what, text)
		}
	}
}

// whole waits until all sentinels vote and all nodes are in the chain.
func (g *group) whole() {
	g.t.Helper()
	g.until("a whole group", func() bool {
		for _, s := range g.sentinels {
			st := g.status(s)
			voters := 0
			for _, o := range st.Sentinels {
				if o.Voter && o.Alive {
					voters++
				}
			}
			if !st.InTouch || voters != len(g.sentinels) || len(st.Groups) != 1 ||
				len(st.Groups[0].Chain) != len(g.nodes) {
				return false
			}
			for _, m := range st.Groups[0].Chain {
				if m.Sdown || !m.Lease || m.SilentMs < 0 {
					return false
				}
			}
		}
		return true
	})
}

// levels waits until the sentinels and the group are of these levels.
func (g *group) levels(sentinels, nodes cluster.Level) {
	g.t.Helper()
	g.until(fmt.Sprintf("levels %d and %d", sentinels, nodes), func() bool {
		for _, s := range g.sentinels {
			if st := g.status(s); s.Path == g.new &&
				(st.Level != sentinels || len(st.Groups) != 1 || st.Groups[0].Level != nodes) {
				return false
			}
		}
		return true
	})
}

// roll stops members one after the other, and starts each as another version.
func (g *group) roll(members []*servers.Member, path string) {
	g.t.Helper()
	for _, m := range members {
		m.Stop(g.t)
		m.Path = path
		g.start(m)
		g.whole()
	}
}

// replace kills a node, and starts another in its place, as another version with an empty directory: it gets a copy of
// the data from one of the others.
func (g *group) replace(m *servers.Member, path string) {
	g.t.Helper()
	at := func() string {
		for _, group := range g.status(g.sentinels[0]).Groups {
			for _, o := range group.Chain {
				if o.Addr == m.Addr() {
					return o.Incarnation
				}
			}
		}
		return ""
	}
	before := at()
	m.Kill()
	m.Path, m.Dir = path, g.t.TempDir()
	g.start(m)
	g.until("the node that replaces one that was killed",
		func() bool { now := at(); return now != "" && now != before })
	g.whole()
}

func (g *group) client() *redis.Client {
	var at []string
	for _, s := range g.sentinels {
		at = append(at, s.Addr())
	}
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: at,
		ContextTimeoutEnabled: true})
	g.t.Cleanup(func() { _ = c.Close() })
	return c
}

// load writes until it is stopped, and then answers what was acknowledged.
type load struct {
	stop  context.CancelFunc
	work  sync.WaitGroup
	mu    sync.Mutex
	acked []string
	errs  []error
}

const writers = 4

func (g *group) load() *load {
	ctx, stop := context.WithCancel(g.t.Context())
	l := &load{stop: stop}
	for w := range writers {
		c := g.client()
		l.work.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("k:%d:%d", w, i)
				err := c.Set(ctx, key, key, 0).Err()
				l.mu.Lock()
				if err == nil {
					l.acked = append(l.acked, key)
				} else if !errors.Is(err, context.Canceled) {
					l.errs = append(l.errs, err)
				}
				l.mu.Unlock()
				time.Sleep(time.Millisecond) // a group under load, not a machine under pressure
			}
		})
	}
	return l
}

// missing is what a node lacks of what was acknowledged.
func (g *group) missing(m *servers.Member, keys []string) (lost int) {
	g.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: m.Addr()})
	defer c.Close()
	const batch = 1000
	for from := 0; from < len(keys); from += batch {
		part := keys[from:min(from+batch, len(keys))]
		values, err := c.MGet(g.t.Context(), part...).Result()
		if err != nil {
			g.t.Fatalf("%s: %v", m.Addr(), err)
		}
		for i, v := range values {
			if v != part[i] {
				lost++
			}
		}
	}
	return lost
}

// TestRoll: a group is upgraded member by member, sentinels first, and taken back again, one of the nodes each time by
// a new one that copies the data from another version, and no acknowledged write is lost.
func TestRoll(t *testing.T) {
	g := &group{t: t, old: servers.Earlier(t, int(before)), new: servers.Binary(t)}
	for n := range 3 {
		g.sentinels = append(g.sentinels, g.add("sentinel", n+1))
		g.nodes = append(g.nodes, g.add("node", n+11))
	}
	for _, m := range append(append([]*servers.Member{}, g.sentinels...), g.nodes...) {
		g.start(m)
	}
	g.whole()
	l := g.load()

	g.roll(g.sentinels[:2], g.new)
	g.levels(before, before)
	g.roll(g.sentinels[2:], g.new)
	g.levels(cluster.LevelNow, before)
	g.roll(g.nodes[:1], g.new)
	g.replace(g.nodes[1], g.new)
	g.levels(cluster.LevelNow, before)
	g.until("a word on who holds back the level", func() bool {
		return strings.Contains(g.status(g.sentinels[0]).Groups[0].Held, fmt.Sprintf("understands level %d", before))
	})
	g.roll(g.nodes[2:], g.new)
	g.levels(cluster.LevelNow, cluster.LevelNow)

	inUse := fmt.Sprintf("level %d is in use here", cluster.LevelNow)
	late := g.add("node", 14)
	g.start(late)
	g.until("the refusal of an old node", func() bool {
		for _, m := range g.status(g.sentinels[0]).Groups[0].Others {
			if m.Addr == late.Addr() &&
				strings.Contains(m.Refused, fmt.Sprintf("understands feature level %d, and %s", before, inUse)) {
				return true
			}
		}
		return false
	})
	g.until("its own word on that", func() bool { return strings.Contains(late.Log(), inUse) })
	late.Kill()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err := resp.Dial(ctx, transport.Host{}, g.sentinels[0].Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Do(ctx, "SENTINEL", "SET", "mymaster", "feature-level", int(before)); err != nil {
		t.Fatal(err)
	}
	g.levels(before, before)
	g.replace(g.nodes[0], g.old)
	g.roll(g.nodes[1:], g.old)
	g.roll(g.sentinels, g.old)

	l.stop()
	l.work.Wait()
	if len(l.acked) < writers*100 {
		t.Errorf("only %d writes were acknowledged", len(l.acked))
	}
	for _, m := range g.nodes {
		if lost := g.missing(m, l.acked); lost > 0 {
			t.Errorf("%s lacks %d of %d acknowledged writes", m.Addr(), lost, len(l.acked))
		}
	}
	t.Logf("%d writes acknowledged, %d errors: %v", len(l.acked), len(l.errs), l.errs[:min(3, len(l.errs))])
}
