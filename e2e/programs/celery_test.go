package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/servers"
)

// TestCelery: every task that delay() returned for runs, through a kill -9 of the master.
func TestCelery(t *testing.T) {
	needs(t, "python3-celery", python, "-c", "import celery, redis")
	t.Run("sentinel", func(t *testing.T) {
		g := servers.Up(t)
		url := "sentinel://" + strings.Join(g.Sentinels(), ";sentinel://")
		celery(t, g, "BROKER="+url, "BACKEND="+url, "MASTER_NAME=mymaster")
	})
	t.Run("redis", func(t *testing.T) {
		g := servers.Up(t)
		url := "redis://" + front(t, g.Sentinels())
		celery(t, g, "BROKER="+url+"/0", "BACKEND="+url+"/1")
	})
}

func celery(t *testing.T, g *servers.Group, env ...string) {
	dir := unpacked(t)
	ran, until := filepath.Join(dir, "ran"), filepath.Join(dir, "until")
	env = append(env, "RAN="+ran)
	worker(t, dir, env, "ready.", python, "-m", "celery", "-A", "celery_tasks", "worker", "-c", "2", "-l", "INFO", "-n",
		"one@here")
	c := start(t, dir, env, python, "celery_send.py")
	c.waits("sent", 50)
	c.tell(until)
	waitFor(t, "two tasks to be held", func() bool { return strings.Count(content(t, ran), "held") == 2 })
	g.KillFirst()
	c.waits("sent", len(c.said("sent"))+100)
	if err := os.WriteFile(until, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.waits("sent", len(c.said("sent"))+50)
	c.end()
	asked := start(t, dir, env, python, "celery_ask.py")
	asked.end()
	want := []string{"result one", "later two", "again 3", "chord 10"}
	if said := asked.said(""); !slices.Equal(said, want) {
		t.Errorf("after the failover Celery's other ways of asking came to %q, want %q", said, want)
	}

	sent := c.said("sent")
	missing := func() (n int) {
		count := runs(t, ran)
		for _, s := range sent {
			if count[s] == 0 {
				n++
			}
		}
		return n
	}
	waitFor(t, "the tasks to run", func() bool { return missing() == 0 })
	twice := 0
	for _, n := range runs(t, ran) {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d tasks were sent, delay() failed for %d; all ran, %d of them more than once", len(sent),
		len(c.said("failed")), twice)
}
