package command

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

const errSortScores = resp.Error("ERR One or more scores can't be converted into double")

// elements copies what is to be sorted; what needs no sorting comes in its own order, and only as much of it as is wanted.
func (s *sorting) elements(it store.Item, found bool) ([][]byte, error) {
	if !found {
		return nil, nil
	}
	switch it.Type() {
	case store.TypeList, store.TypeZSet:
	case store.TypeSet:
		if s.unsorted && s.stores { // the order of a set is no order to keep
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
	all := elementCopies{text: []byte{}} // an empty element is not nil
	count := max(to-from, from-to)
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
	list := all.list()
	if it.Type() != store.TypeList && s.by != nil && s.alpha && !s.unsorted {
		slices.SortFunc(list, bytes.Compare) // elements of like weight come in the same order everywhere
	}
	return list, nil
}

// elementCopies collects elements in one block.
type elementCopies struct {
	text []byte
	ends []int
}

func (e *elementCopies) add(val []byte) bool {
	e.text = append(e.text, val...)
	e.ends = append(e.ends, len(e.text))
	return true
}

func (e *elementCopies) list() [][]byte {
	list := make([][]byte, len(e.ends))
	start := 0
	for i, end := range e.ends {
		list[i] = e.text[start:end:end]
		start = end
	}
	return list
}

// weighted is an element with what it is sorted by.
type weighted struct {
	element []byte
	score   float64
	text    []byte // nil: there is none
}

// sortElements sorts, and cuts the result to its limits.
func (c *Context) sortElements(s *sorting, elements [][]byte) ([][]byte, error) {
	list := make([]weighted, len(elements))
	numbers := true
	for i, e := range elements {
		list[i].element = e
		weight, found := e, true
		if s.by != nil {
			weight, found = c.lookUp(s.by, e)
		}
		switch {
		case !found:
		case s.alpha:
			list[i].text = weight
		default:
			var ok bool
			list[i].score, ok = sortScore(weight)
			numbers = numbers && ok
		}
	}
	if !numbers {
		return nil, errSortScores
	}
	compare := s.order()
	slices.SortStableFunc(list, func(a, b weighted) int {
		if s.desc {
			return -compare(&a, &b)
		}
		return compare(&a, &b)
	})
	from, to := s.limits(len(list))
	sorted := make([][]byte, 0, to-from)
	for _, e := range list[from:to] {
		sorted = append(sorted, e.element)
	}
	return sorted, nil
}

// order is how elements are compared. What is answered is compared as C's strings are, which end at a zero byte; what is stored
// is compared whole.
func (s *sorting) order() func(a, b *weighted) int {
	switch {
	case !s.alpha:
		return func(a, b *weighted) int {
			if d := cmp.Compare(a.score, b.score); d != 0 {
				return d
			}
			return bytes.Compare(a.element, b.element)
		}
	case s.stores:
		return func(a, b *weighted) int { return compareTexts(a.text, b.text, bytes.Compare) }
	}
	return func(a, b *weighted) int {
		return compareTexts(a.text, b.text, func(x, y []byte) int { return strings.Compare(cText(x), cText(y)) })
	}
}

// compareTexts puts elements without a weight first.
func compareTexts(a, b []byte, compare func(a, b []byte) int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return compare(a, b)
}

// sortScore reads a weight as C's strtod does: blanks before a number are fine, nothing at all is 0, but a number out of range is none.
func sortScore(weight []byte) (float64, bool) {
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
