package persist_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/memfs"
	"holdfast/node/engine"
	"holdfast/node/persist"
	"holdfast/replication"
)

// answers runs a command and compares the reply, as it goes over the wire.
func (k *keeper) answers(line, want string) {
	k.t.Helper()
	if got := k.do(line); got != want {
		k.t.Errorf("%s: %q, want %q", line, got, want)
	}
}

// TestRewindOfADamagedLog: what can be loaded only in part is dropped whole, and what comes next begins with nothing.
func TestRewindOfADamagedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := kept{files: memfs.New(), lines: []string{"appendonly yes"}}
		k := startKeeper(t, in)
		k.allTypes()
		k.answers("bgrewriteaof", "+Background append only file rewriting started")
		time.Sleep(time.Second)
		k.allTypes()
		id, end := k.log.ID(), k.log.End()
		k.answers("set uncommitted x", "+OK")
		names, err := in.files.List("appendonlydir")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".base.rdb") {
				f, err := in.files.Open("appendonlydir/" + name)
				if err == nil {
					_, err = f.WriteAt([]byte{0xff}, 300)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		predecessor := new(engine.Source)
		k.engine.Do(func(time.Time) { k.engine.Follow(predecessor) })
		if err := k.Rewind(end, predecessor); err == nil {
			t.Fatal("a damaged base was loaded")
		}
		const loading = "-LOADING Redis is loading the dataset in memory"
		k.answers("dbsize", loading)
		k.answers("save", loading)
		if k.log.ID() == id || k.log.End() != 0 {
			t.Errorf("the log is %s:%d still", k.log.ID(), k.log.End())
		}
		if err := k.engine.Broken(); err == nil || !strings.Contains(err.Error(), "could not be rewound") ||
			k.epochs.Log.Load() != 0 {
			t.Errorf("it says of itself: %v, epoch %d", err, k.epochs.Log.Load())
		}
		time.Sleep(time.Second)
		nothing := "REDIS0010\xff\x00\x00\x00\x00\x00\x00\x00\x00"
		if err := k.LoadCopy(strings.NewReader(nothing), persist.Copy{By: predecessor, From: "a master",
			Position: replication.Position{ID: strings.Repeat("z", 40), Offset: 7}}); err != nil {
			t.Fatal(err)
		}
		if err := k.engine.Broken(); err != nil {
			t.Errorf("it has all that was copied, and says: %v", err)
		}
		k.answers("dbsize", ":0")
		k.answers("set k v", "+OK")
		k.end()
		k = startKeeper(t, in)
		k.answers("keys *", "*1\r\n$1\r\nk")
		k.end()
	})
}

// TestHistoryIsKeptInParts: a log that has become long is in several files, so that a rewrite drops what is older than
// repl-log-retention, and not what is younger.
func TestHistoryIsKeptInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := startKeeper(t, kept{files: memfs.New(), lines: []string{"appendonly yes", "repl-log-retention 1mb",
			"auto-aof-rewrite-percentage 0"}})
		defer k.end()
		first := func() int64 { return k.FirstKept() }
		set := "SET k " + strings.Repeat("x", 1<<20)
		for range 3 {
			for range persist.SplitSize >> 20 {
				k.do(set)
			}
			time.Sleep(2 * persist.SyncEvery)
		}
		k.do("SET k v")
		if first() != 0 {
			t.Fatal("something was dropped without a rewrite")
		}
		k.do("BGREWRITEAOF")
		time.Sleep(persist.SyncEvery)
		if end := k.log.End(); end-first() < 1<<20 || end-first() > 2*persist.SplitSize {
			t.Errorf("of a log of %d bytes, %d are kept", end, end-first())
		}
	})
}

// TestScheduledSnapshots: one snapshot is made at a time. BGREWRITEAOF and BGSAVE SCHEDULE wait for their turn.
func TestScheduledSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := startKeeper(t, kept{dir: t.TempDir(), lines: []string{"appendonly yes"}})
		defer k.end()
		next := func() {
			time.Sleep(time.Second)
			k.engine.Do(func(time.Time) { k.StartScheduled() })
			time.Sleep(time.Second)
		}
		k.do("SET a 1")
		im := k.snapshot() // somebody else's, as a full copy
		if info := k.info(); info.SnapshotKeys != 1 || info.SnapshotSaved != 0 {
			t.Errorf("of the snapshot's keys %d of %d are saved", info.SnapshotSaved, info.SnapshotKeys)
		}
		k.answers("BGSAVE", "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE "+
			"SCHEDULE in order to schedule a BGSAVE whenever possible.")
		k.answers("BGSAVE SCHEDULE", "+Background saving scheduled")
		k.answers("BGREWRITEAOF", "+Background append only file rewriting scheduled")
		next()
		if info := k.info(); !info.Log.Scheduled || info.Log.Rewrites != 0 || info.Saves != 0 {
			t.Errorf("while another snapshot is made: %+v", info)
		}
		if err := im.Close(); err != nil {
			t.Fatal(err)
		}
		next()
		next()
		if info := k.info(); info.Log.Scheduled || info.Log.Rewrites != 1 || info.Saves != 1 || info.SnapshotKeys != 0 {
			t.Errorf("afterwards: %+v", info)
		}
	})
}

// TestDumpSaysWhatItNeeds: a snapshot of data that need a level is loaded by who understands it, who needs it from then
// on, and by nobody else.
func TestDumpSaysWhatItNeeds(t *testing.T) {
	dump := func(k *keeper) []byte {
		var b bytes.Buffer
		if _, err := k.snapshot().WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	load := func(k *keeper, text []byte) error {
		l := k.Disk.Loader
		_, err := l.Load(bytes.NewReader(text), l.NewStore())
		return err
	}
	if text := dump(newKeeper(t, kept{level: 3})); bytes.Contains(text, []byte(persist.NeedsField)) {
		t.Error("data of the first level say what they need")
	}
	from, to := newKeeper(t, kept{level: 3}), newKeeper(t, kept{level: 3})
	if err := from.levels.Need(3); err != nil {
		t.Fatal(err)
	}
	text := dump(from)
	if err := load(to, text); err != nil || to.levels.Needs() != 3 {
		t.Errorf("%v, it needs %d", err, to.levels.Needs())
	}
	if err := load(newKeeper(t, kept{level: 2}), text); err == nil ||
		!strings.Contains(err.Error(), "the dump is of a newer version") {
		t.Errorf("an older version: %v", err)
	}
	damaged := bytes.Replace(text, []byte("holdfast-needs\xc0\x03"), []byte("holdfast-needs\x01x"), 1)
	if load(to, damaged) == nil {
		t.Error("a level that is no number was taken")
	}
}
