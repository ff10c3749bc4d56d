package servers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BinaryOf is the program as it was in a commit, compiled from what git has of it; Main removes it.
func BinaryOf(t testing.TB, commit string) string {
	t.Helper()
	path := filepath.Join(binDir, "holdfast-"+commit)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	tree := t.TempDir()
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	root := string(bytes.TrimSpace(top))
	if err != nil || exec.Command("git", "-C", root, "cat-file", "-e", commit+"^{commit}").Run() != nil {
		t.Skipf("this test builds commit %s, which only a clone with its history has: git fetch --unshallow", commit)
	}
	archive := exec.Command("git", "-C", root, "archive", "--format=tar", commit)
	unpack := exec.Command("tar", "-x", "-C", tree)
	var said bytes.Buffer
	archive.Stderr, unpack.Stderr = &said, &said
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := unpack.Start(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Run(); err != nil {
		t.Fatalf("reading commit %s: %v\n%s", commit, err, &said)
	}
	if err := unpack.Wait(); err != nil {
		t.Fatalf("unpacking commit %s: %v\n%s", commit, err, &said)
	}
	if err := os.MkdirAll(binDir, 0o700); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-pgo=off", "-o", path, "./cmd/holdfast")
	build.Dir = tree
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("building commit %s: %w\n%s", commit, err, out))
	}
	return path
}
