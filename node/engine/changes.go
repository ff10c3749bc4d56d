package engine

import "hash/maphash"

// lastChanges knows, for every key, an offset of the log at or past the key's last change. Keys share slots by their
// hash: two in one slot may make a read wait for the other's change, which costs a moment and no correctness, and
// nothing has to be taken out as long as the log only grows.
type lastChanges struct {
	seed maphash.Seed
	at   *[1 << 16]int64 // by slot
	all  int64           // last change of unknown keys: FLUSHALL, SWAPDB, a loaded data set
	// last change of scripts and functions that are known
	programs int64

	pending    []uint16 // slots that the execution in hand has changed
	pendingAll bool     // it has changed keys that nobody names
	// it has changed scripts or functions
	pendingPrograms bool
}

func newLastChanges() lastChanges {
	return lastChanges{seed: maphash.MakeSeed(), at: new([1 << 16]int64)}
}

// restart is for data that was replaced by what stands in the log before end. What was known is of a log that may have
// been longer.
func (c *lastChanges) restart(end int64) {
	clear(c.at[:])
	c.all, c.programs = end, end
}

func (c *lastChanges) slot(db int, key []byte) uint16 {
	return uint16(maphash.Bytes(c.seed, key)) ^ uint16(db)
}

// note takes in a change of a key, or of all when there is none, by the execution in hand.
func (c *lastChanges) note(db int, key []byte) {
	if key == nil {
		c.pendingAll = true // FLUSHALL, SWAPDB
	} else {
		c.pending = append(c.pending, c.slot(db, key))
	}
}

// mark says that the changes of the execution in hand stand in the log before end.
func (c *lastChanges) mark(end int64) {
	for _, slot := range c.pending {
		c.at[slot] = end
	}
	if c.pendingAll {
		c.all = end
	}
	if c.pendingPrograms {
		c.programs = end
	}
	c.drop()
}

// drop forgets the changes of the execution in hand.
func (c *lastChanges) drop() {
	c.pending, c.pendingAll, c.pendingPrograms = c.pending[:0], false, false
}

func (c *lastChanges) of(db int, key []byte) int64 { return max(c.all, c.at[c.slot(db, key)]) }

// Lasts reports that the log is that of a group, or is kept on disk. It needs the lock.
func (e *Engine) Lasts() bool { return e.role.Gates }

// KeyChanged is called by the store for every change of a key; without a key all of the database has changed.
func (e *Engine) KeyChanged(db int, key []byte) {
	if e.role.Gates {
		e.changes.note(db, key)
	}
}

// ProgramsChanged says that scripts or functions which are known have changed. It needs the lock.
func (e *Engine) ProgramsChanged() { e.changes.pendingPrograms = e.role.Gates }

// LastProgramsChange is the log offset of the last such change.
func (e *Engine) LastProgramsChange() int64 { return e.changes.programs }

// LastChange is the log offset of the last change of a key, or a later one; of any key when db is -1.
func (e *Engine) LastChange(db int, key []byte) int64 {
	if db < 0 {
		return e.Log.End()
	}
	return e.changes.of(db, key)
}

// RestartChanges is for data that was replaced by what stands in the log before end.
func (e *Engine) RestartChanges(end int64) { e.changes.restart(end) }

// DropChanges forgets the changes of the execution in hand: they stand in no log.
func (e *Engine) DropChanges() { e.changes.drop() }
