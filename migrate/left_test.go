package migrate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/memfs"
	"holdfast/replication/aof"
)

// TestLogThatWasLeft: a log behind which appendonly was switched to no is not taken for all that there is.
func TestLogThatWasLeft(t *testing.T) {
	for _, saved := range []bool{false, true} {
		fs := memfs.New()
		files, err := aof.Open(aof.Config{FS: fs, Dir: "appendonlydir", Name: "appendonly.aof"})
		if err != nil {
			t.Fatal(err)
		}
		base, err := files.NewBase()
		if err == nil {
			_, err = base.Write([]byte("REDIS0010\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
		}
		if err == nil {
			err = base.Restart(aof.Identity{ID: strings.Repeat("a", 40), Incarnation: "i"}, 0, 0)
		}
		if err == nil {
			err = files.Write([]byte("*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\n1\r\n"))
		}
		if err == nil {
			err = files.Leave(aof.Left{At: 1e12, Saved: saved})
		}
		if err = errors.Join(err, files.Close()); err != nil {
			t.Fatal(err)
		}
		f, im := newFake(t, AllDatabases, nil)
		cfg := aof.Config{FS: fs, Dir: "appendonlydir", Name: "appendonly.aof"}
		var stale *StaleError
		if _, err := im.Log(context.Background(), cfg); !errors.As(err, &stale) ||
			strings.Contains(err.Error(), "dump.rdb") != saved ||
			!strings.Contains(err.Error(), "2001-09-09T01:46:40Z") {
			t.Errorf("saved=%v: %v", saved, err)
		}
		if len(f.executed) > 0 {
			t.Errorf("executed %q", f.executed)
		}
		im.Stale = true
		if _, err := im.Log(context.Background(), cfg); err != nil {
			t.Error(err)
		}
		if err := im.To.Close(); err != nil {
			t.Error(err)
		}
		<-f.done
		if !slices.Contains(f.executed, "0 set a 1") {
			t.Errorf("executed %q", f.executed)
		}
	}
}
