package store

// TableStats says how full an index is. A bucket has 8 slots, and more in overflow buckets when it needs them.
type TableStats struct {
	Buckets, Overflow int
	Entries           int
	Lengths           []int // how many buckets have so many entries
}

func (t *table) stats() TableStats {
	s := TableStats{Buckets: int(t.main.n), Overflow: int(t.overflow.n), Entries: t.count}
	for home := range t.main.n {
		n := 0
		for b := t.main.at(home); b != nil; b = t.next(b) {
			for _, slot := range b {
				if slot != 0 && slot&linkBit == 0 {
					n++
				}
			}
		}
		for n >= len(s.Lengths) {
			s.Lengths = append(s.Lengths, 0)
		}
		s.Lengths[n]++
	}
	return s
}

// TableStats describes the index of the database's keys. It reads all of it.
func (d *DB) TableStats() TableStats { return d.space.table.stats() }

// TableStats describes the index of a large hash, set or sorted set; not ok for other values. It reads all of it.
func (it Item) TableStats() (s TableStats, ok bool) {
	names := it.names()
	if names == nil {
		return s, false
	}
	return names.table.stats(), true
}
