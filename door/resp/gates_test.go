package resp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/memfs"
	"holdfast/node/config"
)

// TestRepliesBeforeAGateLeave: in a pipeline, what stands before the first reply that has to wait doesn't wait with it.
func TestRepliesBeforeAGateLeave(t *testing.T) {
	for _, test := range []struct {
		name, pipeline, now, later string
		leased                     bool
	}{
		{"a read of a key that changes", "get free,echo a,get busy,get free", "$-1\r\n$1\r\na\r\n",
			"$1\r\n1\r\n$-1\r\n", true},
		{"a write", "get free,set k 1,get free", "$-1\r\n", "+OK\r\n$-1\r\n", true},
		{"the first one waits", "get busy,get free", "", "$1\r\n1\r\n$-1\r\n", true},
		{"all keys", "get free,dbsize", "$-1\r\n", ":1\r\n", true},
		{"a transaction", "get free,multi,get free,get busy,exec,get free", "$-1\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n",
			"*2\r\n$-1\r\n$1\r\n1\r\n$-1\r\n", true},
		{"a write without effect", "get free,set busy 2 nx,get free", "$-1\r\n", "$-1\r\n$-1\r\n", true},
		{"without a lease all that was read waits", "get free,get busy", "", "$-1\r\n$1\r\n1\r\n", false},
		{"without a lease all that was read waits for a marker", "get free,get free", "", "$-1\r\n$-1\r\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := gatedMaster(t)
			if n.lease.SetInChain(true); test.leased {
				n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
			}
			writer, d := driverOf(n, 1), driverOf(n, 2)
			writer.do("set busy 1")
			d.do(strings.Split(test.pipeline, ",")...)
			if got := d.taken(n.log.Commit()); got != test.now {
				t.Errorf("at once %q, want %q", got, test.now)
			}
			if got := d.taken(n.log.End() - 1); got != "" && test.now == "" && !test.leased {
				t.Errorf("before the end is committed %q", got)
			}
			if got := d.taken(n.log.End()); got != test.later {
				t.Errorf("then %q, want %q", got, test.later)
			}
		})
	}
}

// TestStandaloneReadsWaitForTheDisk: with a log on disk and nobody else, a read of a key waits for the key's last
// change to be there.
func TestStandaloneReadsWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := config.Default()
		if err := settings.Set("appendonly", []string{"yes"}); err != nil {
			t.Fatal(err)
		}
		n, kept := newTestDoor(t, settings, memfs.New(), false)
		if err := kept.Open(); err != nil {
			t.Fatal(err)
		}
		if err := kept.Load(); err != nil {
			t.Fatal(err)
		}
		writer, d := driverOf(n, 1), driverOf(n, 2)
		writer.do("set busy 1")
		end := n.log.End()
		writer.do("set other 1")
		d.do("get busy")
		if got := d.ctx.Gate(); got != end {
			t.Errorf("a read waits for offset %d, the key was changed at %d", got, end)
		}
		if d.do("get free"); d.ctx.Gate() != 0 {
			t.Errorf("a read of a key that nobody changed waits for offset %d", d.ctx.Gate())
		}
		n.end()
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
}
