package command

import (
	"fmt"
	"math"

	"holdfast/node/store"
	"holdfast/resp"
)

func zCard(c *Context, args [][]byte, w *resp.Writer) error {
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	w.Int(int64(z.Len()))
	return nil
}

func zCount(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zCount(zRangeSpec{by: byScore}, args, w)
}

func zLexCount(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zCount(zRangeSpec{by: byLex}, args, w)
}

func (c *Context) zCount(r zRangeSpec, args [][]byte, w *resp.Writer) error {
	if err := r.parseEnds(args[2], args[3]); err != nil {
		return err
	}
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	lo, hi := r.ranks(z)
	w.Int(int64(hi - lo))
	return nil
}

func zScore(c *Context, args [][]byte, w *resp.Writer) error {
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	if score, ok := z.Score(args[2]); ok {
		w.Double(score)
	} else {
		w.Null()
	}
	return nil
}

func zMScore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.eachScore(args, w, w.Double, w.Null)
}

// eachScore answers something for each member that is asked for: what found writes of its score, or what absent writes.
func (c *Context) eachScore(args [][]byte, w *resp.Writer, found func(score float64), absent func()) error {
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	w.Array(len(args) - 2)
	for _, member := range args[2:] {
		if score, ok := z.Score(member); ok {
			found(score)
		} else {
			absent()
		}
	}
	return nil
}

func zRank(c *Context, args [][]byte, w *resp.Writer) error { return c.zRank(args, false, w) }

func zRevRank(c *Context, args [][]byte, w *resp.Writer) error { return c.zRank(args, true, w) }

func (c *Context) zRank(args [][]byte, reverse bool, w *resp.Writer) error {
	withScore := len(args) == 4
	switch {
	case len(args) > 4:
		return wrongArity(c)
	case withScore && !isWord(args[3], "withscore"):
		return ErrSyntax
	}
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	rank, score, ok := z.Rank(args[2])
	if reverse {
		rank = z.Len() - 1 - rank
	}
	switch {
	case !ok && withScore:
		w.NullArray()
	case !ok:
		w.Null()
	case withScore:
		w.Array(2)
		w.Int(int64(rank))
		w.Double(score)
	default:
		w.Int(int64(rank))
	}
	return nil
}

func zRandMember(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return c.zRandMembers(args, w)
	}
	z, found, err := c.zsetForRead(args[1])
	switch {
	case err != nil:
		return err
	case found:
		member, _ := z.Random(c.Rand)
		w.Bulk(member)
	default:
		w.Null()
	}
	return nil
}

func (c *Context) zRandMembers(args [][]byte, w *resp.Writer) error {
	count, ok := resp.ParseInt(args[2])
	withScores := len(args) == 4
	switch {
	case !ok:
		return ErrNotInteger
	case count == math.MinInt64:
		return resp.Error(fmt.Sprintf("ERR value is out of range, value must between %d and %d", -math.MaxInt64,
			math.MaxInt64))
	case len(args) > 4 || withScores && !isWord(args[3], "withscores"):
		return ErrSyntax
	case withScores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return resp.Error("ERR value is out of range")
	}
	z, found, err := c.zsetForRead(args[1])
	switch {
	case err != nil:
		return err
	case !found:
		w.Array(0)
	case count >= 0:
		n := int(min(count, int64(z.Len())))
		beginRanked(w, n, withScores)
		z.Sample(c.Rand, n, func(member []byte, score float64) { writeRanked(w, member, score, withScores) })
	case -count > maxRepeats:
		return resp.Error("ERR value is out of range")
	default:
		beginRanked(w, int(-count), withScores)
		for range -count {
			member, score := z.Random(c.Rand)
			writeRanked(w, member, score, withScores)
		}
	}
	return nil
}

func zScan(c *Context, args [][]byte, w *resp.Writer) error {
	var z store.ZSet
	var p scanPage
	return scanElements(args, w, &p, func() (found bool, err error) {
		z, found, err = c.zsetForRead(args[1])
		return found, err
	}, func(cursor uint64) uint64 {
		return z.Scan(cursor, p.visits, func(member, score []byte) {
			if p.shows(member) {
				p.add(member)
				p.add(score)
			}
		})
	})
}
