package programs

import (
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

// TestLocks: redis-py's lock has one holder at a time, through a kill -9 of the master: no two are in the section, no
// increment is lost, and the fencing numbers grow. What it needs is known by its SHA1 to the next master.
func TestLocks(t *testing.T) {
	needs(t, "python3-redis", python, "-c", "import redis")
	g := servers.Up(t)
	dir := unpacked(t)
	env := []string{"SENTINELS=" + strings.Join(g.Sentinels(), ",")}
	var clients []*client
	for range 3 {
		clients = append(clients, start(t, dir, env, python, "locks.py"))
	}
	for _, c := range clients {
		c.waits("section", 50)
	}
	master := g.KillFirst()
	for _, c := range clients {
		c.waits("section", len(c.said("section"))+50)
	}
	made := map[string]bool{}
	sections := 0
	for _, c := range clients {
		c.end()
		for _, n := range c.said("section") {
			sections++
			made[n] = true
		}
		for _, wrong := range []string{"two", "lost", "died"} {
			if said := c.said(wrong); len(said) > 0 {
				t.Errorf("%d times: %s %s", len(said), wrong, said[0])
			}
		}
	}
	now := asked(t, master)
	if n, err := now.Get(t.Context(), "counter").Int(); err != nil || n != sections || len(made) != sections {
		t.Errorf("%d sections made %d numbers, and the counter is %d, %v", sections, len(made), n, err)
	}
	last := 0
	for line := range strings.Lines(content(t, dir+"/fences")) {
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || n <= last {
			t.Errorf("fence %d is followed by %d, %v", last, n, err)
		}
		last = n
	}
	knows(t, now)
	t.Logf("%d sections of 12 threads", sections)
}

// asked is a client of one node.
func asked(t *testing.T, port int) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strconv.Itoa(port)})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// knows expects that a node has run scripts by their SHA1, and that it was given none: it knew them since before it was
// the master.
func knows(t *testing.T, c *redis.Client) {
	t.Helper()
	info, err := c.InfoMap(t.Context(), "commandstats", "errorstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	stats := info["Commandstats"]
	if stats["cmdstat_evalsha"] == "" {
		t.Error("the new master has run no script by its SHA1")
	}
	if s := stats["cmdstat_script|load"] + stats["cmdstat_eval"]; s != "" {
		t.Errorf("the new master was given scripts: %s", s)
	}
	if s := info["Errorstats"]["errorstat_NOSCRIPT"]; s != "" {
		t.Errorf("the new master did not know a script: %s", s)
	}
}
