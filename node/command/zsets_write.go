package command

import (
	"holdfast/node/store"
	"holdfast/resp"
)

// zsetForRead is the sorted set at a key, an empty one when it is absent.
func (c *Context) zsetForRead(key []byte) (z store.ZSet, found bool, err error) {
	var it store.Item
	if found, err = c.readAs(store.TypeZSet, key, &it); err != nil {
		return z, found, err
	}
	return it.ZSet(), found, nil
}

func (c *Context) zsetForWrite(key []byte) (z store.ZSet, found bool, err error) {
	var it store.Item
	if found, err = c.writeAs(store.TypeZSet, key, &it); err != nil {
		return z, found, err
	}
	return it.ZSet(), found, nil
}

// tookRanked tells of members that were removed, and of the key that went with the last of them.
func (c *Context) tookRanked(event string, key []byte, n int, all bool) {
	c.Dirty += n
	c.Notify(NotifyZSet, event, key)
	if all {
		c.Notify(NotifyGeneric, "del", key)
	}
}

const (
	errZAddNXXX   = resp.Error("ERR XX and NX options at the same time are not compatible")
	errZAddGTLTNX = resp.Error("ERR GT, LT, and/or NX options at the same time are not compatible")
	errZAddIncr   = resp.Error("ERR INCR option supports a single increment-element pair")
	errZAddNaN    = resp.Error("ERR resulting score is not a number (NaN)")
)

// zAddOptions are ZADD's.
type zAddOptions struct {
	store.ZAddMode
	changed bool // CH: changed scores are counted, too
}

// parse reads the options at the beginning of args and returns the scores and members behind them.
func (o *zAddOptions) parse(args [][]byte) ([][]byte, error) {
	for len(args) > 0 && o.option(args[0]) {
		args = args[1:]
	}
	switch {
	case len(args) == 0 || len(args)%2 != 0:
		return nil, ErrSyntax
	case o.NX && o.XX:
		return nil, errZAddNXXX
	case o.NX && (o.GT || o.LT) || o.GT && o.LT:
		return nil, errZAddGTLTNX
	case o.Incr && len(args) > 2:
		return nil, errZAddIncr
	}
	return args, nil
}

func (o *zAddOptions) option(arg []byte) bool {
	switch {
	case isWord(arg, "nx"):
		o.NX = true
	case isWord(arg, "xx"):
		o.XX = true
	case isWord(arg, "gt"):
		o.GT = true
	case isWord(arg, "lt"):
		o.LT = true
	case isWord(arg, "ch"):
		o.changed = true
	case isWord(arg, "incr"):
		o.Incr = true
	default:
		return false
	}
	return true
}

func zAdd(c *Context, args [][]byte, w *resp.Writer) error { return c.zAdd(args, zAddOptions{}, w) }

// zIncrBy is ZADD with INCR, in Redis with all of its options.
func zIncrBy(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zAdd(args, zAddOptions{ZAddMode: store.ZAddMode{Incr: true}}, w)
}

func (c *Context) zAdd(args [][]byte, o zAddOptions, w *resp.Writer) error {
	key := args[1]
	pairs, err := o.parse(args[2:])
	if err != nil {
		return err
	}
	members := make([]store.ZMember, len(pairs)/2)
	for i := range members {
		score, ok := resp.ParseFloat(pairs[2*i])
		if !ok {
			return ErrNotFloat
		}
		members[i] = store.ZMember{Member: pairs[2*i+1], Score: score}
	}
	return c.zAddMembers(key, o, members, w)
}

func (c *Context) zAddMembers(key []byte, o zAddOptions, members []store.ZMember, w *resp.Writer) error {
	_, found, err := c.zsetForWrite(key)
	if err != nil {
		return err
	}
	r, ok := c.DB.ZSetAdd(key, o.ZAddMode, members)
	if !ok {
		return errZAddNaN
	}
	if changes := r.Added + r.Updated; changes > 0 {
		c.Dirty += changes
		c.created(key, found)
		c.Notify(NotifyZSet, o.event(), key)
	}
	switch {
	case o.Incr && r.Skipped > 0:
		w.Null()
	case o.Incr:
		w.Double(r.Score)
	case o.changed:
		w.Int(int64(r.Added + r.Updated))
	default:
		w.Int(int64(r.Added))
	}
	return nil
}

func (o *zAddOptions) event() string {
	if o.Incr {
		return "zincr"
	}
	return "zadd"
}

func zRem(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	z, _, err := c.zsetForWrite(key)
	if err != nil {
		return err
	}
	size := z.Len()
	n := c.DB.ZSetRemove(key, args[2:]...)
	if n > 0 {
		c.tookRanked("zrem", key, n, n == size)
	}
	w.Int(int64(n))
	return nil
}

func zRemRangeByRank(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRemRange("zremrangebyrank", zRangeSpec{by: byRank}, args, w)
}

func zRemRangeByScore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRemRange("zremrangebyscore", zRangeSpec{by: byScore}, args, w)
}

func zRemRangeByLex(c *Context, args [][]byte, w *resp.Writer) error {
	return c.zRemRange("zremrangebylex", zRangeSpec{by: byLex}, args, w)
}

func (c *Context) zRemRange(event string, r zRangeSpec, args [][]byte, w *resp.Writer) error {
	key := args[1]
	if err := r.parseEnds(args[2], args[3]); err != nil {
		return err
	}
	z, _, err := c.zsetForWrite(key)
	if err != nil {
		return err
	}
	size := z.Len()
	lo, hi := r.ranks(z)
	if n := hi - lo; n > 0 {
		c.DB.ZSetRemoveRange(key, lo, hi)
		c.tookRanked(event, key, n, n == size)
	}
	w.Int(int64(hi - lo))
	return nil
}
