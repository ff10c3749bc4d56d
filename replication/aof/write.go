package aof

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"strconv"
)

// Write appends the log's next bytes. After an error nothing of them counts: the same bytes are to be written again,
// when there is room. They are written to a place in the file that is said, never where the one before ended: after a
// short write that is somewhere else.
func (f *Files) Write(chunks ...[]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.openLast(); err != nil {
		return err
	}
	if err := f.clean(); err != nil {
		return err
	}
	size, sum := f.size, f.sum
	first := len(f.sums.marks) - 1
	last := f.sums.marks[first]
	fail := func(err error) error {
		f.dirty = true
		// what the records say is that of the same bytes, when they are written again
		f.sums.marks = append(f.sums.marks[:first], last)
		return err
	}
	for _, p := range chunks {
		if _, err := f.cur.WriteAt(p, size); err != nil {
			return fail(fmt.Errorf("aof: writing the log: %w", err))
		}
		size += int64(len(p))
		sum = crc32.Update(sum, castagnoli, p)
		f.sums.add(mark{size, sum})
	}
	if err := f.sums.note(first); err != nil {
		return fail(err)
	}
	f.end += size - f.size
	f.size, f.sum = size, sum
	f.measure()
	return nil
}

// Ready does what is to be done before the log can be written at its end, which Load leaves as it is: what is loaded
// can be read also while the disk is full. Until then it is not sure that a loss of power leaves all of it.
func (f *Files) Ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.openLast(); err != nil {
		return err
	}
	return f.clean()
}

// clean cuts off what a failed write has left, and makes sure of the manifest. It needs mu.
func (f *Files) clean() error {
	if f.torn {
		return ErrUnsynced
	}
	if f.doubt {
		if err := f.commit(f.m); err != nil {
			return err
		}
	}
	if f.dirty {
		if err := f.cur.Truncate(f.size); err != nil {
			return fmt.Errorf("aof: cutting off a write that failed: %w", err)
		}
		f.dirty = false
	}
	return nil
}

// Sync makes what was written survive a loss of power. After an error the log needs a new base; see ErrUnsynced.
func (f *Files) Sync() error {
	f.mu.Lock()
	file, torn, written := f.cur, f.torn, mark{f.size, f.sum}
	f.mu.Unlock()
	switch {
	case torn:
		return ErrUnsynced
	case file == nil:
		return nil
	}
	if err := file.Sync(); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.torn = f.torn || file == f.cur
		return fmt.Errorf("%w: %w", ErrUnsynced, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cur != file {
		return nil
	}
	return f.sums.noteSynced(written)
}

// SyncSums makes the checksums of what was written survive a loss of power too. They may come later than the log:
// without them it is not verified, no more.
func (f *Files) SyncSums() error {
	f.mu.Lock()
	s := f.sums
	f.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.sync()
}

// openLast opens the last incremental file for writing, and cuts off what Load, or Truncate, found to be no part of the
// log. The process that wrote it may have died before it synced it, or when it could not.
func (f *Files) openLast() error {
	incr := f.m.of(kindIncr)
	switch {
	case f.cur != nil:
		return nil
	case f.torn:
		return ErrUnsynced
	case len(incr) > 0:
	case f.m.base() != nil: // Redis wrote it while it kept no log
		return f.begin(f.m.clone(), 0)
	default:
		return ErrNone
	}
	name := incr[len(incr)-1].name
	file, err := f.cfg.FS.Update(f.path(name))
	if err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	f.cur = file
	var s *sumsFile
	if err = f.writeAgain(name); err == nil {
		err = f.syncCur()
	}
	if err == nil { // before anything is cut off: no checksum may be left of what others will take the place of
		s, err = f.createSums(name, f.known.upTo(mark{f.size, f.sum}))
	}
	if err == nil {
		if err = f.cut(); err != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	if err != nil {
		f.cur = nil
		return fmt.Errorf("aof: opening %s: %w", name, errors.Join(err, file.Close()))
	}
	err = f.useSums(s)
	if read, open := f.old[name]; open { // it was read before it could be written
		delete(f.old, name)
		err = errors.Join(err, read.Close())
	}
	return err
}

// cut shortens the last file to what counts, for good.
func (f *Files) cut() error {
	if !f.dirty {
		return nil
	}
	if err := f.cur.Truncate(f.size); err != nil {
		return fmt.Errorf("cutting it off at byte %d: %w", f.size, err)
	}
	if err := f.syncCur(); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

// writeAgain writes the end of a file over itself that is not known to be synced. When the process before tried to, and
// failed, these bytes are to be read still, but the kernel holds them for written: they would not survive a loss of
// power, whatever is synced after them.
func (f *Files) writeAgain(name string) (err error) {
	if f.sure >= f.size {
		return nil
	}
	from, err := f.cfg.FS.Open(f.path(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := f.cfg.FS.Update(f.path(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(io.NewOffsetWriter(to, f.sure), io.NewSectionReader(from, f.sure, f.size-f.sure)); err != nil {
		return fmt.Errorf("writing its end again: %w", err)
	}
	f.sure = f.size
	return nil
}

// syncCur is Sync for who has mu.
func (f *Files) syncCur() error {
	if err := f.cur.Sync(); err != nil {
		f.torn = true
		return fmt.Errorf("%w: %w", ErrUnsynced, err)
	}
	return nil
}

// Roll goes on in a new incremental file. db is the database that the log has selected by then.
func (f *Files) Roll(db int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.openLast(); err != nil {
		return err
	}
	next := f.m.clone()
	if err := f.closeLast(next); err != nil {
		return err
	}
	return f.begin(next, db)
}

// closeLast notes size and checksum of the last incremental file, which is open and gets no more bytes.
func (f *Files) closeLast(next *manifest) error {
	if err := f.clean(); err != nil {
		return err
	}
	if err := f.syncCur(); err != nil {
		return err
	}
	if err := f.sums.noteSynced(mark{f.size, f.sum}); err != nil {
		return err
	}
	if err := f.sums.sync(); err != nil {
		return err
	}
	for i := len(next.files) - 1; i >= 0; i-- {
		if e := &next.files[i]; e.kind == kindIncr {
			e.size, e.sum, e.closed, e.placed = f.size, f.sum, true, true
			break
		}
	}
	return nil
}

// begin adds an incremental file at the end of the log to next, and makes next the manifest.
func (f *Files) begin(next *manifest, db int) error {
	seq := f.incrs + 1
	for _, m := range []*manifest{f.m, next} {
		for _, e := range m.files {
			if e.kind != kindBase {
				seq = max(seq, e.seq+1)
			}
		}
	}
	f.incrs = seq
	header := selectWire(db)
	e := entry{name: f.fileName(seq, incrSuffix), seq: seq, kind: kindIncr, start: f.end, header: int64(len(header)),
		placed: true}
	file, err := f.cfg.FS.Create(f.path(e.name))
	if err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	if _, err = file.Write(header); err == nil {
		err = file.Sync()
	}
	start := mark{e.header, crc32.Checksum(header, castagnoli)}
	var s *sumsFile
	if err == nil {
		s, err = f.createSums(e.name, sums{marks: []mark{start}, synced: start})
	}
	if err == nil {
		next.files = append(next.files, e)
		err = f.commit(next)
	}
	if err != nil {
		return fmt.Errorf("aof: beginning %s: %w", e.name, errors.Join(err, file.Close()))
	}
	err = f.useSums(s)
	before := f.cur
	f.cur, f.size, f.sum, f.dirty, f.torn = file, start.end, start.sum, false, false
	if before != nil {
		err = errors.Join(err, before.Close())
	}
	if err != nil {
		return fmt.Errorf("aof: closing a file that is complete: %w", err)
	}
	return nil
}

func selectWire(db int) []byte {
	n := strconv.Itoa(db)
	return []byte("*2\r\n$6\r\nSELECT\r\n$" + strconv.Itoa(len(n)) + "\r\n" + n + "\r\n")
}

// Base is a snapshot that is being written, to become the base.
type Base struct {
	f        *Files
	file     File
	name     string
	size     int64
	restarts int // of the log, when it was begun
}

// NewBase begins a base. Several may be written at a time: a full copy can come while the log is being rewritten.
func (f *Files) NewBase() (*Base, error) {
	if err := f.cfg.FS.Mkdir(f.cfg.Dir); err != nil {
		return nil, fmt.Errorf("aof: making the directory %s: %w", f.cfg.Dir, err)
	}
	f.mu.Lock()
	b := &Base{f: f, name: tempPrefix + f.fileName(f.cfg.Temps.Add(1), baseSuffix), restarts: f.restarts}
	f.making[b.name] = true
	f.mu.Unlock()
	file, err := f.cfg.FS.Create(f.path(b.name))
	if err != nil {
		b.made()
		return nil, fmt.Errorf("aof: %w", err)
	}
	b.file = file
	return b, nil
}

// made says that nobody writes the file any more.
func (b *Base) made() {
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	delete(b.f.making, b.name)
}

// Write adds bytes of the snapshot.
func (b *Base) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.size += int64(n)
	return n, err
}

// Sync brings what was written to disk. Who has done so at the end doesn't hold the log up for long with Commit or
// Restart.
func (b *Base) Sync() error { return b.file.Sync() }

// Size is how many bytes the snapshot has so far.
func (b *Base) Size() int64 { return b.size }

// Abort gives up.
func (b *Base) Abort() error {
	defer b.made()
	return b.remove()
}

func (b *Base) remove() error {
	err := b.f.cfg.FS.Remove(b.f.path(b.name))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // somebody has opened the directory since, and cleared it
	}
	return errors.Join(b.file.Close(), err)
}

// seal makes the snapshot durable under the name of the next base and returns its entry.
func (b *Base) seal(start int64) (entry, error) {
	delete(b.f.making, b.name)
	err := b.file.Sync()
	if err = errors.Join(err, b.file.Close()); err != nil {
		return entry{}, fmt.Errorf("aof: writing the base: %w", err)
	}
	if err := b.f.announce(); err != nil {
		return entry{}, err
	}
	seq := b.f.bases + 1
	if old := b.f.m.base(); old != nil {
		seq = max(seq, old.seq+1)
	}
	b.f.bases = seq
	e := entry{name: b.f.fileName(seq, baseSuffix), seq: seq, kind: kindBase, start: start, placed: true}
	if err := b.f.cfg.FS.Rename(b.f.path(b.name), b.f.path(e.name)); err != nil {
		return entry{}, fmt.Errorf("aof: putting the base in its place: %w", err)
	}
	return e, nil
}

// Commit makes the snapshot, fixed at offset start, the base: an incremental file must begin there, of the log that was
// there when it was begun. Older ones become history, of which as much is kept as Config.Retain says.
func (b *Base) Commit(start int64) error {
	f := b.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.restarts != f.restarts || !slices.ContainsFunc(f.m.files,
		func(e entry) bool { return e.kind == kindIncr && e.start == start }) {
		delete(f.making, b.name)
		return errors.Join(fmt.Errorf("aof: no file of the log begins at %d, where the base was fixed", start),
			b.remove())
	}
	e, err := b.seal(start)
	if err != nil {
		return err
	}
	next := f.m.clone()
	next.files = slices.DeleteFunc(next.files, func(o entry) bool { return o.kind == kindBase })
	for i := range next.files {
		if o := &next.files[i]; o.kind == kindIncr && o.start < start {
			o.kind = kindHistory
		}
	}
	next.files = append([]entry{e}, next.files...)
	f.retain(next)
	before := f.m.base()
	if err := f.commit(next); err != nil {
		return err
	}
	f.baseSize = b.size
	f.measure()
	return errors.Join(f.leave(before), f.sweep())
}

// retain drops the oldest history from next that is not needed to have as much as is to be kept.
func (f *Files) retain(next *manifest) {
	keep := int64(0)
	if f.cfg.Retain != nil {
		keep = f.cfg.Retain()
	}
	history := next.of(kindHistory)
	slices.SortFunc(history, func(a, b entry) int { return int(b.seq - a.seq) })
	drop := map[string]bool{}
	for _, e := range history {
		if keep <= 0 || !e.closed {
			keep, drop[e.name] = 0, true
			continue
		}
		keep -= e.size
	}
	next.files = slices.DeleteFunc(next.files, func(e entry) bool { return drop[e.name] })
}

// Restart makes the snapshot, fixed at offset start of the log called id, all that there is: the log begins there.
func (b *Base) Restart(id Identity, start int64, db int) error {
	f := b.f
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := b.seal(start)
	if err != nil {
		return err
	}
	f.end, f.baseSize = start, b.size
	f.restarts++
	before := f.m.base()
	if err := f.begin(&manifest{files: []entry{e}, identity: &id}, db); err != nil {
		return err
	}
	f.measure()
	return errors.Join(f.leave(before), f.sweep())
}

// Close ends the log as it stands: with its checksum in the manifest, so that the next start can tell damage from a
// crash.
func (f *Files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.cur != nil {
		next := f.m.clone()
		if err = f.closeLast(next); err == nil {
			err = f.commit(next)
		}
		f.known = f.sums.sums
		err = errors.Join(err, f.cur.Close(), f.useSums(nil))
		f.cur = nil
	}
	for name, file := range f.old {
		err = errors.Join(err, file.Close())
		delete(f.old, name)
	}
	return err
}
