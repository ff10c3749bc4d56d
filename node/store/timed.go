package store

import (
	"errors"
	"math"
)

// A timedDict is a dict in which some cells have a time, in their word, and a tree that has these cells in the
// order of their times.
type timedDict struct {
	*dict
	order *rankTree // nil until there is one to keep
}

// maxTime is the latest time that can be kept, as in Redis; the earliest is 1.
const maxTime = 1<<48 - 1

func newTimedDict(h *hasher) *timedDict { return &timedDict{dict: newDict(h)} }

// put adds a cell, or replaces the one of that name. at is its time, or NoExpiry.
func (d *timedDict) put(name, value []byte, at int64) (created bool) {
	d.compact() // while the tree has every cell with a time
	d.forget(name)
	ref, created := d.dict.put(name, value, uint64(at), at >= 0)
	if at >= 0 {
		d.remember(ref, at)
	}
	return created
}

// setTime gives the cell at ref a time, or takes it away with NoExpiry.
func (d *timedDict) setTime(ref uint64, at int64) {
	d.forgetRef(ref)
	if at < 0 {
		d.dropWord(ref)
		return
	}
	d.remember(d.setWord(ref, uint64(at)), at)
}

// remove removes the cell of a name and reports whether there was one.
func (d *timedDict) remove(name []byte) bool {
	if _, ok := d.find(name); !ok {
		return false
	}
	d.compact() // while the tree has every cell with a time
	d.forget(name)
	return d.dict.remove(name)
}

// time returns the time of the cell at ref, or NoExpiry.
func (d *timedDict) time(ref uint64) int64 {
	if at, ok := d.word(ref); ok {
		return int64(at)
	}
	return NoExpiry
}

// next returns the earliest time and its cell, NoExpiry if no cell has one.
func (d *timedDict) next() (at int64, ref uint64) {
	if d.timed() == 0 {
		return NoExpiry, 0
	}
	score, ref := d.order.get(d.order.at(0))
	return int64(score), ref
}

// timed returns how many cells have a time.
func (d *timedDict) timed() int {
	if d.order == nil {
		return 0
	}
	return d.order.count
}

// remember enters a cell with its time into the tree.
func (d *timedDict) remember(ref uint64, at int64) {
	if d.order == nil {
		d.keepOrder(newRankTree(d.name))
	}
	d.order.insert(float64(at), d.name(ref), ref)
}

func (d *timedDict) keepOrder(t *rankTree) {
	d.order = t
	d.moved = func(name []byte, word, from, to uint64) { t.replace(float64(word), name, from, to) }
}

// forget takes the cell of a name, if there is one with a time, out of the tree.
func (d *timedDict) forget(name []byte) {
	if d.timed() == 0 {
		return
	}
	if ref, ok := d.find(name); ok {
		d.forgetRef(ref)
	}
}

func (d *timedDict) forgetRef(ref uint64) {
	if at, ok := d.word(ref); ok {
		pos, _ := d.order.find(float64(at), d.name(ref))
		d.order.remove(pos)
	}
}

func (d *timedDict) memory() int64 {
	if d.order == nil {
		return d.dict.memory()
	}
	return d.dict.memory() + d.order.memory()
}

func (d *timedDict) copy() *timedDict {
	c := &timedDict{dict: d.dict.clone()}
	if d.order != nil {
		c.keepOrder(d.order.clone(c.name))
	}
	return c
}

func (d *timedDict) clone() object { return d.copy() }
func (d *timedDict) names() *dict  { return d.dict }

func (d *timedDict) freeze(f *Frozen) {
	f.timed = d.timed() > 0
	f.freezeDict(d.dict)
}

func (d *timedDict) check() error {
	if err := d.dict.check(); err != nil {
		return err
	}
	timed := 0
	d.each(func(ref uint64) bool {
		if _, ok := d.word(ref); ok {
			timed++
		}
		return true
	})
	if timed != d.timed() {
		return errors.New("cells with a time and the tree of times do not agree")
	}
	if d.order == nil {
		return nil
	}
	for score, ref := range d.order.forward(0) {
		if at, ok := d.word(ref); !ok || float64(at) != score || math.Trunc(score) != score {
			return errors.New("a cell has another time than the tree of times says")
		}
	}
	return d.order.check()
}
