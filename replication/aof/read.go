package aof

import (
	"errors"
	"fmt"
	"slices"
)

// ReadAt reads the log's bytes from an offset on: as many as one file has, at most len(p). It answers 0 bytes at the
// end of the log.
func (f *Files) ReadAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if offset == f.end {
		return 0, nil
	}
	list := f.log()
	for i, e := range list {
		end := f.end
		if i+1 < len(list) {
			end = list[i+1].start
		}
		if offset < e.start || offset >= end {
			continue
		}
		var file oldFile
		if i+1 == len(list) && f.cur != nil {
			file = oldFile{f.cur, f.sums.sums}
		} else {
			var err error
			if file, err = f.openOld(&e); err != nil {
				return 0, err
			}
			if i+1 == len(list) {
				file.sums = f.known // what stands behind its end may be cut off yet
			}
		}
		n, err := file.sums.readAt(file, p[:min(int64(len(p)), end-offset)], offset-e.start+e.header)
		var damage *ChecksumError
		if errors.As(err, &damage) {
			f.lost = damage.To - e.header + e.start // nobody is to be promised it again
		}
		if err != nil {
			return 0, fmt.Errorf("aof: reading %s: %w", f.path(e.name), err)
		}
		return n, nil
	}
	return 0, fmt.Errorf("aof: offset %d is not on disk", offset)
}

// openOld opens a file that is no longer written, and keeps it open: followers that were away read on in it.
func (f *Files) openOld(e *entry) (oldFile, error) {
	if file, open := f.old[e.name]; open {
		return file, nil
	}
	sums, err := f.storedSums(e)
	if err != nil {
		return oldFile{}, fmt.Errorf("aof: %w", err)
	}
	file, err := f.cfg.FS.Open(f.path(e.name))
	if err != nil {
		return oldFile{}, fmt.Errorf("aof: %w", err)
	}
	f.old[e.name] = oldFile{file, sums}
	return f.old[e.name], nil
}

// Truncate drops all of the log from an offset on, which must not lie before the base: a suffix that was never
// committed. The data is to be loaded anew.
func (f *Files) Truncate(offset int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.torn {
		return ErrUnsynced
	}
	incr := f.m.of(kindIncr)
	i := len(incr) - 1
	for i >= 0 && incr[i].start > offset {
		i--
	}
	if i < 0 || offset > f.end {
		return fmt.Errorf("aof: offset %d is not in the files behind the base", offset)
	}
	e := incr[i]
	size := e.header + offset - e.start
	next := f.m.clone()
	next.files = slices.DeleteFunc(next.files, func(o entry) bool { return o.kind == kindIncr && o.seq > e.seq })
	for j := range next.files {
		if o := &next.files[j]; o.name == e.name {
			o.closed, o.size, o.sum = false, 0, 0
		}
	}
	if err := f.commit(next); err != nil {
		return err
	}
	err := f.leaveOut(&e, size)
	if f.end = offset; err == nil {
		err = f.openLast()
	}
	if err != nil {
		return &FileError{f.path(e.name), err}
	}
	f.measure()
	return f.sweep()
}
