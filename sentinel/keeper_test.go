package sentinel

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"
)

// losingDisk is what a sentinel's files are on when syncs and renames fail. What a failed sync had to write is lost
// when the power goes, and so is all that is written to that file later, though every sync of it succeeds.
type losingDisk struct {
	t     *testing.T
	dir   string
	kept  map[string][]byte // the files as they are after a loss of power
	files map[string]*losingFile
	fails func() error // what the next write, or rename, ends with
}

// losingFile is a file on it.
type losingFile struct {
	path string
	lost bool // a sync has failed, or it has no name any more
}

// losingStore is who has it open.
type losingStore struct {
	boltStore
	*losingFile
	d        *losingDisk
	unsynced bool
}

func (d *losingDisk) open(path string, unsynced bool) (boltStore, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	_, missing := os.Stat(path)
	s, err := openBolt(path, true) // what is synced is up to this disk
	if err != nil {
		return nil, err
	}
	if missing != nil {
		d.files[path] = &losingFile{path: path}
	}
	l := &losingStore{boltStore: s, losingFile: d.files[path], d: d, unsynced: unsynced}
	if err := l.synced(nil); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return l, nil
}

func (s *losingStore) Sync() error {
	s.unsynced = false
	return s.synced(nil)
}

// synced is told how a write went, and answers how its sync went.
func (s *losingStore) synced(err error) error {
	if err != nil || s.unsynced {
		return err
	}
	if err := s.d.fails(); err != nil {
		s.lost = true
		return err
	}
	if s.lost {
		return nil
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		s.d.t.Fatal(err)
	}
	s.d.kept[s.path] = data
	return nil
}

func (s *losingStore) StoreLog(l *raft.Log) error    { return s.synced(s.boltStore.StoreLog(l)) }
func (s *losingStore) StoreLogs(l []*raft.Log) error { return s.synced(s.boltStore.StoreLogs(l)) }
func (s *losingStore) DeleteRange(from, to uint64) error {
	return s.synced(s.boltStore.DeleteRange(from, to))
}
func (s *losingStore) Set(key, val []byte) error { return s.synced(s.boltStore.Set(key, val)) }
func (s *losingStore) SetUint64(key []byte, v uint64) error {
	return s.synced(s.boltStore.SetUint64(key, v))
}

func (d *losingDisk) replace(k *keeper) func(dir *os.Root, old, name string) error {
	return func(dir *os.Root, old, name string) error {
		if err := d.fails(); err != nil {
			return err
		}
		if err := replaceFile(dir, old, name); err != nil {
			return err
		}
		old, path := k.path(old), k.path(name)
		d.kept[path] = d.kept[old]
		delete(d.kept, old)
		d.files[old].path = path
		d.files[path] = d.files[old]
		if before, ok := k.store.(*losingStore); ok {
			before.lost = true // it has no name any more
		}
		return d.fails()
	}
}

// begin starts a sentinel's keeper.
func (d *losingDisk) begin() (*keeper, error) {
	k := &keeper{dir: openDir(d.t, d.dir), open: d.open}
	k.replace = d.replace(k)
	return k, k.begin()
}

// losePower has the files as they are on disk.
func (d *losingDisk) losePower() {
	for _, name := range []string{keeperFile, keeperNext} {
		path := filepath.Join(d.dir, name)
		_ = os.Remove(path)
		if data, ok := d.kept[path]; ok {
			d.files[path] = &losingFile{path: path}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

// TestNoSyncMakesGoodForAFailedOne: whatever fails and when, what was acknowledged, or read as a vote, is there after
// the next loss of power.
func TestNoSyncMakesGoodForAFailedOne(t *testing.T) {
	faults, losses, refused := 0, 0, 0
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		d := &losingDisk{t: t, dir: t.TempDir(), kept: map[string][]byte{}, files: map[string]*losingFile{}}
		troubled := false
		d.fails = func() error {
			if troubled && rng.IntN(3) == 0 {
				faults++
				return []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS}[rng.IntN(3)]
			}
			return nil
		}
		k, err := d.begin()
		if err != nil {
			t.Fatal(err)
		}
		told := map[string][]byte{} // acknowledged, or read
		last := uint64(0)           // acknowledged of the log
		for step := range 60 {
			troubled = rng.IntN(4) == 0
			key := values[rng.IntN(len(values))]
			switch rng.IntN(8) {
			case 0, 1, 2:
				val := fmt.Appendf(nil, "%d of %d", step, seed)
				if err := k.Set(key, val); err == nil {
					told[string(key)] = val
				} else {
					delete(told, string(key)) // either may be there
				}
			case 3:
				if val, err := k.Get(key); err == nil {
					told[string(key)] = bytes.Clone(val)
				}
			case 4, 5:
				if err := k.StoreLogs([]*raft.Log{{Index: last + 1, Term: 1,
					Data: fmt.Append(nil, last+1)}}); err == nil {
					last++
				}
			case 6: // the process ends
				if err := k.Close(); err != nil {
					t.Fatal(err)
				}
				k = d.again(&refused, &troubled)
			case 7:
				losses++
				_ = k.Close()
				d.losePower()
				k = d.again(&refused, &troubled)
				for key, want := range told {
					if got, err := k.Get([]byte(key)); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("seed %d, step %d: %s is %q (%v) after a loss of power, and was %q", seed, step, key,
							got, err, want)
					}
				}
				for i := uint64(1); i <= last; i++ {
					var l raft.Log
					if err := k.GetLog(i, &l); err != nil || string(l.Data) != fmt.Sprint(i) {
						t.Fatalf("seed %d, step %d: entry %d of %d: %q, %v", seed, step, i, last, l.Data, err)
					}
				}
			}
		}
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d faults, %d losses of power, %d starts refused", faults, losses, refused)
	if faults == 0 || losses == 0 || refused == 0 {
		t.Error("nothing happened")
	}
}

// again starts it again, as often as it takes.
func (d *losingDisk) again(refused *int, troubled *bool) *keeper {
	for {
		k, err := d.begin()
		if err == nil {
			return k
		}
		if !isTrouble(err) {
			d.t.Fatal(err)
		}
		if text := openError(k.path(keeperFile), err).Error(); !strings.Contains(text, "make room") {
			d.t.Errorf("it is told %s", text)
		}
		*refused++
		*troubled = false
	}
}

// TestVoteIsNotReadInDoubt: Raft repeats a vote that it finds stored; one whose sync failed is not found before it is
// stored for good.
func TestVoteIsNotReadInDoubt(t *testing.T) {
	d := &losingDisk{t: t, dir: t.TempDir(), kept: map[string][]byte{}, files: map[string]*losingFile{}}
	var bad error
	d.fails = func() error { return bad }
	k, err := d.begin()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	key := []byte("LastVoteCand")
	bad = syscall.EIO
	if err := k.Set(key, []byte("x")); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if val, err := k.Get(key); !errors.Is(err, syscall.EIO) {
		t.Errorf("it reads %q, %v", val, err)
	}
	if _, err := k.LastIndex(); err != nil {
		t.Errorf("lookups: %v", err)
	}
	bad = nil
	if val, err := k.Get(key); err != nil || string(val) != "x" {
		t.Errorf("it reads %q, %v", val, err)
	}
	_ = k.Close()
	d.losePower()
	k, err = d.begin()
	if err != nil {
		t.Fatal(err)
	}
	if val, err := k.Get(key); err != nil || string(val) != "x" {
		t.Errorf("after a loss of power: %q, %v", val, err)
	}
}

// TestAllValuesAreCopied: a file that is written anew has every value that a sentinel, and Raft, has stored.
func TestAllValuesAreCopied(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		known := map[string]bool{}
		for _, key := range values {
			known[string(key)] = true
		}
		for i := range w.sentinels {
			w.stopSentinel(i)
			s := &namingStore{InmemStore: raft.NewInmemStore(), names: map[string]bool{}}
			w.storage[i] = &Storage{logs: s, stable: s, snapshots: raft.NewInmemSnapshotStore()}
		}
		for i := range w.sentinels {
			w.startSentinel(i)
		}
		w.trio()
		for i := range w.sentinels {
			w.stopSentinel(i)
			for name := range maps.Keys(w.storage[i].stable.(*namingStore).names) {
				if !known[name] {
					t.Errorf("%s is not copied", name)
				}
			}
			w.startSentinel(i)
		}
	})
}

// namingStore notes what values are stored.
type namingStore struct {
	*raft.InmemStore
	names map[string]bool
}

func (s *namingStore) Set(key, val []byte) error {
	s.names[string(key)] = true
	return s.InmemStore.Set(key, val)
}

func (s *namingStore) SetUint64(key []byte, val uint64) error {
	s.names[string(key)] = true
	return s.InmemStore.SetUint64(key, val)
}
