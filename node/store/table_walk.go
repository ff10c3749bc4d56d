package store

import "math/rand/v2"

// Bounds on the work of one call.
const (
	emptyVisitsPerItem = 10 // scan: buckets for each entry asked for
	randomSlots        = 32 // random: longest chain in which every entry is equally likely
	randomTries        = 500
)

// scan calls fn for the entries from cursor on, about count of them, and returns the cursor at which to go on,
// 0 at the end. fn must not change the table.
func (t *table) scan(cursor uint64, count int, fn func(ref uint64)) uint64 {
	if t.count == 0 {
		return 0
	}
	count = max(count, 1)
	var w walk
	each := func(ref uint64) bool { fn(ref); return true }
	for visits, items := 0, 0; items < count && visits/emptyVisitsPerItem < count; visits++ {
		var home uint64
		home, cursor = t.visit(cursor)
		for b := t.main.at(home); b != nil; b = t.next(b) {
			for _, slot := range b {
				if slot != 0 && slot&linkBit == 0 {
					w.add(t, slot&refMask, each)
					items++
				}
			}
		}
		if cursor == 0 {
			break
		}
	}
	w.flush(t, each)
	return cursor
}

// walk hands the entries of a table to a function, a few at a time: what they are is fetched side by side. The function
// is not part of it: beside what the table leads to, it would count as kept, and so would all that it refers to.
type walk struct {
	n    int
	refs [WarmKeys]uint64
}

// add reports whether the walk goes on.
func (w *walk) add(t *table, ref uint64, fn func(ref uint64) bool) bool {
	w.refs[w.n] = ref
	w.n++
	return w.n < len(w.refs) || w.flush(t, fn)
}

func (w *walk) flush(t *table, fn func(ref uint64) bool) bool {
	refs := w.refs[:w.n]
	w.n = 0
	if t.count >= warmFrom {
		sum := byte(0)
		for _, ref := range refs {
			sum ^= t.entries.peekAt(ref)
		}
		t.warmed = uint64(sum)
	}
	for _, ref := range refs {
		if !fn(ref) {
			return false
		}
	}
	return true
}

// each calls fn for every entry until it returns false. fn must not change the table.
func (t *table) each(fn func(ref uint64) bool) {
	var w walk
	for home := range t.main.n {
		for b := t.main.at(home); b != nil; b = t.next(b) {
			for _, slot := range b {
				if slot != 0 && slot&linkBit == 0 && !w.add(t, slot&refMask, fn) {
					return
				}
			}
		}
	}
	w.flush(t, fn)
}

// random returns one entry of a table that is not empty, each with the same probability. It draws a place (a
// bucket and a position in its chain) and rejects places that are empty.
func (t *table) random(rng *rand.Rand) (ref uint64) {
	for range randomTries {
		b := t.main.at(rng.Uint64N(t.main.n))
		place := rng.IntN(randomSlots)
		for ; b != nil && place >= bucketSlots-1 && t.next(b) != nil; place -= bucketSlots - 1 {
			b = t.next(b)
		}
		if place < bucketSlots && b[place] != 0 && b[place]&linkBit == 0 {
			return b[place] & refMask
		}
	}
	// Nearly all places are empty: take the first entry behind a random point.
	for cursor := rng.Uint64(); ; {
		var home uint64
		home, cursor = t.visit(cursor)
		if slot := t.main.at(home)[0]; slot != 0 {
			return slot & refMask
		}
	}
}
