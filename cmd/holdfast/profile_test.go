package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProfileIsWrittenWhereTheEnvironmentSays(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(profileDir, dir)
	stop, err := profileCPU()
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.pprof"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Size() == 0 {
		t.Fatalf("%v, %v", info, err)
	}
}

func TestProfileThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Setenv(profileDir, filepath.Join(t.TempDir(), "missing"))
	if _, err := profileCPU(); err == nil {
		t.Fatal("a profile in a directory that isn't there")
	}
}
