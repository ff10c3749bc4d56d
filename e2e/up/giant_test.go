package up

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestGiantCommandsDeposeNobody: commands of 100 to 300 MB, the largest of which is more than a follower may be behind
// with others, go down a chain while somebody else writes small ones. The chain stays as it is, and nobody is copied
// to anew, whether the log is on disk or not.
func TestGiantCommandsDeposeNobody(t *testing.T) {
	for _, disk := range []string{"yes", "no"} {
		t.Run("appendonly "+disk, func(t *testing.T) { giantCommandsDeposeNobody(t, disk) })
	}
}

func giantCommandsDeposeNobody(t *testing.T, disk string) {
	sentinels, nodes := startMembers(t, 10*time.Second, "--appendonly", disk)
	nodes = chain(t, nodes...)
	for _, s := range sentinels {
		waitFor(t, "all to know of the chain", func() bool { return len(s.status().Groups[0].Chain) == 3 })
	}
	epoch := sentinels[0].status().Groups[0].Epoch
	copies := func() (all []int64) {
		for _, n := range nodes {
			all = append(all, n.count("sync_full"))
		}
		return all
	}
	before := copies()

	block := make([]byte, 1<<20)
	if _, err := rand.Read(block); err != nil {
		t.Fatal(err)
	}
	value := func(megabytes int) []byte { return bytes.Repeat(block, megabytes) }
	pairs := make([]any, 0, 200)
	for range 100 {
		pairs = append(pairs, time.Now().String(), block)
	}
	giant := redis.NewClient(&redis.Options{Addr: nodes[0].addr, MaxRetries: -1, ReadTimeout: 2 * time.Minute,
		WriteTimeout: 2 * time.Minute})
	defer giant.Close()
	small := redis.NewClient(&redis.Options{Addr: nodes[0].addr, MaxRetries: -1, ReadTimeout: 2 * time.Minute})
	defer small.Close()
	for _, c := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"SET of 300 MB", func(ctx context.Context) error { return giant.Set(ctx, "giant", value(300), 0).Err() }},
		{"SETRANGE of 100 MB", func(ctx context.Context) error {
			return giant.SetRange(ctx, "giant", 50<<20,
				string(value(100))).Err()
		}},
		{"MSET of 100 values", func(ctx context.Context) error { return giant.MSet(ctx, pairs...).Err() }},
		{"EXEC with 10 values of 10 MB", func(ctx context.Context) error {
			_, err := giant.TxPipelined(ctx, func(p redis.Pipeliner) error {
				for range 10 {
					p.Set(ctx, "part", value(10), 0)
				}
				return nil
			})
			return err
		}},
	} {
		done := make(chan error, 1)
		go func() { done <- c.do(t.Context()) }()
		var longest time.Duration
		writes := 0
		for going := true; going; writes++ {
			began := time.Now()
			if err := small.Incr(t.Context(), "small").Err(); err != nil {
				t.Fatalf("a small write beside %s: %v", c.name, err)
			}
			longest = max(longest, time.Since(began))
			select {
			case err := <-done:
				if going = false; err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			default:
			}
		}
		t.Logf("%s: %d small writes meanwhile, the longest took %v", c.name, writes, longest.Round(time.Millisecond))
	}
	for i, n := range nodes {
		if got := n.do("STRLEN", "giant"); got != int64(300<<20) {
			t.Errorf("on member %d the value has %v bytes", i, got)
		}
	}
	if after := copies(); !slices.Equal(after, before) {
		t.Errorf("full copies were made: %v, %v before", after, before)
	}
	g := sentinels[0].status().Groups[0]
	if g.Epoch != epoch || len(g.Chain) != 3 {
		t.Errorf("epoch %d became %d, with a chain of %d", epoch, g.Epoch, len(g.Chain))
	}
}
