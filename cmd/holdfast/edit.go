package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// editFile replaces a file's text in one step, so that there is always a whole one. A link stays a link, and mode and
// owner what they were: where that is not possible the file is left alone. A file that is gone is made anew, for its
// owner alone, as it may have passwords in it.
func editFile(path string, edit func([]byte) []byte) (err error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = path, nil
	}
	if err != nil {
		return err
	}
	old, err := os.ReadFile(target)
	var before fs.FileInfo
	switch {
	case err == nil:
		if before, err = os.Stat(target); err != nil {
			return err
		}
		if !before.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", target)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(target)
	// for its owner alone, as long as there is nothing else known of it
	temp, err := os.CreateTemp(dir, "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(edit(old))
	if err == nil && before != nil {
		err = sameOwner(temp, before)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), target); err != nil {
		return err
	}
	d, failed := os.Open(dir)
	if failed != nil {
		return failed
	}
	return errors.Join(d.Sync(), d.Close())
}

// sameOwner gives a file the owner, the group and then the mode of another.
func sameOwner(f *os.File, as fs.FileInfo) error {
	want, ok := as.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("the owner of the file can't be found out")
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if have, ok := info.Sys().(*syscall.Stat_t); !ok || have.Uid != want.Uid || have.Gid != want.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("the file would not belong to who owns it now: %w", err)
		}
	}
	return f.Chmod(as.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
}
