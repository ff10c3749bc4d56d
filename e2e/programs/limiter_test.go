package programs

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// TestSlidingWindow: a window lets through as many as it should, not one more, through a kill -9 of the master. Who got
// no answer asks again for the same, so that the long window comes out exactly.
func TestSlidingWindow(t *testing.T) {
	needs(t, "python3-redis", python, "-c", "import redis")
	g := servers.Up(t)
	dir := unpacked(t)
	env := []string{"SENTINELS=" + strings.Join(g.Sentinels(), ",")}
	var clients []*client
	for range 2 {
		clients = append(clients, start(t, dir, env, python, "limiter.py"))
	}
	for _, c := range clients {
		c.waits("asked", 100) // and not more than half of the long window
	}
	master := g.KillFirst()
	for _, c := range clients {
		c.waits("asked", len(c.said("asked"))+1000)
	}
	long := 0
	var short []int
	for _, c := range clients {
		c.end()
		if died := c.said("died"); len(died) > 0 {
			t.Error(died)
		}
		long += len(c.said("hour"))
		for _, s := range c.said("short") {
			at, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			short = append(short, at)
		}
	}
	if long != 1000 {
		t.Errorf("the window of an hour let %d through, not 1000", long)
	}
	const window, limit = 200 * time.Millisecond, 20
	slices.Sort(short)
	for i := limit; i < len(short); i++ {
		if d := time.Duration(short[i]-short[i-limit]) * time.Microsecond; d < window {
			t.Errorf("%d were let through within %v", limit+1, d)
		}
	}
	if len(short) <= limit {
		t.Errorf("the short window let only %d through", len(short))
	}
	knows(t, asked(t, master))
	t.Logf("the window of an hour let %d through, that of %v %d", long, window, len(short))
}

// TestLimits: the moving window of the library limits. A hit without an answer may count or not.
func TestLimits(t *testing.T) {
	needs(t, "python3-limits", python, "-c", "import limits, redis")
	g := servers.Up(t)
	c := start(t, unpacked(t), []string{"SENTINELS=" + strings.Join(g.Sentinels(), ",")}, python, "limits_hit.py")
	c.waits("let", 50)
	master := g.KillFirst()
	c.waits("refused", 100)
	c.end()
	let, failed := len(c.said("let")), len(c.said("failed"))
	if let > 300 || let+failed < 300 {
		t.Errorf("%d were let through of 300, and %d got no answer", let, failed)
	}
	now := asked(t, master)
	if n, err := now.LLen(t.Context(), "LIMITER/all/300/1/hour").Result(); err != nil || n != 300 {
		t.Errorf("the window has %d hits, %v", n, err)
	}
	knows(t, now)
	t.Logf("%d were let through, %d got no answer", let, failed)
}
