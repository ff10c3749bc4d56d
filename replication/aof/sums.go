package aof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"sort"
)

const (
	sumsSuffix = ".sums"
	sumsBlock  = 256 << 10 // bytes of log from one mark to the next, at least
	recordSize = 32        // a disk's sectors are multiples of it: a record is there or it is not
	recordMark = "HFS1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mark is the checksum, CRC-32C, of a file's first end bytes.
type mark struct {
	end int64
	sum uint32
}

// sums are the checksums of one incremental file. They stand in a file beside it, which Redis does not look at: among
// the log's own bytes they would shift its offsets. Record i of that file is mark i. The last one moves on with each
// write, until it is a block away from the one before. What is missing there leaves bytes unverified, and what is
// damaged there is as if it were missing.
type sums struct {
	marks  []mark // rising; as long as the file is written, the last one is its end
	synced mark   // so much can't have been lost with the power
}

// add notes the file's next mark.
func (s *sums) add(m mark) {
	n := len(s.marks)
	var before mark
	if n > 1 {
		before = s.marks[n-2]
	}
	if n == 0 || s.marks[n-1].end-before.end >= sumsBlock {
		s.marks = append(s.marks, m)
		return
	}
	s.marks[n-1] = m
}

// upTo are the sums of a file that ends at m, all of it synced.
func (s *sums) upTo(m mark) sums {
	t := sums{synced: m}
	for _, before := range s.marks {
		if before.end < m.end {
			t.marks = append(t.marks, before)
		}
	}
	t.add(m)
	return t
}

// records is what stands in the file of sums, from one mark on.
func (s *sums) records(from int) []byte {
	b := make([]byte, 0, (len(s.marks)-from)*recordSize)
	for _, m := range s.marks[from:] {
		begin := len(b)
		b = append(b, recordMark...)
		b = binary.LittleEndian.AppendUint32(b, m.sum)
		b = binary.LittleEndian.AppendUint64(b, uint64(m.end))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.synced.end))
		b = binary.LittleEndian.AppendUint32(b, s.synced.sum)
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli))
	}
	return b
}

// parseSums reads records, and passes over those that are not whole.
func parseSums(text []byte) (s sums) {
	for ; len(text) >= recordSize; text = text[recordSize:] {
		r := text[:recordSize]
		if string(r[:4]) != recordMark || binary.LittleEndian.Uint32(r[28:]) != crc32.Checksum(r[:28], castagnoli) {
			continue
		}
		m := mark{int64(binary.LittleEndian.Uint64(r[8:])), binary.LittleEndian.Uint32(r[4:])}
		if n := len(s.marks); m.end > 0 && (n == 0 || m.end > s.marks[n-1].end) {
			s.marks = append(s.marks, m)
		}
		if synced := (mark{int64(binary.LittleEndian.Uint64(r[16:])),
			binary.LittleEndian.Uint32(r[24:])}); synced.end > s.synced.end {
			s.synced = synced
		}
	}
	return s
}

// certain are the marks up to what was synced: bytes that differ from them were damaged.
func (s *sums) certain() (list []mark) {
	for _, m := range s.marks {
		if m.end < s.synced.end {
			list = append(list, m)
		}
	}
	if s.synced.end > 0 {
		list = append(list, s.synced)
	}
	return list
}

// whole says how far the bytes of a file, behind those that were synced, are what was written: its size unless a mark
// says otherwise. A loss of power may have left less than was written, or zeroes: that is for the Scanner to find.
func (s *sums) whole(file io.ReaderAt, size int64) (int64, error) {
	at := s.synced
	for _, m := range s.marks {
		if m.end <= at.end {
			continue
		}
		if m.end > size {
			break
		}
		sum, err := sumRange(file, at, m.end, nil, 0)
		if err != nil {
			return 0, err
		}
		if sum != m.sum {
			var last [1]byte
			if _, err := file.ReadAt(last[:], size-1); err != nil || last[0] == 0 {
				return size, err
			}
			return at.end, nil
		}
		at = m
	}
	return size, nil
}

// around finds the marks before and behind a place in the file; without one behind it, ok is false.
func (s *sums) around(place int64) (before, behind mark, ok bool) {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].end > place })
	if i > 0 {
		before = s.marks[i-1]
	}
	if i == len(s.marks) {
		return before, mark{}, false
	}
	return before, s.marks[i], true
}

// readAt reads from a place on, at most as far as the next mark, and verifies what it read.
func (s *sums) readAt(file io.ReaderAt, p []byte, place int64) (int, error) {
	before, behind, ok := s.around(place)
	if !ok {
		return file.ReadAt(p, place)
	}
	p = p[:min(int64(len(p)), behind.end-place)]
	sum, err := sumRange(file, before, behind.end, p, place)
	if err != nil {
		return 0, err
	}
	if sum != behind.sum {
		return 0, &ChecksumError{From: before.end, To: behind.end, Sum: sum, Want: behind.sum}
	}
	return len(p), nil
}

// sumRange goes on from a mark: it is the checksum of the file's first end bytes. Those from a place on are left in p.
func sumRange(file io.ReaderAt, from mark, end int64, p []byte, place int64) (uint32, error) {
	buf := make([]byte, min(end-from.end, sumsBlock))
	for at := from; ; {
		if at.end == end {
			return at.sum, nil
		}
		b := buf[:min(int64(len(buf)), end-at.end)]
		if n, err := file.ReadAt(b, at.end); n < len(b) {
			return 0, err
		}
		if next := at.end + int64(len(b)); next > place && at.end < place+int64(len(p)) {
			copy(p[max(at.end-place, 0):], b[max(place-at.end, 0):])
		}
		at = mark{at.end + int64(len(b)), crc32.Update(at.sum, castagnoli, b)}
	}
}

// storedSums reads what is known of an incremental file. Where Redis has worked on the log since, that is nothing.
func (f *Files) storedSums(e *entry) (s sums, err error) {
	if f.cfg.SkipSums {
		return sums{}, nil
	}
	if f.m.identity != nil {
		text, err := f.readFile(e.name + sumsSuffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return sums{}, err
		}
		s = parseSums(text)
	}
	if e.closed && e.size > s.synced.end {
		s.synced = mark{e.size, e.sum}
	}
	return s, nil
}

// sumsFile are the sums of the incremental file that is written.
type sumsFile struct {
	sums
	file File
}

// note writes the records of marks, from one on.
func (s *sumsFile) note(from int) error {
	if _, err := s.file.WriteAt(s.records(from), int64(from)*recordSize); err != nil {
		return fmt.Errorf("aof: writing the log's checksums: %w", err)
	}
	return nil
}

// noteSynced notes that the bytes up to m, at the end of the file or before it, are synced.
func (s *sumsFile) noteSynced(m mark) error {
	if m.end <= s.synced.end {
		return nil
	}
	before := s.synced
	s.synced = m
	err := s.note(len(s.marks) - 1)
	if err != nil {
		s.synced = before
	}
	return err
}

func (s *sumsFile) sync() error {
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("aof: syncing the log's checksums: %w", err)
	}
	return nil
}

// createSums puts the sums of the incremental file called name into a new file, which takes the place of an older one
// in one step.
func (f *Files) createSums(name string, s sums) (*sumsFile, error) {
	temp := tempPrefix + name + sumsSuffix
	file, err := f.cfg.FS.Create(f.path(temp))
	if err != nil {
		return nil, fmt.Errorf("aof: %w", err)
	}
	if _, err = file.Write(s.records(0)); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = f.cfg.FS.Rename(f.path(temp), f.path(name+sumsSuffix))
	}
	if err == nil {
		err = f.cfg.FS.SyncDir(f.cfg.Dir) // older sums would not fit what is written from here on
	}
	if err != nil {
		return nil, fmt.Errorf("aof: writing the checksums of %s: %w", name, errors.Join(err, file.Close()))
	}
	return &sumsFile{s, file}, nil
}

// useSums goes on with the sums of another file; nil: nothing is written.
func (f *Files) useSums(s *sumsFile) error {
	before := f.sums
	f.sums = s
	if before == nil {
		return nil
	}
	return before.file.Close()
}

// summingReader computes the checksums of what it reads, and compares them at places that rise.
type summingReader struct {
	r      io.Reader
	at     mark // what was read
	good   int64
	checks []mark // still to come
	found  sums
}

func (s *summingReader) Read(p []byte) (int, error) {
	p = p[:min(len(p), sumsBlock)]
	if len(s.checks) > 0 {
		p = p[:min(int64(len(p)), s.checks[0].end-s.at.end)]
	}
	n, err := s.r.Read(p)
	if n == 0 {
		return 0, err
	}
	s.at = mark{s.at.end + int64(n), crc32.Update(s.at.sum, castagnoli, p[:n])}
	s.found.add(s.at)
	if len(s.checks) > 0 && s.at.end == s.checks[0].end {
		if want := s.checks[0].sum; s.at.sum != want {
			return 0, &ChecksumError{From: s.good, To: s.at.end, Sum: s.at.sum, Want: want}
		}
		s.good, s.checks = s.at.end, s.checks[1:]
	}
	return n, err
}
