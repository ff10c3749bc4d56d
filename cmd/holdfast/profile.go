package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
)

// profileDir, in the environment, names a directory: the process, and the members that up starts, write profiles of
// their CPU time into it as they end. make profile makes default.pgo of them, which tells the compiler what is worth
// inlining.
const profileDir = "HOLDFAST_CPU_PROFILE"

// profileCPU begins a profile if one is asked for; stop ends it.
func profileCPU() (stop func() error, err error) {
	dir := os.Getenv(profileDir)
	if dir == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Join(dir, strconv.Itoa(os.Getpid())+".pprof"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", profileDir, err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", profileDir, err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
