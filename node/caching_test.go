package node

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"holdfast/internal/simnet"
	"holdfast/resp"
)

// cachingClient keeps what it reads until it is told to forget it.
type cachingClient struct {
	t     *testing.T
	conn  net.Conn
	r     *resp.Reader
	cache map[string]string
}

func newCachingClient(t *testing.T, host *simnet.Host, addr string, tracking ...string) *cachingClient {
	conn, err := host.Dial(t.Context(), addr+":6379")
	if err != nil {
		t.Fatal(err)
	}
	c := &cachingClient{t: t, conn: conn, r: resp.NewReader(conn), cache: map[string]string{}}
	c.do("hello", "3")
	if len(tracking) > 0 {
		c.do(append([]string{"client", "tracking", "on"}, tracking[1:]...)...)
	}
	return c
}

// do sends a command, and obeys the invalidations that come before its answer.
func (c *cachingClient) do(args ...string) string {
	if _, err := c.conn.Write(resp.AppendCommandStrings(nil, args...)); err != nil {
		c.t.Error(err)
		return ""
	}
	for {
		v, err := c.r.ReadValue()
		if err != nil {
			c.t.Error(err)
			return ""
		}
		if v.Kind != resp.KindPush {
			return v.String()
		}
		if v.Elems[1].Null {
			clear(c.cache)
		}
		for _, key := range v.Elems[1].Elems {
			delete(c.cache, string(key.Str))
		}
	}
}

func (c *cachingClient) get(key string) {
	if _, cached := c.cache[key]; !cached {
		value := c.do("get", key) // an invalidation that comes before the answer is of an older value
		c.cache[key] = value
	}
}

// TestCachesAreNeverStale has clients of a master and of its replica cache what they read while others write: once all
// is quiet, what they still hold is what there is.
func TestCachesAreNeverStale(t *testing.T) {
	for seed := range uint64(5) {
		world(t, func(t *testing.T, net *simnet.Network) {
			a := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
			b := startNode(t, net.Host("10.0.0.2"), "10.0.0.2")
			outside := net.Host("10.0.0.9")
			dial(t, outside, "10.0.0.2").do("REPLICAOF", "10.0.0.1", "6379")
			time.Sleep(3 * time.Second)
			end := time.Now().Add(2 * time.Second)
			var work sync.WaitGroup
			for i := range uint64(3) {
				work.Go(func() {
					scribble(newCachingClient(t, outside, "10.0.0.1"), rand.New(rand.NewPCG(seed, i)),
						end)
				})
			}
			var readers []*cachingClient
			for i, addr := range []string{"10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"} {
				options := []string{"on"}
				if i%2 == 1 {
					options = []string{"on", "bcast"}
				}
				c := newCachingClient(t, outside, addr, options...)
				readers = append(readers, c)
				rng := rand.New(rand.NewPCG(seed, 100+uint64(i)))
				work.Go(func() {
					for time.Now().Before(end) {
						c.get(fmt.Sprint("k", rng.IntN(20)))
						if rng.IntN(4) == 0 {
							c.do("ping") // takes what has come
						}
						time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
					}
				})
			}
			work.Wait()
			time.Sleep(time.Second)
			held := 0
			for i, c := range readers {
				c.do("ping")
				held += len(c.cache)
				for key, value := range c.cache {
					if now := c.do("get", key); now != value {
						t.Errorf("seed %d: reader %d holds %s = %q, it is %q", seed, i, key, value, now)
					}
				}
			}
			if held == 0 {
				t.Error("nobody holds anything")
			}
			for _, n := range []*Node{a, b} {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// scribble writes in all the ways that change keys.
func scribble(c *cachingClient, rng *rand.Rand, end time.Time) {
	for step := 0; time.Now().Before(end); step++ {
		key, other := fmt.Sprint("k", rng.IntN(20)), fmt.Sprint("k", rng.IntN(20))
		switch rng.IntN(12) {
		case 0:
			c.do("del", key)
		case 1:
			c.do("set", key, "short", "px", "5")
		case 2:
			c.do("rename", key, other)
		case 3:
			c.do("multi")
			c.do("append", key, "x")
			c.do("getset", other, fmt.Sprint(step))
			c.do("exec")
		case 4:
			if rng.IntN(20) == 0 {
				c.do("flushall")
			}
		case 5:
			c.do("mset", key, "1", other, "2")
		default:
			c.do("set", key, fmt.Sprint(rng.Uint64()))
		}
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
	}
}
