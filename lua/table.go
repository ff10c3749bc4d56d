package lua

import "math/bits"

// Table is Lua's table: an array part for the keys 1..n that are mostly there, and a hash part for everything else:
// nodes with chains inside one slice, where a node that is not in its main position gives way to one that would be
// (Brent's variation).
type Table struct {
	arr      []Value
	nodes    []node // a power of two of them, or none
	lastFree int32  // every node from here on is taken
	skipped  uint32 // how many empty places the last call of next passed over
	absent   uint8  // bit e: this table, as a metatable, has no event e; see fastEvent
	readonly bool
	mark     uint32
	meta     *Table
	g        *shared // of the state that made it, whose steps long searches cost
}

type node struct {
	key, val Value
	next     int32 // index of the next in the chain plus one; 0 ends it
}

// absentValue is what lookups point to when they find nothing. Nobody writes to it.
var absentValue Value

const maxArray = 1 << 26 // the largest array part

func newTable(l *State, narr, nhash int) *Table {
	t := &Table{g: l.g}
	n := nodeCount(l, nhash)
	l.charge(sizeTable + int64(narr)*sizeValue + int64(n)*sizeNode)
	if narr > 0 {
		t.resizeArray(narr)
	}
	if n > 0 {
		t.setNodes(n)
	}
	return t
}

// get finds the slot of key; absentValue when there is none.
func (t *Table) get(key *Value) *Value {
	switch {
	case key.isStr():
		return t.getStr(key)
	case key.isNum():
		f := key.num()
		if k := int32(int64(f)); float64(k) == f {
			return t.getInt(int(k))
		}
	case key.n == kindNil:
		return &absentValue
	}
	if len(t.nodes) == 0 {
		return &absentValue
	}
	n := &t.nodes[t.mainPosition(key)]
	for i := 0; ; i++ {
		if rawEqual(&n.key, key) {
			t.searched(i)
			return &n.val
		}
		if n.next == 0 {
			t.searched(i)
			return &absentValue
		}
		n = &t.nodes[n.next-1]
	}
}

// freeSearch is how many other keys a search may meet and cost nothing besides its instruction.
const freeSearch = 16

// searched lets a search that met n other keys take part in the step budget. Keys that all have the same hash are
// easily found. The hook itself is called by what runs next, since tables are in the middle of something here.
func (t *Table) searched(n int) {
	if n > freeSearch {
		t.g.steps -= n >> 3
	}
}

func (t *Table) getInt(k int) *Value {
	if uint(k-1) < uint(len(t.arr)) {
		return &t.arr[k-1]
	}
	if len(t.nodes) == 0 {
		return &absentValue
	}
	f := float64(k)
	i := uint32(0)
	if k != 0 {
		i = hashNumber(f) % ((uint32(len(t.nodes)) - 1) | 1)
	}
	n := &t.nodes[i]
	for i := 0; ; i++ {
		if n.key.isNum() && n.key.num() == f {
			t.searched(i)
			return &n.val
		}
		if n.next == 0 {
			t.searched(i)
			return &absentValue
		}
		n = &t.nodes[n.next-1]
	}
}

func (t *Table) getStr(key *Value) *Value {
	if len(t.nodes) == 0 {
		return &absentValue
	}
	return t.getHashed(key, hashString(key.str()))
}

// getHashed finds a string whose hash is known.
func (t *Table) getHashed(key *Value, hash uint32) *Value {
	nodes := t.nodes
	if len(nodes) == 0 {
		return &absentValue
	}
	n := &nodes[hash&uint32(len(nodes)-1)]
	for i := 0; ; i++ {
		if n.key.n == key.n && (n.key.p == key.p || t.sameText(&n.key, key)) {
			t.searched(i)
			return &n.val
		}
		if n.next == 0 {
			t.searched(i)
			return &absentValue
		}
		n = &nodes[n.next-1]
	}
}

// sameText compares two strings of one length.
func (t *Table) sameText(a, b *Value) bool {
	if n := a.strLen(); n > longText {
		t.g.steps -= n >> 8
	}
	return a.str() == b.str()
}

// slot finds the slot of key and makes one if there is none. The slot is good until the next key is made.
func (t *Table) slot(l *State, key *Value) *Value {
	v := t.get(key)
	t.absent = 0
	if v != &absentValue {
		return v
	}
	switch {
	case key.n == kindNil:
		l.fail("table index is nil")
	case key.isNum() && key.num() != key.num():
		l.fail("table index is NaN")
	}
	return t.newKey(l, key)
}

func (t *Table) slotInt(l *State, k int) *Value {
	v := t.getInt(k)
	if v != &absentValue {
		return v
	}
	key := Number(float64(k))
	return t.newKey(l, &key)
}

// newKey makes the node of a key that the table doesn't have.
func (t *Table) newKey(l *State, key *Value) *Value {
	if len(t.nodes) == 0 {
		t.rehash(l, key)
		return t.slotAfterRehash(l, key)
	}
	mp := t.mainPosition(key)
	at := mp
	if n := &t.nodes[mp]; n.val.n != kindNil {
		free := t.freePosition()
		if free < 0 {
			t.rehash(l, key)
			return t.slotAfterRehash(l, key)
		}
		other := t.mainPosition(&n.key)
		if other != mp {
			// The node that is here is out of its main position: it moves to the free one.
			met := 0
			for ; int(t.nodes[other].next-1) != mp; met++ {
				other = int(t.nodes[other].next - 1)
			}
			t.searched(met)
			t.nodes[other].next = int32(free) + 1
			t.nodes[free] = *n
			n.next = 0
			n.val = Value{}
		} else {
			t.nodes[free].next = n.next
			n.next = int32(free) + 1
			at = free
		}
	}
	n := &t.nodes[at]
	n.key.store(key)
	return &n.val
}

func (t *Table) slotAfterRehash(l *State, key *Value) *Value {
	if v := t.get(key); v != &absentValue {
		return v
	}
	return t.newKey(l, key)
}

func (t *Table) freePosition() int {
	for t.lastFree > 0 {
		t.lastFree--
		if t.nodes[t.lastFree].key.n == kindNil {
			return int(t.lastFree)
		}
	}
	return -1
}

// nodeCount is how many nodes there are when size keys must have room.
func nodeCount(l *State, size int) int {
	if size == 0 {
		return 0
	}
	size = 1 << bits.Len(uint(size-1))
	if size > maxArray {
		l.fail("table overflow")
	}
	return size
}

func (t *Table) setNodes(n int) {
	t.nodes = nil
	if n > 0 {
		t.nodes = make([]node, n)
	}
	t.lastFree = int32(n)
}

func (t *Table) resizeArray(size int) {
	if size <= len(t.arr) {
		t.arr = append([]Value(nil), t.arr[:size]...)
		return
	}
	arr := make([]Value, size)
	copy(arr, t.arr)
	t.arr = arr
}

// resize is all or nothing: when memory does not suffice the table is as it was.
func (t *Table) resize(l *State, narr, nhash int) {
	n := nodeCount(l, nhash)
	bytes := int64(n) * sizeNode
	if narr > len(t.arr) {
		bytes += int64(narr) * sizeValue
	}
	l.charge(bytes)
	oldArr, oldNodes := t.arr, t.nodes
	if narr > len(oldArr) {
		t.resizeArray(narr)
	}
	t.setNodes(n)
	if narr < len(oldArr) {
		t.arr = oldArr[:narr:narr]
		for i := narr; i < len(oldArr); i++ {
			if oldArr[i].n != kindNil {
				*t.slotInt(l, i+1) = oldArr[i]
			}
		}
		t.resizeArray(narr)
	}
	for i := len(oldNodes) - 1; i >= 0; i-- {
		if n := &oldNodes[i]; n.val.n != kindNil {
			*t.slot(l, &n.key) = n.val
		}
	}
}

// arrayIndex is the key as an index, 0 when it can be none.
func arrayIndex(key *Value) int {
	if key.isNum() {
		f := key.num()
		if k := int32(int64(f)); float64(k) == f && k > 0 && k <= maxArray {
			return int(k)
		}
	}
	return 0
}

// rehash makes room for one more key: it counts what is there and chooses the sizes of both parts anew. The array part
// is the largest power of two of which more than half is used.
func (t *Table) rehash(l *State, extra *Value) {
	t.g.steps -= (len(t.arr) + len(t.nodes)) >> 2
	var nums [27]int // nums[i] keys are in (2^(i-1), 2^i]
	total, ints := 0, 0
	count := func(k int) {
		nums[bits.Len(uint(k-1))]++
		ints++
	}
	for i := range t.arr {
		if t.arr[i].n != kindNil {
			count(i + 1)
			total++
		}
	}
	for i := range t.nodes {
		if n := &t.nodes[i]; n.val.n != kindNil {
			if k := arrayIndex(&n.key); k != 0 {
				count(k)
			}
			total++
		}
	}
	if k := arrayIndex(extra); k != 0 {
		count(k)
	}
	total++
	narr, inArr, seen := 0, 0, 0
	for i, p := 0, 1; p/2 < ints && i < len(nums); i, p = i+1, p*2 {
		if nums[i] > 0 {
			seen += nums[i]
			if seen > p/2 {
				narr, inArr = p, seen
			}
		}
		if seen == ints {
			break
		}
	}
	t.resize(l, narr, total-inArr)
}

// border is Lua's length: some n with t[n] there and t[n+1] not.
func (t *Table) border() int {
	j := len(t.arr)
	if j > 0 && t.arr[j-1].n == kindNil {
		i := 0
		for j-i > 1 {
			m := int(uint(i+j) >> 1)
			if t.arr[m-1].n == kindNil {
				j = m
			} else {
				i = m
			}
		}
		return i
	}
	if len(t.nodes) == 0 {
		return j
	}
	return t.unboundBorder(j)
}

func (t *Table) unboundBorder(j int) int {
	i := j
	j++
	for t.getInt(j).n != kindNil {
		i = j
		j *= 2
		if j > 1<<31-1 {
			for i = 1; t.getInt(i).n != kindNil; {
				i++
			}
			t.g.steps -= i >> 3
			return i - 1
		}
	}
	for j-i > 1 {
		m := int(uint(i+j) >> 1)
		if t.getInt(m).n == kindNil {
			j = m
		} else {
			i = m
		}
	}
	return i
}

// next writes the pair after key to *key and *val; false at the end. ok is false when key is not in the table.
func (t *Table) next(key, val *Value) (more, ok bool) {
	i := 0
	switch k := arrayIndex(key); {
	case key.n == kindNil:
	case k > 0 && k <= len(t.arr):
		i = k
	default:
		j := t.find(key)
		if j < 0 {
			return false, false
		}
		i = len(t.arr) + j + 1
	}
	from := i
	for ; i < len(t.arr); i++ {
		if t.arr[i].n != kindNil {
			key.setNum(float64(i + 1))
			*val = t.arr[i]
			t.skipped = uint32(i - from)
			return true, true
		}
	}
	for i -= len(t.arr); i < len(t.nodes); i++ {
		if n := &t.nodes[i]; n.val.n != kindNil {
			*key, *val = n.key, n.val
			t.skipped = uint32(i + len(t.arr) - from)
			return true, true
		}
	}
	t.skipped = uint32(i + len(t.arr) - from)
	return false, true
}

// stepsOfNext lets a table with few keys left in many places cost what it takes to find them.
func (l *State) stepsOfNext(t *Table) {
	if t.skipped > 64 {
		l.Steps(int(t.skipped >> 6))
	}
}

// find is the index of key's node, even of one whose value is gone.
func (t *Table) find(key *Value) int {
	if len(t.nodes) == 0 {
		return -1
	}
	i := t.mainPosition(key)
	for met := 0; ; met++ {
		n := &t.nodes[i]
		if rawEqual(&n.key, key) {
			t.searched(met)
			return i
		}
		if n.next == 0 {
			return -1
		}
		i = int(n.next - 1)
	}
}
