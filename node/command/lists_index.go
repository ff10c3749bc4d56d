package command

import (
	"math"

	"holdfast/resp"
)

func lLen(c *Context, args [][]byte, w *resp.Writer) error {
	it, found, err := c.listForRead(args[1])
	if err != nil {
		return err
	}
	n := 0
	if found {
		n = it.ListLen()
	}
	w.Int(int64(n))
	return nil
}

// indexIn turns an index that may count from the end into a plain one.
func indexIn(index int64, length int) (int, bool) {
	if index < 0 {
		index += int64(length)
	}
	return int(index), index >= 0 && index < int64(length)
}

func lIndex(c *Context, args [][]byte, w *resp.Writer) error {
	it, found, err := c.listForRead(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Null()
		return nil
	}
	index, err := intArgument(args[2])
	if err != nil {
		return err
	}
	i, ok := indexIn(index, it.ListLen())
	if !ok {
		w.Null()
		return nil
	}
	var number [20]byte
	w.Bulk(it.ListIndex(i, number[:]))
	return nil
}

func lSet(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	it, found, err := c.listForWrite(key)
	if err != nil {
		return err
	}
	if !found {
		return ErrNoSuchKey
	}
	index, err := intArgument(args[2])
	if err != nil {
		return err
	}
	i, ok := indexIn(index, it.ListLen())
	if !ok {
		return ErrOutOfRange
	}
	c.DB.ListSet(key, i, args[3])
	c.Dirty++
	w.OK()
	c.Notify(NotifyList, "lset", key)
	return nil
}

// listRange is a range of indexes, cut to what there is: n elements from the index on, of a list of that length.
func listRange(start, stop int64, length int) (from, n int) {
	if start < 0 {
		start = max(start+int64(length), 0)
	}
	if stop < 0 {
		stop += int64(length)
	}
	if start > stop || start >= int64(length) {
		return 0, 0
	}
	return int(start), int(min(stop, int64(length)-1) - start + 1)
}

func rangeArguments(args [][]byte) (start, stop int64, err error) {
	if start, err = intArgument(args[2]); err == nil {
		stop, err = intArgument(args[3])
	}
	return start, stop, err
}

func lRange(c *Context, args [][]byte, w *resp.Writer) error {
	start, stop, err := rangeArguments(args)
	if err != nil {
		return err
	}
	it, found, err := c.listForRead(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Array(0)
		return nil
	}
	from, n := listRange(start, stop, it.ListLen())
	w.Array(n)
	it.ListEach(from, n, false, func(val []byte) bool {
		w.Bulk(val)
		return true
	})
	return nil
}

func lTrim(c *Context, args [][]byte, w *resp.Writer) error {
	start, stop, err := rangeArguments(args)
	if err != nil {
		return err
	}
	key := args[1]
	it, found, err := c.listForWrite(key)
	if err != nil {
		return err
	}
	w.OK()
	if !found {
		return nil
	}
	length := it.ListLen()
	from, n := listRange(start, stop, length)
	if n < length {
		c.DB.ListDrop(key, from, length-from-n)
	} else {
		c.DB.Touched(key) // to whoever watches the key, as in Redis
	}
	c.Dirty += length - n
	c.Notify(NotifyList, "ltrim", key)
	c.deletedIfEmpty(key, n)
	return nil
}

func lRem(c *Context, args [][]byte, w *resp.Writer) error {
	count, err := intArgument(args[2])
	if err != nil {
		return err
	}
	key := args[1]
	_, found, err := c.listForWrite(key)
	if err != nil {
		return err
	}
	if !found {
		w.Int(0)
		return nil
	}
	limit := max(count, -max(count, -math.MaxInt)) // its size
	removed, rest := c.DB.ListRemove(key, args[3], int(limit), count < 0)
	if removed > 0 {
		c.Dirty += removed
		c.Notify(NotifyList, "lrem", key)
		c.deletedIfEmpty(key, rest)
	}
	w.Int(int64(removed))
	return nil
}

func lInsert(c *Context, args [][]byte, w *resp.Writer) error {
	after := isWord(args[2], "after")
	if !after && !isWord(args[2], "before") {
		return ErrSyntax
	}
	key := args[1]
	_, found, err := c.listForWrite(key)
	if err != nil {
		return err
	}
	if !found {
		w.Int(0)
		return nil
	}
	n := c.DB.ListInsert(key, args[3], args[4], after)
	if n == 0 {
		w.Int(-1)
		return nil
	}
	c.Dirty++
	c.Notify(NotifyList, "linsert", key)
	w.Int(int64(n))
	return nil
}

// lPosOptions are what LPOS is asked for.
type lPosOptions struct {
	rank, count, maxLen int64 // count: -1 when a single index is wanted
}

func (o *lPosOptions) parse(args [][]byte) error {
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 {
			return ErrSyntax
		}
		n, isInt := resp.ParseInt(args[1])
		switch {
		case isWord(args[0], "rank"):
			if o.rank = n; !isInt {
				return ErrNotInteger
			}
			if n == 0 {
				return resp.Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second " +
					"... or use negative to start from the end of the list")
			}
		case isWord(args[0], "count"):
			if o.count = n; !isInt || n < 0 {
				return resp.Error("ERR COUNT can't be negative")
			}
		case isWord(args[0], "maxlen"):
			if o.maxLen = n; !isInt || n < 0 {
				return resp.Error("ERR MAXLEN can't be negative")
			}
		default:
			return ErrSyntax
		}
	}
	return nil
}

func lPos(c *Context, args [][]byte, w *resp.Writer) error {
	o := lPosOptions{rank: 1, count: -1}
	if err := o.parse(args[3:]); err != nil {
		return err
	}
	it, found, err := c.listForRead(args[1])
	if err != nil {
		return err
	}
	var indexes []int
	if found {
		rank, matches := max(o.rank, -o.rank), int64(0) // the one number without an opposite stays negative
		it.ListFind(args[2], o.rank < 0, int(o.maxLen), func(index int) bool {
			if matches++; matches < rank {
				return true
			}
			indexes = append(indexes, index)
			return o.count == 0 || matches-rank+1 < o.count
		})
	}
	switch {
	case o.count >= 0:
		w.Array(len(indexes))
		for _, i := range indexes {
			w.Int(int64(i))
		}
	case len(indexes) > 0:
		w.Int(int64(indexes[0]))
	default:
		w.Null()
	}
	return nil
}
