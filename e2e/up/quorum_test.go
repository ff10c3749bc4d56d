package up

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestGroupServesWithoutSentinels: with all sentinels stopped, and then dead, a failover client goes on writing, and
// every member answers reads with what was acknowledged last, also after the tail has had to link itself again. With
// the sentinels back nothing has changed.
func TestGroupServesWithoutSentinels(t *testing.T) {
	sentinels, nodes := startMembers(t, 2*time.Second)
	before := chain(t, nodes...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := redis.FailoverOptions{MasterName: "mymaster", MaxRetries: -1, PoolSize: 1}
	for _, s := range sentinels {
		o.SentinelAddrs = append(o.SentinelAddrs, s.addr)
	}
	writer := redis.NewFailoverClient(&o)
	defer writer.Close()
	if err := writer.Set(ctx, "k", "0", 0).Err(); err != nil {
		t.Fatal(err)
	}
	serves := func(when string) {
		t.Helper()
		waitFor(t, "the leases to end", func() bool {
			for _, n := range nodes {
				if n.info("holdfast_lease") != "0" {
					return false
				}
			}
			return true
		})
		for i := range 100 {
			want := fmt.Sprint(when, " ", i)
			if err := writer.Set(ctx, "k", want, 0).Err(); err != nil {
				t.Fatalf("%s: writing: %v", when, err)
			}
			if err := writer.RPush(ctx, "l", want).Err(); err != nil {
				t.Fatalf("%s: writing: %v", when, err)
			}
			for place, n := range before {
				if got, err := n.c.Get(ctx, "k").Result(); err != nil || got != want {
					t.Fatalf("%s: member %d of the chain answers %q, %v, not %q", when, place+1, got, err, want)
				}
				pipe := n.c.TxPipeline()
				last, keys := pipe.LIndex(ctx, "l", -1), pipe.DBSize(ctx)
				if _, err := pipe.Exec(ctx); err != nil || last.Val() != want || keys.Val() != 2 {
					t.Fatalf("%s: member %d of the chain answers %q, %d keys, %v, not %q", when, place+1, last.Val(),
						keys.Val(), err, want)
				}
			}
		}
	}
	for _, s := range sentinels {
		s.pause()
	}
	serves("stopped")
	before[1].do("CLIENT", "KILL", "TYPE", "replica")
	serves("linked again")
	for _, s := range sentinels {
		s.signal(syscall.SIGCONT)
	}
	now := chain(t, nodes...)
	if now[0] != before[0] {
		t.Errorf("%s leads, not %s", now[0].addr, before[0].addr)
	}
	before = now
	for _, s := range sentinels {
		s.Kill()
	}
	serves("dead")
}
