package aof

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
)

// Write appends the log's next bytes. After an error nothing of them counts: the same bytes are to be written again, when
// there is room.
func (f *Files) Write(chunks ...[]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.openLast(); err != nil {
		return err
	}
	if f.dirty {
		if err := f.cur.Truncate(f.size); err != nil {
			return fmt.Errorf("aof: cutting off a write that failed: %w", err)
		}
		f.dirty = false
	}
	size, sum := f.size, f.sum
	for _, p := range chunks {
		if _, err := f.cur.Write(p); err != nil {
			f.dirty = true
			return fmt.Errorf("aof: writing the log: %w", err)
		}
		size += int64(len(p))
		sum = crc32.Update(sum, castagnoli, p)
	}
	f.end += size - f.size
	f.size, f.sum = size, sum
	return nil
}

// Sync makes what was written survive a loss of power.
func (f *Files) Sync() error {
	f.mu.Lock()
	file := f.cur
	f.mu.Unlock()
	if file == nil {
		return nil
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("aof: syncing the log: %w", err)
	}
	return nil
}

// openLast opens the last incremental file for writing.
func (f *Files) openLast() error {
	if f.cur != nil {
		return nil
	}
	incr := f.m.of(kindIncr)
	if len(incr) == 0 {
		return ErrNone
	}
	file, err := f.cfg.FS.Append(f.path(incr[len(incr)-1].name))
	if err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	f.cur = file
	return nil
}

// Roll goes on in a new incremental file. db is the database that the log has selected by then.
func (f *Files) Roll(db int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.m.files) == 0 {
		return ErrNone
	}
	next := f.m.clone()
	if err := f.closeLast(next); err != nil {
		return err
	}
	return f.begin(next, db)
}

// closeLast notes size and checksum of the last incremental file, which gets no more bytes.
func (f *Files) closeLast(next *manifest) error {
	if err := f.openLast(); err != nil {
		return err
	}
	if f.dirty {
		if err := f.cur.Truncate(f.size); err != nil {
			return fmt.Errorf("aof: cutting off a write that failed: %w", err)
		}
		f.dirty = false
	}
	if err := f.cur.Sync(); err != nil {
		return fmt.Errorf("aof: syncing the log: %w", err)
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
	seq := int64(1)
	for _, m := range []*manifest{f.m, next} {
		for _, e := range m.files {
			if e.kind != kindBase {
				seq = max(seq, e.seq+1)
			}
		}
	}
	header := selectWire(db)
	e := entry{name: f.fileName(seq, incrSuffix), seq: seq, kind: kindIncr, start: f.end, header: int64(len(header)), placed: true}
	file, err := f.cfg.FS.Create(f.path(e.name))
	if err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	if _, err = file.Write(header); err == nil {
		err = file.Sync()
	}
	if err == nil {
		next.files = append(next.files, e)
		err = f.commit(next)
	}
	if err != nil {
		return fmt.Errorf("aof: beginning %s: %w", e.name, errors.Join(err, file.Close()))
	}
	before := f.cur
	f.cur, f.size, f.sum, f.dirty = file, e.header, crc32.Checksum(header, castagnoli), false
	if before != nil {
		if err := before.Close(); err != nil {
			return fmt.Errorf("aof: closing a file that is complete: %w", err)
		}
	}
	return nil
}

func selectWire(db int) []byte {
	n := strconv.Itoa(db)
	return []byte("*2\r\n$6\r\nSELECT\r\n$" + strconv.Itoa(len(n)) + "\r\n" + n + "\r\n")
}

// Base is a snapshot that is being written, to become the base.
type Base struct {
	f    *Files
	file File
	name string
	size int64
}

// NewBase begins a base. One at a time.
func (f *Files) NewBase() (*Base, error) {
	if err := f.cfg.FS.Mkdir(f.cfg.Dir); err != nil {
		return nil, fmt.Errorf("aof: making the directory %s: %w", f.cfg.Dir, err)
	}
	b := &Base{f: f, name: tempPrefix + f.cfg.Name + baseSuffix}
	file, err := f.cfg.FS.Create(f.path(b.name))
	if err != nil {
		return nil, fmt.Errorf("aof: %w", err)
	}
	b.file = file
	return b, nil
}

// Write adds bytes of the snapshot.
func (b *Base) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.size += int64(n)
	return n, err
}

// Size is how many bytes the snapshot has so far.
func (b *Base) Size() int64 { return b.size }

// Abort gives up.
func (b *Base) Abort() error {
	return errors.Join(b.file.Close(), b.f.cfg.FS.Remove(b.f.path(b.name)))
}

// seal makes the snapshot durable under the name of the next base and returns its entry.
func (b *Base) seal(start int64) (entry, error) {
	err := b.file.Sync()
	if err = errors.Join(err, b.file.Close()); err != nil {
		return entry{}, fmt.Errorf("aof: writing the base: %w", err)
	}
	seq := int64(1)
	if old := b.f.m.base(); old != nil {
		seq = old.seq + 1
	}
	e := entry{name: b.f.fileName(seq, baseSuffix), seq: seq, kind: kindBase, start: start, placed: true}
	if err := b.f.cfg.FS.Rename(b.f.path(b.name), b.f.path(e.name)); err != nil {
		return entry{}, fmt.Errorf("aof: putting the base in its place: %w", err)
	}
	return e, nil
}

// Commit makes the snapshot, fixed at offset start, the base: an incremental file must begin there. Older ones become
// history, of which as much is kept as Config.Retain says.
func (b *Base) Commit(start int64) error {
	f := b.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.m.files, func(e entry) bool { return e.kind == kindIncr && e.start == start }) {
		return fmt.Errorf("aof: no file of the log begins at %d, where the base was fixed", start)
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
	if err := f.commit(next); err != nil {
		return err
	}
	f.baseSize = b.size
	return f.sweep()
}

// retain drops the oldest history from next that is more than is to be kept.
func (f *Files) retain(next *manifest) {
	keep := int64(0)
	if f.cfg.Retain != nil {
		keep = f.cfg.Retain()
	}
	history := next.of(kindHistory)
	slices.SortFunc(history, func(a, b entry) int { return int(b.seq - a.seq) })
	drop := map[string]bool{}
	for _, e := range history {
		if keep -= e.size; keep < 0 || !e.closed {
			drop[e.name] = true
		}
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
	if err := f.begin(&manifest{files: []entry{e}, identity: &id}, db); err != nil {
		return err
	}
	return f.sweep()
}

// Close ends the log as it stands: with its checksum in the manifest, so that the next start can tell damage from a crash.
func (f *Files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.cur != nil {
		next := f.m.clone()
		if err = f.closeLast(next); err == nil {
			err = f.commit(next)
		}
		err = errors.Join(err, f.cur.Close())
		f.cur = nil
	}
	for name, file := range f.old {
		err = errors.Join(err, file.Close())
		delete(f.old, name)
	}
	return err
}
