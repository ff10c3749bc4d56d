package command

import (
	"bytes"
	"math"
	"math/big"
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

const errSortScores = resp.Error("ERR One or more scores can't be converted into double")

// elements copies what is to be sorted; what needs no sorting comes in its own order, and only as much of it as is
// wanted.
func (s *sorting) elements(it store.Item, found bool) (*texts, error) {
	all := &texts{block: []byte{}} // an empty element is not nil
	if !found {
		return all, nil
	}
	switch it.Type() {
	case store.TypeList, store.TypeZSet:
	case store.TypeSet:
		if s.unsorted && (s.stores || s.keepsOrder) { // the order of a set is no order to keep
			s.unsorted, s.alpha, s.by = false, true, nil
		}
	default:
		return nil, ErrWrongType
	}
	n := it.Len()
	from, to, backwards := 0, n, false
	if s.unsorted {
		from, to = s.limits(n)
		if backwards = s.desc && it.Type() != store.TypeSet; backwards {
			from, to = n-1-from, n-1-to
		}
	}
	count := max(to-from, from-to)
	all.ends = make([]int, 0, count)
	switch {
	case count == 0:
	case it.Type() == store.TypeList:
		it.ListEach(from, count, backwards, all.add)
	case it.Type() == store.TypeSet:
		skip := from
		it.Set().Each(func(member []byte) bool {
			if skip--; skip >= 0 {
				return true
			}
			return all.add(member) && len(all.ends) < count
		})
	default:
		for member := range it.ZSet().All(from, backwards) {
			if all.add(member); len(all.ends) == count {
				break
			}
		}
	}
	if it.Type() != store.TypeList && s.by != nil && s.alpha && !s.unsorted {
		return all.inOrder(), nil // elements of like weight come in the same order everywhere
	}
	return all, nil
}

// inOrder are the texts in the order of their bytes.
func (t *texts) inOrder() *texts {
	list := numbered(t.len())
	newRanker(t, false, true).byTexts(list, 0)
	sorted := &texts{block: make([]byte, 0, len(t.block)), ends: make([]int, 0, t.len())}
	for _, e := range list {
		sorted.add(t.at(e.at))
	}
	return sorted
}

func numbered(n int) []ranked {
	list := make([]ranked, n)
	for i := range list {
		list[i].at = uint32(i)
	}
	return list
}

// sortElements sorts, and cuts the result to its limits.
func (c *Context) sortElements(s *sorting, elements *texts) (sorted []ranked, err error) {
	if s.alpha {
		sorted = c.sortByTexts(s, elements)
	} else if sorted, err = c.sortByScores(s, elements); err != nil {
		return nil, err
	}
	from, to := s.limits(len(sorted))
	return sorted[from:to], nil
}

// sortByScores sorts by numbers, an element without a weight as if that were 0; those of the same number by their
// texts.
func (c *Context) sortByScores(s *sorting, elements *texts) ([]ranked, error) {
	list := numbered(elements.len())
	numbers := true
	c.eachWeight(s, elements, func(i uint32, weight []byte, found bool) {
		if !found {
			weight = nil
		}
		score, ok := sortScore(weight)
		list[i].key, numbers = scoreKey(score, s.desc), numbers && ok
	})
	if !numbers {
		return nil, errSortScores
	}
	newRanker(elements, s.desc, true).byNumbers(list)
	return list, nil
}

// sortByTexts puts elements without a weight first, and keeps the order of those of the same weight. What is answered
// is compared as C's strings are, which end at a zero byte; what is stored is compared whole.
func (c *Context) sortByTexts(s *sorting, elements *texts) []ranked {
	weights, list, without := elements, make([]ranked, 0, elements.len()), []ranked(nil)
	if s.by != nil {
		weights = &texts{ends: make([]int, 0, elements.len())}
	}
	c.eachWeight(s, elements, func(i uint32, weight []byte, found bool) {
		if s.by != nil {
			weights.add(weight)
		}
		if found {
			list = append(list, ranked{at: i})
		} else {
			without = append(without, ranked{at: i})
		}
	})
	newRanker(weights, s.desc, s.stores).byTexts(list, 0)
	switch {
	case len(without) == 0:
		return list
	case s.desc:
		return append(list, without...)
	}
	return append(without, list...)
}

// eachWeight calls fn with what each element is sorted by, in memory that does not last.
func (c *Context) eachWeight(s *sorting, elements *texts, fn func(i uint32, weight []byte, found bool)) {
	for i := range uint32(elements.len()) {
		e := elements.at(i)
		if s.by == nil {
			fn(i, e, true)
			continue
		}
		weight, found := c.lookUp(s.by, e)
		fn(i, weight, found)
	}
}

// scoreKey has the order of numbers, or the reverse of it.
func scoreKey(score float64, desc bool) uint64 {
	if score == 0 {
		score = 0 // there is one zero only
	}
	key := math.Float64bits(score)
	if key>>63 == 0 {
		key |= 1 << 63
	} else {
		key = ^key
	}
	if desc {
		return ^key
	}
	return key
}

// sortScore reads a weight as C's strtod does: blanks before a number are fine, nothing at all is 0, but a number out
// of range is none.
func sortScore(weight []byte) (float64, bool) {
	if f, ok := plainNumber(weight); ok {
		return f, true
	}
	text := cText(weight)
	if text == "" {
		return 0, true
	}
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	f, ok := resp.ParseFloat([]byte(text))
	if ok && f != 0 && math.Abs(f) < 0x1p-1022 {
		// Below the normal numbers strtod complains unless the result is exact.
		exact, _ := new(big.Rat).SetString(text)
		ok = exact != nil && exact.Cmp(new(big.Rat).SetFloat64(f)) == 0
	}
	return f, ok
}

// plainNumber reads the decimal numbers of up to 15 digits, with a point or without one: these, and the powers of ten
// by which they are divided, are exact, so that the quotient is what strtod says.
func plainNumber(text []byte) (f float64, ok bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	whole, fraction, _ := bytes.Cut(text, point)
	digits := len(whole) + len(fraction)
	if digits == 0 || digits > 15 {
		return 0, false
	}
	n := int64(0)
	for _, part := range [2][]byte{whole, fraction} {
		for _, c := range part {
			if c -= '0'; c > 9 {
				return 0, false
			}
			n = n*10 + int64(c)
		}
	}
	f = float64(n)
	if len(fraction) > 0 {
		f /= powersOfTen[len(fraction)]
	}
	if negative {
		f = -f
	}
	return f, true
}

var (
	point       = []byte(".")
	powersOfTen = [16]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
)
