package command

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// ranked is an element, by its number, with a key by which it is sorted first.
type ranked struct {
	key uint64
	at  uint32
}

// texts are many strings in one block, by their numbers.
type texts struct {
	block []byte
	ends  []int
}

func (t *texts) add(val []byte) bool {
	t.block = append(t.block, val...)
	t.ends = append(t.ends, len(t.block))
	return true
}

func (t *texts) len() int { return len(t.ends) }

func (t *texts) at(i uint32) []byte {
	start, end := 0, t.ends[i]
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.block[start:end:end]
}

func (t *texts) list() [][]byte {
	list := make([][]byte, t.len())
	for i := range list {
		list[i] = t.at(uint32(i))
	}
	return list
}

// ranker sorts elements, first by keys, so that what they are texts of is rarely looked at. The order of those that are
// alike stays.
type ranker struct {
	texts *texts
	desc  bool
	whole bool     // a zero byte is one like any other, and does not end a text
	zeros bool     // there are such bytes
	spare []ranked // as long as what is sorted
}

func newRanker(t *texts, desc, whole bool) *ranker {
	return &ranker{texts: t, desc: desc, whole: whole, zeros: bytes.IndexByte(t.block, 0) >= 0}
}

// byNumbers sorts by keys that stand for numbers, and those of the same key by their texts.
func (r *ranker) byNumbers(list []ranked) {
	r.radix(list)
	r.runs(list, func(run []ranked) { r.byTexts(run, 0) })
}

// fewRanked is up to how many elements are sorted by comparing them.
const fewRanked = 32

// byTexts sorts by texts, whose first bytes up to skip are the same. It goes by the eight bytes behind what all of them
// begin with, and then sorts those that have these in common by what follows.
func (r *ranker) byTexts(list []ranked, skip int) {
	if len(list) <= fewRanked || r.zeros {
		slices.SortFunc(list, r.compare)
		return
	}
	first := r.texts.at(list[0].at)
	common, longest := len(first), 0
	for _, e := range list {
		text := r.texts.at(e.at)
		common, longest = commonPrefix(first[:common], text, skip), max(longest, len(text))
	}
	if longest == common {
		return // they are all the same
	}
	for i := range list {
		list[i].key = textKey(r.texts.at(list[i].at)[common:], r.desc)
	}
	r.radix(list)
	if longest > common+8 {
		r.runs(list, func(run []ranked) { r.byTexts(run, common+8) })
	}
}

// commonPrefix is how many bytes two texts have in common at their beginnings, of which the first skip are known to be
// the same.
func commonPrefix(a, b []byte, skip int) int {
	n := min(len(a), len(b))
	for i := min(skip, n); i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// textKey has the order of texts without zero bytes, as far as eight bytes show it.
func textKey(text []byte, desc bool) uint64 {
	var key uint64
	if len(text) >= 8 {
		key = binary.BigEndian.Uint64(text)
	} else {
		for i, c := range text {
			key |= uint64(c) << (56 - 8*i)
		}
	}
	if desc {
		return ^key
	}
	return key
}

// compare compares two elements by their whole texts, and then by their numbers.
func (r *ranker) compare(a, b ranked) int {
	x, y := r.texts.at(a.at), r.texts.at(b.at)
	if r.zeros && !r.whole {
		x, y = untilZero(x), untilZero(y)
	}
	order := bytes.Compare(x, y)
	if r.desc {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.at, b.at))
}

// untilZero is what C takes a text for.
func untilZero(text []byte) []byte {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return text[:i]
	}
	return text
}

// runs calls fn for what has the same key, wherever that is more than one.
func (r *ranker) runs(list []ranked, fn func(run []ranked)) {
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].key == list[from].key {
			to++
		}
		if to-from > 1 {
			fn(list[from:to])
		}
		from = to
	}
}

// radix sorts by keys alone, byte by byte from the last one on; those that are the same in all keys are passed over.
func (r *ranker) radix(list []ranked) {
	if len(list) <= fewRanked {
		slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(a.key, b.key) })
		return
	}
	var counts [8][256]uint32
	for _, e := range list {
		for i := range counts {
			counts[i][byte(e.key>>(8*i))]++
		}
	}
	if len(r.spare) < len(list) {
		r.spare = make([]ranked, len(list))
	}
	from, to := list, r.spare[:len(list)]
	for i := range counts {
		places, shift := &counts[i], 8*i
		if places[byte(list[0].key>>shift)] == uint32(len(list)) {
			continue
		}
		next := uint32(0)
		for b, n := range places {
			places[b] = next
			next += n
		}
		for _, e := range from {
			place := &places[byte(e.key>>shift)]
			to[*place] = e
			*place++
		}
		from, to = to, from
	}
	if &from[0] != &list[0] {
		copy(list, from)
	}
}
