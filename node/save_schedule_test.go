package node

import (
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// TestScheduledSnapshots: one snapshot is made at a time. BGREWRITEAOF and BGSAVE SCHEDULE wait for their turn.
func TestScheduledSnapshots(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		host := net.Host("10.0.0.1")
		n := startIn(t, host, "10.0.0.1", t.TempDir(), "appendonly yes")
		c := dial(t, host, "10.0.0.1")
		c.do("SET", "a", "1")
		time.Sleep(time.Second)
		n.mu.Lock()
		<-n.snapshots
		im := n.newImage() // somebody else's, as a full copy
		n.mu.Unlock()
		fields(c, "persistence", "current_save_keys_total 1", "current_save_keys_processed 0", "current_fork_perc 0.00")
		c.answers("BGSAVE", "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
		c.answers("BGSAVE SCHEDULE", "Background saving scheduled")
		c.answers("BGREWRITEAOF", "Background append only file rewriting scheduled")
		time.Sleep(time.Second)
		fields(c, "persistence", "aof_rewrite_scheduled 1", "aof_pending_rewrite 1", "aof_rewrites 0", "rdb_saves 0")
		if err := im.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		fields(c, "persistence", "aof_rewrite_scheduled 0", "aof_pending_rewrite 0", "aof_rewrites 1", "rdb_saves 1", "current_save_keys_total 0")
		_ = n.Close()
	})
}
