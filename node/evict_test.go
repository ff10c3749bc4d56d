package node

import (
	"math"
	"strconv"
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// Lowering maxmemory evicts in the background, without anybody asking for anything.
func TestEvictionGoesOnInTheBackground(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "maxmemory-policy allkeys-lru",
			"maxmemory-eviction-tenacity 0")
		defer n.Close()
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		defer c.Close()
		for i := range 1000 {
			c.do("SET", "key:"+strconv.Itoa(i), "value")
		}
		if got := c.do("CONFIG", "SET", "maxmemory", "1"); got != "OK" {
			t.Fatal(got)
		}
		time.Sleep(time.Second)
		n.engine.Lock()
		left, evicted := n.env.Store.DB(0).Len(), n.env.Stats.EvictedKeys
		n.engine.Unlock()
		if left != 0 || evicted != 1000 {
			t.Errorf("%d keys are left, %d were evicted", left, evicted)
		}
	})
}

// Keys that nobody asks for are deleted soon after their time, many of them within the share of the time that is
// allowed.
func TestActiveExpiry(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		defer n.Close()
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		defer c.Close()
		for i := range 3000 {
			c.do("SET", "key:"+strconv.Itoa(i), "value", "PX", "500")
		}
		c.do("SET", "stays", "value", "EX", "100")
		time.Sleep(5 * time.Second)
		n.engine.Lock()
		left, stale := n.env.Store.DB(0).Len(), n.env.Stats.StalePerc
		n.engine.Unlock()
		if left != 1 || stale == 0 {
			t.Errorf("%d keys are left, %.2f %% were stale", left, stale)
		}
	})
}

func TestHeapLimit(t *testing.T) {
	for maxmemory, want := range map[int64]int64{0: math.MaxInt64, math.MaxInt64: math.MaxInt64,
		1 << 30: 1<<30 + 1<<29 + 64<<20} {
		if got := heapLimit(maxmemory); got != want {
			t.Errorf("maxmemory %d: the heap is limited to %d, want %d", maxmemory, got, want)
		}
	}
}
