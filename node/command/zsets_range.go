package command

import (
	"math"
	"strconv"
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

const (
	errScoreRange = resp.Error("ERR min or max is not a float")
	errLexRange   = resp.Error("ERR min or max not valid string range item")
	errRankLimit  = resp.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	errLexScores  = resp.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
)

// zRangeBy is what a range is of.
type zRangeBy int

const (
	byAny zRangeBy = iota // not said yet
	byRank
	byScore
	byLex
)

// zRangeSpec is which members of a sorted set are meant, and in which order.
type zRangeSpec struct {
	by            zRangeBy
	reverse       bool
	withScores    bool
	offset, limit int64

	first, last int64 // ranks, from the end when negative; in a reverse range counted from there
	scores      store.ScoreRange
	members     store.LexRange
}

// parse reads the arguments from the first end of the range on. What a command's name has said stays as it is.
func (r *zRangeSpec) parse(args [][]byte, fixed, storing bool) error {
	r.limit = -1
	for i := 2; i < len(args); i++ {
		a := args[i]
		switch {
		case !storing && isWord(a, "withscores"):
			r.withScores = true
		case isWord(a, "limit") && len(args)-i > 2:
			offset, ok := resp.ParseInt(args[i+1])
			limit, okLimit := resp.ParseInt(args[i+2])
			if !ok || !okLimit {
				return ErrNotInteger
			}
			r.offset, r.limit = offset, limit
			i += 2
		case !fixed && isWord(a, "rev"):
			r.reverse = true
		case r.by == byAny && isWord(a, "bylex"):
			r.by = byLex
		case r.by == byAny && isWord(a, "byscore"):
			r.by = byScore
		default:
			return ErrSyntax
		}
	}
	if r.by == byAny {
		r.by = byRank
	}
	if r.by == byRank {
		if r.limit != -1 {
			return errRankLimit
		}
		r.offset = 0 // LIMIT with -1 is accepted, and means nothing
	}
	if r.withScores && r.by == byLex {
		return errLexScores
	}
	if r.reverse && r.by != byRank {
		return r.parseEnds(args[1], args[0])
	}
	return r.parseEnds(args[0], args[1])
}

func (r *zRangeSpec) parseEnds(lo, hi []byte) error {
	switch r.by {
	case byScore:
		var okMin, okMax bool
		r.scores.Min, r.scores.MinEx, okMin = parseScoreBound(lo)
		r.scores.Max, r.scores.MaxEx, okMax = parseScoreBound(hi)
		if !okMin || !okMax {
			return errScoreRange
		}
	case byLex:
		var okMin, okMax bool
		r.members.Min, okMin = parseLexBound(lo)
		r.members.Max, okMax = parseLexBound(hi)
		if !okMin || !okMax {
			return errLexRange
		}
	default:
		var okFirst, okLast bool
		r.first, okFirst = resp.ParseInt(lo)
		r.last, okLast = resp.ParseInt(hi)
		if !okFirst || !okLast {
			return ErrNotInteger
		}
	}
	return nil
}

// parseScoreBound reads an end of a range of scores: a number, excluded after a parenthesis.
func parseScoreBound(b []byte) (score float64, ex, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		ex, b = true, b[1:]
	}
	score, ok = parseCDouble(b)
	return score, ex, ok
}

// parseCDouble reads what C's strtod does from the whole of a text, up to a zero byte: blanks before the number are
// fine, so is nothing at all, and a number too large is infinite.
func parseCDouble(b []byte) (float64, bool) {
	text := cText(b)
	if text == "" {
		return 0, true
	}
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	digits := strings.TrimLeft(text, "+-")
	if strings.Contains(text, "_") || len(text)-len(digits) > 1 {
		return 0, false
	}
	if len(digits) > 1 && digits[0] == '0' && digits[1]|0x20 == 'x' && !strings.ContainsAny(digits, "pP") {
		text += "p0" // strconv demands the exponent, strtod does not
	}
	f, err := strconv.ParseFloat(text, 64)
	if math.IsNaN(f) || err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// parseLexBound reads an end of a range of members: - or +, or a member after a bracket or, excluded, a parenthesis.
func parseLexBound(b []byte) (bound store.LexBound, ok bool) {
	if len(b) == 0 {
		return bound, false
	}
	alone := len(b) == 1 || b[1] == 0
	switch b[0] {
	case '-':
		return store.LexBound{Infinite: -1}, alone
	case '+':
		return store.LexBound{Infinite: 1}, alone
	case '(':
		return store.LexBound{Member: b[1:], Ex: true}, true
	case '[':
		return store.LexBound{Member: b[1:]}, true
	}
	return bound, false
}

// ranks are the ranks of the members in the range without its limit: from lo on and below hi.
func (r *zRangeSpec) ranks(z store.ZSet) (lo, hi int) {
	switch r.by {
	case byScore:
		return z.ByScore(r.scores)
	case byLex:
		return z.ByLex(r.members, r.reverse)
	}
	n := int64(z.Len())
	first, last := r.first, r.last
	if first < 0 {
		first = max(n+first, 0)
	}
	if last < 0 {
		last = n + last
	}
	last = min(last, n-1)
	if first > last {
		return 0, 0
	}
	if r.reverse {
		first, last = n-1-last, n-1-first
	}
	return int(first), int(last) + 1
}

// run calls fn with the number of members in the range, and then yield with each.
func (r *zRangeSpec) run(z store.ZSet, begin func(n int), yield func(member []byte, score float64)) {
	lo, hi := r.ranks(z)
	n := int64(hi - lo)
	skip := r.offset
	if skip < 0 || skip > n {
		skip = n
	}
	n -= skip
	if r.limit >= 0 {
		n = min(n, r.limit)
	}
	begin(int(n))
	from := lo + int(skip)
	if r.reverse {
		from = hi - 1 - int(skip)
	}
	z.Range(from, int(n), r.reverse, yield)
}

func zRange(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRange(zRangeSpec{}, false, args, w)
}

func zRevRange(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRange(zRangeSpec{by: byRank, reverse: true}, true, args, w)
}

func zRangeByScore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRange(zRangeSpec{by: byScore}, true, args, w)
}

func zRevRangeByScore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRange(zRangeSpec{by: byScore, reverse: true}, true, args, w)
}

func zRangeByLex(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRange(zRangeSpec{by: byLex}, true, args, w)
}

func zRevRangeByLex(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRange(zRangeSpec{by: byLex, reverse: true}, true, args, w)
}

func (c *Context) zRange(r zRangeSpec, fixed bool, args [][]byte, w *resp.Writer) error {
	if err := r.parse(args[2:], fixed, false); err != nil {
		return err
	}
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	write := func(member []byte, _ float64) { w.Bulk(member) }
	if r.withScores {
		write = func(member []byte, score float64) { writeRanked(w, member, score, true) }
	}
	r.run(z, func(n int) { beginRanked(w, n, r.withScores) }, write)
	return nil
}

// beginRanked begins a list of n members: with scores, in RESP2, one of both in turn, in RESP3 one of pairs.
func beginRanked(w *resp.Writer, n int, withScores bool) {
	if withScores && w.Proto != 3 {
		n *= 2
	}
	w.Array(n)
}

func writeRanked(w *resp.Writer, member []byte, score float64, withScore bool) {
	if withScore && w.Proto == 3 {
		w.Array(2)
	}
	w.Bulk(member)
	if withScore {
		w.Double(score)
	}
}

func zRangeStore(c *Context, args [][]byte, w *resp.Writer) error {
	var r zRangeSpec
	if err := r.parse(args[3:], false, true); err != nil {
		return err
	}
	z, _, err := c.zsetForRead(args[2])
	if err != nil {
		return err
	}
	b := c.Store.NewZSet()
	r.run(z, func(int) {}, b.Set)
	c.storeZSet(args[1], b, "zrangestore", w)
	return nil
}

// storeZSet puts a sorted set in place of whatever the key holds; an empty one deletes it.
func (c *Context) storeZSet(key []byte, b *store.ZSetBuilder, event string, w *resp.Writer) {
	n := b.Len()
	if n > 0 {
		_, found := c.Find(key)
		c.DB.ZSetStore(key, b)
		c.Dirty++
		c.created(key, found)
		c.Notify(NotifyZSet, event, key)
	} else {
		c.storeNothing(key)
	}
	w.Int(int64(n))
}
