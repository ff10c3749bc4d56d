package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestEditFile: a configuration that is written anew keeps its mode and its owner, is reached through its links, and is
// whole at any time.
func TestEditFile(t *testing.T) {
	appended := func(b []byte) []byte { return append(b, "new\n"...) }
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o644, 0o660, 0o400} {
		dir := t.TempDir()
		real, link, chain := filepath.Join(dir, "real", "r.conf"), filepath.Join(dir, "r.conf"),
			filepath.Join(dir, "etc.conf")
		err := errors.Join(os.Mkdir(filepath.Dir(real), 0o700), os.WriteFile(real, []byte("old\n"), 0o600),
			os.Chmod(real, mode),
			os.Symlink("real/r.conf", link), os.Symlink(link, chain))
		owner := os.Getuid()
		if owner == 0 {
			owner = 12345
			err = errors.Join(err, os.Chown(real, owner, 54321))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := editFile(chain, appended); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{link, chain} {
			if info, err := os.Lstat(name); err != nil || info.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("%s is a link no more: %v", name, err)
			}
		}
		info, err := os.Lstat(real)
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if info.Mode() != mode || int(st.Uid) != owner || owner == 12345 && st.Gid != 54321 {
			t.Errorf("%v: mode %v, owner %d, group %d", mode, info.Mode(), st.Uid, st.Gid)
		}
		if b, _ := os.ReadFile(chain); string(b) != "old\nnew\n" {
			t.Errorf("%q", b)
		}
		if entries, _ := os.ReadDir(filepath.Dir(real)); len(entries) != 1 {
			t.Errorf("%v are there", entries)
		}
	}
	gone := filepath.Join(t.TempDir(), "r.conf")
	if err := editFile(gone, appended); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(gone); err != nil || info.Mode() != 0o600 {
		t.Errorf("a file that was gone: %v, %v", info, err)
	}
	if err := editFile(filepath.Join(gone, "r.conf"), appended); err == nil {
		t.Error("below a file")
	}
}
