package aof

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
)

// File is an open file.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt // not where the file was opened with Append
	io.Closer
	Truncate(size int64) error
	Sync() error
	Size() (int64, error)
}

// FS is the directory below which everything lies. Names are slash paths.
type FS interface {
	Open(name string) (File, error)   // for reading
	Create(name string) (File, error) // for writing, emptied
	Append(name string) (File, error) // for writing at its end; it must exist
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
	syncing *atomic.Int32 // files of it that are being synced
}

// NewRoot makes an FS of a directory.
func NewRoot(dir *os.Root) Root { return Root{dir, new(atomic.Int32)} }

func (r Root) open(name string, flag int) (File, error) {
	f, err := r.OpenFile(name, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f, syncing: r.syncing}, nil
}

// Open opens a file for reading.
func (r Root) Open(name string) (File, error) { return r.open(name, os.O_RDONLY) }

// Create makes an empty file.
func (r Root) Create(name string) (File, error) {
	return r.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// Append opens a file for writing at its end.
func (r Root) Append(name string) (File, error) { return r.open(name, os.O_RDWR|os.O_APPEND) }

// Update opens a file for writing anywhere in it.
func (r Root) Update(name string) (File, error) { return r.open(name, os.O_RDWR) }

// Mkdir makes a directory unless it exists.
func (r Root) Mkdir(name string) error {
	if err := r.Root.Mkdir(name, 0o755); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Remove removes a file. The system takes long to give the blocks of a large one back, and does so when nobody has it open any
// more: that is left to another goroutine.
func (r Root) Remove(name string) error {
	f, err := r.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = r.Root.Remove(name)
	go func() { _ = f.Close() }() // nothing was written by it
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
