package store

import (
	"math/rand/v2"

	"holdfast/node/programs"
)

// Values of an expiry that are not a time.
const (
	NoExpiry int64 = -1 // the key never expires
	KeepTTL  int64 = -2 // SetString: the expiry stays as it is
)

// Store is a set of numbered databases.
type Store struct {
	// Changed, if set, is called after every mutation of a key: set, delete, change of expiry.
	// A nil key stands for all keys of the database (flush, swap). Aside is a change that those who watch the key are
	// not told of: of a stream's groups. It must not change the store.
	Changed func(db *DB, key []byte, aside bool)
	// NewAccess is the access value that entries get when they are created or set.
	NewAccess uint32
	// Limits may be replaced at any time: a value keeps the encoding it has until it changes.
	Limits *Limits
	// Programs are the scripts and functions that go with the data.
	Programs programs.Set
	// KeepAccess has a value that replaces another keep that one's access statistics.
	KeepAccess bool

	hasher     hasher
	dbs        []*DB
	gen        uint8              // generation that entries saved or made since the last BeginSnapshot carry
	unfinished int                // snapshots given up since the last one that was completed
	active     *Snapshot          // between BeginSnapshot and Close
	scratch    []byte             // for whoever builds a packed value
	list       listView           // of the packed list that is being changed
	saving     *Snapshot          // active, and neither failed nor done: entries must be saved before they change
	lent       map[*byte]struct{} // the first bytes of large strings that are frozen
}

// New returns an empty store. The rng seeds its hash; with the same seed and the same calls, it behaves the same.
func New(databases int, rng *rand.Rand) *Store {
	s := &Store{hasher: newHasher(rng), Limits: DefaultLimits(), lent: map[*byte]struct{}{}}
	for i := range databases {
		s.dbs = append(s.dbs, &DB{store: s, index: i, space: newSpace(s)})
	}
	return s
}

// DB returns database i.
func (s *Store) DB(i int) *DB { return s.dbs[i] }

// Databases returns how many databases there are.
func (s *Store) Databases() int { return len(s.dbs) }

// SwapDB exchanges the contents of two databases. Changed is called for both, with a nil key.
func (s *Store) SwapDB(i, j int) {
	a, b := s.dbs[i], s.dbs[j]
	a.space, b.space = b.space, a.space
	a.changed(nil)
	if a != b {
		b.changed(nil)
	}
}

// FlushAll empties every database.
func (s *Store) FlushAll() {
	for _, d := range s.dbs {
		d.Flush()
	}
}

// Memory returns the bytes really held: slabs, indexes and large values, used or not, and what a running snapshot
// keeps of flushed databases.
func (s *Store) Memory() int64 {
	var n int64
	for _, d := range s.dbs {
		n += d.space.memory()
	}
	if s.active != nil {
		n += s.active.detachedMemory()
	}
	return n
}

// Used returns the bytes that the data occupies: slots in use, the index, large values with what their blocks have to
// spare. It is what a limit on memory is held against: each deletion lowers it at once. Memory is more by the room
// between entries, which the next ones fill, and which evacuation keeps below a third.
func (s *Store) Used() int64 {
	var n int64
	for _, d := range s.dbs {
		if d.space.table.count > 0 {
			n += d.space.used()
		}
	}
	return n
}

// Step does up to that many units of upkeep that mutations have left over, shrinking and growing indexes and
// emptying sparse slabs, and reports whether there is more. A node calls it when it is idle;
// without it, the store only keeps memory a little longer.
func (s *Store) Step(units int) (more bool) {
	for _, d := range s.dbs {
		sp := d.space
		for units > 0 && sp.table.main.n > 0 && (sp.table.shrink() || sp.table.grow()) {
			units--
		}
		for class := range sp.slabs.classes {
			for units > 0 && sp.evacuate(uint8(class), movesPerFree) {
				units -= movesPerFree
			}
		}
		sp.slabs.freed = 0
		if units <= 0 {
			return true
		}
	}
	return false
}
