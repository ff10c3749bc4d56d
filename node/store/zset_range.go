package store

import "bytes"

// ScoreRange is an interval of scores. Without Ex its ends belong to it.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool
}

func (r *ScoreRange) below(score float64) bool { return score < r.Min || r.MinEx && score == r.Min }

func (r *ScoreRange) above(score float64) bool { return score > r.Max || r.MaxEx && score == r.Max }

// LexRange is an interval of members, for sorted sets in which all scores are equal.
type LexRange struct{ Min, Max LexBound }

// LexBound is an end of an interval of members. Infinite is -1 for what is below all members, 1 for what is above all,
// else 0.
type LexBound struct {
	Member   []byte
	Ex       bool
	Infinite int
}

// compare is a member's place beside the bound.
func (b *LexBound) compare(member []byte) int {
	if b.Infinite != 0 {
		return -b.Infinite
	}
	return bytes.Compare(member, b.Member)
}

func (r *LexRange) below(member []byte) bool {
	c := r.Min.compare(member)
	return c < 0 || c == 0 && r.Min.Ex
}

func (r *LexRange) above(member []byte) bool {
	c := r.Max.compare(member)
	return c > 0 || c == 0 && r.Max.Ex
}

// ByScore returns the ranks of the members in a range: from lo on and below hi.
func (z ZSet) ByScore(r ScoreRange) (lo, hi int) {
	if z.table == nil {
		for _, score := range z.All(0, false) {
			if r.below(score) {
				lo++
			}
			if r.above(score) {
				break
			}
			hi++
		}
		return lo, max(lo, hi)
	}
	lo = z.table.ranks.rankOf(func(score float64, _ uint64) bool { return r.below(score) })
	hi = z.table.ranks.rankOf(func(score float64, _ uint64) bool { return !r.above(score) })
	return lo, max(lo, hi)
}

// ByLex returns the ranks of the members in a range: from lo on and below hi. When scores differ, what is in the range
// is not in one piece; of a packed set the answer is the piece that Redis finds from that end.
func (z ZSet) ByLex(r LexRange, reverse bool) (lo, hi int) {
	switch {
	case z.Len() == 0:
		return 0, 0
	case z.table != nil:
		member := z.table.scores.name
		lo = z.table.ranks.rankOf(func(_ float64, ref uint64) bool { return r.below(member(ref)) })
		hi = z.table.ranks.rankOf(func(_ float64, ref uint64) bool { return !r.above(member(ref)) })
		return lo, max(lo, hi)
	case !z.meets(r):
		return 0, 0
	case reverse:
		return z.lexBackward(r)
	}
	return z.lexForward(r)
}

// meets reports whether the last member is not below the range and the first not above, which ends Redis's search.
func (z ZSet) meets(r LexRange) bool {
	for last := range z.All(z.Len()-1, true) {
		if r.below(last) {
			return false
		}
		break
	}
	for first := range z.All(0, false) {
		return !r.above(first)
	}
	return false
}

func (z ZSet) lexForward(r LexRange) (lo, hi int) {
	for member := range z.All(0, false) {
		if hi == lo && r.below(member) {
			lo++
			hi++
			continue
		}
		if r.above(member) {
			break
		}
		hi++
	}
	return lo, hi
}

func (z ZSet) lexBackward(r LexRange) (lo, hi int) {
	lo, hi = z.Len(), z.Len()
	for member := range z.All(hi-1, true) {
		if lo == hi && r.above(member) {
			lo--
			hi--
			continue
		}
		if r.below(member) {
			break
		}
		lo--
	}
	return lo, hi
}
