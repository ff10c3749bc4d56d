package memfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"syscall"

	"holdfast/replication/aof"
)

// FS is a disk. Its methods are those of aof.FS.
type FS struct {
	mu    sync.Mutex
	names map[string]*inode // as processes see them
	kept  map[string]*inode // as they are on the disk
	room  int64             // bytes that can still be written; negative: any number
	more  int               // files that can still be made; negative: any number
	power int               // counts losses: a file opened before one is gone
	fail  float64           // how likely a write, a cut, a sync or a change of a name fails
	rng   *rand.Rand        // decides which
}

type inode struct {
	data   []byte
	synced []byte
	lost   []span // of data: what a sync that failed has not brought to disk, and none will
}

type span struct{ from, to int }

// New is an empty disk without limits.
func New() *FS {
	return &FS{names: map[string]*inode{}, kept: map[string]*inode{}, room: -1, more: -1}
}

// SetRoom says how many more bytes can be written until others are cut off or removed; a negative number is no limit.
func (f *FS) SetRoom(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = bytes
}

// SetFiles says how many more files can be made until others are removed; a negative number is no limit.
func (f *FS) SetFiles(more int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.more = more
}

// gain gives room back. It needs mu.
func (f *FS) gain(bytes int) {
	if f.room >= 0 {
		f.room += int64(bytes)
	}
}

// forget gives back what a file took whose last name is gone. It needs mu.
func (f *FS) forget(n *inode) {
	for _, other := range f.names {
		if other == n {
			return
		}
	}
	f.gain(len(n.data))
	if f.more >= 0 {
		f.more++
	}
}

// Fail has writes, cuts, syncs and changes of names fail with EIO with that probability from now on; 0 is none. A sync
// that fails has lost what it was to bring to disk: it can be read until the power goes, and later syncs succeed
// without it, as on Linux.
func (f *FS) Fail(probability float64, rng *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.rng = probability, rng
}

// fails says whether this operation does. It needs mu.
func (f *FS) fails() bool { return f.fail > 0 && f.rng.Float64() < f.fail }

// LosePower is what happens to a machine whose plug is pulled. Files that are open can't be used any more.
func (f *FS) LosePower(rng *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.power++
	all := map[string]bool{}
	for name := range f.names {
		all[name] = true
	}
	for name := range f.kept {
		all[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(all)) { // sorted, so that a seed repeats
		if now, before := f.names[name], f.kept[name]; now != before && rng.IntN(2) == 0 {
			if f.kept[name] = now; now == nil {
				delete(f.kept, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.kept)) {
		n := f.kept[name]
		if len(n.data) > len(n.synced) && string(n.data[:len(n.synced)]) == string(n.synced) {
			n.synced = n.data[:len(n.synced)+rng.IntN(len(n.data)-len(n.synced)+1)]
		}
		n.data, n.lost = slices.Clone(n.synced), nil
	}
	f.names = maps.Clone(f.kept)
}

type file struct {
	fs    *FS
	n     *inode
	power int
	at    int64 // where Read and Write go on
}

func notThere(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// Open opens a file for reading.
func (f *FS) Open(name string) (aof.File, error) { return f.open(name) }

// Update opens a file for writing anywhere in it.
func (f *FS) Update(name string) (aof.File, error) { return f.open(name) }

func (f *FS) open(name string) (aof.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[name]
	if n == nil {
		return nil, notThere("open", name)
	}
	return &file{fs: f, n: n, power: f.power}, nil
}

// Create makes an empty file, or empties the one that is there, also for who has it open.
func (f *FS) Create(name string) (aof.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[name]
	switch {
	case n == nil && (f.more == 0 || f.room == 0):
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	case f.fails():
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.EIO}
	case n == nil:
		n = &inode{}
		f.names[name] = n
		if f.more > 0 {
			f.more--
		}
	default:
		f.gain(len(n.data))
		n.data, n.lost = nil, nil
	}
	return &file{fs: f, n: n, power: f.power}, nil
}

// Rename gives a file another name.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[from] == nil {
		return notThere("rename", from)
	}
	if f.fails() {
		return &fs.PathError{Op: "rename", Path: from, Err: syscall.EIO}
	}
	before := f.names[to]
	f.names[to] = f.names[from]
	delete(f.names, from)
	if before != nil {
		f.forget(before)
	}
	return nil
}

// Remove takes a name away.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[name]
	switch {
	case n == nil:
		return notThere("remove", name)
	case f.fails():
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.EIO}
	}
	delete(f.names, name)
	f.forget(n)
	return nil
}

// Mkdir does nothing: a directory exists as long as a name lies in it.
func (f *FS) Mkdir(string) error { return nil }

// List names the files of a directory.
func (f *FS) List(dir string) (names []string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.names {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir makes a directory's names survive.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails() {
		return &fs.PathError{Op: "sync", Path: dir, Err: syscall.EIO}
	}
	maps.DeleteFunc(f.kept, func(name string, _ *inode) bool { return path.Dir(name) == dir })
	for name, n := range f.names {
		if path.Dir(name) == dir {
			f.kept[name] = n
		}
	}
	return nil
}

// use locks the disk, unless the file was opened before a loss of power.
func (f *file) use() (unlock func(), err error) {
	f.fs.mu.Lock()
	if f.power != f.fs.power {
		f.fs.mu.Unlock()
		return nil, fmt.Errorf("the machine has lost its power: %w", fs.ErrClosed)
	}
	return f.fs.mu.Unlock, nil
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, at int64) (int, error) {
	unlock, err := f.use()
	if err != nil {
		return 0, err
	}
	defer unlock()
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[at:])
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Write writes where the last Write, or Read, ended, and no more than there is room for.
func (f *file) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.at)
	f.at += int64(n)
	return n, err
}

// WriteAt writes at a place in the file, and no more than there is room for. Zeroes come between the file's end and a
// place behind it.
func (f *file) WriteAt(p []byte, at int64) (int, error) {
	unlock, err := f.use()
	if err != nil {
		return 0, err
	}
	defer unlock()
	size := int64(len(f.n.data))
	n, fault := int64(len(p)), error(nil)
	if room := f.fs.room; room >= 0 {
		if n = min(n, max(size-at, 0)+room); n < int64(len(p)) {
			fault = syscall.ENOSPC
		}
	}
	if f.fs.fails() {
		n, fault = f.fs.rng.Int64N(max(n, 1)), syscall.EIO
	}
	if n == 0 {
		return 0, fault
	}
	if grown := max(at+n-max(size, at), 0); f.fs.room >= 0 {
		f.fs.room -= grown // a hole takes none
	}
	if at < size {
		f.n.data = slices.Clone(f.n.data) // synced has a part of the old one
	}
	f.n.data = append(f.n.data, make([]byte, max(at+n-size, 0))...)
	copy(f.n.data[at:], p[:n])
	f.n.found(span{int(at), int(at + n)})
	return int(n), fault
}

// found says that these bytes were written again: the next sync brings them to disk.
func (n *inode) found(s span) {
	var left []span
	for _, l := range n.lost {
		if before := (span{l.from, min(l.to, s.from)}); before.from < before.to {
			left = append(left, before)
		}
		if behind := (span{max(l.from, s.to), l.to}); behind.from < behind.to {
			left = append(left, behind)
		}
	}
	n.lost = left
}

func (f *file) Truncate(size int64) error {
	unlock, err := f.use()
	if err != nil {
		return err
	}
	defer unlock()
	if f.fs.fails() {
		return syscall.EIO
	}
	f.fs.gain(max(len(f.n.data)-int(size), 0))
	if size > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, size-int64(len(f.n.data)))...)
	}
	f.n.data = f.n.data[:size:size]
	for i := range f.n.lost {
		f.n.lost[i].from, f.n.lost[i].to = min(f.n.lost[i].from, int(size)), min(f.n.lost[i].to, int(size))
	}
	return nil
}

func (f *file) Sync() error {
	unlock, err := f.use()
	if err != nil {
		return err
	}
	defer unlock()
	if f.fs.fails() {
		if from, to := len(f.n.synced), len(f.n.data); from < to {
			f.n.lost = append(f.n.lost, span{from, to})
		}
		return syscall.EIO
	}
	switch {
	case len(f.n.lost) > 0:
		f.n.synced = slices.Clone(f.n.data)
		for _, l := range f.n.lost {
			clear(f.n.synced[l.from:l.to])
		}
	case len(f.n.data) >= len(f.n.synced):
		f.n.synced = f.n.data[:len(f.n.data):len(f.n.data)]
	default:
		f.n.synced = slices.Clone(f.n.data)
	}
	return nil
}

func (f *file) Size() (int64, error) {
	unlock, err := f.use()
	if err != nil {
		return 0, err
	}
	defer unlock()
	return int64(len(f.n.data)), nil
}

func (f *file) Close() error { return nil }
