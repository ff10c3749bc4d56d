package programs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

// TestSidekiq: jobs for later and jobs that are tried again run, also those that were pushed before, while and after
// the master was killed. Sidekiq's own BRPOP takes a job out before anybody has it, so that a job could be lost on its
// way to a worker whatever the server does; none is on its way at the kill: what is pushed then becomes due later.
func TestSidekiq(t *testing.T) {
	needs(t, "ruby-sidekiq", "sidekiq", "-V")
	g := servers.Up(t)
	dir := unpacked(t)
	ran, hold := filepath.Join(dir, "ran"), filepath.Join(dir, "hold")
	env := []string{"RAN=" + ran, "HOLD=" + hold, "SENTINELS=" + strings.Join(g.Sentinels(), ",")}
	worker(t, dir, env, "the worker is ready", "sidekiq", "-r", "./sidekiq_jobs.rb", "-c", "4")
	c := start(t, dir, env, ruby, "sidekiq_send.rb")
	missing := func() (n int) {
		count := runs(t, ran)
		for _, s := range c.said("sent") {
			if count[s] == 0 {
				n++
			}
		}
		return n
	}

	c.tell("now 50")
	c.tell("in 50")
	c.waits("sent", 100)
	waitFor(t, "the first jobs to run", func() bool { return missing() == 0 })

	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.tell("flaky 20")
	c.waits("sent", 120)
	store := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: g.Sentinels()})
	defer store.Close()
	waitFor(t, "20 jobs to be tried again", func() bool { return store.ZCard(t.Context(), "retry").Val() == 20 })
	c.tell("on")
	c.waits("sent", 170)
	g.KillFirst()
	c.waits("sent", len(c.said("sent"))+100)
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	c.waits("sent", len(c.said("sent"))+50)
	c.end()
	waitFor(t, "the jobs to run", func() bool { return missing() == 0 })
	for word, n := range runs(t, ran) {
		if n != 1 {
			t.Errorf("%s ran %d times", word, n)
		}
	}
	t.Logf("%d jobs were pushed, %d pushes failed; all ran once", len(c.said("sent")), len(c.said("failed")))
}
