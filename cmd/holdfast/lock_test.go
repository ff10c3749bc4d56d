//go:build unix

package main

import (
	"errors"
	"os"
	"testing"

	"holdfast/node/config"
)

// TestLockDir: a directory is one process's, whether or not that keeps a log.
func TestLockDir(t *testing.T) {
	path := t.TempDir()
	dir, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	release, name, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, appendonly := range []string{"no", "yes"} {
		settings := config.Default()
		for _, s := range [][2]string{{"dir", path}, {"port", "21001"}, {"bind", "127.0.0.1"},
			{"appendonly", appendonly}} {
			if err := settings.Set(s[0], []string{s[1]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := runNode(t.Context(), settings, ""); !errors.Is(err, errInUse) {
			t.Errorf("a second node with appendonly %s: %v", appendonly, err)
		}
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, again, err := lockDir(dir)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if name == "" || again != name {
		t.Errorf("the lock is %q, and was %q", again, name)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}

	// A copy has a lock of its own, so whoever starts there can't say that the first has ended.
	copied, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	release, other, err := lockDir(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil || other == name {
		t.Errorf("another directory's lock is %q, %v", other, err)
	}
}
