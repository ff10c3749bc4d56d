package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// disks are one file system a node, each in a file. They are mounted where only this process and those it starts see
// them: whatever way it ends, the mounts and their loop devices end with it.
type disks struct{ dir string }

const diskSize = 8 << 30 // the files are sparse

func (d disks) mount(name string) error {
	image, at := filepath.Join(d.dir, name+".img"), filepath.Join(d.dir, name, "data")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(diskSize); err != nil {
		return err
	}
	if err := execute("mkfs.ext4", "-q", "-F", image); err != nil {
		return err
	}
	return execute("mount", "-o", "loop", image, at)
}

func (d disks) unmount(name string) {
	_ = execute("umount", filepath.Join(d.dir, name, "data")) // if it is busy it goes with this process
	_ = os.Remove(filepath.Join(d.dir, name+".img"))
}

// How a slow disk behaves: whoever writes stands still for stallLasts, again and again.
const (
	stallLasts  = 150 * time.Millisecond
	stallPauses = 30 * time.Millisecond
)

// stall makes a disk slow until the end is asked for. Each standstill ends by itself, even if this process dies.
func (d disks) stall(name string) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	script := fmt.Sprintf("fsfreeze -f %[1]s && { sleep %.3[2]f; fsfreeze -u %[1]s; }",
		filepath.Join(d.dir, name, "data"), stallLasts.Seconds())
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for failed == nil && sleep(ctx, stallPauses) == nil {
			failed = execute("setsid", "sh", "-c", script)
		}
	})
	return func() error {
		cancel()
		wg.Wait()
		return failed
	}
}

// filler is the file that takes all the room of a file system.
func (d disks) filler(name string) string { return filepath.Join(d.dir, name, "data", "filler") }

// fill leaves no room on a disk.
func (d disks) fill(name string) (err error) {
	f, err := os.Create(d.filler(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var size int64
	for piece := int64(diskSize); piece >= blockSize; {
		switch err := unix.Fallocate(int(f.Fd()), 0, size, piece); {
		case err == nil:
			size += piece
		case errors.Is(err, unix.ENOSPC):
			piece /= 2
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("filling the disk of %s: %w", name, err)
		}
	}
	return nil
}

const blockSize = 4096 // of the file systems

// free gives the room back.
func (d disks) free(name string) error { return os.Remove(d.filler(name)) }

// execute runs one command to its end.
func execute(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
