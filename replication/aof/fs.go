package aof

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// File is an open file.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer // behind what was written last by this descriptor, wherever the file ends by then
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
	Size() (int64, error)
}

// FS is the directory below which everything lies. Names are slash paths.
type FS interface {
	Open(name string) (File, error)   // for reading
	Create(name string) (File, error) // for writing, emptied
	Update(name string) (File, error) // for writing anywhere in it; it must exist
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string) error // none if it exists already
	List(dir string) ([]string, error)
	SyncDir(name string) error // makes renames and creations in it durable
}

// Root is an FS on a directory of the operating system.
type Root struct {
	*os.Root
	disk *disk
}

// NewRoot makes an FS of a directory.
func NewRoot(dir *os.Root) Root { return Root{dir, &disk{}} }

// Busy reports whether a write may have to wait for the disk: something is being synced or removed, or a write has just
// had to.
func (r Root) Busy() bool { return r.disk.busy(time.Now()) }

func (r Root) open(name string, flag int) (File, error) {
	f, err := r.OpenFile(name, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f, disk: r.disk}, nil
}

// Open opens a file for reading.
func (r Root) Open(name string) (File, error) { return r.open(name, os.O_RDONLY) }

// Create makes an empty file.
func (r Root) Create(name string) (File, error) {
	return r.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// Update opens a file for writing anywhere in it.
func (r Root) Update(name string) (File, error) { return r.open(name, os.O_RDWR) }

// Mkdir makes a directory unless it exists.
func (r Root) Mkdir(name string) error {
	if err := r.Root.Mkdir(name, 0o755); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Remove removes a file. The system takes long to give the blocks of a large one back, and does so when nobody has it
// open any more: that is left to another goroutine, one file after the other.
func (r Root) Remove(name string) error {
	f, err := r.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = r.Root.Remove(name)
	go func() {
		r.disk.freeing.Lock()
		defer r.disk.freeing.Unlock()
		r.disk.working.Add(1)
		defer r.disk.working.Add(-1)
		_ = f.Close() // nothing was written by it
	}()
	return err
}

// List names the files of a directory.
func (r Root) List(dir string) (names []string, err error) {
	d, err := r.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Readdirnames(-1)
}

// SyncDir makes renames and creations in a directory durable.
func (r Root) SyncDir(name string) error {
	d, err := r.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
