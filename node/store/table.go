package store

import (
	"math/bits"
	"slices"
)

// The index is a linear hash table (Litwin 1980) of 64-byte buckets, one cache line each.
//
// With n buckets and L = floor(log2 n), a hash belongs to the bucket named by its low L+1 bits if
// that bucket exists (is < n), else to the one named by its low L bits. The table grows by one
// bucket at a time, splitting bucket n-2^L into itself and the new bucket n, and shrinks by undoing
// exactly that. So the number of slots follows the number of keys in steps of one bucket: there
// is never a second table, never a pause, and the cost per key is the same at every size.
//
// A bucket is eight slots; entries stand without gaps from slot 0. When there are more than
// eight, slot 7 of a bucket is a link to an overflow bucket, which is built alike. Overflow
// buckets live in a pool kept dense: the last one moves into a hole, so the pool shrinks too.
// A deletion moves the last entry of the chain into the gap. There are no tombstones.
//
// A slot holds the entry's reference, whether it has an expiry, and bits 8..34 of its hash. These
// reject nearly all wrong entries, and contain the bit that a split needs, so neither touches entries.
//
// Why a scan misses nothing. Read hashes bit-reversed, as numbers from 0 to 2^64. A bucket
// named by the low k bits of the hash then holds a whole interval of length 2^(64-k), and
// at any moment the buckets partition the line. A cursor is a point on it (reversed back, so
// that few bits are set), and the invariant of a scan is: every entry left of the cursor that was there all
// the time has been returned. One step visits the bucket whose interval contains the cursor, whole, and
// moves the cursor to that interval's end: the invariant holds again. Splits and merges change
// how the line is cut, never where an entry stands on it, so between steps they do as they
// please; the only cost is that an interval merged around the cursor is returned partly twice.
const (
	segmentBuckets = 512 // 32 KiB
	minBuckets     = 8
	bucketSlots    = 8

	refBits  = 35
	refMask  = 1<<refBits - 1
	linkBit  = 1 << refBits
	ttlBit   = 1 << (refBits + 1)
	tagShift = refBits + 2
	tagLow   = 8 // the first bit of the hash in the tag
	tagBits  = 64 - tagShift
	tagMask  = (1<<tagBits - 1) << tagShift

	// A split is due above 5.5 entries a bucket, a merge below 4: far enough apart that a
	// store hovering around one size does neither.
	splitAboveHalves = 11
	mergeBelow       = 4
)

type bucket [bucketSlots]uint64

// bucketList is a growing and shrinking array of buckets in segments. The first segment begins small and
// doubles, so that a small table costs little; after that, growing moves nothing.
type bucketList struct {
	segments [][]bucket
	n        uint64
}

func (l *bucketList) at(i uint64) *bucket { return &l.segments[i/segmentBuckets][i%segmentBuckets] }

// push adds an empty bucket. Pointers to buckets are invalid after it.
func (l *bucketList) push() {
	switch {
	case l.n == 0 && len(l.segments) == 0:
		l.segments = [][]bucket{make([]bucket, minBuckets)}
	case l.n < segmentBuckets && l.n == uint64(len(l.segments[0])):
		l.resizeFirst(2 * l.n)
	case l.n == uint64(len(l.segments))*segmentBuckets:
		l.segments = append(l.segments, make([]bucket, segmentBuckets))
	}
	l.n++
}

// pop gives up the last bucket, which must be empty. One spare segment is kept. Pointers to buckets are invalid after
// it.
func (l *bucketList) pop() {
	l.n--
	if last := len(l.segments) - 1; uint64(last) > l.n/segmentBuckets+1 {
		l.segments[last] = nil
		l.segments = l.segments[:last]
	}
	if size := uint64(len(l.segments[0])); size > minBuckets && l.n <= size/4 {
		l.segments = l.segments[:1:1]
		l.resizeFirst(size / 2)
	}
}

// reserve adds n empty buckets to a list that has none.
func (l *bucketList) reserve(n uint64) {
	if n < segmentBuckets {
		l.segments = [][]bucket{make([]bucket, max(minBuckets, 1<<bits.Len64(n-1)))}
	} else {
		l.segments = make([][]bucket, (n+segmentBuckets-1)/segmentBuckets)
		for i := range l.segments {
			l.segments[i] = make([]bucket, segmentBuckets)
		}
	}
	l.n = n
}

func (l *bucketList) resizeFirst(buckets uint64) {
	first := make([]bucket, buckets)
	copy(first, l.segments[0][:l.n])
	l.segments[0] = first
}

func (l *bucketList) memory() int64 {
	n := int64(cap(l.segments)) * 24
	if len(l.segments) > 0 {
		n += int64(len(l.segments[0])+(len(l.segments)-1)*segmentBuckets) * bucketSlots * 8
	}
	return n
}

func (l *bucketList) clone() bucketList {
	c := bucketList{segments: make([][]bucket, len(l.segments)), n: l.n}
	for i, s := range l.segments {
		c.segments[i] = slices.Clone(s)
	}
	return c
}

type table struct {
	main     bucketList
	overflow bucketList
	ttls     []uint32 // per segment of main: entries with an expiry that belong there
	mask     uint64   // 2^(L+1)-1
	count    int
	scratch  []uint64
	entries  entries
	warmed   uint64 // by warm: written, so that the compiler leaves its reading in

	// The slot found last, by its hash, for the next lookup to try; nil once slots have moved.
	found     *uint64
	foundHash uint64
}

// entries is where the entries of a table are.
type entries interface {
	hashAt(ref uint64) uint64 // of the entry's name
	peekAt(ref uint64) byte   // its first byte
}

func newTable(of entries) table { return table{entries: of} }

func tagOf(hash uint64) uint64 { return hash >> tagLow << tagShift }

// home returns the number of the bucket in which the hash belongs.
func (t *table) home(hash uint64) uint64 {
	b := hash & t.mask
	if b >= t.main.n {
		b &= t.mask >> 1
	}
	return b
}

func (t *table) setMask() {
	t.mask = 1<<bits.Len64(t.main.n) - 1
}

// next returns the overflow bucket that follows b, nil at the end of the chain.
func (t *table) next(b *bucket) *bucket {
	if b[bucketSlots-1]&linkBit == 0 {
		return nil
	}
	return t.overflow.at(b[bucketSlots-1] & refMask)
}

// lastOf returns the last bucket of a chain.
func (t *table) lastOf(home uint64) *bucket {
	b := t.main.at(home)
	for n := t.next(b); n != nil; n = t.next(b) {
		b = n
	}
	return b
}

// addTTL counts entries with an expiry by the segment of their bucket.
func (t *table) addTTL(home uint64, delta int) {
	t.ttls[home/segmentBuckets] = uint32(int(t.ttls[home/segmentBuckets]) + delta)
}

// setTTL notes in an entry's slot whether it has an expiry.
func (t *table) setTTL(hash uint64, slot *uint64, has bool) {
	if has == (*slot&ttlBit != 0) {
		return
	}
	*slot ^= ttlBit
	if has {
		t.addTTL(t.home(hash), 1)
	} else {
		t.addTTL(t.home(hash), -1)
	}
}

// findRef returns the slot of the entry at ref, which must be in the table.
func (t *table) findRef(hash, ref uint64) *uint64 {
	for b := t.main.at(t.home(hash)); b != nil; b = t.next(b) {
		for i := range b {
			if b[i]&(refMask|linkBit) == ref {
				return &b[i]
			}
		}
	}
	panic("store: an entry is missing from its index")
}

// insert adds an entry. It may split a bucket: slots found before are invalid after it.
func (t *table) insert(hash, ref uint64, ttl bool) {
	if t.main.n == 0 {
		t.addBucket()
	}
	slot := tagOf(hash) | ref
	if ttl {
		slot |= ttlBit
	}
	t.add(t.home(hash), slot)
	t.count++
	t.grow()
}

// maxReserve bounds for how many entries room is made before there are any: their number may be a lie.
const maxReserve = 1 << 20

// reserve makes room for entries, if there are none: until there are so many no bucket has to be split.
func (t *table) reserve(entries int) {
	if t.main.n > 0 || entries <= 0 {
		return
	}
	t.main.reserve(uint64(min(entries, maxReserve))*2/splitAboveHalves + 1)
	t.ttls = make([]uint32, len(t.main.segments))
	t.setMask()
}

// grow splits a bucket if the table is due for it, and reports whether it was.
func (t *table) grow() bool {
	if uint64(t.count)*2 <= t.main.n*splitAboveHalves {
		return false
	}
	t.split()
	return true
}

// shrink merges a bucket if the table is due for it, and reports whether it was.
func (t *table) shrink() bool {
	if t.main.n <= 1 || uint64(t.count) >= t.main.n*mergeBelow {
		return false
	}
	t.merge()
	return true
}

// add appends a slot to the chain of a bucket.
func (t *table) add(home, slot uint64) {
	t.found = nil
	if slot&ttlBit != 0 {
		t.addTTL(home, 1)
	}
	b := t.lastOf(home)
	for i := range b {
		if b[i] == 0 {
			b[i] = slot
			return
		}
	}
	link := t.overflow.n
	t.overflow.push()
	b = t.lastOf(home)
	o := t.overflow.at(link)
	o[0], o[1] = b[bucketSlots-1], slot
	b[bucketSlots-1] = linkBit | link
}

// remove takes an entry out of the slot that was found for it. Slots found before are invalid after it.
func (t *table) remove(hash uint64, slot *uint64) {
	t.found = nil
	home := t.home(hash)
	if *slot&ttlBit != 0 {
		t.addTTL(home, -1)
	}
	var prev *bucket
	b := t.main.at(home)
	for n := t.next(b); n != nil; n = t.next(b) {
		prev, b = b, n
	}
	last := bucketSlots - 1
	for b[last] == 0 {
		last--
	}
	*slot = b[last]
	b[last] = 0
	if prev != nil && last == 1 {
		// An overflow bucket with a single entry: that one fits where the link is.
		link := prev[bucketSlots-1] & refMask
		prev[bucketSlots-1] = b[0]
		b[0] = 0
		t.freeOverflow(link)
	}
	t.count--
	t.shrink()
}

// freeOverflow gives back an overflow bucket to which no link leads any more.
func (t *table) freeOverflow(hole uint64) {
	last := t.overflow.n - 1
	if hole != last {
		from := t.overflow.at(last)
		*t.overflow.at(hole) = *from
		b := t.main.at(t.home(t.entries.hashAt(from[0] & refMask)))
		for b[bucketSlots-1] != linkBit|last {
			b = t.next(b)
		}
		b[bucketSlots-1] = linkBit | hole
	}
	*t.overflow.at(last) = bucket{}
	t.overflow.pop()
}

// takeAll empties a bucket's chain and returns its slots, valid until the next call.
func (t *table) takeAll(home uint64) []uint64 {
	t.found = nil
	t.scratch = t.scratch[:0]
	for {
		var prev *bucket
		b := t.main.at(home)
		for n := t.next(b); n != nil; n = t.next(b) {
			prev, b = b, n
		}
		for i := range b {
			if b[i] == 0 {
				break
			}
			if b[i]&ttlBit != 0 {
				t.addTTL(home, -1)
			}
			t.scratch = append(t.scratch, b[i])
		}
		*b = bucket{}
		if prev == nil {
			return t.scratch
		}
		link := prev[bucketSlots-1] & refMask
		prev[bucketSlots-1] = 0
		t.freeOverflow(link)
	}
}

func (t *table) addBucket() {
	t.main.push()
	if len(t.ttls) < len(t.main.segments) {
		t.ttls = append(t.ttls, 0)
	}
	t.setMask()
}

// split adds a bucket and moves to it what belongs there now.
func (t *table) split() {
	level := bits.Len64(t.main.n) - 1
	added := t.main.n
	from := added - 1<<level
	slots := t.takeAll(from)
	t.addBucket()
	for _, slot := range slots {
		to := from
		if t.hashBit(slot, level) {
			to = added
		}
		t.add(to, slot)
	}
}

// hashBit returns one bit of the hash of the entry in a slot.
func (t *table) hashBit(slot uint64, bit int) bool {
	if bit >= tagLow && bit < tagLow+tagBits {
		return slot>>(tagShift+bit-tagLow)&1 != 0
	}
	return t.entries.hashAt(slot&refMask)>>bit&1 != 0
}

// merge undoes the last split.
func (t *table) merge() {
	slots := t.takeAll(t.main.n - 1)
	t.main.pop()
	t.ttls = t.ttls[:len(t.main.segments)]
	t.setMask()
	to := t.main.n - 1<<(bits.Len64(t.main.n)-1)
	for _, slot := range slots {
		t.add(to, slot)
	}
}

// visit returns the bucket that a scan at cursor looks at, and where the scan goes on (0: it is done).
func (t *table) visit(cursor uint64) (home, next uint64) {
	level := bits.Len64(t.main.n) - 1
	home = t.home(cursor)
	depth := level
	if home >= 1<<level || home+1<<level < t.main.n {
		depth++
	}
	// Count up in reversed order on the low depth bits: the end of the bucket's interval.
	next = bits.Reverse64(bits.Reverse64(cursor|^uint64(0)<<depth) + 1)
	return home, next
}

// clone copies a table whose entries keep their references.
func (t *table) clone(of entries) table {
	c := *t
	c.main, c.overflow, c.ttls = t.main.clone(), t.overflow.clone(), slices.Clone(t.ttls)
	c.scratch, c.entries, c.found = nil, of, nil
	return c
}

// used is the memory of the buckets in use.
func (t *table) used() int64 { return int64(t.main.n+t.overflow.n) * bucketSlots * 8 }

func (t *table) memory() int64 {
	return t.main.memory() + t.overflow.memory() + int64(cap(t.ttls))*4 + int64(cap(t.scratch))*8
}
