package command

import (
	"strconv"
	"strings"
	"testing"
)

func TestClientsAreEvictedLargestFirst(t *testing.T) {
	e := newTestEnv(t)
	e.Config.Set("maxmemory-clients", []string{"1mb"})
	var clients []*Context
	for i := range 10 {
		c := e.client()
		clients = append(clients, c)
		if i == 9 {
			e.doAs(c, "client", "no-evict", "on")
		}
		e.doAs(c, "multi")
		e.doAs(c, "set", "k", strings.Repeat("x", 20_000*(i+1)))
		c.S.Stage(0, 0) // which is when what it holds is counted
	}
	e.do("ping")
	total := int64(0)
	for i, c := range clients {
		total += 20_000 * int64(i+1)
		if evicted := i == 8; c.S.Aborted() != evicted {
			t.Errorf("client %d, of %d bytes: evicted %v", i, c.S.Memory(), c.S.Aborted())
		}
	}
	if e.Stats.EvictedClients != 1 {
		t.Errorf("%d evicted of %d bytes", e.Stats.EvictedClients, total)
	}
	big := clients[7]
	e.Config.Set("maxmemory-clients", []string{"128kb"})
	if got := e.doAs(big, "ping"); got != "" || !big.S.Aborted() {
		t.Errorf("the client that is evicted by its own command gets %q", got)
	}
	for _, c := range clients[:7] {
		if !c.S.Aborted() && c.S.Memory() > 100_000 {
			t.Error("a large client stays")
		}
	}
	if got := e.doAs(clients[9], "ping"); got != "+QUEUED" {
		t.Errorf("the spared client gets %q", got)
	}
}

func TestClientMemoryLimit(t *testing.T) {
	e := newTestEnv(t)
	for _, test := range []struct {
		clients   string
		maxmemory int64
		want      int64
	}{
		{"0", 0, 0}, {"1", 0, 128 << 10}, {"1mb", 1, 1 << 20}, {"5%", 100 << 20, 5 << 20}, {"1%", 1 << 20, 128 << 10},
		{"5%", 0, 1<<63 - 1},
	} {
		e.Config.Set("maxmemory-clients", []string{test.clients})
		e.Config.Set("maxmemory", []string{strconv.FormatInt(test.maxmemory, 10)})
		if got := e.clientMemoryLimit(); got != test.want {
			t.Errorf("maxmemory-clients %s, maxmemory %d: %d, want %d", test.clients, test.maxmemory, got, test.want)
		}
	}
}
