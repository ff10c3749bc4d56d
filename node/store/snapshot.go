package store

import "errors"

// A snapshot saves the store as it was at BeginSnapshot, while the store goes on changing.
//
// Every entry carries a generation, a small number. BeginSnapshot advances the store's own: entries
// that carry another one are not saved yet. Step walks the indexes with the scan's guarantee, saves unsaved entries and
// stamps them. Any change of an unsaved entry saves its old state first, and entries made since are born with the new
// generation, so each entry that existed is emitted once and none that did not. A flush or swap
// exchanges whole spaces; the snapshot keeps the list of those there were.
//
// One bit would do if every snapshot were completed. One that fails or is closed early leaves stamped and
// unstamped entries mixed; with more than two generations the next snapshot need not care: whatever
// is not its own generation is unsaved. Only when all are in use, after 62 in a row that were given up, does
// BeginSnapshot have to stamp every entry by a walk of its own.

// errClosed is what Step of a closed snapshot answers.
var errClosed = errors.New("store: the snapshot is closed")

// Snapshot is a view of the store as it was when the snapshot began.
type Snapshot struct {
	store  *Store
	emit   func(db int, it Item) error
	spaces []*space
	sizes  [][2]int // keys, expires by database, at the begin
	at     int      // index in spaces
	cursor uint64
	done   bool
	err    error
}

// BeginSnapshot starts a snapshot of all databases. emit is called by Step, and by whatever changes the store, with
// each item once, in no particular order, and the number its database had at this moment; the item is valid during the
// call. There can be one snapshot at a time: it panics if the last has not been closed.
func (s *Store) BeginSnapshot(emit func(db int, it Item) error) *Snapshot {
	if s.active != nil {
		panic("store: a snapshot is already running")
	}
	if s.unfinished >= genMask-1 {
		s.stampAll()
	}
	s.unfinished++
	s.gen = (s.gen + 1) & genMask
	sn := &Snapshot{store: s, emit: emit}
	for i, d := range s.dbs {
		d.space.number = i
		sn.spaces = append(sn.spaces, d.space)
		sn.sizes = append(sn.sizes, [2]int{d.Len(), d.Expires()})
	}
	s.active, s.saving = sn, sn
	return sn
}

// Size returns how many keys, and keys with an expiry, a database had when the snapshot began.
func (sn *Snapshot) Size(db int) (keys, expires int) { return sn.sizes[db][0], sn.sizes[db][1] }

// Step saves about that many more entries, fewer when they are large, and reports whether that was all. After an error
// of emit the snapshot has failed: it is never done, further Steps return the error, and changes of the store no longer
// emit.
func (sn *Snapshot) Step(entries int) (done bool, err error) {
	for work := 0; work < entries && sn.err == nil && !sn.done; work++ {
		sp := sn.spaces[sn.at]
		if sp.table.count == 0 {
			sn.nextSpace()
			continue
		}
		var home uint64
		home, sn.cursor = sp.table.visit(sn.cursor)
		for b := sp.table.main.at(home); b != nil; b = sp.table.next(b) {
			for _, slot := range b {
				if slot != 0 && slot&linkBit == 0 {
					work += sn.save(sp, slot&refMask)
				}
			}
		}
		if sn.cursor == 0 {
			sn.nextSpace()
		}
	}
	return sn.done && sn.err == nil, sn.err
}

// nextSpace goes on to the next database, or ends the walk.
func (sn *Snapshot) nextSpace() {
	sn.spaces[sn.at] = nil
	sn.at++
	sn.cursor = 0
	if sn.at == len(sn.spaces) && sn.err == nil {
		sn.done = true
		sn.store.saving = nil
		sn.store.unfinished = 0
	}
}

// entryBytes is how many bytes of a large entry count as much as an entry does.
const entryBytes = 512

// save emits an entry unless that was done, and stamps it. It returns how much work that was, in entries.
func (sn *Snapshot) save(sp *space, ref uint64) int {
	b := sp.slabs.bytes(ref)
	if b[1]>>genShift == sn.store.gen || sn.err != nil {
		return 1
	}
	it := sp.item(ref)
	if err := sn.emit(sp.number, it); err != nil {
		sn.err = err
		sn.store.saving = nil
		return 1
	}
	b[1] = b[1]&(1<<genShift-1) | sn.store.gen<<genShift
	return 1 + int(it.SizeInMemory()/entryBytes)
}

// Close ends the snapshot, complete or not. It may be called again.
func (sn *Snapshot) Close() {
	if sn.store.active == sn {
		sn.store.active, sn.store.saving = nil, nil
	}
	if sn.err == nil && !sn.done {
		sn.err = errClosed
	}
	sn.spaces = nil
}

// detachedMemory returns what the snapshot alone keeps in memory.
func (sn *Snapshot) detachedMemory() (n int64) {
	for _, sp := range sn.spaces {
		if sp != nil && sn.store.owner(sp) == nil {
			n += sp.memory()
		}
	}
	return n
}

func (s *Store) owner(sp *space) *DB {
	for _, d := range s.dbs {
		if d.space == sp {
			return d
		}
	}
	return nil
}

// stampAll gives every entry the store's generation, so that all others are free for use.
func (s *Store) stampAll() {
	for _, d := range s.dbs {
		sp := d.space
		for home := range sp.table.main.n {
			for b := sp.table.main.at(home); b != nil; b = sp.table.next(b) {
				for _, slot := range b {
					if slot != 0 && slot&linkBit == 0 {
						e := sp.slabs.bytes(slot & refMask)
						e[1] = e[1]&(1<<genShift-1) | s.gen<<genShift
					}
				}
			}
		}
	}
	s.unfinished = 0
}
