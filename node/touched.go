package node

import "hash/maphash"

// touched knows, for every key, an offset of the log at or past the key's last change. Keys share slots by their hash:
// two in one slot may make a read wait for the other's change, which costs a moment and no correctness, and nothing has
// to be taken out as long as the log only grows.
type touched struct {
	seed maphash.Seed
	at   [1 << 16]int64
	all  int64 // last change of unknown keys: FLUSHALL, SWAPDB, a loaded data set
}

func newTouched() *touched { return &touched{seed: maphash.MakeSeed()} }

// restart is for data that was replaced by what stands in the log before end. What was known is of a log that may have been longer.
func (t *touched) restart(end int64) {
	clear(t.at[:])
	t.all = end
}

func (t *touched) slot(db int, key []byte) uint16 {
	return uint16(maphash.Bytes(t.seed, key)) ^ uint16(db)
}

// keyChanged is called by the store for every change of a key.
func (n *Node) keyChanged(db int, key []byte) {
	if !n.grouped() && n.disk() == nil {
		return
	}
	if key == nil {
		n.changedAll = true // FLUSHALL, SWAPDB
	} else {
		n.changed = append(n.changed, n.touched.slot(db, key))
	}
}

// markChanged says that the changes of the execution in hand stand in the log before end.
func (n *Node) markChanged(end int64) {
	for _, slot := range n.changed {
		n.touched.at[slot] = end
	}
	if n.changedAll {
		n.touched.all = end
	}
	n.changed, n.changedAll = n.changed[:0], false
}

// LastChange is the log offset of the last change of a key, or a later one; of any key when db is -1.
func (n *Node) LastChange(db int, key []byte) int64 {
	if db < 0 {
		return n.log.End()
	}
	return max(n.touched.all, n.touched.at[n.touched.slot(db, key)])
}
