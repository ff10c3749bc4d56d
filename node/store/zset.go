package store

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"holdfast/node/listpack"
)

// A sorted set is one of two:
//
//   - a listpack, packed: member and score in turn, in order (zset_packed.go). Within Limits its encoding is listpack;
//     past them it is skiplist, and the set stays packed only as long as it is small;
//   - a table: a dict from members to scores, and a tree of both in order (rank.go). Its encoding is skiplist.
//
// It turns into a later one of them when it must, and never back.

// packedZSetAlways is the size in bytes up to which a sorted set may stay packed although it is past its limits: to
// search so little costs no more than a table, which takes up much more.
const packedZSetAlways = 2 << 10

var zsetKind = kind{
	name:   "zset",
	len:    func(it Item) int { return it.ZSet().Len() },
	digest: func(it Item, d *digest) { it.ZSet().digest(d) },
	check:  func(it Item) error { return it.ZSet().check() },
}

// ZSet is the value of a sorted set as it was when it was looked up, read-only and valid as long as its item is. The
// zero ZSet is empty.
type ZSet struct {
	enc    Encoding
	packed packedZSet // empty for none
	table  *zsetTable // instead of packed
}

// zsetTable is a large sorted set.
type zsetTable struct {
	scores *dict // member to bits of the score
	ranks  *rankTree
}

// ZSet returns the value of a sorted set; the empty one for the zero Item, which stands for an absent key.
func (it Item) ZSet() ZSet {
	if it.obj != nil {
		return ZSet{enc: it.enc, table: it.obj.(*zsetTable)}
	}
	return ZSet{enc: it.enc, packed: it.val}
}

// Len returns the number of members.
func (z ZSet) Len() int {
	switch {
	case z.table != nil:
		return z.table.ranks.count
	case len(z.packed) == 0:
		return 0
	}
	return z.packed.len()
}

// Score returns the score of a member.
func (z ZSet) Score(member []byte) (score float64, ok bool) {
	if z.table != nil {
		_, score, ok = z.table.find(member)
		return score, ok
	}
	if at := z.packed.find(member); at >= 0 {
		return z.packed.score(at), true
	}
	return 0, false
}

// Rank returns the number of members before one, and its score.
func (z ZSet) Rank(member []byte) (rank int, score float64, ok bool) {
	if z.table == nil {
		return z.packed.rank(member)
	}
	_, score, ok = z.table.find(member)
	if ok {
		rank = z.table.ranks.rank(score, member)
	}
	return rank, score, ok
}

// All yields the members with their scores in order, beginning with the one of a rank; reverse goes back from that. A
// member is valid until the next one.
func (z ZSet) All(rank int, reverse bool) iter.Seq2[[]byte, float64] {
	return func(yield func([]byte, float64) bool) {
		switch {
		case rank < 0 || rank >= z.Len():
		case z.table == nil:
			z.packed.all(rank, reverse, yield)
		case reverse:
			for score, ref := range z.table.ranks.backward(rank) {
				if !yield(z.table.scores.name(ref), score) {
					return
				}
			}
		default:
			for score, ref := range z.table.ranks.forward(rank) {
				if !yield(z.table.scores.name(ref), score) {
					return
				}
			}
		}
	}
}

// Range calls fn for n members with their scores, in order, from the one of a rank on, or, with reverse, back from it.
// There must be so many. A member is valid during the call.
func (z ZSet) Range(rank, n int, reverse bool, fn func(member []byte, score float64)) {
	if n <= 0 {
		return
	}
	if z.table == nil {
		z.packed.all(rank, reverse, func(member []byte, score float64) bool {
			fn(member, score)
			n--
			return n > 0
		})
		return
	}
	names, r := z.table.scores, z.table.ranks.span(rank, n, reverse)
	for n := z.table.ranks.next(&r); n > 0; n = z.table.ranks.next(&r) {
		names.warmCells(r.refs[:n])
		for i, ref := range r.refs[:n] {
			fn(names.name(ref), r.scores[i])
		}
	}
}

// Random returns a member of a sorted set that is not empty, each with the same probability.
func (z ZSet) Random(rng *rand.Rand) (member []byte, score float64) {
	for member, score = range z.All(rng.IntN(z.Len()), false) {
		break
	}
	return member, score
}

// Sample calls fn for count different members, or for all if there are fewer; each choice of them has the same
// probability. All come in reverse order, as from Redis, others in no particular one.
func (z ZSet) Sample(rng *rand.Rand, count int, fn func(member []byte, score float64)) {
	size := z.Len()
	if z.table != nil && count < size/sampleByDraw {
		drawn := make(map[int]struct{}, count)
		for len(drawn) < count {
			rank := rng.IntN(size)
			if _, again := drawn[rank]; again {
				continue
			}
			drawn[rank] = struct{}{}
			score, ref := z.table.ranks.get(z.table.ranks.at(rank))
			fn(z.table.scores.name(ref), score)
		}
		return
	}
	left := size
	for member, score := range z.All(size-1, true) {
		if rng.IntN(left) < count {
			fn(member, score)
			count--
		}
		left--
	}
}

// Scan calls fn for the members from cursor on and returns the cursor to go on with, as DB.Scan does for keys. A packed
// set is scanned in one step. Scores are given as text: the one in a listpack, or as C prints "%.17g".
func (z ZSet) Scan(cursor uint64, count int, fn func(member, score []byte)) uint64 {
	var text []byte
	if z.table == nil {
		z.packed.eachText(fn)
		return 0
	}
	return z.table.scores.scan(cursor, count, func(ref uint64) {
		text = appendDouble(text[:0], z.table.score(ref))
		fn(z.table.scores.name(ref), text)
	})
}

func (z ZSet) digest(d *digest) {
	var text []byte
	for member, score := range z.All(0, false) {
		var one digest
		text = appendDouble(text[:0], score)
		one.chain(member)
		one.chain(text)
		d.add(one[:])
	}
}

func newZSetTable(h *hasher) *zsetTable {
	t := &zsetTable{scores: newDict(h)}
	t.ranks = newRankTree(t.scores.name)
	t.watch()
	return t
}

// watch has the dict tell the tree when it moves a cell.
func (t *zsetTable) watch() {
	t.scores.moved = func(name []byte, word, from, to uint64) {
		t.ranks.replace(math.Float64frombits(word), name, from, to)
	}
}

func (t *zsetTable) score(ref uint64) float64 {
	word, _ := t.scores.word(ref)
	return math.Float64frombits(word)
}

func (t *zsetTable) find(member []byte) (ref uint64, score float64, ok bool) {
	ref, ok = t.scores.find(member)
	if ok {
		score = t.score(ref)
	}
	return ref, score, ok
}

// add enters a member, which must not be there.
func (t *zsetTable) add(member []byte, score float64) {
	ref, _ := t.scores.put(member, nil, math.Float64bits(score), true)
	t.ranks.insert(score, member, ref)
}

// without makes another table, of all members but those with ranks from lo on and below hi.
func (t *zsetTable) without(lo, hi int) *zsetTable {
	rest := newZSetTable(t.scores.hasher)
	rest.scores.table.reserve(t.ranks.count - (hi - lo))
	rest.ranks.extend(func(yield func(float64, uint64) bool) {
		for _, r := range []rankRange{t.ranks.span(0, lo, false), t.ranks.span(hi, t.ranks.count-hi, false)} {
			for n := t.ranks.next(&r); n > 0; n = t.ranks.next(&r) {
				var hashes [WarmKeys]uint64
				t.scores.warmCells(r.refs[:n])
				for i, ref := range r.refs[:n] {
					hashes[i] = rest.scores.hasher.sum(t.scores.name(ref))
				}
				rest.scores.table.warmBuckets(hashes[:n])
				for i, ref := range r.refs[:n] {
					yield(r.scores[i], rest.scores.insert(hashes[i], t.scores.name(ref), nil,
						math.Float64bits(r.scores[i]), true))
				}
			}
		}
	})
	return rest
}

// update changes the score of the member at ref.
func (t *zsetTable) update(ref uint64, member []byte, old, score float64) {
	t.scores.setWord(ref, math.Float64bits(score))
	pos, _ := t.ranks.find(old, member)
	if !t.ranks.rescore(pos, score) {
		t.ranks.remove(pos)
		t.ranks.insert(score, member, ref)
	}
}

// remove takes the member at a position out. The dict goes first: it may move cells, which the tree must still have;
// and the tree then removes by position, without reading members.
func (t *zsetTable) remove(pos rankPos, member []byte) {
	t.scores.remove(member)
	t.ranks.remove(pos)
}

func (t *zsetTable) memory() int64 { return t.scores.memory() + t.ranks.memory() + zsetTableSize }

const zsetTableSize = 16

func (t *zsetTable) names() *dict     { return t.scores }
func (t *zsetTable) freeze(f *Frozen) { f.freezeDict(t.scores) }

func (t *zsetTable) clone() object {
	c := &zsetTable{scores: t.scores.clone()}
	c.ranks = t.ranks.clone(c.scores.name)
	c.watch()
	return c
}

func (t *zsetTable) check() error {
	if err := t.scores.check(); err != nil {
		return err
	}
	if err := t.ranks.check(); err != nil {
		return err
	}
	if t.scores.len() != t.ranks.count || t.ranks.count == 0 {
		return fmt.Errorf("%d members have scores, %d ranks", t.scores.len(), t.ranks.count)
	}
	for score, ref := range t.ranks.forward(0) {
		if found, ok := t.scores.find(t.scores.name(ref)); !ok || found != ref || t.score(ref) != score {
			return fmt.Errorf("member %q has score %g and ranks with %g", t.scores.name(ref), t.score(ref), score)
		}
	}
	return nil
}

// check verifies a packed sorted set.
func (z ZSet) check() error {
	if z.table != nil {
		return nil // verified as an object
	}
	if err := listpack.Validate(z.packed, true); err != nil {
		return err
	}
	if n := listpack.Len(z.packed); n%2 != 0 || n == 0 || z.enc != EncListpack &&
		(z.enc != EncSkiplist || len(z.packed) > packedZSetAlways) {
		return fmt.Errorf("a sorted set encoded as %v is packed, with %d elements in %d bytes", z.enc, n, len(z.packed))
	}
	var before []byte
	last, n := math.Inf(-1), 0
	seen := make(map[string]bool)
	for member, score := range z.All(0, false) {
		if score < last || n > 0 && score == last && string(before) >= string(member) || seen[string(member)] ||
			math.IsNaN(score) {
			return fmt.Errorf("(%g, %q) stands behind (%g, %q) or is there twice", score, member, last, before)
		}
		seen[string(member)] = true
		before, last = append(before[:0], member...), score
		n++
	}
	return nil
}
