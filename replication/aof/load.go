package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
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
	Cut   *TornError // the torn tail that was left out, nil if there was none
	File  string     // whose
	Whole int        // commands in it that are whole
}

// FileError is an error in one of the files.
type FileError struct {
	File string
	Err  error
}

func (e *FileError) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the file.
func (e *FileError) Unwrap() error { return e.Err }

// ErrBase: what is wrong is wrong in the base, of which nothing can be cut off without the log behind it losing its
// sense.
var ErrBase = errors.New("it is in the base, without which the log behind it means nothing")

// ChecksumError is a file whose bytes, though they may be commands, are not those that were written.
type ChecksumError struct {
	From, To  int64 // in the file: the damage lies between them
	Sum, Want uint32
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("damaged between byte %d and byte %d: their checksum is %08x instead of %08x", e.From, e.To,
		e.Sum, e.Want)
}

// Load hands all data to the loader, verifies it on the way, and knows where the log's end is then. A torn tail of the
// last file is left out when cut allows it, and cut off when that file is written, or by Ready; everything else that is
// wrong ends the load with a FileError. Nothing is written, but to a base with a torn tail.
func (f *Files) Load(to Loader, cut bool) (LoadReport, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.measure()
	var report LoadReport
	f.end = 0
	base, incr := f.m.base(), f.m.of(kindIncr)
	if len(incr) > 0 && incr[0].placed {
		f.end = incr[0].start
	}
	if base != nil {
		n, err := f.loadBase(base, to)
		var torn *TornError
		if errors.As(err, &torn) && len(incr) == 0 && cut {
			report.Cut, report.File, n, err = torn, f.path(base.name), torn.Offset, nil
			if !f.cfg.ReadOnly {
				err = f.cutBase(base, torn.Offset)
			}
		}
		if err != nil {
			return report, &FileError{f.path(base.name), fmt.Errorf("%w; %w", err, ErrBase)}
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
			return report, &FileError{f.path(e.name),
				fmt.Errorf("it begins at offset %d of the log, the file before it ends at %d", e.start, f.end)}
		}
		size, torn, err := f.loadIncr(e, i == last, to)
		if err == nil && torn != nil {
			err = torn
			if i == last && cut {
				report.Cut, report.File, err = torn, f.path(e.name), nil
				var rest Rest
				err = errors.Join(f.leaveOut(e, torn.Offset), f.addRest(&rest, e.name, torn.Offset))
				report.Whole = rest.Commands
			}
		}
		if err != nil {
			return report, &FileError{f.path(e.name), err}
		}
		report.Files++
		report.Bytes += size
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

// loadBase loads the base: RDB, which older versions of Redis continue with commands in the same file, or only
// commands.
func (f *Files) loadBase(e *entry, to Loader) (size int64, err error) {
	file, err := f.cfg.FS.Open(f.path(e.name))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if size, err = file.Size(); err != nil {
		return 0, err
	}
	counted := &countingReader{r: f.told(file)}
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
			err = apply(to, batch)
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
	if e.closed && size > e.size && !last {
		return size, nil, fmt.Errorf("it has %d bytes, the manifest says %d", size, e.size)
	}
	known, err := f.storedSums(e)
	if err != nil {
		return size, nil, err
	}
	if size < known.synced.end {
		return size, nil, fmt.Errorf("it has %d bytes, %d were synced", size, known.synced.end)
	}
	limit := size
	if last {
		if f.sure = known.synced.end; f.m.identity == nil {
			f.sure = size // Redis wrote it, and says nothing of what it synced
		}
		if limit, err = known.whole(file, size); err != nil {
			return size, nil, err
		}
	}
	sums := &summingReader{r: io.LimitReader(f.told(file), limit), checks: known.certain()}
	s := NewScanner(sums, 0)
	for {
		batch, err := s.Next()
		var damage *DamageError
		switch {
		case errors.Is(err, io.EOF), errors.As(err, &torn):
			f.size, f.end = s.End(), e.start+s.End()-e.header
			f.sum, f.known = sums.at.sum, sums.found // right when nothing is torn; else leaveOut reads them anew
			if f.cfg.SkipSums && e.closed && !f.cfg.ReadOnly {
				return size, torn, f.accept(e, sums)
			}
			if limit < size {
				torn = &TornError{Offset: s.End(), Size: size, Changed: true}
			}
			return size, torn, nil
		case errors.As(err, &damage) && last && !e.closed && zeroFrom(file, damage.Offset, size):
			f.size, f.end = s.End(), e.start+s.End()-e.header
			return size, &TornError{Offset: s.End(), Size: size}, nil
		case err != nil:
			f.end = e.start + max(s.End()-e.header, 0) // as far as it is whole: Truncate may cut here
			return size, nil, err
		}
		if err := apply(to, batch); err != nil {
			return size, nil, fmt.Errorf("the command that ends at byte %d: %w", s.End(), err)
		}
	}
}

// cutBase shortens a base that ends with commands and has nothing behind it, as the one file of Redis 6.
func (f *Files) cutBase(e *entry, size int64) (err error) {
	file, err := f.cfg.FS.Update(f.path(e.name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Truncate(size); err != nil {
		return fmt.Errorf("cutting it off at byte %d: %w", size, err)
	}
	return file.Sync()
}

// accept makes the checksums of a complete file those of what was read of it. Close writes them to the manifest.
func (f *Files) accept(e *entry, read *summingReader) error {
	s, err := f.createSums(e.name, read.found.upTo(read.at))
	if err != nil {
		return err
	}
	e.size, e.sum = read.at.end, read.at.sum
	return s.file.Close()
}

// zeroFrom reports whether nothing but zeroes stands in the file from a place on: a file system that lost its power may
// leave the length of a file and not its content.
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

// leaveOut has the last file end at size bytes; openLast cuts it off there.
func (f *Files) leaveOut(e *entry, size int64) error {
	file, err := f.cfg.FS.Open(f.path(e.name))
	if err != nil {
		return err
	}
	left := &summingReader{r: io.NewSectionReader(file, 0, size)}
	_, err = io.Copy(io.Discard, left)
	if f.cur != nil {
		err = errors.Join(err, f.cur.Close())
		f.cur = nil
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	f.size, f.sum, f.known, f.dirty = size, left.at.sum, left.found, true
	return nil
}

// told has Config.Progress hear of what is read.
func (f *Files) told(r io.Reader) io.Reader {
	if f.cfg.Progress == nil {
		return r
	}
	return tellingReader{r, f.cfg.Progress}
}

type tellingReader struct {
	r    io.Reader
	tell func(read int)
}

func (t tellingReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.tell(n)
	return n, err
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

func apply(to Loader, batch []Entry) error { return to.Apply(batch) }
