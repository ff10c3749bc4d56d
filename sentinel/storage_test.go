package sentinel

import (
	"log/slog"
	"os"
	"strings"
	"testing"
)

// openDir opens a directory, until the test ends.
func openDir(t *testing.T, name string) *os.Root {
	t.Helper()
	dir, err := os.OpenRoot(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return dir
}

// TestSecondSentinelOnADirectory is told what keeps it out.
func TestSecondSentinelOnADirectory(t *testing.T) {
	dir, log := openDir(t, t.TempDir()), slog.New(slog.DiscardHandler)
	first, err := OpenStorage(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStorage(dir, log); err == nil || !strings.Contains(err.Error(), "another sentinel uses it") {
		t.Errorf("the second is told %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenStorage(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
