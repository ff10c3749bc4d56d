package aof_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"holdfast/internal/memfs"
	"holdfast/replication/aof"
)

// TestManifestIsMissing: files of a log without their manifest are not overwritten by an empty one.
func TestManifestIsMissing(t *testing.T) {
	disk := memfs.New()
	f, err := openLog(disk)
	must(t, err)
	base, err := f.NewBase()
	must(t, err)
	_, err = base.Write((&words{}).image())
	must(t, err)
	must(t, base.Restart(aof.Identity{ID: "x", Incarnation: "i"}, 100, 0))
	must(t, f.Write(put("one")))
	must(t, f.Close())
	all := contents(t, disk)
	delete(all, "a.aof.manifest")
	for _, left := range []string{"a.aof.1.base.rdb", "a.aof.1.incr.aof", "a.aof.1.incr.aof.sums", ""} {
		some := map[string][]byte{"temp-a.aof.base.rdb": []byte("x"), "something else": []byte("x")}
		for name, text := range all {
			if left != "" && (strings.HasPrefix(name, left) || left == "a.aof.1.incr.aof") {
				some[name] = text
			}
		}
		for _, readOnly := range []bool{false, true} {
			disk := diskOf(t, some)
			_, err := aof.Open(aof.Config{FS: disk, Dir: "d", Name: "a.aof", ReadOnly: readOnly})
			if left == "" && err != nil || left != "" && !errors.Is(err, aof.ErrNoManifest) {
				t.Errorf("with %q: %v", left, err)
			}
			for name := range some {
				if _, there := contents(t, disk)[name]; !there && (left != "" || readOnly || name == "something else") {
					t.Errorf("with %q: %s was removed", left, name)
				}
			}
		}
	}
	// which Redis 7 has made of the one file of Redis 6
	_, err = openLog(diskOf(t, map[string][]byte{"a.aof": put("one")}))
	if !errors.Is(err, aof.ErrNoManifest) {
		t.Error(err)
	}
}

// TestFirstLogIsInterrupted: a process that dies at any step of beginning the first log leaves nothing that keeps the
// next one from beginning it.
func TestFirstLogIsInterrupted(t *testing.T) {
	for step := 0; ; step++ {
		disk := &stepDisk{FS: memfs.New(), left: step}
		err := beginFirst(disk)
		if err == nil {
			if step < 10 {
				t.Errorf("it took %d steps only", step)
			}
			return
		}
		if err := beginFirst(disk.FS); err != nil {
			t.Errorf("after %d steps: %v", step, err)
		}
	}
}

func beginFirst(disk aof.FS) error {
	f, err := openLog(disk)
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	if f.Exists() {
		return f.Close()
	}
	base, err := f.NewBase()
	if err == nil {
		_, err = base.Write((&words{}).image())
	}
	if err == nil {
		err = base.Restart(aof.Identity{ID: "x", Incarnation: "i"}, 100, 0)
	}
	return err
}

// stepDisk fails for good after a number of changes of names.
type stepDisk struct {
	*memfs.FS
	left int
}

func (d *stepDisk) step() error {
	if d.left--; d.left < 0 {
		return syscall.EIO
	}
	return nil
}

func (d *stepDisk) Create(name string) (aof.File, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	return d.FS.Create(name)
}

func (d *stepDisk) Rename(from, to string) error {
	return errors.Join(d.step(), d.after(func() error { return d.FS.Rename(from, to) }))
}
func (d *stepDisk) Remove(name string) error {
	return errors.Join(d.step(), d.after(func() error { return d.FS.Remove(name) }))
}
func (d *stepDisk) SyncDir(name string) error {
	return errors.Join(d.step(), d.after(func() error { return d.FS.SyncDir(name) }))
}

// after does what still works.
func (d *stepDisk) after(do func() error) error {
	if d.left < 0 {
		return nil
	}
	return do()
}
