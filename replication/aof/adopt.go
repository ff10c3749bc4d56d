package aof

import (
	"errors"
	"fmt"
	"io/fs"
)

// adopt makes the file of Redis 6 the base, as Redis 7 does: first the manifest names it, then it is moved; so that
// what was interrupted in between can be gone on with.
func (f *Files) adopt() error {
	if !f.cfg.Adopt || f.cfg.ReadOnly {
		return nil
	}
	switch files := f.m.files; {
	case len(files) == 0:
	case len(files) == 1 && files[0].kind == kindBase && files[0].name == f.cfg.Name:
		if found, err := f.there(f.path(f.cfg.Name)); found || err != nil {
			return err
		}
	default:
		return nil
	}
	if found, err := f.there(f.cfg.Name); !found || err != nil {
		return err
	}
	if len(f.m.files) == 0 {
		if err := f.cfg.FS.Mkdir(f.cfg.Dir); err != nil {
			return fmt.Errorf("aof: making the directory %s: %w", f.cfg.Dir, err)
		}
		if err := f.commit(&manifest{files: []entry{{name: f.cfg.Name, seq: 1, kind: kindBase}}}); err != nil {
			return err
		}
	}
	err := f.cfg.FS.Rename(f.cfg.Name, f.path(f.cfg.Name))
	if err == nil {
		err = errors.Join(f.cfg.FS.SyncDir(f.cfg.Dir), f.cfg.FS.SyncDir("."))
	}
	if err != nil {
		return fmt.Errorf("aof: taking over %s: %w", f.cfg.Name, err)
	}
	return nil
}

// there reports whether a file exists.
func (f *Files) there(path string) (bool, error) {
	file, err := f.cfg.FS.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("aof: %w", err)
	}
	return true, file.Close()
}

// leave removes a base that is no longer named and whose name is not one of ours, which sweep would not dare to.
func (f *Files) leave(base *entry) error {
	if base == nil || base.name != f.cfg.Name {
		return nil
	}
	if err := f.cfg.FS.Remove(f.path(base.name)); err != nil {
		return fmt.Errorf("aof: removing a file that is no longer needed: %w", err)
	}
	return nil
}
