package persist

import (
	"errors"
	"testing"

	"holdfast/node/config"
)

// syncCounter notes how much was written between two syncs.
type syncCounter struct {
	written, unsynced, most int
	err                     error
}

func (s *syncCounter) Write(p []byte) (int, error) {
	s.written += len(p)
	s.unsynced += len(p)
	s.most = max(s.most, s.unsynced)
	return len(p), nil
}

func (s *syncCounter) Sync() error {
	s.unsynced = 0
	return s.err
}

func TestIncrementalSync(t *testing.T) {
	const writes, size = 1000, 100 << 10
	for _, directive := range []string{"rdb-save-incremental-fsync", "aof-rewrite-incremental-fsync"} {
		var f syncCounter
		w := syncedIncrementally(&f, config.Default(), directive)
		for range writes {
			if _, err := w.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
		if f.written != writes*size || f.most >= syncEach+size {
			t.Errorf("of %d bytes %d were written, %d without a sync", writes*size, f.written, f.most)
		}
		f.err = errors.New("no")
		if _, err := w.Write(make([]byte, syncEach)); err == nil {
			t.Error("a sync that failed is not told of")
		}
		off := config.Default()
		if err := off.Set(directive, []string{"no"}); err != nil {
			t.Fatal(err)
		}
		if w := syncedIncrementally(&f, off, directive); w != &f {
			t.Errorf("%s no is not obeyed", directive)
		}
	}
}
