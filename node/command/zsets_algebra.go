package command

import (
	"cmp"
	"math"
	"slices"

	"holdfast/node/store"
	"holdfast/resp"
)

// zSet is a sorted set, or a set, whose members count as having score 1.
type zSet struct {
	ranked store.ZSet
	plain  store.Set
	size   int
}

// zSource is an input of a union, an intersection or a difference.
type zSource struct {
	*zSet
	weight float64
}

func (s *zSet) score(member []byte) (float64, bool) {
	if s.plain.Has(member) {
		return 1, true
	}
	return s.ranked.Score(member)
}

func (s *zSet) each(fn func(member []byte, score float64) bool) {
	for member, score := range s.ranked.All(0, false) {
		if !fn(member, score) {
			return
		}
	}
	s.plain.Each(func(member []byte) bool { return fn(member, 1) })
}

// zSourcesForRead are the sets of either kind at keys, empty ones for those that are absent.
func (c *Context) zSourcesForRead(keys [][]byte) (sources []zSource, err error) {
	var again *repeats
	absent := new(zSet)
	begin := func() {
		sources, again = make([]zSource, len(keys)), nil
		if len(keys) > fewNames {
			again = new(repeats)
		}
	}
	err = c.readEach(keys, begin, func(i int, it *store.Item, found bool) error {
		s := &sources[i]
		s.weight = 1
		if !found {
			s.zSet = absent
			return nil
		}
		if again != nil {
			if before := again.before(keys, i); before >= 0 {
				s.zSet = sources[before].zSet
				return nil
			}
		}
		s.zSet = new(zSet)
		switch it.Type() {
		case store.TypeZSet:
			s.ranked = it.ZSet()
		case store.TypeSet:
			s.plain = it.Set()
		default:
			return ErrWrongType
		}
		s.size = s.ranked.Len() + s.plain.Len()
		return nil
	})
	return sources, err
}

// zBySize sorts sources by their size, and those of the same size as they come: scores are aggregated in this order.
func zBySize(sources []zSource) {
	smaller := func(a, b zSource) int { return a.size - b.size }
	if len(sources) <= fewNames {
		slices.SortStableFunc(sources, smaller)
		return
	}
	if slices.IsSortedFunc(sources, smaller) {
		return
	}
	type place struct{ size, at int }
	places := make([]place, len(sources)) // a stable sort of very many takes much longer
	for i := range sources {
		places[i] = place{sources[i].size, i}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(a.size-b.size, a.at-b.at) })
	unsorted := slices.Clone(sources)
	for i, p := range places {
		sources[i] = unsorted[p.at]
	}
}

// zAggregate combines two scores of a member.
type zAggregate func(a, b float64) float64

// zSum takes the sum of opposite infinities, which is not a number, for 0.
func zSum(a, b float64) float64 { return orZero(a + b) }

func zMin(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func zMax(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

func orZero(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// zCombine makes one sorted set of several; yield gets the members of the result in no order, and ends it by false, but
// for a union. Only that gives a member more than once: with scores to be aggregated.
type zCombine func(sources []zSource, aggregate zAggregate, yield func(member []byte, score float64) bool)

func zUnionOf(sources []zSource, _ zAggregate, yield func([]byte, float64) bool) {
	weight := 0.0
	ranked := func(member []byte, score float64) { yield(member, orZero(weight*score)) }
	plain := func(member []byte) bool { return yield(member, orZero(weight)) }
	for i := range sources { // to the end: nobody counts the members of a union
		s := &sources[i]
		weight = s.weight
		s.ranked.Range(0, s.ranked.Len(), false, ranked)
		s.plain.Each(plain)
	}
}

func zInterOf(sources []zSource, aggregate zAggregate, yield func([]byte, float64) bool) {
	first, others := &sources[0], sources[1:]
	first.each(func(member []byte, score float64) bool {
		score = orZero(first.weight * score)
		for i := range others {
			value, ok := others[i].score(member)
			if !ok {
				return true
			}
			score = aggregate(score, value*others[i].weight)
		}
		return yield(member, score)
	})
}

func zDiffOf(sources []zSource, _ zAggregate, yield func([]byte, float64) bool) {
	first, others := &sources[0], sources[1:]
	first.each(func(member []byte, score float64) bool {
		for i := range others {
			if _, ok := others[i].score(member); ok {
				return true
			}
		}
		return yield(member, score)
	})
}

// zAlgebra is one of the commands below.
type zAlgebra struct {
	combine     zCombine
	weighted    bool // takes weights, and an aggregate: not a difference
	storing     bool
	cardinality bool // takes a limit, and only counts

	sources    []zSource
	aggregate  zAggregate
	withScores bool
	limit      int64
}

// parse reads the arguments from the number of keys on, and looks the keys up.
func (z *zAlgebra) parse(c *Context, args [][]byte) error {
	n, ok := resp.ParseInt(args[0])
	switch {
	case !ok:
		return ErrNotInteger
	case n < 1:
		return resp.Error("ERR at least 1 input key is needed for '" + c.Cmd.Name + "' command")
	case n > int64(len(args)-1):
		return ErrSyntax
	}
	var err error
	if z.sources, err = c.zSourcesForRead(args[1 : 1+n]); err != nil {
		return err
	}
	z.aggregate = zSum
	for args = args[1+n:]; len(args) > 0; {
		used, err := z.option(args)
		if err != nil {
			return err
		}
		args = args[used:]
	}
	if z.weighted || z.cardinality {
		zBySize(z.sources)
	}
	return nil
}

// option reads the option that args begin with and returns how many of them it has.
func (z *zAlgebra) option(args [][]byte) (used int, err error) {
	n := len(z.sources)
	switch {
	case z.weighted && len(args) > n && isWord(args[0], "weights"):
		for i := range z.sources {
			w, ok := resp.ParseFloat(args[1+i])
			if !ok {
				return 0, resp.Error("ERR weight value is not a float")
			}
			z.sources[i].weight = w
		}
		return 1 + n, nil
	case z.weighted && len(args) > 1 && isWord(args[0], "aggregate"):
		switch {
		case isWord(args[1], "sum"):
			z.aggregate = zSum
		case isWord(args[1], "min"):
			z.aggregate = zMin
		case isWord(args[1], "max"):
			z.aggregate = zMax
		default:
			return 0, ErrSyntax
		}
		return 2, nil
	case !z.storing && !z.cardinality && isWord(args[0], "withscores"):
		z.withScores = true
		return 1, nil
	case z.cardinality && len(args) > 1 && isWord(args[0], "limit"):
		limit, ok := resp.ParseInt(args[1])
		if !ok || limit < 0 {
			return 0, resp.Error("ERR LIMIT can't be negative")
		}
		z.limit = limit
		return 2, nil
	}
	return 0, ErrSyntax
}

// result is the combination of all sources.
func (z *zAlgebra) result(c *Context) *store.ZSetBuilder {
	b := c.Store.NewZSet()
	z.combine(z.sources, z.aggregate, func(member []byte, score float64) bool {
		b.Combine(member, score, z.aggregate)
		return true
	})
	b.Rank()
	return b
}

func (z *zAlgebra) answer(c *Context, args [][]byte, w *resp.Writer) error {
	if err := z.parse(c, args[1:]); err != nil {
		return err
	}
	b := z.result(c)
	beginRanked(w, b.Len(), z.withScores)
	b.Range(0, b.Len(), false, func(member []byte, score float64) { writeRanked(w, member, score, z.withScores) })
	return nil
}

func (z *zAlgebra) store(c *Context, args [][]byte, event string, w *resp.Writer) error {
	if err := z.parse(c, args[2:]); err != nil {
		return err
	}
	c.storeZSet(args[1], z.result(c), event, w)
	return nil
}

func zUnion(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zUnionOf, weighted: true}
	return z.answer(c, args, w)
}

func zInter(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zInterOf, weighted: true}
	return z.answer(c, args, w)
}

func zDiff(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zDiffOf}
	return z.answer(c, args, w)
}

func zUnionStore(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zUnionOf, weighted: true, storing: true}
	return z.store(c, args, "zunionstore", w)
}

func zInterStore(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zInterOf, weighted: true, storing: true}
	return z.store(c, args, "zinterstore", w)
}

func zDiffStore(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zDiffOf, storing: true}
	return z.store(c, args, "zdiffstore", w)
}

func zInterCard(c *Context, args [][]byte, w *resp.Writer) error {
	z := zAlgebra{combine: zInterOf, cardinality: true}
	if err := z.parse(c, args[1:]); err != nil {
		return err
	}
	var n int64
	z.combine(z.sources, z.aggregate, func([]byte, float64) bool {
		n++
		return n != z.limit
	})
	w.Int(n)
	return nil
}
