package command

import (
	"math"
	"slices"

	"holdfast/node/store"
	"holdfast/resp"
)

// zSource is an input of a union, an intersection or a difference: a sorted set, or a set, whose members count as having score 1.
type zSource struct {
	ranked store.ZSet
	plain  store.Set
	weight float64
}

func (s *zSource) len() int { return s.ranked.Len() + s.plain.Len() }

func (s *zSource) score(member []byte) (float64, bool) {
	if s.plain.Has(member) {
		return 1, true
	}
	return s.ranked.Score(member)
}

func (s *zSource) each(fn func(member []byte, score float64) bool) {
	for member, score := range s.ranked.All(0, false) {
		if !fn(member, score) {
			return
		}
	}
	s.plain.Each(func(member []byte) bool { return fn(member, 1) })
}

// zSourcesForRead are the sets of either kind at keys, empty ones for those that are absent. The second look finds them where the
// first one, which may delete what has expired, left them.
func (c *Context) zSourcesForRead(keys [][]byte) ([]zSource, error) {
	for _, key := range keys {
		if it, ok := c.Read(key); ok && it.Type() != store.TypeZSet && it.Type() != store.TypeSet {
			return nil, ErrWrongType
		}
	}
	sources := make([]zSource, len(keys))
	for i, key := range keys {
		s := &sources[i]
		s.weight = 1
		it, ok := c.Find(key)
		switch {
		case !ok:
		case it.Type() == store.TypeZSet:
			s.ranked = it.ZSet()
		default:
			s.plain = it.Set()
		}
	}
	return sources, nil
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

// zCombine makes one sorted set of several; yield gets the members of the result in no order, and ends it by false. Only a union
// gives a member more than once: with scores to be aggregated.
type zCombine func(sources []zSource, aggregate zAggregate, yield func(member []byte, score float64) bool)

func zUnionOf(sources []zSource, _ zAggregate, yield func([]byte, float64) bool) {
	for i := range sources {
		s := &sources[i]
		s.each(func(member []byte, score float64) bool { return yield(member, orZero(s.weight*score)) })
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
		slices.SortStableFunc(z.sources, func(a, b zSource) int { return a.len() - b.len() })
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
		if old, ok := b.Score(member); ok {
			score = z.aggregate(old, score)
		}
		b.Set(member, score)
		return true
	})
	return b
}

func (z *zAlgebra) answer(c *Context, args [][]byte, w *resp.Writer) error {
	if err := z.parse(c, args[1:]); err != nil {
		return err
	}
	b := z.result(c)
	beginRanked(w, b.Len(), z.withScores)
	for member, score := range b.All(0, false) {
		writeRanked(w, member, score, z.withScores)
	}
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
