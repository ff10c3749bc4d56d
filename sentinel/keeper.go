package sentinel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// boltStore is a file that Raft keeps its log and its values in.
type boltStore interface {
	raft.LogStore
	raft.StableStore
	Sync() error
	Close() error
}

// keeper is the file of a sentinel, which is written anew when it may not say on disk what it says to who reads it.
//
// A write that failed may be there for every reader and yet not be on disk, and no later sync makes good for a failed
// one: the system has forgotten which pages it could not write. So after a failure nothing more goes to that file. What
// it says, all that was ever acknowledged and perhaps what failed, is written to another one, which takes its place
// once it is synced. Before that no vote is read from it either, as Raft repeats one that it finds there. The same
// holds for what a process finds when it starts: who wrote it may have ended with such an error.
type keeper struct {
	dir *os.Root
	// unsynced: its writes are on disk when Sync has answered, not before
	open    func(path string, unsynced bool) (boltStore, error)
	replace func(dir *os.Root, old, name string) error // renames, for good

	mu    sync.RWMutex // held for writing by who writes, as store may become another one then
	store boltStore
	doubt bool // a write has failed, or may have before the start
}

// values are the keys of all that is kept beside the log.
var values = [][]byte{
	[]byte("CurrentTerm"), []byte("LastVoteTerm"), []byte("LastVoteCand"), // Raft's
	keyID, keyJudgement, keyPromise, keyRemoved, keyInstalled,
}

// keeperFile is the file, keeperNext one that is to take its place.
const (
	keeperFile = "sentinel.db"
	keeperNext = keeperFile + ".new"
)

func openKeeper(dir *os.Root) (*keeper, error) {
	k := &keeper{dir: dir, open: openBolt, replace: replaceFile}
	return k, k.begin()
}

// path is where a file is for bbolt, which takes no other directory.
func (k *keeper) path(name string) string { return filepath.Join(k.dir.Name(), name) }

// begin opens the file and, if it was there before, writes it anew.
func (k *keeper) begin() error {
	before, missing := k.dir.Stat(keeperFile)
	store, err := k.open(k.path(keeperFile), false)
	if err != nil {
		return err
	}
	if after, err := k.dir.Stat(keeperFile); missing == nil && (err != nil || !os.SameFile(before, after)) {
		// It was waited for until another sentinel had put the next one in its place.
		return errors.Join(bolterrors.ErrTimeout, store.Close())
	}
	k.store, k.doubt = store, missing == nil
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.settle(); err != nil {
		return errors.Join(err, k.store.Close())
	}
	return nil
}

func openBolt(path string, unsynced bool) (boltStore, error) {
	return raftboltdb.New(raftboltdb.Options{
		Path: path, NoSync: unsynced,
		// Another process that holds the file is a mistake of the operator, better named than waited for.
		BoltOptions: &bbolt.Options{Timeout: 2 * time.Second},
	})
}

// replaceFile puts a synced file in the place of another.
func replaceFile(dir *os.Root, old, name string) error {
	if err := dir.Rename(old, name); err != nil {
		return err
	}
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// settle writes the file anew if there is doubt about it. It needs mu.
func (k *keeper) settle() error {
	if !k.doubt {
		return nil
	}
	if err := k.dir.Remove(keeperNext); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := k.copyTo(k.path(keeperNext))
	var next boltStore
	if err == nil {
		next, err = k.open(k.path(keeperNext), false)
	}
	if err == nil {
		if err = k.replace(k.dir, keeperNext, keeperFile); err != nil {
			err = errors.Join(err, next.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("writing %s anew: %w", k.path(keeperFile), err)
	}
	before := k.store
	k.store, k.doubt = next, false
	_ = before.Close() // it is no file any more
	return nil
}

// copyTo writes a file that has all that the present one says.
func (k *keeper) copyTo(path string) error {
	next, err := k.open(path, true)
	if err != nil {
		return err
	}
	if err = copyStore(next, k.store); err == nil {
		err = next.Sync()
	}
	return errors.Join(err, next.Close())
}

// copyBatch is how many entries of a log are copied at once.
const copyBatch = 256

// copyStore copies all there is to an empty store.
func copyStore(to, from boltStore) error {
	for _, key := range values {
		val, err := from.Get(key)
		if err == nil {
			err = to.Set(key, val)
		} else if err.Error() == notFound {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	first, err := from.FirstIndex()
	if err != nil {
		return err
	}
	last, err := from.LastIndex()
	if err != nil || last == 0 {
		return err
	}
	for first <= last {
		var batch []*raft.Log
		for ; first <= last && len(batch) < copyBatch; first++ {
			entry := new(raft.Log)
			if err := from.GetLog(first, entry); err != nil {
				return err
			}
			batch = append(batch, entry)
		}
		if err := to.StoreLogs(batch); err != nil {
			return err
		}
	}
	return nil
}

// notFound is what the error says that a store has no such value: there is nothing else to tell it by.
const notFound = "not found"

func (k *keeper) write(do func(s boltStore) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.settle(); err != nil {
		return err
	}
	err := do(k.store)
	k.doubt = err != nil
	return err
}

// value reads what must be on disk.
func (k *keeper) value(do func(s boltStore) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.settle(); err != nil {
		return err
	}
	return do(k.store)
}

func (k *keeper) StoreLog(l *raft.Log) error {
	return k.write(func(s boltStore) error { return s.StoreLog(l) })
}

func (k *keeper) StoreLogs(l []*raft.Log) error {
	return k.write(func(s boltStore) error { return s.StoreLogs(l) })
}

func (k *keeper) DeleteRange(first, last uint64) error {
	return k.write(func(s boltStore) error { return s.DeleteRange(first, last) })
}

func (k *keeper) Set(key, val []byte) error {
	return k.write(func(s boltStore) error { return s.Set(key, val) })
}

func (k *keeper) SetUint64(key []byte, val uint64) error {
	return k.write(func(s boltStore) error { return s.SetUint64(key, val) })
}

func (k *keeper) Get(key []byte) (val []byte, err error) {
	err = k.value(func(s boltStore) (err error) { val, err = s.Get(key); return err })
	return val, err
}

func (k *keeper) GetUint64(key []byte) (val uint64, err error) {
	err = k.value(func(s boltStore) (err error) { val, err = s.GetUint64(key); return err })
	return val, err
}

func (k *keeper) FirstIndex() (uint64, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.store.FirstIndex()
}

func (k *keeper) LastIndex() (uint64, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.store.LastIndex()
}

func (k *keeper) GetLog(index uint64, l *raft.Log) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.store.GetLog(index, l)
}

func (k *keeper) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store.Close()
}

// openError says why a sentinel can't have its file, and what to do.
func openError(path string, err error) error {
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("open %s: another sentinel uses it; end that one, or choose another --dir", path)
	}
	if isTrouble(err) {
		return fmt.Errorf("open %s: %w; a sentinel that can't store whom it votes for must not vote: make room, or "+
			"mend the disk, and start it again; "+
			"the other sentinels do without it meanwhile", path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// isTrouble says whether an error is of a disk that is full, or fails, or must not be written to.
func isTrouble(err error) bool {
	for _, trouble := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS} {
		if errors.Is(err, trouble) {
			return true
		}
	}
	return false
}
