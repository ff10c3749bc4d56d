package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/servers"
)

// TestRQ: every job that enqueue() returned for runs, through a kill -9 of the master, and its result is in the stream
// that rq keeps of it. The worker is busy at the kill, so that no job is on its way to it.
func TestRQ(t *testing.T) {
	needs(t, "python3-rq", python, "-c", "import rq, redis")
	g := servers.Up(t)
	dir := unpacked(t)
	ran, until := filepath.Join(dir, "ran"), filepath.Join(dir, "until")
	env := []string{"RAN=" + ran, "SENTINELS=" + strings.Join(g.Sentinels(), ",")}
	worker(t, dir, env, "Listening on", python, "rq_worker.py")
	c := start(t, dir, env, python, "rq_send.py")
	c.waits("sent", 20)
	c.tell(until)
	waitFor(t, "a job to be held", func() bool { return strings.Contains(content(t, ran), "held") })
	g.KillFirst()
	c.waits("sent", len(c.said("sent"))+50)
	if err := os.WriteFile(until, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.waits("sent", len(c.said("sent"))+20)
	c.end()
	waitFor(t, "the jobs to run", func() bool {
		count := runs(t, ran)
		return !slices.ContainsFunc(c.said("sent"), func(n string) bool { return count[n] == 0 })
	})
	if said := c.said("result"); !slices.Equal(said, []string{"SUCCESSFUL True 1"}) {
		t.Errorf("of the last job rq says %q", said)
	}
	t.Logf("%d jobs were enqueued, enqueue() failed for %d", len(c.said("sent")), len(c.said("failed")))
}

// TestChannels: what was sent to a channel of channels_redis while nobody received is there after a kill -9 of the
// master, each message once.
func TestChannels(t *testing.T) {
	needs(t, "python3-channels-redis", python, "-c", "import channels_redis.core")
	g := servers.Up(t)
	c := start(t, unpacked(t), []string{"SENTINELS=" + strings.Join(g.Sentinels(), ",")}, python, "channels_send.py")
	c.waits("sent", 100)
	g.KillFirst()
	c.waits("sent", len(c.said("sent"))+100)
	c.end()
	received := map[string]int{}
	for _, n := range c.said("received") {
		received[n]++
		if received[n] > 1 {
			t.Errorf("message %s was received twice", n)
		}
	}
	for _, n := range c.said("sent") {
		if received[n] == 0 {
			t.Errorf("message %s was sent, and never received", n)
		}
	}
	t.Logf("%d messages were sent, %d failed, %d were received", len(c.said("sent")), len(c.said("failed")),
		len(received))
}
