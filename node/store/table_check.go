package store

import "fmt"

// check verifies that entries are in their buckets, chains have no gaps, and all counts agree.
func (t *table) check() error {
	ttls := make([]uint32, len(t.ttls))
	entries, overflow := 0, uint64(0)
	for home := range t.main.n {
		b := t.main.at(home)
		for ; b != nil; b = t.next(b) {
			if b != t.main.at(home) {
				overflow++
				if b[1] == 0 {
					return fmt.Errorf("bucket %d has an overflow bucket with less than two entries", home)
				}
			}
			n, marked, err := t.checkBucket(home, b)
			if err != nil {
				return err
			}
			entries += n
			ttls[home/segmentBuckets] += marked
		}
	}
	if entries != t.count || overflow != t.overflow.n {
		return fmt.Errorf("the index has %d entries in %d overflow buckets and counts %d, %d", entries, overflow,
			t.count, t.overflow.n)
	}
	for i, n := range ttls {
		if t.ttls[i] != n {
			return fmt.Errorf("segment %d of the index has %d entries with an expiry and counts %d", i, n, t.ttls[i])
		}
	}
	return nil
}

// checkBucket returns how many entries a bucket has and how many of them are marked with an expiry.
func (t *table) checkBucket(home uint64, b *bucket) (entries int, marked uint32, err error) {
	for i, slot := range b {
		switch {
		case slot&linkBit != 0 && i != bucketSlots-1:
			return 0, 0, fmt.Errorf("bucket %d has a link in slot %d", home, i)
		case slot == 0 || slot&linkBit != 0:
			continue
		case i != entries:
			return 0, 0, fmt.Errorf("bucket %d has a gap before slot %d", home, i)
		}
		if hash := t.entries.hashAt(slot & refMask); t.home(hash) != home || tagOf(hash) != slot&tagMask {
			return 0, 0, fmt.Errorf("bucket %d slot %d: the entry is in the wrong bucket, or has the wrong tag", home,
				i)
		}
		entries++
		if slot&ttlBit != 0 {
			marked++
		}
	}
	return entries, marked, nil
}
