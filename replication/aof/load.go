package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Loader is handed what is on disk, in order.
type Loader interface {
	// Base reads an RDB snapshot from r, to its end mark and not further.
	Base(r *bufio.Reader) error
	// Apply executes a command, or a whole transaction. The header of a file, a SELECT, comes this way too.
	Apply(batch []Entry) error
}

// LoadReport says what a load found.
type LoadReport struct {
	Files int
	Bytes int64
	Cut   *TornError // the torn tail that was cut off, nil if there was none
	File  string     // whose
}

// FileError is an error in one of the files.
type FileError struct {
	File string
	Err  error
}

func (e *FileError) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the file.
func (e *FileError) Unwrap() error { return e.Err }

// ChecksumError is a file whose bytes, though they may be commands, are not those that were written.
type ChecksumError struct {
	Size      int64 // the bytes that were summed, from the beginning
	Sum, Want uint32
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("damaged: the checksum of its first %d bytes is %08x instead of %08x", e.Size, e.Sum, e.Want)
}

// Load hands all data to the loader, verifies it on the way, and leaves the log ready for writing at its end. A torn tail of the
// last file is cut off when cut allows it; everything else that is wrong ends the load with a FileError.
func (f *Files) Load(to Loader, cut bool) (LoadReport, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var report LoadReport
	if base := f.m.base(); base != nil {
		n, err := f.loadBase(base, to)
		if err != nil {
			return report, &FileError{f.path(base.name), err}
		}
		report.Files, report.Bytes = 1, n
		f.baseSize = n
		f.end = base.start
	}
	last := -1
	for i, e := range f.m.files {
		if e.kind == kindIncr {
			last = i
		}
	}
	for i := range f.m.files {
		e := &f.m.files[i]
		if e.kind != kindIncr {
			continue
		}
		if !e.placed {
			e.start = f.end
		} else if e.start != f.end {
			return report, &FileError{f.path(e.name), fmt.Errorf("it begins at offset %d of the log, the file before it ends at %d", e.start, f.end)}
		}
		size, torn, err := f.loadIncr(e, i == last, to)
		if err == nil && torn != nil {
			err = torn
			if i == last && cut {
				report.Cut, report.File, err = torn, f.path(e.name), nil
				if !f.cfg.ReadOnly {
					err = f.cutOff(e, torn.Offset)
				}
			}
		}
		if err != nil {
			return report, &FileError{f.path(e.name), err}
		}
		report.Files++
		report.Bytes += size
	}
	if last < 0 || f.cfg.ReadOnly {
		return report, nil
	}
	// The process that wrote the end may have died before it synced it.
	if err := f.openLast(); err != nil {
		return report, err
	}
	if err := f.cur.Sync(); err != nil {
		return report, fmt.Errorf("aof: syncing the log: %w", err)
	}
	return report, nil
}

// Stored is how many bytes the files have that Load reads.
func (f *Files) Stored() (total int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.m.files {
		if e.kind == kindHistory {
			continue
		}
		file, err := f.cfg.FS.Open(f.path(e.name))
		if err != nil {
			return 0, fmt.Errorf("aof: %w", err)
		}
		size, err := file.Size()
		if err = errors.Join(err, file.Close()); err != nil {
			return 0, fmt.Errorf("aof: %s: %w", f.path(e.name), err)
		}
		total += size
	}
	return total, nil
}

// loadBase loads the base: RDB, which older versions of Redis continue with commands in the same file, or only commands.
func (f *Files) loadBase(e *entry, to Loader) (size int64, err error) {
	file, err := f.cfg.FS.Open(f.path(e.name))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if size, err = file.Size(); err != nil {
		return 0, err
	}
	counted := &countingReader{r: file}
	r := bufio.NewReaderSize(counted, scanBuffer)
	if magic, _ := r.Peek(len(rdbMagic)); bytes.Equal(magic, rdbMagic) {
		if err := to.Base(r); err != nil {
			return size, err
		}
	}
	s := NewScanner(r, counted.n-int64(r.Buffered()))
	for {
		batch, err := s.Next()
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err == nil {
			err = to.Apply(batch)
		}
		if err != nil {
			return size, err
		}
	}
}

var rdbMagic = []byte("REDIS")

// loadIncr loads an incremental file. Without an error, f stands at the end of its whole commands.
func (f *Files) loadIncr(e *entry, last bool, to Loader) (size int64, torn *TornError, err error) {
	file, err := f.cfg.FS.Open(f.path(e.name))
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if size, err = file.Size(); err != nil {
		return 0, nil, err
	}
	if e.closed && (size < e.size || size > e.size && !last) {
		return size, nil, fmt.Errorf("it has %d bytes, the manifest says %d", size, e.size)
	}
	sums := &summingReader{r: file, checkAt: -1}
	if e.closed && !f.cfg.SkipSums {
		sums.checkAt, sums.want = e.size, e.sum
	}
	s := NewScanner(sums, 0)
	for {
		batch, err := s.Next()
		var damage *DamageError
		switch {
		case errors.Is(err, io.EOF), errors.As(err, &torn):
			f.size, f.end = s.End(), e.start+s.End()-e.header
			f.sum = sums.sum // right when nothing is torn; else cutOff reads it anew
			return size, torn, nil
		case errors.As(err, &damage) && last && !e.closed && zeroFrom(file, damage.Offset, size):
			f.size, f.end = s.End(), e.start+s.End()-e.header
			return size, &TornError{Offset: s.End(), Size: size}, nil
		case err != nil:
			f.end = e.start + max(s.End()-e.header, 0) // as far as it is whole: Truncate may cut here
			return size, nil, err
		}
		if err := to.Apply(batch); err != nil {
			return size, nil, fmt.Errorf("the command that ends at byte %d: %w", s.End(), err)
		}
	}
}

// zeroFrom reports whether nothing but zeroes stands in the file from a place on: a file system that lost its power may leave the
// length of a file and not its content.
func zeroFrom(file File, at, size int64) bool {
	b := make([]byte, 4096)
	for at < size {
		n, err := file.ReadAt(b[:min(int64(len(b)), size-at)], at)
		if n == 0 && err != nil || bytes.Trim(b[:n], "\x00") != nil {
			return false
		}
		at += int64(n)
	}
	return true
}

// cutOff shortens the last file to size bytes, at which f stands already.
func (f *Files) cutOff(e *entry, size int64) (err error) {
	if f.cur != nil {
		err = f.cur.Close()
		f.cur = nil
	}
	file, e2 := f.cfg.FS.Append(f.path(e.name))
	if err = errors.Join(err, e2); err != nil {
		return err
	}
	f.cur = file
	if err := file.Truncate(size); err != nil {
		return fmt.Errorf("cutting it off at byte %d: %w", size, err)
	}
	if err := file.Sync(); err != nil {
		return err
	}
	sums := &summingReader{r: io.NewSectionReader(file, 0, size), checkAt: -1}
	if _, err := io.Copy(io.Discard, sums); err != nil {
		return err
	}
	f.size, f.sum, f.dirty = size, sums.sum, false
	return nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// summingReader computes the checksum of what it reads, and compares it at one place.
type summingReader struct {
	r       io.Reader
	n       int64
	sum     uint32
	checkAt int64 // -1: nowhere
	want    uint32
}

func (s *summingReader) Read(p []byte) (int, error) {
	if s.n < s.checkAt {
		p = p[:min(int64(len(p)), s.checkAt-s.n)]
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	s.sum = crc32.Update(s.sum, castagnoli, p[:n])
	if s.n == s.checkAt && n > 0 && s.sum != s.want {
		return 0, &ChecksumError{Size: s.n, Sum: s.sum, Want: s.want}
	}
	return n, err
}
