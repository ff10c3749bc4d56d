package main

import "fmt"

// result is what an exploration found.
type result struct {
	states, steps int
	depth         int      // of the deepest state, in steps
	bad           string   // the promise that was broken; empty: none
	story         []string // the shortest way there
	full          bool     // everything was explored, or a break found
}

// explore goes through all states of a world, nearest first, until one breaks a promise or there are more than limit.
func (w *world) explore(limit int) result {
	first := w.begin()
	seen := newTable()
	seen.add(first.hash(), 0)
	now, next := []state{first}, []state(nil)
	from := 0 // the index of now[0]
	var r result
	for ; len(now) > 0; r.depth++ {
		for k := range now {
			w.steps(&now[k], func(t *step) {
				r.steps++
				if r.bad != "" {
					return
				}
				if t.bad != "" {
					r.bad = t.bad
					r.story = w.retell(seen.path(from+k), t.bad)
					return
				}
				if seen.add(t.to.hash(), from+k) {
					next = append(next, t.to)
				}
			})
			if r.bad != "" || seen.len() > limit {
				r.states, r.full = seen.len(), r.bad != ""
				return r
			}
		}
		from += len(now)
		now, next = next, now[:0]
	}
	r.states, r.full = seen.len(), true
	return r
}

// begin is the first state: everybody has adopted the first epoch, and the chain's members are linked.
func (w *world) begin() state {
	s := initial(w.chain)
	for i := range uint8(names) {
		w.adopt(&s, i, 1)
		n := &s.nodes[i]
		n.id, n.formers, n.nFormer = freshID+i, [formerMax]former{}, 0
		if int(i) < w.chain {
			n.id = 1
		}
		if up := w.seats.of(&s, i).upstream; up != nobody && int(i) < w.chain {
			n.link, n.peer = linkLive, up
		}
	}
	s.fresh = names
	w.settle(&s)
	return s
}

// retell goes the way of these hashes again and tells it, up to the break.
func (w *world) retell(path []uint64, bad string) []string {
	w.telling = true
	defer func() { w.telling = false }()
	s := w.begin()
	var story []string
	for _, want := range path[1:] {
		var found *step
		w.steps(&s, func(t *step) {
			if found == nil && t.bad == "" && t.to.hash() == want {
				c := *t
				found = &c
			}
		})
		if found == nil {
			return append(story, "… and the way from here could not be told")
		}
		s = found.to
		story = append(story, found.story)
	}
	told := false
	w.steps(&s, func(t *step) {
		if t.bad != "" && !told {
			story, told = append(story, t.story), true
			bad = t.bad
		}
	})
	return append(story, bad)
}

// table is the set of states that were seen, by hash, with the way to each.
type table struct {
	hashes  []uint64 // by index
	parents []uint32
	slots   []uint32 // index + 1; open addressing
}

func newTable() *table { return &table{slots: make([]uint32, 1<<16)} }

func (t *table) len() int { return len(t.hashes) }

// add reports whether the hash is new.
func (t *table) add(h uint64, parent int) bool {
	if 2*len(t.hashes) >= len(t.slots) {
		t.grow()
	}
	at := t.find(h)
	if t.slots[at] != 0 {
		return false
	}
	t.hashes = append(t.hashes, h)
	t.parents = append(t.parents, uint32(parent))
	t.slots[at] = uint32(len(t.hashes))
	return true
}

// find is the slot of h, or the free one where it belongs.
func (t *table) find(h uint64) int {
	mask := uint64(len(t.slots) - 1)
	at := h & mask
	for t.slots[at] != 0 && t.hashes[t.slots[at]-1] != h {
		at = (at + 1) & mask
	}
	return int(at)
}

func (t *table) grow() {
	t.slots = make([]uint32, 4*len(t.slots))
	for i, h := range t.hashes {
		t.slots[t.find(h)] = uint32(i + 1)
	}
}

// path is the hashes from the first state to the one with that index.
func (t *table) path(index int) (hashes []uint64) {
	for ; index != 0; index = int(t.parents[index]) {
		hashes = append([]uint64{t.hashes[index]}, hashes...)
	}
	return append([]uint64{t.hashes[0]}, hashes...)
}

func (r result) String() string {
	if r.bad != "" {
		return fmt.Sprintf("breaks in %d steps: %s (%d states)", len(r.story)-1, r.bad, r.states)
	}
	return fmt.Sprintf("%d states, %d steps, %d deep", r.states, r.steps, r.depth)
}
